import type { Micros } from '../core/time.js';
import { TURNS } from './turns.js';

/** Entries taken one by one before the rest is gone through at once. */
const FEW = 16;

/** Ends that are due, with the turns of their appointments. Its memory is used again. */
export class DueEnds {
  readonly ends: number[] = [];
  readonly turns: number[] = [];
  readonly moments: Micros[] = [];
  count = 0;

  add(end: number, turn: number, at: Micros): void {
    this.ends[this.count] = end;
    this.moments[this.count] = at;
    this.turns[this.count++] = turn;
  }
}

/** Room at first. An entry takes two numbers: its moment, and its end above its turn. */
const FEW_ENTRIES = 16;
const none = new Float64Array(0);

/** Ends by number that wait for a moment, each with the turn of its appointment (see Turns): a binary heap in one array, earliest first. */
export class Appointments {
  #size = 0;
  /** It does not shrink, since what came is mostly as much as what comes. */
  #entries: Float64Array = none;

  /** The earliest moment that any end waits for, void or not; Infinity: none waits. */
  get first(): Micros {
    return this.#size === 0 ? Infinity : this.#entries[0]!;
  }

  push(at: Micros, end: number, turn: number): void {
    let place = this.#size++;
    if (2 * this.#size > this.#entries.length) this.#grow();
    const entries = this.#entries;
    // Most are later than all before.
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (entries[2 * parent]! <= at) break;
      this.#move(parent, place);
      place = parent;
    }
    entries[2 * place] = at;
    entries[2 * place + 1] = end * TURNS + turn;
  }

  /** Adds the ends whose moment is at or before `now` to `out`. */
  drain(now: Micros, out: DueEnds): void {
    for (let taken = 0; taken < FEW; taken++) {
      if (this.#size === 0 || this.#entries[0]! > now) return;
      this.#hand(0, out);
      this.#dropFirst();
    }
    let kept = 0;
    for (let place = 0; place < this.#size; place++) {
      if (this.#entries[2 * place]! > now) this.#move(place, kept++);
      else this.#hand(place, out);
    }
    this.#size = kept;
    for (let place = (kept >> 1) - 1; place >= 0; place--) this.#sink(place, place);
  }

  #hand(place: number, out: DueEnds): void {
    const named = this.#entries[2 * place + 1]!;
    const end = Math.floor(named / TURNS);
    out.add(end, named - end * TURNS, this.#entries[2 * place]!);
  }

  #dropFirst(): void {
    const last = --this.#size;
    if (last > 0) this.#sink(0, last);
  }

  /** Puts the entry of a place where it belongs at or below another one. */
  #sink(from: number, of: number): void {
    const entries = this.#entries;
    const size = this.#size;
    const at = entries[2 * of]!;
    const named = entries[2 * of + 1]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= size) break;
      if (child + 1 < size && entries[2 * child + 2]! < entries[2 * child]!) child++;
      if (entries[2 * child]! >= at) break;
      this.#move(child, place);
      place = child;
    }
    entries[2 * place] = at;
    entries[2 * place + 1] = named;
  }

  #move(from: number, to: number): void {
    this.#entries[2 * to] = this.#entries[2 * from]!;
    this.#entries[2 * to + 1] = this.#entries[2 * from + 1]!;
  }

  #grow(): void {
    const grown = new Float64Array(Math.max(2 * FEW_ENTRIES, 2 * this.#entries.length));
    grown.set(this.#entries);
    this.#entries = grown;
  }
}
