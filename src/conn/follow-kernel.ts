import { heapBase, kernelOver } from '../core/kernel.js';
import type { Micros } from '../core/time.js';
import type { DecodedBatch } from '../decode/decoded-batch.js';
import type { ConnectionTable, SlotKernel } from './connection-table.js';
import { type EndedRecords, MOST_ENDED } from './ended-records.js';
import { KERNEL_ROOM } from './table-memory.js';
import type { Timeouts } from './timeouts.js';
import type { TimerWheel } from './timer-wheel.js';

// Words of what is known of slots.
const ROOM = 3;
const ORDINAL = 4;
const BEGUN = 5;
const COUNT = 6;
const LEFT = 7;
/** Connections that begin in a call and are left to be armed, at most, and captures that are told apart. */
const MOST_LEFT = 128;
const MOST_CAPTURES = 8;
/** Ports with a timeout of their own that are told apart. */
const MOST_PORTS = 8;
// Words of what is known of the wheel, and of connections that end.
const HEAP = 4;
const PLACES = MOST_PORTS + 1;
const WAITING = MOST_PORTS + 2;
const MOST = MOST_PORTS + 3;

type Follow = (
  rows: number,
  first: number,
  end: number,
  index: number,
  mask: number,
  records: number,
  now: Micros,
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
  /** See `native/follow/end.h`. */
  readonly #delays: Float64Array;
  readonly #ended: Int32Array;
  #places = 0;

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
    this.#times = new Float64Array(memory.buffer, wheel, 3);
    this.#lists = new Int32Array(memory.buffer, wheel + 24, 7);
    const ended = (exports.ended as WebAssembly.Global).value as number;
    this.#delays = new Float64Array(memory.buffer, ended, 3 + MOST_PORTS);
    this.#ended = new Int32Array(memory.buffer, ended + this.#delays.byteLength, MOST_PORTS + 4);
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

  /** Has it arm connections by this wheel of its table, those whose ends became certain with `closeDelay`. */
  arms(wheel: TimerWheel, closeDelay: Micros): void {
    const isShared = wheel.heads.buffer === this.#table.memory?.buffer;
    this.#lists[0] = isShared ? wheel.heads.byteOffset : 0;
    wheel.heap.forEach((column, i) => {
      this.#lists[HEAP + i] = column.byteOffset;
    });
    this.#lists[3] = wheel.heap[0].length;
    this.#times[2] = closeDelay;
  }

  /** Lets it end connections, whose records go to these, by these timeouts; otherwise it leaves all that is due. */
  ends(records: EndedRecords, timeouts: Timeouts): void {
    const ports = Object.entries(timeouts.port_inactivity_timeouts);
    if (ports.length > MOST_PORTS) return;
    this.#delays.set([timeouts.tcp_attempt_delay, timeouts.tcp_inactivity_timeout, timeouts.udp_inactivity_timeout]);
    ports.forEach(([port, timeout], i) => {
      this.#ended[i] = Number(port);
      this.#delays[3 + i] = timeout;
    });
    this.#ended[MOST_PORTS] = ports.length;
    this.#ended[MOST] = MOST_ENDED;
    this.#places = records.placesAt;
  }

  /** Before `take`: how the wheel stands; how many records wait to be told of, and whether others may end. */
  wheel(wheel: TimerWheel, waiting: number, mayEnd: boolean): void {
    this.#times[0] = wheel.firstList;
    this.#lists[1] = wheel.listed;
    this.#lists[2] = wheel.heapSize;
    this.#ended[PLACES] = mayEnd ? this.#places : 0;
    this.#ended[WAITING] = waiting;
  }

  /** After `take`: tells the wheel how it stands, and gives how many records wait to be told of, those that ended in the call behind the others. */
  ended(wheel: TimerWheel): number {
    const lists = this.#lists;
    wheel.took(this.#times[0]!, this.#times[1]!, lists[1]!, lists[2]!);
    return this.#ended[WAITING]!;
  }

  /** Whether rows lie where it can read them: in the table's memory. */
  reads({ memory }: DecodedBatch): boolean {
    return memory === this.#table.memory;
  }

  /**
   * Takes rows from `first` on up to `end`: to the first that it leaves, or at whose time, the latest so far being `now`, something is due, before
   * which nothing is at `next`, that it may not end, or behind one with which the end of its connection became certain that is to be armed. Gives the row that comes next. `isCalm`: `ControlStorms.isCalm`.
   */
  take({ address }: DecodedBatch, first: number, end: number, now: Micros, next: Micros, isCalm: boolean): number {
    const { indexAt, mask, recordsAt } = this.#table;
    this.#times[1] = next;
    return this.#follow(address, first, end, indexAt, mask, recordsAt, now, isCalm ? 1 : 0);
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
