import type { Micros } from '../core/time.js';
import type { ConnectionTable } from './connection-table.js';
import { DEADLINE, ORDINAL, RECORD_WORDS, TIMER_NEXT, TIMER_PREV } from './record-layout.js';

const WIDTH_US = 16_384;
/** Lists of buckets; one round of the wheel is 537 s. Buckets that are whole rounds apart share a list. */
const BUCKETS = 32_768;
const NOT_ARMED = -1;
/** Entries of the heap for which there is room in the table's memory. */
const FIRST_HEAP = 8192;

function bucketIndex(bucket: number): number {
  return bucket - Math.floor(bucket / BUCKETS) * BUCKETS;
}

/**
 * Deadlines of connections in order of (time, ordinal), whatever slots they lie in. Far deadlines are in buckets, lists
 * through the records themselves; the nearest bucket that holds any is in a heap. So arming and disarming cost a
 * constant, and the heap stays small. Invariant: a deadline before the bucket `#loaded` is in the heap, any other in a list.
 * A heap entry whose record was disarmed or armed anew is stale and skipped when it comes up.
 */
export class TimerWheel {
  /** No deadline is before this time. Compare with the clock before calling `popDue`. */
  next: Micros = Number.NEGATIVE_INFINITY;
  /** Deadline of the record last popped; before all times at first, which are no small integers as 0 is: V8 would compile anew what uses the wheel. */
  poppedTime: Micros = Number.NEGATIVE_INFINITY;
  readonly #table: ConnectionTable;
  /** First slot of each list, for code in WebAssembly that arms by itself where it is in the table's memory. */
  readonly heads: Int32Array;
  /** Records in lists. */
  listed = 0;
  #loaded = 0;
  #started = false;
  #heapSize = 0;
  #heapTime: Float64Array;
  #heapOrdinal: Float64Array;
  #heapSlot: Int32Array;

