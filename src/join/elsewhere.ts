import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { Connection } from '../records/connection.js';
import type { ConnectionView } from './connection-view.js';
import type { Going } from './end-query.js';
import type { HostClock, HostClocks } from './host-clocks.js';

/** When a connection was, as far as that is known, on the clock of its capture, and the packets that were captured of it. */
export interface Span {
  readonly capture: string;
  readonly first: Micros;
  last: Micros;
  packets: number;
  ended: boolean;
}

/** By how much the times between two packets differ that were captured at two places of a host. */
const SAME_TIME: Micros = 1_000;
/** By how much the clocks of two captures run apart, at most. */
const SAME_PACE = 1e-4;

/** The nearest in time are remembered. */
const MAX_OTHERS = 16;

/** Connections of the same tuple over other captures of the same host, in whatever order they come. */
export class Elsewhere {
  #others: Span[] = [];

  /** `own`: that of the connection itself. */
  constructor(readonly own: Span) {}

  get others(): readonly Span[] {
    return this.#others;
  }

  /** Whether the other connection is remembered: it may not be, since many have these endpoints. */
  knows({ own: other }: Elsewhere): boolean {
    return this.#others.includes(other);
  }

  meet({ own: other }: Elsewhere): void {
    this.#others.push(other);
    if (this.#others.length <= MAX_OTHERS) return;
    const distance = (one: Span): Micros => Math.abs(one.first - this.own.first);
    this.#others = this.#others.sort((a, b) => distance(a) - distance(b)).slice(0, MAX_OTHERS);
  }
}

/** What connections with the same endpoints over other captures of the host leave of one, on the clock of the host; see EndQuery. */
export interface Outlook {
  /** When the first that began after it was over may have, as `aloneUntil` has it. */
  readonly beganLater: Micros;
  readonly hasElsewhereBefore: boolean;
  readonly hasElsewhere: boolean;
  readonly beside: readonly Going[];
  /** When the last of those that were over before it may have been, as `previousLast` has it; Infinity: one may still go on. */
  readonly endedBefore: Micros;
  readonly ownUntil: Micros;
}

export const alone: Outlook = Object.freeze({
  beganLater: Infinity,
  hasElsewhereBefore: false,
  hasElsewhere: false,
  beside: [],
  endedBefore: -Infinity,
  ownUntil: Infinity,
});

/**
 * Containers behind two bridges of a host may have one address, and use the same endpoints one after the other, or at the same time. What
 * may have begun and ended with this one may be this one, captured twice, and so may what did with the one before on its own capture.
 */
export function lookElsewhere(
  clocks: HostClocks,
  host: HostState,
  view: ConnectionView,
  { offset, err }: HostClock,
): Outlook {
  if (view.elsewhere === undefined) return alone;
  const isOver = view.ended || view.closed;
  const first = view.first + offset;
  const last = Math.max(view.first, view.last) + offset;
  const [before, beforeLast] = [view.aloneSince + offset, view.previousLast + offset];
  let { beganLater, hasElsewhereBefore, hasElsewhere, endedBefore, ownUntil } = alone;
  const beside: Going[] = [];
  for (const other of view.elsewhere.others) {
    const clock = clocks.at(host, other.capture, view.captureHost, other.first);
    const slack = err + clock.err;
    const [began, went] = [other.first + clock.offset, other.last + clock.offset];
    if (isOver && began - last > slack) {
      // Whoever asks allows for the error of this one's clock.
      beganLater = Math.min(beganLater, began - clock.err + err);
      continue;
    }
    beside.push({ from: began - slack, to: other.ended ? went + slack : Infinity });
    const isOneBefore = Math.abs(began - before) <= slack && isAsLong(went - began, beforeLast - before);
    const isThis = Math.abs(began - first) <= slack && mayBeOne(other, view, last - first);
    const isAnother = !isThis && !isOneBefore;
    hasElsewhere ||= isAnother;
    hasElsewhereBefore ||= isAnother && began - first <= slack;
    if (isAnother && went - first <= slack) {
      endedBefore = Math.max(endedBefore, other.ended ? went + clock.err : Infinity);
    }
    if (isOver && (!other.ended || went - last > slack)) ownUntil = last;
  }
  return { beganLater, hasElsewhereBefore, hasElsewhere, beside, endedBefore, ownUntil };
}

/** Whether two connections that began at one time may be one that was captured twice: of that each packet is captured twice, so both end together. */
function mayBeOne(other: Span, view: ConnectionView, lasted: Micros): boolean {
  const isOver = view.ended || view.closed;
  if (isOver !== other.ended) return false;
  if (!isOver) return true;
  return other.packets === packetsOf(view.connection) && isAsLong(other.last - other.first, lasted);
}

/** Whether two durations may be of the same packets. */
export function isAsLong(one: Micros, other: Micros): boolean {
  return Math.abs(one - other) <= SAME_TIME + SAME_PACE * one;
}

/** Of both ends. */
export function packetsOf({ orig_pkts: sent, resp_pkts: received }: Connection): number {
  return sent + received;
}
