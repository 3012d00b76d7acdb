import type { Micros } from '../core/time.js';
import { KeptEnds } from './kept-ends.js';

/** Moments of one row. */
const WIDTH = 8;

const longAgo = new Float64Array(WIDTH).fill(-Infinity);

/**
 * Times of connections in rows of one typed array. As properties each of them would be an object of its own to the garbage
 * collector. Row 0 is nobody's and long ago. Grows with the connections that are known, which are bounded.
 */
export class Moments {
  values = longAgo;
  /** What was found of their ends. */
  readonly ends: KeptEnds;
  #next = WIDTH;
  readonly #free: number[] = [];

  constructor(ends = new KeptEnds()) {
    this.ends = ends;
  }

  /** The place of a row's first moment; what is there is arbitrary. */
  open(): number {
    const known = this.#free.pop();
    if (known !== undefined) return known;
    if (this.#next === this.values.length) {
      const grown = new Float64Array(2 * this.values.length);
      grown.set(this.values);
      this.values = grown;
    }
    this.#next += WIDTH;
    return this.#next - WIDTH;
  }

  /** Numbers rows from 1 on. */
  numberOf(row: number): number {
    return row / WIDTH;
  }

  /** A moment of the row of this number. */
  ofNumber(number: number, place: number): Micros {
    return this.values[number * WIDTH + place]!;
  }

  /** A table of its own for a row that outlives its place: its first. */
  copy(row: number): Moments {
    const own = new Moments(this.ends);
    own.values = this.values.slice(row, row + WIDTH);
    return own;
  }

  close(row: number): void {
    this.#free.push(row);
  }
}
