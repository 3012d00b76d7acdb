import { SECOND } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import { LINK, type RowStore } from '../hosts/state/row-store.js';
import { SocketRecord } from '../hosts/state/socket-record.js';
import type { End } from '../records/attributed-connection.js';
import { CONNECT_LEAD } from './call-times.js';
import { standingCaller } from './caller.js';
import type { Candidate } from './candidate.js';
import { type ConnectionView, endViewOf } from './connection-view.js';
import { alone } from './elsewhere.js';
import type { EndQuery, Role } from './end-query.js';
import { earliestMoment, latestMoment, unattributed } from './end-record.js';
import { byEvidence, type Evaluation, type Need } from './evaluation.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import { matchSocket, ranks } from './match.js';
import { OwnedEnd } from './owned-end.js';
import { ViewQuery } from './view-query.js';

const nothing: readonly Need[] = [];
/** Rows of a tuple with more are rare: a socket comes and goes. */
const FEW = 2;

/**
 * The short way to the owner of an end of which no call tells: all rows of its tuple are of one connected socket that polls saw, or there is none and
 * listeners stand, sockets of datagrams or nothing. Undefined: it does not apply, and `evaluateEnd` says what there is.
 *
 * It gives what `evaluateEnd` gives then, by these steps of it: the one host is tried that has had the address for good, and has told everything
 * of the time, but for a connected socket where no calls are told: there what else is to come only completes the answer. A connected socket that is certain goes before whatever has a blank. Sockets at the port are taken where nothing else fits, nothing is missing,
 * all are certain and the best of one process. Who had the pid is looked up once for as long as nothing happens to it, so that the first packet and the error of the
 * clock about it make no difference. What is left out here as rare is a matter of these steps, not of chance: places that may be another host's,
 * calls that name the peer alone, losses, silence, sockets that have gone.
 *
 * `before` is what was found before, which is returned where it is the same.
 */
export function decideStanding(
  states: Pick<HostStates, 'rows' | 'numbered'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  before: End | undefined,
): Evaluation | undefined {
  const side = endViewOf(view, role);
  const { local } = side;
  if (local.soleHost < 0 || view.isEvicted || view.elsewhere !== undefined) return undefined;
  const { localPort, remote, remotePort, isForward } = side;
  const { tuple, captureHost } = view;
  const { protocol } = tuple;
  if (local.isLoopback || local.isGroup || local.isUnspecified || !hasPorts(protocol)) return undefined;
  const { rows } = states;
  const handle = isForward ? tuple.forward : tuple.backward;
  const count = rowsOf(rows, handle, local.soleHost);
  if (count < 0) return undefined;
  // Both ends of it would be one.
  if (localPort === remotePort && local === remote) return undefined;
  const host = states.numbered(local.soleHost);
  if (captureHost !== undefined && captureHost !== host.id) return undefined;
  const clock = clocks.at(host, view.capture, captureHost, view.first);
  const query = new ViewQuery(view, role, protocol, clock, alone);
  const { progress } = host;
  if (!progress.hasSocketStream || isAnyGone(host, query)) return undefined;
  if (query.first - query.err < local.soleSince * SECOND) return undefined;
  const last = Math.max(query.first, query.last) + query.err;
  const hasAll = query.isOver === true && Math.min(progress.socketsUntil, progress.eventsUntil) >= last;
  // Of a connected socket more than that is only awaited.
  if (!hasAll && (handle === 0 || progress.eventsUntil !== Infinity)) return undefined;
  if (host.addresses.isShared(local.text) || host.knowsCallsTo(protocol, remote.text, remotePort)) return undefined;
  if (host.callsGone(protocol, local.text, localPort, remote.text, remotePort) !== undefined) return undefined;
  const bound = host.boundTo(protocol, localPort);
  const isLast = hasAll && !view.closed && !host.hasRemovals(protocol, localPort);
  const since = query.first - query.err - CONNECT_LEAD;
  if (handle === 0 && bound.length === 0) {
    const found = nobody(host, query, view, before);
    return found && isLast ? { ...found, upheld: { pid: undefined, since } } : found;
  }
  const records = recordsOf(rows, handle, count);
  const found = handle === 0 ? standing(host, query, bound) : connected(host, query, bound, records);
  const end = found && ownerOf(found, query, clock, before);
  if (end === undefined) return undefined;
  const needs = hasAll || query.isOver !== true || view.closed ? nothing : [{ host: host.number, sockets: last }];
  const { socket } = found!;
  const isUpheld = isLast && needs === nothing && isToldWhole(records, socket);
  const upheld = isUpheld ? { pid: socket.pid, since: Math.min(since, latestMoment(socket, query.first)) } : undefined;
  return { end, settled: view.closed, lacksDetails: false, needs, ...(upheld && { upheld }) };
}

/** No poll that is still to be told of makes another socket of these rows of a tuple. */
function isToldWhole(records: readonly SocketRecord[], socket: HeldSocket): boolean {
  return !records.some(({ isRemoved }) => isRemoved) || (records.length === 2 && !socket.hasOneRow);
}

/** How many rows a tuple has, all of this host; -1: there are more, or of another one. */
function rowsOf(rows: RowStore, handle: number, host: number): number {
  let count = 0;
  for (let at = handle; at !== 0; at = rows.word(at, LINK)) {
    if (++count > FEW || rows.host(at) !== host) return -1;
  }
  return count;
}

