import type { Micros } from '../core/time.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import { isAsLong, packetsOf } from './elsewhere.js';
import type { EndQuery } from './end-query.js';
import type { HostRows } from './reference-rows.js';

/* What the reference makes of the connections with the same endpoints before and after one. */

type Neighbours = Pick<
  EndQuery,
  | 'aloneSince'
  | 'previousLast'
  | 'aloneUntil'
  | 'nextFirst'
  | 'capturedSince'
  | 'hasElsewhereBefore'
  | 'hasElsewhere'
  | 'beside'
  | 'ownUntil'
>;

/** Bounds of a connection on its capture's clock. */
interface Bounds {
  readonly since: Micros;
  readonly previousLast: Micros;
  readonly until: Micros;
}

const unbounded: Bounds = { since: -Infinity, previousLast: -Infinity, until: Infinity };

/** In the clock of the host. */
export function neighboursOf(
  host: HostRows,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  { since, previousLast, until }: Bounds = unbounded,
): Neighbours {
  const { connection: c, capture } = update;
  const { offset, err } = clockOf(host, update);
  const pairs = all.filter(({ connection }) => isSamePair(connection, c));
  const same = pairs.filter((other) => other.capture === capture);
  const before = same
    .filter(({ connection }) => connection.ts < c.ts && (c.proto !== 'tcp' || isAnswered(connection)))
    .map(({ connection }) => lastOf(connection));
  const firsts = same.map(({ connection }) => connection.ts);
  const captured = all.filter((other) => other.capture === capture).map((other) => other.connection.ts);
  // Of another container with the same address is what surely began or ended at another time over another capture of the host.
  const elsewhere = pairs
    .filter((other) => isOfAnotherBridge(other, update))
    .map((other) => {
      const clock = clockOf(host, other);
      const [began, went] = [other.connection.ts + clock.offset, lastOf(other.connection) + clock.offset];
      return { began, went, packets: packetsOf(other.connection), err: clock.err, slack: err + clock.err };
    });
  const isLater = ({ began, slack }: (typeof elsewhere)[number]): boolean => began - (lastOf(c) + offset) > slack;
  const later = elsewhere.filter(isLater);
  const rest = elsewhere.filter((other) => !isLater(other));
  const outlasting = rest.filter(({ went, slack }) => went - (lastOf(c) + offset) > slack);
  const aloneSince = Math.max(since, ...firsts.filter((ts) => ts < c.ts)) + offset;
  const previousEnd = Math.max(previousLast, ...before) + offset;
  // What was captured twice is no other one, be it this one or the one before.
  const isOne = (other: (typeof elsewhere)[number], first: Micros, last: Micros): boolean =>
    Math.abs(other.began - first) <= other.slack && isAsLong(other.went - other.began, last - first);
  const isThis = (other: (typeof elsewhere)[number]): boolean =>
    isOne(other, c.ts + offset, lastOf(c) + offset) && other.packets === packetsOf(c);
  const others = rest.filter((other) => !isThis(other) && !isOne(other, aloneSince, previousEnd));
  const over = others
    .filter(({ went, slack }) => went - (c.ts + offset) <= slack)
    .map((other) => other.went + other.err);
  const nextFirst = Math.min(until, ...firsts.filter((ts) => ts > c.ts)) + offset;
  return {
    aloneSince,
    previousLast: Math.max(previousEnd, ...over),
    aloneUntil: Math.min(nextFirst, Math.min(Infinity, ...later.map(({ began, err: itsErr }) => began - itsErr)) + err),
    nextFirst,
    hasElsewhereBefore: others.some(({ began, slack }) => began - (c.ts + offset) <= slack),
    hasElsewhere: others.length > 0,
    beside: rest.map(({ began, went, slack }) => ({ from: began - slack, to: went + slack })),
    ownUntil: outlasting.length > 0 ? lastOf(c) + offset : Infinity,
    capturedSince: Math.min(...captured) + offset,
  };
}

/** The measured clock of the connection's time; before the first sample the first. */
export function clockOf(host: HostRows, update: ConnectionUpdate): { offset: Micros; err: Micros } {
  const samples = host.clocks
    .filter(({ capture }) => capture === update.capture)
    .sort((a, b) => a.from - b.from || b.err - a.err || a.offset - b.offset);
  const until = Math.max(update.connection.ts, samples[0]?.from ?? -Infinity);
  const held = samples.findLast(({ from }) => from <= until);
  if (held !== undefined) return held;
  return { offset: 0, err: update.captureHost === host.id ? 1_000 : 2_000_000 };
}

/** Somebody took the connection: there was an answer other than a refusal, or an acknowledgement of one that was not seen. */
export function isAnswered({ proto, conn_state: state, history = '', resp_pkts: packets }: Connection): boolean {
  if (proto === 'tcp') return state !== 'REJ' && (packets > 0 || /[AD]/.test(history));
  // What turned the direction was an answer that came first, though it counts for the originator.
  return packets > 0 || history.indexOf('^') > 0;
}

function isOfAnotherBridge(other: ConnectionUpdate, update: ConnectionUpdate): boolean {
  return (
    update.captureHost !== undefined && other.captureHost === update.captureHost && other.capture !== update.capture
  );
}

function lastOf({ ts, duration = 0 }: Connection): Micros {
  return ts + duration;
}

function isSamePair(a: Connection, b: Connection): boolean {
  const ends = (c: Connection): string =>
    [`${c['id.orig_h']} ${c['id.orig_p']}`, `${c['id.resp_h']} ${c['id.resp_p']}`].sort().join();
  return a.proto === b.proto && ends(a) === ends(b);
}
