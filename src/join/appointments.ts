import type { Micros } from '../core/time.js';

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

/** Room at first. An entry takes two doubles: its moment, and the end with the turn as words. */
const FEW_ENTRIES = 16;
const none = new Float64Array(0);
const noWords = new Int32Array(0);

/** Ends by number that wait for a moment, each with the turn of its appointment (see Turns): a binary heap in columns, earliest first. */
export class Appointments {
  #size = 0;
  /** It does not shrink, since what came is mostly as much as what comes. */
  #moments: Float64Array = none;
  /** The same memory. */
  #words: Int32Array = noWords;
  /** No entry is later: one that is not earlier belongs at the end of the heap, and most are like that. */
  #last: Micros = -Infinity;

  /** The earliest moment that any end waits for, void or not; Infinity: none waits. */
  get first(): Micros {
    return this.#size === 0 ? Infinity : this.#moments[0]!;
  }

  push(at: Micros, end: number, turn: number): void {
    let place = this.#size++;
    if (2 * this.#size > this.#moments.length) this.#grow();
    if (at >= this.#last) this.#last = at;
    else {
      while (place > 0) {
        const parent = (place - 1) >> 1;
        if (this.#moments[2 * parent]! <= at) break;
        this.#move(parent, place);
        place = parent;
      }
    }
    this.#set(place, at, end, turn);
  }

  /** Adds the ends whose moment is at or before `now` to `out`. */
  drain(now: Micros, out: DueEnds): void {
    for (let taken = 0; taken < FEW; taken++) {
      if (this.#size === 0 || this.#moments[0]! > now) return;
      this.#hand(0, out);
      this.#dropFirst();
      if (this.#size === 0) this.#last = -Infinity;
    }
    let kept = 0;
    for (let place = 0; place < this.#size; place++) {
      if (this.#moments[2 * place]! > now) this.#move(place, kept++);
      else this.#hand(place, out);
    }
    this.#size = kept;
    if (kept === 0) this.#last = -Infinity;
    for (let place = (kept >> 1) - 1; place >= 0; place--) this.#sink(place, place);
  }

  #hand(place: number, out: DueEnds): void {
    out.add(this.#words[4 * place + 2]!, this.#words[4 * place + 3]!, this.#moments[2 * place]!);
  }

  #dropFirst(): void {
    const last = --this.#size;
    if (last > 0) this.#sink(0, last);
  }

  /** Puts the entry of a place where it belongs at or below another one. */
  #sink(from: number, of: number): void {
    const moments = this.#moments;
    const size = this.#size;
    const at = moments[2 * of]!;
    const end = this.#words[4 * of + 2]!;
    const turn = this.#words[4 * of + 3]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= size) break;
      if (child + 1 < size && moments[2 * child + 2]! < moments[2 * child]!) child++;
      if (moments[2 * child]! >= at) break;
      this.#move(child, place);
      place = child;
    }
    this.#set(place, at, end, turn);
  }

  #move(from: number, to: number): void {
    const words = this.#words;
    this.#moments[2 * to] = this.#moments[2 * from]!;
    // Not as a double: some words would be no number.
    words[4 * to + 2] = words[4 * from + 2]!;
    words[4 * to + 3] = words[4 * from + 3]!;
  }

  #set(place: number, at: Micros, end: number, turn: number): void {
    this.#moments[2 * place] = at;
    this.#words[4 * place + 2] = end;
    this.#words[4 * place + 3] = turn;
  }

  #grow(): void {
    const grown = new Float64Array(Math.max(2 * FEW_ENTRIES, 2 * this.#moments.length));
    grown.set(this.#moments);
    this.#moments = grown;
    this.#words = new Int32Array(grown.buffer);
  }
}