/** In the order in which they are kept, which is that of time as a rule. */
function recordsOf(rows: RowStore, latest: number, count: number): SocketRecord[] {
  const records = new Array<SocketRecord>(count);
  for (let at = count - 1, handle = latest; at >= 0; at--, handle = rows.word(handle, LINK)) {
    records[at] = new SocketRecord(rows, handle);
  }
  return records;
}

/** Whether anything is missing of the time of the connection, or of the calls that may have begun it, or a later run of the watcher told of it. */
function isAnyGone(host: HostState, { first, err }: EndQuery): boolean {
  const since = first - err - CONNECT_LEAD;
  const { goneUntil, goneStoodUntil, translationsGoneUntil } = host;
  if (host.progress.wholeAfter >= since) return true;
  return host.progress.watchedSince > since || Math.max(goneUntil, goneStoodUntil, translationsGoneUntil) >= since;
}

/** No socket is known that may be the end's. */
function nobody(host: HostState, query: EndQuery, view: ConnectionView, before: End | undefined) {
  const { first, err, protocol, localAddress, localPort } = query;
  if (host.mayMissBinds(protocol, localPort, first - err, first + err)) return undefined;
  if (host.progress.detailsUntil < first + err || !host.packetSockets.isEmpty) return undefined;
  // It may be a container's.
  if (view.captureHost !== undefined && host.addresses.isUntabled(localAddress)) return undefined;
  const isSame = before?.state === 'unattributed' && before.reason === 'no_socket_seen' && before.host?.id === host.id;
  const end = isSame && before.nat === undefined && before.packet_sockets === undefined ? before : noneOf(host);
  return { end, settled: view.closed, lacksDetails: false, needs: nothing };
}

const noneOf = (host: HostState): End => unattributed('no_socket_seen', host);

/** The connected socket, where it is certain. */
function connected(
  host: HostState,
  query: EndQuery,
  bound: readonly HeldSocket[],
  records: readonly SocketRecord[],
): Candidate | undefined {
  if (records.some(({ isEvent }) => isEvent)) return undefined;
  const [socket, another] = host.held(records);
  if (socket === undefined || another !== undefined) return undefined;
  const match = matchSocket(query, socket);
  if (!match.matched || match.weight !== 'certain' || match.rank !== ranks.poll) return undefined;
  const until = query.first + query.err;
  // What fits besides may have to be known later than all this.
  if (bound.some((other) => latestMoment(other, query.first) > until)) return undefined;
  return host.progress.socketsUntil >= Math.max(socket.openHi, until) ? { host, socket, match } : undefined;
}

/** The best of the sockets at the port, where all that fit are certain and it has no rival. */
function standing(host: HostState, query: EndQuery, bound: readonly HeldSocket[]): Candidate | undefined {
  const { first, err, protocol, localAddress, localPort } = query;
  if (bound.length === 0 || host.mayMissBinds(protocol, localPort, first - err, first + err)) return undefined;
  const { addresses } = host;
  let best: Candidate | undefined;
  let hasRival = false;
  for (const socket of bound) {
    const match = matchSocket(query, socket);
    if (!match.matched) continue;
    const { namespace } = socket;
    if (namespace === undefined ? addresses.hasSeveralNamespaces : match.weight === 'certain') {
      const had = namespace && addresses.had(localAddress, first - err, first + err, namespace);
      if (had === 'no') continue;
      if (had !== 'surely') return undefined;
    }
    if (match.weight !== 'certain' || socket.isCall || !socket.hasOneRow) return undefined;
    const one = { host, socket, match };
    if (best === undefined) best = one;
    else {
      if (match.rank !== best.match.rank) hasRival &&= match.rank > best.match.rank;
      else hasRival ||= socket.pid !== best.socket.pid;
      if (byEvidence(one, best) < 0) best = one;
    }
  }
  return hasRival ? undefined : best;
}

function ownerOf(
  { host, socket, match }: Candidate,
  { first, err }: EndQuery,
  clock: HostClock,
  before: End | undefined,
): OwnedEnd | undefined {
  const moment = latestMoment(socket, first);
  if (earliestMoment(socket, first) !== moment) return undefined;
  const [lo, hi] = [Math.min(first - err, moment), Math.max(first + err, moment)];
  if (host.progress.detailsUntil < hi) return undefined;
  const caller = standingCaller(host, socket.pid, moment, lo, hi);
  if (caller === undefined) return undefined;
  const { process, uid } = caller;
  // A poll had seen the socket in the hands of its pid before.
  if (process.start !== undefined && process.start > socket.openHi) return undefined;
  const { rows, handle } = socket.record;
  const others = socket.hasOneRow ? undefined : socket.records.slice(1);
  const owned = new OwnedEnd(
    match.method,
    host.shownAt(socket.record.boot, socket.record.lo),
    clock.measured ? clock.shown : undefined,
    process,
    uid === undefined ? undefined : host.user(uid),
    caller.container,
    [],
    rows,
    handle,
    rows.stamp(handle),
    caller.image,
    others?.flatMap((other) => [other.handle, rows.stamp(other.handle)]),
  );
  if (before instanceof OwnedEnd && owned.isOf(before)) return before;
  return owned;
}
