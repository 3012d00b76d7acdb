import type { End } from '../records/attributed-connection.js';
import { noAgent, pending } from './end-record.js';

/** Numbers of what most ends are at some time; all below FIRST are for good. */
export const NONE = 0;
export const PENDING = 1;
export const NO_AGENT = 2;
const FIRST = 3;

/**
 * What was found of ends, by number, for as long as somebody uses the number. An end that has grown old and refers to a new object is entered in
 * a list of its page of the heap, which mostly is no longer in the processor's cache, and the garbage collector reads it there: most owners are told at once
 * and then forgotten, so that here the same few places are used again and again. Bounded as the ends are.
 */
export class KeptEnds {
  readonly #ends: (End | undefined)[] = [undefined, pending, noAgent];
  readonly #uses = [0, 0, 0];
  readonly #free: number[] = [];

  at(number: number): End | undefined {
    return this.#ends[number];
  }

  /** A number for it, which is in use once. */
  keep(end: End | undefined): number {
    if (end === undefined) return NONE;
    if (end === pending) return PENDING;
    if (end === noAgent) return NO_AGENT;
    const number = this.#free.pop() ?? this.#ends.length;
    this.#ends[number] = end;
    this.#uses[number] = 1;
    return number;
  }

  /** The number is used once more. */
  use(number: number): number {
    if (number >= FIRST) this.#uses[number]!++;
    return number;
  }

  /** The number is used once less. */
  drop(number: number): void {
    if (number < FIRST || --this.#uses[number]! > 0) return;
    this.#ends[number] = undefined;
    this.#free.push(number);
  }

  /** How many are in use, beside those for good. */
  get size(): number {
    return this.#ends.length - FIRST - this.#free.length;
  }
}
