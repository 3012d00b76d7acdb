/** Of a place that is free. */
const FREE = '';

/**
 * Texts by number, equal ones once, each for as long as it is used. Numbers begin at 1 and are used again. Unbounded itself; what
 * uses texts is bounded.
 */
export class TextPool {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [FREE];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];

  get size(): number {
    return this.#ids.size;
  }

  /** The number of the text, which counts as used once more. */
  open(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const id = this.#free.pop() ?? this.#texts.length;
    this.#texts[id] = text;
    this.#uses[id] = 1;
    this.#ids.set(text, id);
    return id;
  }

  /** The number of a text in use, else 0. */
  find(text: string): number {
    return this.#ids.get(text) ?? 0;
  }

  release(id: number): void {
    if (--this.#uses[id]! > 0) return;
    this.#ids.delete(this.#texts[id]!);
    this.#texts[id] = FREE;
    this.#free.push(id);
  }

  text(id: number): string {
    return this.#texts[id]!;
  }
}
