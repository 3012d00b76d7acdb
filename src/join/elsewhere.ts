import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { ConnectionView } from './connection-view.js';
import type { HostClock, HostClocks } from './host-clocks.js';

/** When another connection of the same tuple began over another capture of the same host, on that one's clock. */
export interface Beginning {
  readonly capture: string;
  readonly first: Micros;
}

/** The nearest in time are remembered. */
const MAX_BEGINNINGS = 16;

/** Those that are remembered of a connection that began at `first`, whatever order they come in. */
export function withBeginning(
  known: readonly Beginning[],
  { capture, first: began }: Beginning,
  first: Micros,
): readonly Beginning[] {
  const all = [...known, { capture, first: began }];
  if (all.length <= MAX_BEGINNINGS) return all;
  const distance = (one: Beginning): Micros => Math.abs(one.first - first);
  return all.sort((a, b) => distance(a) - distance(b)).slice(0, MAX_BEGINNINGS);
}

/**
 * Containers behind two bridges of a host may have one address, and use the same endpoints one after the other. When the first of such
 * connections began after this one was over, as EndQuery.aloneUntil has it. What may be of the same time may be this one, captured twice.
 */
export function beganElsewhere(
  clocks: HostClocks,
  host: HostState,
  view: ConnectionView,
  { offset, err }: HostClock,
): Micros {
  if (view.elsewhere.length === 0 || !(view.ended || view.closed)) return Infinity;
  const last = Math.max(view.first, view.last) + offset + err;
  let until = Infinity;
  for (const { capture, first } of view.elsewhere) {
    const other = clocks.at(host, capture, view.captureHost, first);
    const earliest = first + other.offset - other.err;
    if (earliest > last) until = Math.min(until, earliest);
  }
  // Whoever asks allows for the error of this one's clock.
  return until + err;
}
