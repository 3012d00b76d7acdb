import type { Micros } from '../core/time.js';
import type { SocketInterval } from '../hosts/state/socket-interval.js';
import type { HostClock } from './host-clocks.js';

/** When the connections with the same endpoints before and after one began, capture clock; see EndQuery. */
export interface Bounds {
  readonly aloneSince: Micros;
  readonly aloneUntil: Micros;
}

export interface OwnBounds extends Bounds {
  /** Up to when the one before may have lasted. */
  readonly previousLast: Micros;
}

/**
 * A gateway may use the endpoints outside of a translation itself, before that and after. So its own sockets with them bound a connection
 * that it translated, which began at `first` (capture clock). Undefined: one of them may be of the same time.
 */
export function ownBounds(
  sockets: readonly SocketInterval[],
  first: Micros,
  { offset, err }: HostClock,
): OwnBounds | undefined {
  let [aloneSince, previousLast, aloneUntil] = [-Infinity, -Infinity, Infinity];
  for (const { openLo, openHi, closeHi } of sockets) {
    if (openLo > first + offset + err) aloneUntil = Math.min(aloneUntil, openLo - offset);
    else if (openHi < first + offset - err) {
      aloneSince = Math.max(aloneSince, openHi - offset);
      previousLast = Math.max(previousLast, Math.min(closeHi - offset, first));
    } else return undefined;
  }
  return { aloneSince, previousLast, aloneUntil };
}
