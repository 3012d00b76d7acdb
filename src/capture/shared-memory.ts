import type { BatchPlace } from './packet-batch.js';

/** A page of WebAssembly's memory. */
const PAGE_BYTES = 65_536;
const CACHE_LINE_BYTES = 64;

/**
 * `bytes` that several threads may see: in a memory of WebAssembly, behind a page for what runs on it, where that can be had. It wants
 * gigabytes of addresses around a memory, which a limit of the process may refuse it.
 */
export function sharedPlace(bytes: number): BatchPlace {
  const pages = 1 + Math.ceil(bytes / PAGE_BYTES);
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return { buffer: memory.buffer, memory, offset: PAGE_BYTES };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { buffer: new SharedArrayBuffer(bytes), offset: 0 };
  }
}

/** Shared memory that is given away from its start on, none of it twice. */
export class SharedRoom {
  readonly #place: BatchPlace;
  readonly #end: number;
  #at: number;

  /** Bytes [from, to) of what begins at `place`. */
  constructor(place: BatchPlace, from: number, to: number) {
    this.#place = place;
    this.#at = place.offset + from;
    this.#end = place.offset + to;
  }

  /** The next `bytes`, on cache lines; in a buffer of their own once there is not enough left. */
  take(bytes: number): BatchPlace {
    const at = Math.ceil(this.#at / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
    if (at + bytes > this.#end) return { buffer: new SharedArrayBuffer(bytes), offset: 0 };
    this.#at = at + bytes;
    return { ...this.#place, offset: at };
  }
}
