import type { BatchPlace } from '../capture/packet-batch.js';
import { GrowingMemory } from '../core/growing-memory.js';
import { adviseHugePages, HUGE_PAGE_BYTES } from '../core/huge-pages.js';
import { limits } from '../core/limits.js';
import { RECORD_BYTES } from './record-layout.js';

/** Bytes at the start of the memory for the constants of `native/lines` and for what it writes, and as many for those of `native/follow`. */
export const KERNEL_ROOM = 32_768;
const ENDED_AT = 2 * KERNEL_ROOM;
/**
 * Bytes behind them for the addresses of ended records, for lists of records by their deadlines and a heap of them, and behind those for texts that are
 * written of records.
 */
const ENDED_BYTES = 65_536;
const LISTS_AT = ENDED_AT + ENDED_BYTES;
const LISTS_BYTES = 131_072;
const HEAP_AT = LISTS_AT + LISTS_BYTES;
const HEAP_BYTES = 196_608;
const TEXTS_AT = HEAP_AT + HEAP_BYTES;
/** As many as an output has of its own, and one. */
const TEXTS = 9;
const ROOM_AT = TEXTS_AT + TEXTS * limits.sinkChunkBytes;
const WORD_BYTES = 4;
const HEAP_ENTRY_BYTES = 20;
const PAGE_BYTES = 65_536;

/** Entries of a table's first index. Each further one has four times as many, until there are two for each connection. */
export const FIRST_ENTRIES = 8192;
export const MORE_ENTRIES = 4;

/**
 * The memory of a connection table: records, which grow where they are, and where WebAssembly's memory can be had also all else that its code
 * reads: from the start room for the code's own, for what is written of records, room for packets and their rows, the index, which is made anew behind the one before, records.
 * What is never written to takes no memory.
 */
export class TableMemory {
  readonly #records: GrowingMemory;
  #indexAt: number;

  /** For `count` records at first and `limit` at last, and `room` bytes for packets and their rows. */
  constructor(count: number, limit: number, room: number) {
    this.#indexAt = ROOM_AT + wholePages(room);
    const recordsAt = this.#indexAt + wholePages(indexBytes(limit));
    this.#records = new GrowingMemory(count * RECORD_BYTES, limit * RECORD_BYTES, recordsAt);
  }

  /** Undefined where it cannot be had. */
  get shared(): WebAssembly.Memory | undefined {
    return this.#records.memory;
  }

  get buffer(): ArrayBuffer | SharedArrayBuffer {
    return this.#records.buffer;
  }

  /** Where the records begin. */
  get recordsAt(): number {
    return this.#records.offset;
  }

  /** Makes room for so many records, the limit at most; `buffer` is another one then. */
  grow(count: number): void {
    this.#records.grow(count * RECORD_BYTES);
  }

  /** A zeroed index; FIRST_ENTRIES at first and MORE_ENTRIES times as many whenever it is called again. */
  newIndex(entries: number): Int32Array {
    const at = this.#indexAt + gapOf(entries);
    this.#indexAt = at + WORD_BYTES * entries + gapOf(entries);
    if (this.shared === undefined) return new Int32Array(entries);
    if (gapOf(entries) > 0)
      adviseHugePages(new Uint8Array(this.buffer, at - gapOf(entries), this.#indexAt - at + gapOf(entries)));
    return new Int32Array(this.buffer, at, entries);
  }

  /** Room for `count` addresses of ended records; undefined without WebAssembly's memory. */
  places(count: number): Int32Array | undefined {
    return this.shared && new Int32Array(this.buffer, ENDED_AT, count);
  }

  /** Room for the first slots of `count` lists of records. */
  timerLists(count: number): Int32Array {
    return this.shared === undefined ? new Int32Array(count) : new Int32Array(this.buffer, LISTS_AT, count);
  }

  /** Room for a heap of `count` deadlines: columns of times, of numbers and of slots. Those are in it where WebAssembly's memory can be had. */
  timerHeap(count: number): readonly [times: Float64Array, ordinals: Float64Array, slots: Int32Array] {
    const isShared = this.shared !== undefined;
    const buffer = isShared ? this.buffer : new ArrayBuffer(HEAP_ENTRY_BYTES * count);
    const at = isShared ? HEAP_AT : 0;
    const ordinalsAt = at + Float64Array.BYTES_PER_ELEMENT * count;
    const slotsAt = ordinalsAt + Float64Array.BYTES_PER_ELEMENT * count;
    return [
      new Float64Array(buffer, at, count),
      new Float64Array(buffer, ordinalsAt, count),
      new Int32Array(buffer, slotsAt, count),
    ];
  }

  /** Memory for texts; none without WebAssembly's memory. */
  texts(): Uint8Array[] {
    if (this.shared === undefined) return [];
    const bytes = limits.sinkChunkBytes;
    return Array.from({ length: TEXTS }, (_, i) => new Uint8Array(this.buffer, TEXTS_AT + i * bytes, bytes));
  }

  /** The room for packets and their rows. */
  get room(): BatchPlace | undefined {
    const { shared } = this;
    return shared && { buffer: this.buffer as SharedArrayBuffer, memory: shared, offset: ROOM_AT };
  }
}

const wholePages = (bytes: number): number => PAGE_BYTES * Math.ceil(bytes / PAGE_BYTES);

/** Bytes ahead of an index and behind it that nothing is written to, so that huge pages across its ends are wholly its own. */
const gapOf = (entries: number): number => (WORD_BYTES * entries < HUGE_PAGE_BYTES ? 0 : HUGE_PAGE_BYTES);

/** Bytes of all indexes that a table has until it holds `limit` connections. */
function indexBytes(limit: number): number {
  let entries = FIRST_ENTRIES;
  let bytes = WORD_BYTES * entries + 2 * gapOf(entries);
  while (entries < 2 * limit) {
    entries *= MORE_ENTRIES;
    bytes += WORD_BYTES * entries + 2 * gapOf(entries);
  }
  return bytes;
}
