import { heapBase, kernelOver } from '../core/kernel.js';
import type { Micros } from '../core/time.js';
import type { DecodedBatch } from '../decode/decoded-batch.js';
import type { ConnectionTable, SlotKernel } from './connection-table.js';
import { KERNEL_ROOM } from './table-memory.js';

// Words of what is known of slots.
const ROOM = 3;
const ORDINAL = 4;
const BEGUN = 5;
const COUNT = 6;
const LEFT = 7;
/** Connections that begin in a call and are left to be armed, at most, and captures that are told apart. */
const MOST_LEFT = 128;
const MOST_CAPTURES = 8;

type Follow = (
  rows: number,
  first: number,
  end: number,
  index: number,
  mask: number,
  records: number,
  now: Micros,
  next: Micros,
  isCalm: number,
) => number;

/**
 * Takes what most packets are, those that open and close a TCP connection when all goes as it should, and plain datagrams of UDP, into the
 * records of a table, by code in WebAssembly (`native/follow`). It changes what `tcpPacket` and `udpPacket` would, and leaves all others.
 */
export class FollowKernel {
  readonly #table: ConnectionTable;
  readonly #follow: Follow;
  readonly #now: Float64Array;
  readonly #closing: Int32Array;
  readonly #delay: Float64Array;
  /** See `native/follow/begin.h`. */
  readonly #slots: Int32Array;
  readonly #captures: Uint16Array;
  /** See `native/follow/timers.h`. */
  readonly #times: Float64Array;
  readonly #lists: Int32Array;

  private constructor(table: ConnectionTable, memory: WebAssembly.Memory, exports: WebAssembly.Exports) {
    this.#table = table;
    this.#follow = exports.follow as Follow;
    const at = (exports.result as WebAssembly.Global).value as number;
    this.#now = new Float64Array(memory.buffer, at, 1);
    this.#closing = new Int32Array(memory.buffer, at + 8, 1);
    const begun = (exports.begun as WebAssembly.Global).value as number;
    this.#delay = new Float64Array(memory.buffer, begun, 1);
    this.#slots = new Int32Array(memory.buffer, begun + 8, LEFT + MOST_LEFT);
    this.#captures = new Uint16Array(memory.buffer, begun + 8 + this.#slots.byteLength, MOST_CAPTURES);
    const wheel = (exports.wheel as WebAssembly.Global).value as number;
    this.#times = new Float64Array(memory.buffer, wheel, 2);
    this.#lists = new Int32Array(memory.buffer, wheel + 16, 2);
    table.use(exports as unknown as SlotKernel);
    if (heapBase(exports) > 2 * KERNEL_ROOM)
      throw new Error('the kernel that follows has more constants than there is room for');
  }

  /** The kernel for a table; undefined where it was not built or the table's memory is not WebAssembly's. */
  static over(table: ConnectionTable): FollowKernel | undefined {
    const { memory } = table;
    if (memory === undefined) return undefined;
    const exports = kernelOver('follow', memory);
    return exports && new FollowKernel(table, memory, exports);
  }

  /** Has it arm connections in these lists of a `TimerWheel`, those whose ends became certain with `closeDelay`. */
  arms(heads: Int32Array, closeDelay: Micros): void {
    this.#lists[0] = heads.buffer === this.#table.memory?.buffer ? heads.byteOffset : 0;
    this.#times[1] = closeDelay;
  }

  /** Before `take`: the first bucket of the wheel whose deadlines are in a list. */
  set firstList(bucket: number) {
    this.#times[0] = bucket;
  }

  /** After `take`: by how many the lists have become longer. */
  get listed(): number {
    return this.#lists[1]!;
  }

  /** Whether rows lie where it can read them: in the table's memory. */
  reads({ memory }: DecodedBatch): boolean {
    return memory === this.#table.memory;
  }

  /**
   * Takes rows from `first` on up to `end`: to the first that it leaves, or at whose time, the latest so far being `now`, something is due at
   * `next`, or behind one with which the end of its connection became certain that is to be armed. Gives the row that comes next. `isCalm`: `ControlStorms.isCalm`.
   */
  take({ address }: DecodedBatch, first: number, end: number, now: Micros, next: Micros, isCalm: boolean): number {
    const { indexAt, mask, recordsAt } = this.#table;
    return this.#follow(address, first, end, indexAt, mask, recordsAt, now, next, isCalm ? 1 : 0);
  }

  /**
   * Lets connections begin, with numbers from `ordinal` on, in the next call of `take`, which is handed the sources of captures by `captures`;
   * otherwise none does. They wait for an answer for `attemptDelay`.
   */
  begins(ordinal: number, captures: readonly number[], attemptDelay: Micros): void {
    const slots = this.#slots;
    this.#table.tellSlots(slots);
    // Packets of what has no number of its own there are left.
    slots[ROOM] = captures.length > MOST_CAPTURES ? 0 : this.#table.left;
    slots[ORDINAL] = ordinal | 0;
    for (let i = 0; i < MOST_CAPTURES; i++) this.#captures[i] = captures[i] ?? 0;
    this.#delay[0] = attemptDelay;
  }

  /** After `take`: how many connections began, which are in the table then. */
  get begun(): number {
    const count = this.#slots[BEGUN]!;
    if (count > 0) this.#table.takeSlots(this.#slots, count);
    return count;
  }

  /** How many of them are to be armed. */
  get unarmed(): number {
    return this.#slots[COUNT]!;
  }

  /** Slot of one of these. */
  unarmedSlot(i: number): number {
    return this.#slots[LEFT + i]!;
  }

  /** The latest time of what was taken so far. */
  get now(): Micros {
    return this.#now[0]!;
  }

  /** Slot of the connection whose end became certain with the row taken last, which is to be armed; -1 without one. */
  get closing(): number {
    return this.#closing[0]!;
  }
}
