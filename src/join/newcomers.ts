import type { Micros } from '../core/time.js';
import type { Turns } from './turns.js';

const FEW = 256;
/** Words of an end, and of a host. */
const WIDTH = 2;
/** Follows an end that is the last of its list; 0: the end is in none, above: the next end and two. */
const LAST = 1;
const NEXT = 2;

/**
 * Ends that began to wait for calls of a host since its last watermark, by number, in the order in which they came. Most are due with the next
 * one, so that an order by time would be of no use to them, and its upkeep has to be read from memory that is long out of the processor's
 * cache. Of an end there is one place, which it keeps until the list is taken. Grows with hosts and ends, which are bounded.
 */
export class Newcomers {
  /** By host the first of its list and the last, both counted from 1, and the earliest moment. */
  #lists = new Int32Array(FEW);
  #earliest = new Float64Array(FEW / WIDTH).fill(Infinity);
  /** By end what follows it, and the turn of its appointment. */
  #places = new Int32Array(FEW);

  /** False: the end is still in a list, with an appointment that is void by now. */
  add(host: number, end: number, turn: number, at: Micros): boolean {
    const place = end * WIDTH;
    const of = host * WIDTH;
    if (place >= this.#places.length) this.#places = grown(this.#places, place);
    if (of >= this.#lists.length) this.#growHosts(of);
    const places = this.#places;
    const lists = this.#lists;
    if (places[place] !== 0) return false;
    places[place] = LAST;
    places[place + 1] = turn;
    if (at < this.#earliest[host]!) this.#earliest[host] = at;
    if (lists[of] === 0) lists[of] = end + 1;
    else places[(lists[of + 1]! - 1) * WIDTH] = end + NEXT;
    lists[of + 1] = end + 1;
    return true;
  }

  /** The earliest moment that any of a host's list waits for, void or not; Infinity: there is none. */
  earliest(host: number): Micros {
    return host < this.#earliest.length ? this.#earliest[host]! : Infinity;
  }

  /** Empties the list of a host. Returns its ends that still wait in `taken`, whose length is told. */
  take(host: number, turns: Turns, taken: number[]): number {
    const lists = this.#lists;
    const places = this.#places;
    const of = host * WIDTH;
    let count = 0;
    let end = lists[of]! - 1;
    lists[of] = 0;
    this.#earliest[host] = Infinity;
    while (end >= 0) {
      const place = end * WIDTH;
      const next = places[place]!;
      places[place] = 0;
      if (turns.holds(end, places[place + 1]!)) taken[count++] = end;
      end = next - NEXT;
    }
    return count;
  }

  #growHosts(of: number): void {
    this.#lists = grown(this.#lists, of);
    const earliest = new Float64Array(this.#lists.length / WIDTH).fill(Infinity);
    earliest.set(this.#earliest);
    this.#earliest = earliest;
  }
}

function grown(words: Int32Array<ArrayBuffer>, place: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(2 * (place + WIDTH));
  out.set(words);
  return out;
}
