/**
 * The head of a stream kept for a first look, then the whole stream from its start: first `head`, then what follows.
 * The head ends at `count` items (in whole lists), so memory is bounded whatever the length of the input.
 */
export class Lookahead<T> {
  readonly #lists: T[][] = [];
  readonly #source: AsyncIterator<T[]>;
  #done = false;

  constructor(source: AsyncIterable<T[]>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads up to `count` items and shows them; they stay to be read. */
  async peek(count: number): Promise<readonly T[][]> {
    let seen = this.#lists.reduce((sum, list) => sum + list.length, 0);
    while (!this.#done && seen < count) {
      const next = await this.#source.next();
      if (next.done === true) this.#done = true;
      else {
        this.#lists.push(next.value);
        seen += next.value.length;
      }
    }
    return this.#lists;
  }

  /** Forgets the head, for a reader that took it from `peek`. */
  drop(): void {
    this.#lists.length = 0;
  }

  /** The next list, or undefined at the end. */
  async next(): Promise<T[] | undefined> {
    const first = this.#lists.shift();
    if (first !== undefined) return first;
    if (this.#done) return undefined;
    const next = await this.#source.next();
    if (next.done !== true) return next.value;
    this.#done = true;
    return undefined;
  }
}
