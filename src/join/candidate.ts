import { isLoopback } from '../core/address.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { type ConnectionView, isOpening, mayBeAnswered } from './connection-view.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import {
  ACCEPT_LAG,
  type EndQuery,
  type Loss,
  type Match,
  type Matched,
  matchSocket,
  NEAR_LEAD,
  type Role,
} from './match.js';

/** A socket that can be that of an end. */
export interface Candidate {
  readonly host: HostState;
  readonly socket: HeldSocket;
  readonly match: Matched;
}

/** A host whose sockets were tried for an end. */
export interface Trial {
  readonly host: HostState;
  readonly clock: HostClock;
  readonly query: EndQuery;
  readonly candidates: Candidate[];
}

/** Told of every socket that was tried; only `explain` wants to know. */
export type Trace = (host: HostState, socket: HeldSocket, outcome: Matched | Loss) => void;

/** The end in the clock of a host. */
export function queryFor(view: ConnectionView, role: Role, protocol: number, clock: HostClock): EndQuery {
  const { connection } = view;
  const { localAddress, localPort, remoteAddress, remotePort } = view.ends[role];
  return {
    role,
    protocol,
    localAddress,
    localPort,
    remoteAddress,
    remotePort,
    first: view.first + clock.offset,
    last: view.last + clock.offset,
    isOver: view.ended || view.closed,
    err: clock.err,
    opening: isOpening(connection),
    answered: mayBeAnswered(view),
    aloneSince: view.aloneSince + clock.offset,
    aloneUntil: view.aloneUntil + clock.offset,
    capturedSince: view.capturedSince + clock.offset,
  };
}

/**
 * The hosts that can own an end, each with its sockets that can be that end's: full tuples over every host first, then what
 * the hosts that had the address at that time know with blanks. A loopback address means the capture's own host alone.
 */
export function tryHosts(
  states: HostStates,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  protocol: number,
  trace?: Trace,
): Trial[] {
  const { localAddress, localPort, remoteAddress, remotePort, key } = view.ends[role];
  const loopback = isLoopback(localAddress);
  const trials: Trial[] = [];
  const open = (host: HostState): Trial => {
    const known = trials.find((trial) => trial.host === host);
    if (known !== undefined) return known;
    const clock = clocks.at(host.id, view.capture, view.captureHost, view.first);
    const trial = { host, clock, query: queryFor(view, role, protocol, clock), candidates: [] };
    trials.push(trial);
    return trial;
  };
  const consider = (trial: Trial, sockets: readonly HeldSocket[], hasAddress = true): void => {
    for (const socket of sockets) {
      const found = matchSocket(trial.query, socket);
      // What does not name the address may be meant for another host that had it then.
      const match: Match = found.matched && !hasAddress ? { ...found, weight: 'possible' } : found;
      if (match.matched) trial.candidates.push({ host: trial.host, socket, match });
      trace?.(trial.host, socket, match.matched ? match : match.loss);
    }
  };

  const own = view.captureHost === undefined ? undefined : states.get(view.captureHost);
  const owners = loopback ? (own === undefined ? [] : [own]) : (states.everHad(localAddress) ?? []);
  for (const host of owners) {
    const clock = clocks.at(host.id, view.capture, view.captureHost, view.first);
    const first = view.first + clock.offset;
    const had = loopback ? 'surely' : host.addresses.had(localAddress, first - clock.err, first + clock.err);
    if (had === 'no') continue;
    const trial = open(host);
    const { query } = trial;
    consider(trial, host.boundTo(protocol, localPort), had === 'surely');
    const [from, to] = [query.first - query.err - NEAR_LEAD, query.last + query.err + ACCEPT_LAG];
    consider(trial, host.callsTo(protocol, remoteAddress, remotePort, from, to), had === 'surely');
  }
  const buckets = key === undefined ? undefined : states.withTuple(key);
  for (const bucket of buckets ?? []) {
    if (!loopback || bucket.host === own) consider(open(bucket.host), bucket.host.held(bucket));
  }
  return trials;
}
