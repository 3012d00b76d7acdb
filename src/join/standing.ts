import { SECOND } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import { LINK } from '../hosts/state/row-store.js';
import { SocketRecord } from '../hosts/state/socket-record.js';
import type { End } from '../records/attributed-connection.js';
import { CONNECT_LEAD } from './call-times.js';
import { standingCaller } from './caller.js';
import type { Candidate } from './candidate.js';
import { type ConnectionView, endViewOf } from './connection-view.js';
import { alone } from './elsewhere.js';
import type { EndQuery, Role } from './end-query.js';
import { earliestMoment, latestMoment } from './end-record.js';
import { byEvidence } from './evaluation.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import { matchSocket, ranks } from './match.js';
import { OwnedEnd } from './owned-end.js';
import { ViewQuery } from './view-query.js';

/**
 * The short way to the owner of an end where polls tell of its socket alone, of a connection that is over: the connected socket is the only row of
 * its tuple, or there is none and a listener stands, or a socket of datagrams. Undefined: it does not apply, and `evaluateEnd` says what there is.
 *
 * It gives what `evaluateEnd` gives then, by these steps of it: the one host is tried that has had the address for good, and has told everything
 * of the time. A connected socket that is certain goes before whatever has a blank. Sockets at the port are taken where nothing else fits, nothing is missing,
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
): OwnedEnd | undefined {
  if (!(view.ended || view.closed) || view.isEvicted || view.elsewhere !== undefined) return undefined;
  const { tuple, captureHost } = view;
  const { protocol } = tuple;
  const { local, localPort, remote, remotePort, isForward } = endViewOf(view, role);
  if (local.soleHost < 0 || local.isLoopback || local.isGroup || local.isUnspecified || !hasPorts(protocol))
    return undefined;
  const { rows } = states;
  const handle = isForward ? tuple.forward : tuple.backward;
  if (handle !== 0 && (rows.word(handle, LINK) !== 0 || rows.host(handle) !== local.soleHost)) return undefined;
  // Both ends of it would be one.
  if (localPort === remotePort && local === remote) return undefined;
  const host = states.numbered(local.soleHost);
  if (captureHost !== undefined && captureHost !== host.id) return undefined;
  const clock = clocks.at(host, view.capture, captureHost, view.first);
  const query = new ViewQuery(view, role, protocol, clock, alone);
  if (query.first - query.err < local.soleSince * SECOND || !knowsAll(host, query)) return undefined;
  if (host.addresses.isShared(local.text) || host.knowsCallsTo(protocol, remote.text, remotePort)) return undefined;
  if (host.callsGone(protocol, local.text, localPort, remote.text, remotePort) !== undefined) return undefined;
  const bound = host.boundTo(protocol, localPort);
  const found =
    handle === 0 ? standing(host, query, bound) : connected(host, query, bound, new SocketRecord(rows, handle));
  return found && ownerOf(found, query, clock, before);
}

/** Whether the host has told everything of the time of the connection, and of the calls that may have begun it, and nothing is missing. */
function knowsAll(host: HostState, { first, last, err }: EndQuery): boolean {
  const { progress } = host;
  const { socketsUntil, eventsUntil } = progress;
  if (!progress.isWhole || Math.min(socketsUntil, eventsUntil) < Math.max(first, last) + err) return false;
  const since = first - err - CONNECT_LEAD;
  const { goneUntil, goneStoodUntil, translationsGoneUntil } = host;
  return progress.watchedSince <= since && Math.max(goneUntil, goneStoodUntil, translationsGoneUntil) < since;
}

/** The connected socket, where it is certain. */
function connected(
  host: HostState,
  query: EndQuery,
  bound: readonly HeldSocket[],
  record: SocketRecord,
): Candidate | undefined {
  if (record.isEvent) return undefined;
  const [socket] = host.held([record]);
  if (socket === undefined || !socket.hasOneRow) return undefined;
  const match = matchSocket(query, socket);
  if (!match.matched || match.weight !== 'certain' || match.rank !== ranks.poll) return undefined;
  const until = query.first + query.err;
  // What fits besides may have to be known later than all this.
  if (bound.some(({ openHi }) => openHi > until)) return undefined;
  return host.progress.socketsUntil >= socket.openHi ? { host, socket, match } : undefined;
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
  const owned = new OwnedEnd(
    match.method,
    host.shown,
    clock.measured ? clock.shown : undefined,
    process,
    uid === undefined ? undefined : host.user(uid),
    caller.container,
    [],
    rows,
    handle,
    rows.stamp(handle),
    caller.image,
  );
  if (before instanceof OwnedEnd && owned.isOf(before)) return before;
  return owned;
}
