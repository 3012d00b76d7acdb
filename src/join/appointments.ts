import type { Micros } from '../core/time.js';

/** Entries taken one by one before the rest is gone through at once. */
const FEW = 16;

/** Ends by number that wait for a moment, each with the turn of its appointment (see Turns): a binary heap in columns, earliest first. */
export class Appointments {
  readonly #at: Micros[] = [];
  readonly #ends: number[] = [];
  readonly #turns: number[] = [];

  /** The earliest moment that any end waits for, void or not; Infinity: none waits. */
  get first(): Micros {
    return this.#at.length === 0 ? Infinity : this.#at[0]!;
  }

  push(at: Micros, end: number, turn: number): void {
    let place = this.#at.length;
    this.#at.push(at);
    this.#ends.push(end);
    this.#turns.push(turn);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#at[parent]! <= at) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#set(place, at, end, turn);
  }

  /** Adds the ends whose moment is at or before `now` to `out`, with the turns of their appointments. */
  drain(now: Micros, out: number[], turns: number[]): void {
    for (let taken = 0; taken < FEW; taken++) {
      if (this.#at.length === 0 || this.#at[0]! > now) return;
      out.push(this.#ends[0]!);
      turns.push(this.#turns[0]!);
      this.#dropFirst();
    }
    let kept = 0;
    for (let place = 0; place < this.#at.length; place++) {
      if (this.#at[place]! > now) {
        this.#move(place, kept++);
        continue;
      }
      out.push(this.#ends[place]!);
      turns.push(this.#turns[place]!);
    }
    this.#at.length = kept;
    this.#ends.length = kept;
    this.#turns.length = kept;
    for (let place = (kept >> 1) - 1; place >= 0; place--) {
      this.#sink(place, this.#at[place]!, this.#ends[place]!, this.#turns[place]!);
    }
  }

  #dropFirst(): void {
    const at = this.#at.pop()!;
    const end = this.#ends.pop()!;
    const turn = this.#turns.pop()!;
    if (this.#at.length > 0) this.#sink(0, at, end, turn);
  }

  /** Puts an entry where it belongs at or below a place. */
  #sink(from: number, at: Micros, end: number, turn: number): void {
    const moments = this.#at;
    const size = moments.length;
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
