import type { Micros } from '../core/time.js';

/** Entries taken one by one before the rest is gone through at once. */
const FEW = 16;

/** Ends that are due, with the turns of their appointments. Its memory is used again. */
export class DueEnds {
  readonly ends: number[] = [];
  readonly turns: number[] = [];
  count = 0;

  add(end: number, turn: number): void {
    this.ends[this.count] = end;
    this.turns[this.count++] = turn;
  }
}

/** Ends by number that wait for a moment, each with the turn of its appointment (see Turns): a binary heap in columns, earliest first. */
export class Appointments {
  /** Arrays do not shrink, since what came is mostly as much as what comes. */
  #size = 0;
  readonly #at: Micros[] = [];
  readonly #ends: number[] = [];
  readonly #turns: number[] = [];

  /** The earliest moment that any end waits for, void or not; Infinity: none waits. */
  get first(): Micros {
    return this.#size === 0 ? Infinity : this.#at[0]!;
  }

  push(at: Micros, end: number, turn: number): void {
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#at[parent]! <= at) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#set(place, at, end, turn);
  }

  /** Adds the ends whose moment is at or before `now` to `out`. */
  drain(now: Micros, out: DueEnds): void {
    for (let taken = 0; taken < FEW; taken++) {
      if (this.#size === 0 || this.#at[0]! > now) return;
      out.add(this.#ends[0]!, this.#turns[0]!);
      this.#dropFirst();
    }
    let kept = 0;
    for (let place = 0; place < this.#size; place++) {
      if (this.#at[place]! > now) this.#move(place, kept++);
      else out.add(this.#ends[place]!, this.#turns[place]!);
    }
    this.#size = kept;
    for (let place = (kept >> 1) - 1; place >= 0; place--) {
      this.#sink(place, this.#at[place]!, this.#ends[place]!, this.#turns[place]!);
    }
  }

  #dropFirst(): void {
    const last = --this.#size;
    if (last > 0) this.#sink(0, this.#at[last]!, this.#ends[last]!, this.#turns[last]!);
  }

  /** Puts an entry where it belongs at or below a place. */
  #sink(from: number, at: Micros, end: number, turn: number): void {
    const moments = this.#at;
    const size = this.#size;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= size) break;
      if (child + 1 < size && moments[child + 1]! < moments[child]!) child++;
      if (moments[child]! >= at) break;
      this.#move(child, place);
      place = child;
    }
    this.#set(place, at, end, turn);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#at[from]!, this.#ends[from]!, this.#turns[from]!);
  }

  #set(place: number, at: Micros, end: number, turn: number): void {
    this.#at[place] = at;
    this.#ends[place] = end;
    this.#turns[place] = turn;
  }
}
