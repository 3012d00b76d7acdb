import type { BatchPlace } from '../capture/packet-batch.js';
import type { HashKey } from '../core/hash.js';
import type { Micros } from '../core/time.js';
import {
  META_IPV6,
  META_KEY,
  META_ONE_WAY,
  META_PLAIN_TCP,
  type Packet,
  ROW_DST3,
  ROW_HASH,
  ROW_IPV6,
  ROW_META,
  ROW_PORTS,
  ROW_SRC3,
  ROW_WORDS,
} from '../decode/packet.js';
import { RecordHashes } from './record-hashes.js';
import {
  DEADLINE,
  FLAGS,
  HASH,
  IPV6_WORDS,
  LONG_HISTORY,
  META,
  ORDINAL,
  ORIG_WORD,
  PORTS,
  RECORD_BYTES,
  RECORD_WORDS,
  RESP_WORD,
  SEGMENTS,
  TIMER_NEXT,
  TIMER_PREV,
  TUNNELED,
} from './record-layout.js';
import { inOrder } from './slot-order.js';
import { FIRST_ENTRIES, MORE_ENTRIES, TableMemory } from './table-memory.js';
import type { TunnelPath } from './tunnel-path.js';

const FIRST_CAPACITY = 4096;
/** Hashes that `touch` takes at once. */
const MAX_TOUCHED = 64;
/** Words of a cache line. */
const LINE_WORDS = 16;
/** In place of a timer link: the record is in no use. */
const UNUSED = -2;
/** An index entry is slot + 1 in the low 21 bits and the upper bits of the hash; 0 is none. */
const SLOT_MASK = 0x1f_ffff;
const TAG_MASK = ~SLOT_MASK;

type OverSlots = (index: number, mask: number, records: number, used: number) => number;
/** What code in WebAssembly does over the first `used` slots of a table. */
export interface SlotKernel {
  /** Enters their connections into an empty index; those over IPv6 are left. Gives how many those are. */
  readonly enter: OverSlots;
  /** Puts the addresses of those in use in order of ordinals, which are below the places of the index, in its place. Gives how many those are. */
  readonly order: OverSlots;
  /** Lets the slots of `count` removed records, whose addresses are at `places`, be used again before the slot `free`. Gives the first of all. */
  readonly release: (places: number, count: number, records: number, free: number) => number;
}

/**
 * Connections by their ends. Open addressing with linear probing over slot numbers, with eleven bits of the hash; records lie in one block
 * of memory that grows, see `record-layout.ts`. The hash is keyed with a secret and alike for both directions; where a record
 * lies never shows in the output.
 */
export class ConnectionTable {
  i32: Int32Array;
  f64: Float64Array;
  u16: Uint16Array;
  u8: Uint8Array;
  /** Direction of the packet last found: 0 from the originator, 1 from the responder. */
  dir: 0 | 1 = 0;
  /** Of no meaning; it keeps the compiler from leaving out the reads of `touch`. */
  touched = 0;
  /** Connections held. */
  count = 0;
  /** History letters beyond those in the record, by slot; only for records with LONG_HISTORY. */
  readonly longHistories = new Map<number, string>();
  /** Bytes missing in content gaps, by slot; only for records that count GAPS. */
  readonly missedBytes = new Map<number, number>();
  /** When an end sent a RST behind its FIN while the other had not closed, by slot. */
  readonly resets = new Map<number, Micros>();
  /** See `forgotten-data.ts`: of each end, by slot; only for records with FORGOTTEN_APART. */
  readonly forgotten = new Map<number, (number | undefined)[]>();
  /** What carried the connection, by slot; only for records with TUNNELED. */
  readonly tunnelPaths = new Map<number, TunnelPath>();
  readonly #hashes: RecordHashes;
  readonly #limit: number;
  readonly #entries = new Int32Array(MAX_TOUCHED);
  readonly #memory: TableMemory;
  #kernel: SlotKernel | undefined;
  #capacity = 0;
  #index: Int32Array;
  #mask: number;
  #used = 0;
  #free = -1;

  /** `limit` connections at most; `room`: bytes for packets and their rows beside them. */
  constructor(key: HashKey, limit: number, room = 0) {
    this.#hashes = new RecordHashes(key);
    this.#limit = limit;
    this.#capacity = Math.min(FIRST_CAPACITY, limit);
    this.#memory = new TableMemory(this.#capacity, limit, room);
    const { buffer, recordsAt } = this.#memory;
    this.i32 = new Int32Array(buffer, recordsAt);
    this.f64 = new Float64Array(buffer, recordsAt);
    this.u16 = new Uint16Array(buffer, recordsAt);
    this.u8 = new Uint8Array(buffer, recordsAt);
    this.#index = this.#memory.newIndex(FIRST_ENTRIES);
    this.#mask = FIRST_ENTRIES - 1;
  }

