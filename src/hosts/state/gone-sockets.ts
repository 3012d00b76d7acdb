import type { Micros } from '../../core/time.js';

/** Of sockets of one local port whose rows are found no more. */
interface Gone {
  since: Micros;
  /** When the last of them closed that are told to have. */
  closed: Micros;
  /** When the last of the others called. */
  called: Micros;
}

/**
 * When sockets may have stood of which no row is left, by protocol and local port: what is missed for want of room is then in doubt at that port
 * alone, whatever else the host tells. Bounded by the number of ports.
 */
export class GoneSockets {
  readonly #byPort = new Map<number, Gone>();
  readonly #polledAfter: (moment: Micros) => Micros;

  /** `polledAfter`: a moment by which a poll would have shown a socket that stood since that one; Infinity: none is known. */
  constructor(polledAfter: (moment: Micros) => Micros) {
    this.#polledAfter = polledAfter;
  }

  /** A socket was made by a call within [from, called]; `closed`: undefined where nobody is known to have closed it. */
  add(port: number, from: Micros, called: Micros, closed: Micros | undefined): void {
    const gone = this.#byPort.get(port) ?? { since: Infinity, closed: -Infinity, called: -Infinity };
    gone.since = Math.min(gone.since, from);
    if (closed === undefined) gone.called = Math.max(gone.called, called);
    else gone.closed = Math.max(gone.closed, closed);
    this.#byPort.set(port, gone);
  }

  /** Whether one of them may have stood within [from, to]. */
  mayHaveStood(port: number, from: Micros, to: Micros): boolean {
    const gone = this.#byPort.get(port);
    return gone !== undefined && gone.since <= to && this.#stoodUntil(gone) >= from;
  }

  /** Forgets those that stood no more at the horizon. */
  prune(horizon: Micros): void {
    for (const [port, gone] of this.#byPort) if (this.#stoodUntil(gone) < horizon) this.#byPort.delete(port);
  }

  #stoodUntil({ closed, called }: Gone): Micros {
    return called === -Infinity ? closed : Math.max(closed, this.#polledAfter(called));
  }
}
