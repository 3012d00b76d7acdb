import type { Micros } from '../core/time.js';
import { PROTO_TCP } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import { expiryOf } from './expiry.js';
import { CLOSING, FLAGS, HANDSHAKE_DONE, LAST_TIME, META, RECORD_WORDS, START_TIME } from './record-layout.js';
import type { Timeouts } from './timeouts.js';
import { TimerWheel } from './timer-wheel.js';

/** Connections looked at to find one to evict; the last of them goes in any case. */
const MAX_LOOKS = 65_536;

/**
 * When connections end, and when interim updates of them are due. Deadlines are armed lazily: a packet that puts the end of its connection
 * off leaves the deadline, which is looked at when it comes.
 */
export class ConnectionTimers {
  evictedAttempts = 0;
  evictedOthers = 0;
  readonly #table: ConnectionTable;
  readonly #timeouts: Timeouts;
  readonly #interimUs: Micros | undefined;
  readonly #tellInterim: (base: number) => void;
  readonly #wheel: TimerWheel;

  /** `tellInterim` is told of open connections whenever they are `interimUs` older; never without. */
  constructor(
    table: ConnectionTable,
    timeouts: Timeouts,
    interimUs: Micros | undefined,
    tellInterim: (base: number) => void,
  ) {
    this.#table = table;
    this.#timeouts = timeouts;
    this.#interimUs = interimUs;
    this.#tellInterim = tellInterim;
    this.#wheel = new TimerWheel(table);
  }

  /** Nothing is due before this time. Compare with the clock before calling `popExpired`. */
  get next(): Micros {
    return this.#wheel.next;
  }

  /** For code that arms, and ends, by itself. */
  get wheel(): TimerWheel {
    return this.#wheel;
  }

  /** Arms an open connection anew, of which a packet came. */
  arm(slot: number, now: Micros): void {
    this.#arm(slot, expiryOf(this.#table, slot * RECORD_WORDS, this.#timeouts, now), now);
  }

  /**
   * Arms one that began with a SYN; not where interim updates are wanted. One whose end has become certain since is armed already, or is about
   * to be.
   */
  armAttempt(slot: number): void {
    const base = slot * RECORD_WORDS;
    if ((this.#table.i32[base + FLAGS]! & CLOSING) !== 0) return;
    this.#wheel.arm(slot, this.#table.f64[(base >> 1) + START_TIME]! + this.#timeouts.tcp_attempt_delay);
  }

  /** Arms one whose end is certain. */
  armClosing(slot: number): void {
    const last = this.#table.f64[((slot * RECORD_WORDS) >> 1) + LAST_TIME]!;
    this.#wheel.arm(slot, last + this.#timeouts.tcp_close_delay);
  }

  disarm(slot: number): void {
    this.#wheel.disarm(slot);
  }

  clear(): void {
    this.#wheel.clear();
  }

  /** Takes out the connection that ends next by `now`, -1 when there is none; tells of interim updates that are due before. */
  popExpired(now: Micros): number {
    for (let slot = this.#wheel.popDue(now); slot >= 0; slot = this.#wheel.popDue(now)) {
      const base = slot * RECORD_WORDS;
      if ((this.#table.i32[base + FLAGS]! & CLOSING) !== 0) return slot;
      const expiry = expiryOf(this.#table, base, this.#timeouts, now);
      if (expiry <= now) return slot;
      if (this.#isInterimDue(base, now)) this.#tellInterim(base);
      this.#arm(slot, expiry, now);
    }
    return -1;
  }

  /**
   * Takes out one to make room, -1 when there is none: the one that would end first goes, so attempts go before what was answered. Those
   * whose end packets have put off are armed anew on the way: at most one per packet.
   */
  popEvicted(): number {
    for (let looks = 1; ; looks++) {
      const slot = this.#wheel.popDue(Number.POSITIVE_INFINITY);
      if (slot < 0) return -1;
      const base = slot * RECORD_WORDS;
      const flags = this.#table.i32[base + FLAGS]!;
      if ((flags & CLOSING) === 0) {
        const expiry = expiryOf(this.#table, base, this.#timeouts, this.#wheel.poppedTime);
        if (expiry > this.#wheel.poppedTime && looks < MAX_LOOKS) {
          this.#wheel.arm(slot, expiry);
          continue;
        }
      }
      const isTcp = (this.#table.i32[base + META]! & 0xff) === PROTO_TCP;
      if (isTcp && (flags & (HANDSHAKE_DONE | CLOSING)) === 0) this.evictedAttempts++;
      else this.evictedOthers++;
      return slot;
    }
  }

  /** Arms the earlier of the expiry and the next interim update. */
  #arm(slot: number, expiry: Micros, now: Micros): void {
    const interimUs = this.#interimUs;
    let deadline = expiry;
    if (interimUs !== undefined) {
      const base = slot * RECORD_WORDS;
      const start = this.#table.f64[(base >> 1) + START_TIME]!;
      const next = start + (Math.floor((now - start) / interimUs) + 1) * interimUs;
      if ((this.#table.i32[base + FLAGS]! & CLOSING) === 0 && next < expiry) deadline = next;
    }
    this.#wheel.arm(slot, deadline);
  }

  #isInterimDue(base: number, now: Micros): boolean {
    const interimUs = this.#interimUs;
    return interimUs !== undefined && now - this.#table.f64[(base >> 1) + START_TIME]! >= interimUs;
  }
}
