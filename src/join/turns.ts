import type { Micros } from '../core/time.js';

/** What an end waits for on one host alone. `nothing`: see UpheldEnds. `letGo`: on none, see Deciding.lookBefore. */
export const awaited = { details: 1, sockets: 2, calls: 3, nothing: 4, letGo: 5 } as const;
const KIND_BITS = 3;

/** In place of one appointment: several, or none. */
const NOT_ONE = 0;
const FEW = 256;
/** Turns are counted up to here and from 0 again, so that one fits into a number with its end (see Appointments). */
export const TURNS = 2 ** 26;

/**
 * Which appointments of ends still hold, by the number of the end, in columns: an appointment is void unless the end is still in the turn in which
 * it was made. Whether it is costs no look at the end, which mostly is no longer in the processor's cache. Grows with the connections that are known, which are bounded;
 * turns go on where a number passes on to another end.
 */
export class Turns {
  #turns = new Int32Array(FEW);
  /** Host and kind of an end's only appointment. */
  #kinds = new Int32Array(FEW);
  #moments = new Float64Array(FEW);

  /** Makes every appointment of the end void. Returns the turn of those to come. */
  next(end: number): number {
    if (end >= this.#turns.length) this.#grow(end);
    this.#kinds[end] = NOT_ONE;
    const turn = (this.#turns[end]! + 1) & (TURNS - 1);
    this.#turns[end] = turn;
    return turn;
  }

  /** The turn that the end is in. */
  current(end: number): number {
    return this.#turns[end]!;
  }

  holds(end: number, turn: number): boolean {
    return this.#turns[end] === turn;
  }

  /** The end has one appointment alone, of this host, kind and moment. */
  awaits(end: number, host: number, kind: number, at: Micros): void {
    this.#kinds[end] = (host << KIND_BITS) | kind;
    this.#moments[end] = at;
  }

  /** The number of that host, the kind, and that moment. */
  hostOf(end: number): number {
    return this.#kinds[end]! >>> KIND_BITS;
  }
  kindOf(end: number): number {
    return this.#kinds[end]! & ((1 << KIND_BITS) - 1);
  }
  momentOf(end: number): Micros {
    return this.#moments[end]!;
  }

  /** Whether that is so, hence nothing new to be appointed. */
  isAwaiting(end: number, host: number, kind: number, at: Micros): boolean {
    return this.#kinds[end] === ((host << KIND_BITS) | kind) && this.#moments[end] === at;
  }

  /** The appointment has come. */
  hasCome(end: number): void {
    this.#kinds[end] = NOT_ONE;
  }

  #grow(end: number): void {
    const size = 2 * Math.max(end, this.#turns.length);
    const [turns, kinds, moments] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
    turns.set(this.#turns);
    kinds.set(this.#kinds);
    moments.set(this.#moments);
    this.#turns = turns;
    this.#kinds = kinds;
    this.#moments = moments;
  }
}