  /** WebAssembly's memory in which records and index lie; undefined where it cannot be had. */
  get memory(): WebAssembly.Memory | undefined {
    return this.#memory.shared;
  }

  /** Where in it the room for packets is. */
  get room(): BatchPlace | undefined {
    return this.#memory.room;
  }

  /** Where in it records and index begin, and the places of the index but one. */
  get recordsAt(): number {
    return this.#memory.recordsAt;
  }
  get indexAt(): number {
    return this.#index.byteOffset;
  }
  get mask(): number {
    return this.#mask;
  }

  /** Room in it for addresses of records, see `TableMemory.places`. */
  places(count: number): Int32Array | undefined {
    return this.#memory.places(count);
  }

  /** First slots of `count` lists of records, in it where it can be had. */
  timerLists(count: number): Int32Array {
    return this.#memory.timerLists(count);
  }

  /** A heap of records, see `TableMemory.timerHeap`. */
  timerHeap(count: number): readonly [times: Float64Array, ordinals: Float64Array, slots: Int32Array] {
    return this.#memory.timerHeap(count);
  }

  /** Room in it for texts, see `TableMemory.texts`. */
  texts(): Uint8Array[] {
    return this.#memory.texts();
  }

  /** Leaves what looks at all slots to code in WebAssembly. */
  use(kernel: SlotKernel): void {
    this.#kernel = kernel;
  }

  /** Connections that may still be inserted. */
  get left(): number {
    return this.#limit - this.count;
  }

  /** For code that inserts by itself: puts down the first slot to be used again, the number of those ever used, and of those that there are. */
  tellSlots(words: Int32Array): void {
    words[0] = this.#free;
    words[1] = this.#used;
    words[2] = this.#capacity;
  }

  /** Takes what such code made of that when it inserted `count`. */
  takeSlots(words: Int32Array, count: number): void {
    this.#free = words[0]!;
    this.#used = words[1]!;
    this.count += count;
  }

  /** Whether there is a slot for another connection. */
  get hasSlot(): boolean {
    return this.#free >= 0 || this.#used < this.#limit;
  }

  get isFull(): boolean {
    return this.count >= this.#limit;
  }

  /**
   * Reads what `find` and the connection will read for `count` packet rows from `first` on, so that the cache misses of several
   * packets overlap: first all index entries, then all records. At most `MAX_TOUCHED` of them. With a million connections every third
   * packet's entry is not the first at its place.
   */
  touch(rows: Int32Array, first: number, count: number): void {
    const index = this.#index;
    const mask = this.#mask;
    const i32 = this.i32;
    const entries = this.#entries;
    let sum = 0;
    for (let k = 0, row = first * ROW_WORDS; k < count; k++, row += ROW_WORDS) {
      entries[k] = index[rows[row + ROW_HASH]! & mask]!;
      // Of the other core's cache, too.
      if ((rows[row + ROW_META]! & META_PLAIN_TCP) === 0) sum ^= rows[row + LINE_WORDS]!;
    }
    for (let k = 0, row = first * ROW_WORDS; k < count; k++, row += ROW_WORDS) {
      const hash = rows[row + ROW_HASH]!;
      let entry = entries[k]!;
      // Those behind the first lie beside it, in memory that has been read by now.
      for (let at = hash; entry !== 0 && ((entry ^ hash) & TAG_MASK) !== 0; ) entry = index[++at & mask]!;
      if (entry === 0) continue;
      const base = ((entry & SLOT_MASK) - 1) * RECORD_WORDS;
      sum ^= i32[base]!;
      // A packet that is not plain needs the rest of the record too.
      if ((rows[row + ROW_META]! & META_PLAIN_TCP) === 0)
        sum ^= i32[base + LINE_WORDS]! ^ i32[base + 2 * LINE_WORDS]! ^ i32[base + 3 * LINE_WORDS]!;
    }
    this.touched = sum;
  }

