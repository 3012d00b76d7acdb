import { adviseHugePages, HUGE_PAGE_BYTES } from './huge-pages.js';

/** A page of WebAssembly's memory. */
const PAGE_BYTES = 65_536;
/** glibc starts a large block 16 bytes behind a cache line. */
const ALIGN = 48;

/**
 * Zeroed memory that grows where it is, for tables of records. A copy into a buffer twice as large touches every page of it anew, and a
 * page fault took 14 µs on a virtual machine (2026-11). Where WebAssembly's memory cannot be had (it wants gigabytes of addresses, which a
 * limit of the process may refuse), it is copied all the same.
 */
export class GrowingMemory {
  buffer: ArrayBuffer | SharedArrayBuffer;
  /** Where it starts in `buffer`: on a cache line, where allocators do as they usually do. */
  readonly offset: number;
  /** Undefined where it cannot be had. */
  readonly memory: WebAssembly.Memory | undefined;
  /** Pages of it at most. */
  readonly #most: number;

  /** `bytes` at first and `most` at last. `room`: bytes of WebAssembly's memory ahead of `offset`, whole cache lines. */
  constructor(bytes: number, most: number, room = 0) {
    this.#most = pagesOf(room + most);
    this.memory = reserve(room + bytes, room + most);
    this.offset = this.memory === undefined ? ALIGN : room;
    this.buffer = this.memory?.buffer ?? new ArrayBuffer(ALIGN + bytes);
  }

  /**
   * Makes it at least so large, `most` at most; `buffer` is another one then. There is a huge page more than was asked for, so that one which lies
   * across the end has not been written to when it grows again, and can be held as one.
   */
  grow(bytes: number): void {
    if (this.memory !== undefined) {
      const more =
        Math.min(pagesOf(this.offset + bytes + HUGE_PAGE_BYTES), this.#most) - this.buffer.byteLength / PAGE_BYTES;
      if (more <= 0) return;
      this.memory.grow(more);
      this.buffer = this.memory.buffer;
      adviseHugePages(new Uint8Array(this.buffer, this.offset));
      return;
    }
    const grown = new ArrayBuffer(ALIGN + bytes);
    adviseHugePages(new Uint8Array(grown));
    new Uint8Array(grown).set(new Uint8Array(this.buffer));
    this.buffer = grown;
  }
}

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

function reserve(bytes: number, most: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: pagesOf(bytes), maximum: pagesOf(most), shared: true });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
