const PAGE_BITS = 16;
const PAGE_WORDS = 1 << PAGE_BITS;
export const OFFSET = PAGE_WORDS - 1;

/** Longest record, 32-bit words: a row of `limits.hostRowColumns` columns of two words and its head fit twice. */
export const MAX_RECORD_WORDS = 2_048;

/**
 * Memory for records of differing length, outside of the garbage collected heap. A record is named by a handle, never 0: the page is
 * `handle >>> 16`, the first word `handle & OFFSET`, even, so that pairs of words may hold doubles. Freed records are used again
 * for others of their length. Unbounded itself; its users bound how many records they keep.
 */
export class RecordPages {
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  /** First free record of each length, in pairs of words; its first word names the next. */
  readonly #free = new Int32Array(MAX_RECORD_WORDS / 2 + 1);
  #page = -1;
  #next = PAGE_WORDS;

  get bytes(): number {
    return 4 * PAGE_WORDS * this.words.length;
  }

  /** A record of at least so many words, whose contents are arbitrary. */
  allocate(words: number): number {
    const pairs = (words + 1) >>> 1;
    const known = this.#free[pairs]!;
    if (known !== 0) {
      this.#free[pairs] = this.words[known >>> PAGE_BITS]![known & OFFSET]!;
      return known;
    }
    if (this.#next + 2 * pairs > PAGE_WORDS) this.#grow();
    const handle = (this.#page << PAGE_BITS) | this.#next;
    this.#next += 2 * pairs;
    return handle;
  }

  free(handle: number, words: number): void {
    const pairs = (words + 1) >>> 1;
    this.words[handle >>> PAGE_BITS]![handle & OFFSET] = this.#free[pairs]!;
    this.#free[pairs] = handle;
  }

  #grow(): void {
    const buffer = new ArrayBuffer(4 * PAGE_WORDS);
    this.words.push(new Int32Array(buffer));
    this.doubles.push(new Float64Array(buffer));
    this.#page++;
    // Handle 0 means none.
    this.#next = this.#page === 0 ? 2 : 0;
  }
}
