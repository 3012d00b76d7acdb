import type { LineBuffer } from './line-buffer.js';

/** Bytes kept at most; beyond it all are dropped and written anew as they come. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What keeping one takes besides its bytes, roughly. */
const OVERHEAD = 128;

/**
 * The text of values that many lines share, as of a process with its ancestors, which takes kilobytes: made once and copied from then on.
 * Told apart by identity, so a value must not change once it was written. Bound: `MAX_BYTES`.
 */
export class WrittenOnce<T extends object> {
  readonly #texts = new Map<T, Buffer>();
  readonly #make: (line: LineBuffer, value: T) => void;
  #bytes = 0;

  /** `make` appends the text to a line. */
  constructor(make: (line: LineBuffer, value: T) => void) {
    this.#make = make;
  }

  write(line: LineBuffer, value: T): void {
    const known = this.#texts.get(value);
    if (known !== undefined) {
      line.copied(known);
      return;
    }
    const from = line.length;
    this.#make(line, value);
    const text = Buffer.from(line.bytes.subarray(from, line.length));
    this.#bytes += text.length + OVERHEAD;
    if (this.#bytes > MAX_BYTES) {
      this.#texts.clear();
      this.#bytes = text.length + OVERHEAD;
    }
    this.#texts.set(value, text);
  }
}
