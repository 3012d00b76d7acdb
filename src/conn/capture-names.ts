import { nameWord } from '../core/uid.js';

/** Where packets came from: an interface or a file, and the host it was taken on where the user said so. */
export interface CaptureRef {
  readonly name: string;
  readonly host?: string;
}

/** The captures that packets came from. Records carry their numbers, batches number them in their own way. */
export class CaptureNames {
  readonly #known: CaptureRef[] = [];
  readonly #words: number[] = [];
  #last: readonly CaptureRef[] | undefined;
  #ids: number[] = [];

  /** The captures of the batch that comes next, in the order in which its packets number them. */
  use(captures: readonly CaptureRef[]): void {
    if (captures === this.#last && captures.length === this.#ids.length) return;
    this.#last = captures;
    this.#ids = captures.map(({ name, host }) => {
      const known = this.#known.findIndex((capture) => capture.name === name && capture.host === host);
      if (known >= 0) return known;
      this.#words.push(nameWord(name));
      return this.#known.push(host === undefined ? { name } : { name, host }) - 1;
    });
  }

  /** Numbers of the captures of the batch. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** Number of the capture that the batch calls `source`. */
  idOf(source: number): number {
    return this.#ids[source] ?? 0;
  }

  get(id: number): CaptureRef | undefined {
    return this.#known[id];
  }

  /** What stands for its name in uids. */
  wordOf(id: number): number {
    return this.#words[id] ?? 0;
  }
}