  /** Slot of the connection of the packet row at `row` or -1; sets `dir`. */
  find(rows: Int32Array, row: number): number {
    const index = this.#index;
    const mask = this.#mask;
    const i32 = this.i32;
    const hash = rows[row + ROW_HASH]!;
    const meta = rows[row + ROW_META]! & META_KEY;
    const src3 = rows[row + ROW_SRC3]!;
    const dst3 = rows[row + ROW_DST3]!;
    const forward = rows[row + ROW_PORTS]!;
    const backward = (forward << 16) | (forward >>> 16);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = index[at]!;
      if (entry === 0) return -1;
      if (((entry ^ hash) & TAG_MASK) !== 0) continue;
      const slot = (entry & SLOT_MASK) - 1;
      const base = slot * RECORD_WORDS;
      if (i32[base + META] !== meta) continue;
      const orig = i32[base + ORIG_WORD]!;
      const resp = i32[base + RESP_WORD]!;
      const ports = i32[base + PORTS]!;
      const isIpv6 = (meta & META_IPV6) !== 0;
      if (orig === src3 && resp === dst3 && ports === forward) {
        if (!isIpv6 || sameIpv6(i32, base + IPV6_WORDS, rows, row + ROW_IPV6, false)) {
          this.dir = 0;
          return slot;
        }
      }
      if (orig === dst3 && resp === src3 && ports === backward && (meta & META_ONE_WAY) === 0) {
        if (!isIpv6 || sameIpv6(i32, base + IPV6_WORDS, rows, row + ROW_IPV6, true)) {
          this.dir = 1;
          return slot;
        }
      }
    }
  }

  /**
   * A zeroed record for the packet's connection, with its key. `flipped`: the packet's sender is the responder. The
   * caller makes room first (`isFull`).
   */
  insert(p: Packet, flipped: boolean): number {
    let slot = this.#free;
    const isUsed = slot >= 0;
    if (isUsed) this.#free = this.i32[slot * RECORD_WORDS + TIMER_NEXT]!;
    else {
      if (this.#used === this.#capacity) this.#grow();
      slot = this.#used++;
    }
    const i32 = this.i32;
    const base = slot * RECORD_WORDS;
    // What was never used is zero.
    if (isUsed) i32.fill(0, base, base + RECORD_WORDS);
    i32[base + META] = p.meta & META_KEY;
    i32[base + ORIG_WORD] = flipped ? p.dst3 : p.src3;
    i32[base + RESP_WORD] = flipped ? p.src3 : p.dst3;
    i32[base + PORTS] = flipped ? (p.ports << 16) | (p.ports >>> 16) : p.ports;
    if (p.version === 6) {
      const src = base + IPV6_WORDS + (flipped ? 3 : 0);
      const dst = base + IPV6_WORDS + (flipped ? 0 : 3);
      i32[src] = p.src0;
      i32[src + 1] = p.src1;
      i32[src + 2] = p.src2;
      i32[dst] = p.dst0;
      i32[dst + 1] = p.dst1;
      i32[dst + 2] = p.dst2;
    } else i32[base + HASH] = p.hash;
    i32[base + SEGMENTS] = -1;
    i32[base + SEGMENTS + 1] = -1;
    this.f64[(base >> 1) + DEADLINE] = -1;
    const index = this.#index;
    const { hash } = p;
    let at = hash & this.#mask;
    while (index[at] !== 0) at = (at + 1) & this.#mask;
    index[at] = (hash & TAG_MASK) | (slot + 1);
    this.count++;
    this.dir = flipped ? 1 : 0;
    return slot;
  }

  /** Removes a record; its slot is used again. */
  remove(slot: number): void {
    this.unlink(slot);
    this.release(slot);
  }

  /** Removes a record that stays as it is, for who still reads it, until `release`. */
  unlink(slot: number): void {
    const base = slot * RECORD_WORDS;
    const flags = this.i32[base + FLAGS]!;
    if ((flags & LONG_HISTORY) !== 0) this.longHistories.delete(slot);
    if ((flags & TUNNELED) !== 0) this.tunnelPaths.delete(slot);
    if (this.missedBytes.size > 0) this.missedBytes.delete(slot);
    if (this.resets.size > 0) this.resets.delete(slot);
    if (this.forgotten.size > 0) this.forgotten.delete(slot);
    const index = this.#index;
    const mask = this.#mask;
    let hole = this.hashOf(slot) & mask;
    while ((index[hole]! & SLOT_MASK) !== slot + 1) hole = (hole + 1) & mask;
    // Entries behind the hole move up unless they would pass their own place, so that no tombstones are needed.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = this.hashOf((index[at]! & SLOT_MASK) - 1) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        index[hole] = index[at]!;
        hole = at;
      }
    }
    index[hole] = 0;
    this.i32[base + TIMER_PREV] = UNUSED;
    this.count--;
  }

  /** Lets the slot of a removed record be used again. */
  release(slot: number): void {
    this.i32[slot * RECORD_WORDS + TIMER_NEXT] = this.#free;
    this.#free = slot;
  }

  /** The same for `count` removed records, whose addresses lie in `places`, in its memory. */
  releaseAll(places: Int32Array, count: number): void {
    if (this.#kernel !== undefined) {
      this.#free = this.#kernel.release(places.byteOffset, count, this.recordsAt, this.#free);
      return;
    }
    for (let i = 0; i < count; i++) this.release((places[i]! - this.recordsAt) / RECORD_BYTES);
  }

  /** For code that removes by itself: it took so many out of the index. */
  removed(count: number): void {
    this.count -= count;
  }

  /** Removes every record; nothing may be inserted from then on. */
  clear(): void {
    this.#index.fill(0);
    this.longHistories.clear();
    this.tunnelPaths.clear();
    this.missedBytes.clear();
    this.resets.clear();
    this.forgotten.clear();
    this.count = 0;
  }

  /**
   * Addresses of the records in use, as they are in `places`, in order of their connections' first packets, whose ordinals are below `end`. They
   * lie in the memory of the records, where that is WebAssembly's, in place of the index: nothing may be looked up or inserted from then on, and
   * they are there until `clear`.
   */
  placesByOrdinal(end: number): Int32Array {
    if (this.#kernel !== undefined && end <= this.#mask + 1) {
      const count = this.#kernel.order(this.indexAt, this.#mask, this.recordsAt, this.#used);
      return this.#index.subarray(0, count);
    }
    const slots = new Int32Array(this.count);
    const ordinals = new Float64Array(this.count);
    let n = 0;
    let least = Number.POSITIVE_INFINITY;
    let greatest = 0;
    const { i32 } = this;
    // In their order in memory, which the processor reads ahead.
    for (let slot = 0, base = 0; slot < this.#used; slot++, base += RECORD_WORDS) {
      if (i32[base + TIMER_PREV] === UNUSED) continue;
      const ordinal = i32[base + ORDINAL]! >>> 0;
      least = Math.min(least, ordinal);
      greatest = Math.max(greatest, ordinal);
      slots[n] = slot;
      ordinals[n++] = ordinal;
    }
    const places = this.#index.subarray(0, n);
    places.set(inOrder(slots, ordinals, least, greatest).map((slot) => this.recordsAt + slot * RECORD_BYTES));
    return places;
  }

  /** Hash of a record's connection, as its packets have it. */
  hashOf(slot: number): number {
    return this.#hashes.of(this.i32, slot * RECORD_WORDS);
  }

  #grow(): void {
    this.#capacity = Math.min(2 * this.#capacity, this.#limit);
    this.#memory.grow(this.#capacity);
    const { buffer, recordsAt } = this.#memory;
    this.i32 = new Int32Array(buffer, recordsAt);
    this.f64 = new Float64Array(buffer, recordsAt);
    this.u16 = new Uint16Array(buffer, recordsAt);
    this.u8 = new Uint8Array(buffer, recordsAt);
    if (2 * this.#capacity <= this.#mask + 1) return;
    // Several times as many, since finding the new places takes a look at every record.
    const entries = MORE_ENTRIES * (this.#mask + 1);
    this.#mask = entries - 1;
    const index = this.#memory.newIndex(entries);
    this.#index = index;
    const left = this.#kernel?.enter(index.byteOffset, this.#mask, recordsAt, this.#used);
    if (left === 0) return;
    // In their order in memory, which the processor reads ahead.
    for (let slot = 0; slot < this.#used; slot++) {
      const base = slot * RECORD_WORDS;
      if (this.i32[base + TIMER_PREV] === UNUSED) continue;
      if (left !== undefined && (this.i32[base + META]! & META_IPV6) === 0) continue;
      const hash = this.hashOf(slot);
      let at = hash & this.#mask;
      while (index[at] !== 0) at = (at + 1) & this.#mask;
      index[at] = (hash & TAG_MASK) | (slot + 1);
    }
  }
}

/** Whether the upper address words of a record and a packet row agree. */
function sameIpv6(i32: Int32Array, at: number, rows: Int32Array, row: number, reverse: boolean): boolean {
  const src = reverse ? at + 3 : at;
  const dst = reverse ? at : at + 3;
  return (
    i32[src] === rows[row] &&
    i32[src + 1] === rows[row + 1] &&
    i32[src + 2] === rows[row + 2] &&
    i32[dst] === rows[row + 3] &&
    i32[dst + 1] === rows[row + 4] &&
    i32[dst + 2] === rows[row + 5]
  );
}
