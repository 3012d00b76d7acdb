import { firstWhere } from '../../core/first-where.js';
import type { Micros } from '../../core/time.js';
import type { SocketFact } from './socket-fact.js';

/** Polls of one stream that are remembered, the latest. */
const MAX_POLLS = 4_096;

interface PollsOfStream {
  readonly stream: string;
  /** Bounds of their moments, in order. */
  readonly los: Micros[];
  readonly his: Micros[];
  /** By protocol, the first poll that showed a socket without a peer: from then on it is known to show such. */
  readonly shows: Map<number, Micros>;
}

/** When the sockets of one host were polled, as far as rows tell: one that changed nothing told of none. */
export class PollTimes {
  readonly #streams: PollsOfStream[] = [];

  /** A row of a poll. Returns whether one had to be forgotten. */
  add({ row, protocol, localPort, remotePort, lo, hi }: SocketFact): boolean {
    const { los, his, shows } = this.#of(row.stream);
    if (localPort !== undefined && remotePort === undefined) {
      const first = shows.get(protocol);
      if (first === undefined || lo < first) shows.set(protocol, lo);
    }
    let at = los.length;
    while (at > 0 && los[at - 1]! > lo) at--;
    if (los[at - 1] === lo) return false;
    los.splice(at, 0, lo);
    his.splice(at, 0, hi);
    const isFull = los.length > MAX_POLLS;
    if (isFull) this.#forget(los, his, 1);
    return isFull;
  }

  /** By when the first poll after the moment surely was that would have shown a socket of the protocol without a peer. Infinity: none is known. */
  after(protocol: number, moment: Micros): Micros {
    let at = Infinity;
    for (const { los, his, shows } of this.#streams) {
      const from = Math.max(moment + 1, shows.get(protocol) ?? Infinity);
      const place = placeOf(los, from);
      if (place < los.length) at = Math.min(at, his[place]!);
    }
    return at;
  }

  /** Forgets polls before the horizon. */
  prune(horizon: Micros): void {
    for (const { los, his } of this.#streams) this.#forget(los, his, placeOf(los, horizon));
  }

  #forget(los: Micros[], his: Micros[], count: number): void {
    los.splice(0, count);
    his.splice(0, count);
  }

  #of(stream: string): PollsOfStream {
    const known = this.#streams.find((one) => one.stream === stream);
    if (known !== undefined) return known;
    const made: PollsOfStream = { stream, los: [], his: [], shows: new Map() };
    this.#streams.push(made);
    return made;
  }
}

/** The first that is not before the moment. */
function placeOf(los: readonly Micros[], from: Micros): number {
  return firstWhere(los.length, (at) => los[at]! >= from);
}
