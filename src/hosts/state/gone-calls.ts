import type { Micros } from '../../core/time.js';
import type { SocketRecord } from './socket-record.js';

/** Pairs of endpoints that are remembered of one host. */
const MAX_PAIRS = 1_024;

/** Of rows about sockets between two endpoints that are found no more. */
export interface CallsGone {
  /** When the last of them happened; Infinity: a socket among them may stand yet and serve a later connection. */
  readonly until: Micros;
  /** Until when the socket of one of them may have stood. */
  readonly stood: Micros;
}

/** Where a host told of more sockets between the same two endpoints than are found, which makes ends between these alone miss them. */
export class GoneCalls {
  readonly #byEnds = new Map<string, CallsGone>();

  /** Rows between the endpoints went. Returns what is forgotten of others for that, if anything. */
  add(ends: string, { until, stood }: CallsGone): CallsGone | undefined {
    const known = this.#byEnds.get(ends);
    this.#byEnds.set(ends, {
      until: Math.max(known?.until ?? until, until),
      stood: Math.max(known?.stood ?? stood, stood),
    });
    if (this.#byEnds.size <= MAX_PAIRS) return undefined;
    const [oldest, gone] = this.#byEnds.entries().next().value!;
    this.#byEnds.delete(oldest);
    return gone;
  }

  /** undefined: none went. */
  between(ends: string): CallsGone | undefined {
    return this.#byEnds.get(ends);
  }

  /** No row between the endpoints is left either. */
  forget(ends: string): void {
    this.#byEnds.delete(ends);
  }

  /** Forgets what happened, and closed, before the horizon. */
  prune(horizon: Micros): void {
    for (const [ends, { until, stood }] of this.#byEnds)
      if (Math.max(until, stood) < horizon) this.#byEnds.delete(ends);
  }
}

/** Names the endpoints of a row that has both. */
export function endsOf({ protocol, localAddress, localPort, remoteAddress, remotePort }: SocketRecord): string {
  return endsKey(protocol, localAddress!, localPort!, remoteAddress!, remotePort!);
}

/** The local endpoint first. */
export function endsKey(
  protocol: number,
  local: string,
  localPort: number,
  remote: string,
  remotePort: number,
): string {
  return `${protocol} ${local} ${localPort} ${remote} ${remotePort}`;
}
