import { type HashKey, hashWords } from '../../core/hash.js';
import { HashIndex } from './hash-index.js';
import { OFFSET, type RecordPages } from './record-pages.js';

/** A part begins with the number of records that have it, and the shape of these. */
const USES = 0;
const SHAPE = 1;
export const PART_HEAD = 2;

/**
 * Values that many records have alike: which program a process runs, where and as whom. Each combination is kept once, for as long as a
 * record has it, and named by a handle. Keyed with a secret, as hosts choose the values. Bounded by the records.
 */
export class CommonParts {
  readonly #pages: RecordPages;
  readonly #key: HashKey;
  readonly #index = new HashIndex();
  readonly #hashes = new Int32Array(2);

  constructor(pages: RecordPages, key: HashKey) {
    this.#pages = pages;
    this.#key = key;
  }

  get size(): number {
    return this.#index.size;
  }

  /** The part of this shape with these words, `count` of them from PART_HEAD on; 0: there is none. It counts as used once more. */
  open(shape: number, words: Int32Array, count: number): number {
    words[USES] = 0;
    words[SHAPE] = shape;
    const hash = this.#hash(words, count);
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isSame(this.#index.value(slot), words, count)) slot = this.#index.next(slot, hash);
    if (slot < 0) return 0;
    const handle = this.#index.value(slot);
    this.#pages.words[handle >>> 16]![(handle & OFFSET) + USES]!++;
    return handle;
  }

  /** Keeps a part of which `open` has just said that there is none. */
  add(shape: number, words: Int32Array, count: number): number {
    words[USES] = 0;
    words[SHAPE] = shape;
    const handle = this.#pages.allocate(count);
    const page = this.#pages.words[handle >>> 16]!;
    page.set(count === words.length ? words : words.subarray(0, count), handle & OFFSET);
    this.#index.add(this.#hash(words, count), handle);
    page[(handle & OFFSET) + USES] = 1;
    return handle;
  }

  /** A record less has the part. Returns whether it was the last one: then `remove` follows. */
  release(handle: number): boolean {
    return --this.#pages.words[handle >>> 16]![(handle & OFFSET) + USES]! === 0;
  }

  remove(handle: number, count: number): void {
    const at = handle & OFFSET;
    const hash = this.#hash(this.#pages.words[handle >>> 16]!.subarray(at, at + count), count);
    let slot = this.#index.first(hash);
    while (this.#index.value(slot) !== handle) slot = this.#index.next(slot, hash);
    this.#index.remove(slot);
    this.#pages.free(handle, count);
  }

  #hash(words: Int32Array, count: number): number {
    hashWords(this.#key, words, count, this.#hashes, 0);
    return this.#hashes[0]!;
  }

  #isSame(handle: number, words: Int32Array, count: number): boolean {
    const page = this.#pages.words[handle >>> 16]!;
    const at = handle & OFFSET;
    for (let i = SHAPE; i < count; i++) if (page[at + i] !== words[i]) return false;
    return true;
  }
}
