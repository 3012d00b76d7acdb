import type { LineBuffer } from './line-buffer.js';

/** Bytes kept at most; beyond it all are dropped and written anew as they come. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What keeping one takes besides its bytes, roughly. */
const OVERHEAD = 128;
const FIRST_BYTES = 4_096;
/** Texts lie in words. */
const WORD = 8;
/** A length is below this. */
const LENGTHS = 2 ** 25;

/**
 * The text of values that many lines share, as of a process with its ancestors, which takes kilobytes: made once and copied from then on.
 * Told apart by identity, so a value must not change once it was written. Bound: `MAX_BYTES`.
 */
export class WrittenOnce<T extends object> {
  /** Where each text begins, and its length, in one number. */
  readonly #places = new Map<T, number>();
  readonly #make: (line: LineBuffer, value: T) => void;
  #texts = new DataView(new ArrayBuffer(FIRST_BYTES));
  #used = 0;

  /** `make` appends the text to a line. */
  constructor(make: (line: LineBuffer, value: T) => void) {
    this.#make = make;
  }

  write(line: LineBuffer, value: T): void {
    const place = this.#places.get(value);
    if (place !== undefined) {
      const from = Math.floor(place / LENGTHS);
      line.copied(this.#texts, from, place - from * LENGTHS);
      return;
    }
    const from = line.length;
    this.#make(line, value);
    this.#keep(value, line.bytes.subarray(from, line.length));
  }

  #keep(value: T, text: Uint8Array): void {
    const room = WORD * Math.ceil(text.length / WORD);
    if (room > MAX_BYTES) return;
    if (this.#used + room + OVERHEAD * this.#places.size > MAX_BYTES) {
      this.#places.clear();
      this.#used = 0;
    }
    if (this.#used + room > this.#texts.byteLength) this.#grow(this.#used + room);
    new Uint8Array(this.#texts.buffer).set(text, this.#used);
    this.#places.set(value, this.#used * LENGTHS + text.length);
    this.#used += room;
  }

  #grow(least: number): void {
    const size = Math.max(WORD * Math.ceil(least / WORD), Math.min(2 * this.#texts.byteLength, MAX_BYTES));
    const grown = new Uint8Array(size);
    grown.set(new Uint8Array(this.#texts.buffer));
    this.#texts = new DataView(grown.buffer);
  }
}