  constructor(table: ConnectionTable) {
    this.#table = table;
    [this.#heapTime, this.#heapOrdinal, this.#heapSlot] = table.timerHeap(FIRST_HEAP);
    this.heads = table.timerLists(BUCKETS).fill(-1);
  }

  /** The first bucket whose deadlines are in a list; infinite before anything was armed. */
  get firstList(): number {
    return this.#started ? this.#loaded : Number.POSITIVE_INFINITY;
  }

  /** Columns of the heap, as `TableMemory.timerHeap` gave them at first, and entries in use. */
  get heap(): readonly [times: Float64Array, ordinals: Float64Array, slots: Int32Array] {
    return [this.#heapTime, this.#heapOrdinal, this.#heapSlot];
  }
  get heapSize(): number {
    return this.#heapSize;
  }
  /** Whether it has outgrown the room in the table's memory. */
  get hasOwnHeap(): boolean {
    return this.#heapTime.length > FIRST_HEAP;
  }

  /** What such code made of it. */
  took(firstList: number, next: Micros, listed: number, heapSize: number): void {
    if (this.#started) this.#loaded = firstList;
    this.next = next;
    this.listed = listed;
    this.#heapSize = heapSize;
  }

  /** Sets or moves the deadline of a record. */
  arm(slot: number, deadline: Micros): void {
    this.disarm(slot);
    if (!this.#started) {
      this.#started = true;
      this.#loaded = Math.floor(deadline / WIDTH_US);
      this.next = this.#loaded * WIDTH_US;
    }
    const { i32, f64 } = this.#table;
    const base = slot * RECORD_WORDS;
    f64[(base >> 1) + DEADLINE] = deadline;
    const bucket = Math.floor(deadline / WIDTH_US);
    if (bucket < this.#loaded) {
      this.#push(deadline, i32[base + ORDINAL]! >>> 0, slot);
      return;
    }
    this.#link(bucketIndex(bucket), slot);
    this.listed++;
  }

  /** Puts a record first in a list. */
  #link(index: number, slot: number): void {
    const { i32 } = this.#table;
    const base = slot * RECORD_WORDS;
    const head = this.heads[index]!;
    i32[base + TIMER_NEXT] = head;
    i32[base + TIMER_PREV] = -1;
    if (head >= 0) i32[head * RECORD_WORDS + TIMER_PREV] = slot;
    this.heads[index] = slot;
  }

  /** Takes a record out, if it is in. */
  disarm(slot: number): void {
    const { i32, f64 } = this.#table;
    const base = slot * RECORD_WORDS;
    const time = f64[(base >> 1) + DEADLINE]!;
    if (time === NOT_ARMED) return;
    f64[(base >> 1) + DEADLINE] = NOT_ARMED;
    const bucket = Math.floor(time / WIDTH_US);
    if (bucket < this.#loaded) return;
    const next = i32[base + TIMER_NEXT]!;
    const previous = i32[base + TIMER_PREV]!;
    if (next >= 0) i32[next * RECORD_WORDS + TIMER_PREV] = previous;
    if (previous >= 0) i32[previous * RECORD_WORDS + TIMER_NEXT] = next;
    else this.heads[bucketIndex(bucket)] = next;
    this.listed--;
  }

  /** Takes every record out. */
  clear(): void {
    this.heads.fill(-1);
    this.listed = 0;
    this.#heapSize = 0;
  }

  /** The earliest record whose deadline is not after `now`, disarmed; -1 when none is. */
  popDue(now: Micros): number {
    for (let passed = 0; ; ) {
      while (this.#heapSize > 0) {
        if (this.#heapTime[0]! > now) {
          this.next = this.#heapTime[0]!;
          return -1;
        }
        const slot = this.#popHeap();
        if (slot >= 0) return slot;
      }
      if (this.#loaded * WIDTH_US > now || !this.#started) {
        this.next = this.#loaded * WIDTH_US;
        return -1;
      }
      if (this.listed === 0) {
        if (now === Number.POSITIVE_INFINITY) return -1;
        this.#loaded = Math.floor(now / WIDTH_US) + 1;
      } else if (passed++ < BUCKETS) this.#load();
      else {
        // A whole round without any that is due: the others are far.
        passed = 0;
        this.#loaded = Math.min(this.#firstListed(), Math.floor(now / WIDTH_US) + 1);
      }
    }
  }

  /** Moves the next bucket into the heap. */
  #load(): void {
    const bucket = this.#loaded++;
    const index = bucketIndex(bucket);
    let slot = this.heads[index]!;
    this.heads[index] = -1;
    const { i32, f64 } = this.#table;
    while (slot >= 0) {
      const base = slot * RECORD_WORDS;
      const next = i32[base + TIMER_NEXT]!;
      const time = f64[(base >> 1) + DEADLINE]!;
      if (Math.floor(time / WIDTH_US) > bucket) this.#link(index, slot);
      else {
        this.#push(time, i32[base + ORDINAL]! >>> 0, slot);
        this.listed--;
      }
      slot = next;
    }
  }

  /** The first bucket of which a record is in a list. */
  #firstListed(): number {
    const { i32, f64 } = this.#table;
    let first = Number.POSITIVE_INFINITY;
    for (let slot of this.heads) {
      for (; slot >= 0; slot = i32[slot * RECORD_WORDS + TIMER_NEXT]!) {
        first = Math.min(first, f64[((slot * RECORD_WORDS) >> 1) + DEADLINE]!);
      }
    }
    return Math.floor(first / WIDTH_US);
  }

  #push(time: number, ordinal: number, slot: number): void {
    if (this.#heapSize === this.#heapTime.length) this.#growHeap();
    const times = this.#heapTime;
    const ordinals = this.#heapOrdinal;
    const slots = this.#heapSlot;
    let at = this.#heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentTime = times[parent]!;
      if (parentTime < time || (parentTime === time && ordinals[parent]! <= ordinal)) break;
      times[at] = parentTime;
      ordinals[at] = ordinals[parent]!;
      slots[at] = slots[parent]!;
      at = parent;
    }
    times[at] = time;
    ordinals[at] = ordinal;
    slots[at] = slot;
    if (at === 0 && time < this.next) this.next = time;
  }

  /** Takes the top off the heap: its slot, disarmed, or -1 when the entry was stale. */
  #popHeap(): number {
    const times = this.#heapTime;
    const ordinals = this.#heapOrdinal;
    const slots = this.#heapSlot;
    const topTime = times[0]!;
    const topOrdinal = ordinals[0]!;
    const topSlot = slots[0]!;
    const size = --this.#heapSize;
    const time = times[size]!;
    const ordinal = ordinals[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const right = child + 1;
      if (
        right < size &&
        (times[right]! < times[child]! || (times[right] === times[child] && ordinals[right]! < ordinals[child]!))
      ) {
        child = right;
      }
      const childTime = times[child]!;
      if (childTime > time || (childTime === time && ordinals[child]! >= ordinal)) break;
      times[at] = childTime;
      ordinals[at] = ordinals[child]!;
      slots[at] = slots[child]!;
      at = child;
    }
    times[at] = time;
    ordinals[at] = ordinal;
    slots[at] = slots[size]!;
    const { i32, f64 } = this.#table;
    const base = topSlot * RECORD_WORDS;
    if (i32[base + ORDINAL]! >>> 0 !== topOrdinal || f64[(base >> 1) + DEADLINE] !== topTime) return -1;
    f64[(base >> 1) + DEADLINE] = NOT_ARMED;
    this.poppedTime = topTime;
    return topSlot;
  }

  #growHeap(): void {
    const length = 2 * this.#heapTime.length;
    const times = new Float64Array(length);
    times.set(this.#heapTime);
    this.#heapTime = times;
    const ordinals = new Float64Array(length);
    ordinals.set(this.#heapOrdinal);
    this.#heapOrdinal = ordinals;
    const slots = new Int32Array(length);
    slots.set(this.#heapSlot);
    this.#heapSlot = slots;
  }
}
