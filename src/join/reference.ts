import { broadcastAddress, isGroupAddress, isLoopback, isUnspecified } from '../core/address.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import type { HostRow } from '../records/host-row.js';
import { ACCEPT_LAG, PASSED_ON, PEER_KNOWN, PROMPT } from './call-times.js';
import type { EndQuery, Role } from './end-query.js';
import { isKernels } from './kernel-traffic.js';
import { isAnswer, type Matched, matchSocket, ranks, shared } from './match.js';
import {
  addressesOf,
  type Had,
  hadAddress,
  hasSeveralSpaces,
  isInDoubt,
  isSharedAddress,
  isToldItsOwn,
  isUntabled,
  mayBeItsOwn,
  mayBeUntold,
  mayHaveLeft,
  ownSpace,
  tellsSpaces,
} from './reference-addresses.js';
import {
  type Answer,
  type Candidate,
  choose,
  combine,
  type Knowledge,
  nobody,
  type ReferenceEnd,
} from './reference-choice.js';
import { endpointsOf, hasTuple, isBetween, sentTo } from './reference-endpoints.js';
import { clockOf, isAnswered, neighboursOf } from './reference-neighbours.js';
import {
  answerTables,
  completeUntil,
  eventTables,
  type HostRows,
  hostsOf,
  isLost,
  isUnwatched,
  ownerTables,
  type Socket,
  socketsOf,
  socketTables,
  streamsOf,
} from './reference-rows.js';
import { type Delivered, delivered, type Elsewhere, type OwnCall, type OwnSockets } from './reference-translations.js';

type Inner = Extract<Delivered, { kind: 'inner' }>;

export interface ReferenceEnds {
  readonly orig: ReferenceEnd;
  readonly resp: ReferenceEnd;
}

/**
 * The join as a plain specification: what the last line of every connection must say about who owns its ends, from all rows
 * and all connections at once. No index, no eviction, no order of arrival; slow on purpose. It shares the matcher with the
 * join and nothing else, so that a test can hold the two against each other.
 *
 * Left to the join alone: what the process ran as, and who of several holders of one socket is the ancestor of the others.
 *
 * Gives the ends by uid.
 */
export function reference(updates: readonly ConnectionUpdate[], rows: readonly HostRow[]): Map<string, ReferenceEnds> {
  const hosts = hostsOf(rows);
  const sockets = new Map(hosts.map((host) => [host.id, socketsOf(host)]));
  const last = new Map<string, ConnectionUpdate>();
  for (const update of updates) last.set(update.connection.uid, update);
  const all = [...last.values()];
  const out = new Map<string, ReferenceEnds>();
  for (const update of all) {
    const end = (role: Role): ReferenceEnd => endOf(hosts, sockets, all, update, role);
    out.set(update.connection.uid, { orig: end('orig'), resp: end('resp') });
  }
  return out;
}

function endOf(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
): ReferenceEnd {
  const found = deliveredTo(hosts, sockets, all, update, role);
  if (found?.kind === 'unsure') return nobody('nat');
  const end = endAt(hosts, sockets, all, update, role, found);
  return found !== undefined && end.kind === 'nobody' && end.reason === 'no_agent' ? nobody('nat') : end;
}

function protocolOf({ connection: { proto, ip_proto } }: ConnectionUpdate): number {
  return proto === 'tcp' ? 6 : proto === 'udp' ? 17 : ip_proto;
}

function deliveredTo(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
): Delivered | undefined {
  const { captureHost } = update;
  const { ts, duration = 0 } = update.connection;
  const clock = (host: HostRows) => clockOf(host, update);
  const at = (host: HostRows) => {
    const { offset, err } = clock(host);
    return { from: ts + offset - err, to: ts + offset + err };
  };
  const had = (host: HostRows, address: string, space?: string): boolean => {
    const { from, to } = at(host);
    return hadAddress(host, sockets.get(host.id)!, address, from, to, space) !== 'no';
  };
  const site = hosts.find(({ id }) => id === captureHost);
  const elsewhere: Elsewhere = (host, { source, destination }) => {
    if (captureHost === undefined || captureHost === host.id) return 'no';
    const held = sockets.get(host.id)!;
    const own = ownSpace(host, held);
    const addresses = [source, destination].map((end) => end.split(' ')[0]!);
    const containers = addresses.filter((address) => had(host, address) && !had(host, address, own));
    if (site !== undefined && containers.some((address) => had(site, address))) return 'surely';
    return containers.some((address) => isInDoubt(host, held, address, at, site)) ? 'maybe' : 'no';
  };
  const protocol = protocolOf(update);
  const hasOwnCall: OwnCall = (host, way) => {
    const untouched: Inner = { kind: 'inner', host, way, since: -Infinity, previousLast: -Infinity, until: Infinity };
    const query = queryOf(host, all, update, role, protocol, untouched);
    return sockets.get(host.id)!.some((socket) => {
      const match = matchSocket(query, socket);
      return match.matched && match.rank === ranks.event;
    });
  };
  const ownSockets: OwnSockets = (host, { source, destination }) => {
    const ends = endpointsOf({ source: destination, destination: source });
    return sockets.get(host.id)!.filter((socket) => socket.protocol === protocol && isBetween(socket, ends));
  };
  const last = ts + duration;
  return delivered(hosts, protocol, sentTo(update, role), ts, last, clock, elsewhere, hasOwnCall, ownSockets);
}

/** Who has an end, at the endpoints that were captured or behind a translation. */
function endAt(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
  inner: Inner | undefined,
): ReferenceEnd {
  const { connection } = update;
  const captured = connection[role === 'orig' ? 'id.orig_h' : 'id.resp_h'];
  const local = inner === undefined ? captured : inner.way.destination.split(' ')[0]!;
  if (isUnspecified(local)) return nobody('not_local');
  if (role === 'resp' && (isGroupAddress(local) || isBroadcast(hosts, sockets, local))) return nobody('group');
  const protocol = protocolOf(update);
  const hasPorts = protocol === 6 || protocol === 17;
  const answers: Answer[] = [];
  let isTold = false;
  // An address that the host has where packets were captured, or that translates them, is that host's, whoever else has the same.
  const site = inner?.host ?? hosts.find(({ id }) => id === update.captureHost);
  const at = (host: HostRows) => {
    const { first, err } = queryOf(host, all, update, role, protocol, inner);
    return { from: first - err, to: first + err };
  };
  const isOwner = (host: HostRows): boolean => {
    const { from, to } = at(host);
    return hadAddress(host, sockets.get(host.id)!, local, from, to) !== 'no';
  };
  const owner = site !== undefined && !isLoopback(local) && isOwner(site) ? site : undefined;
  for (const host of owner === undefined ? hosts : [owner]) {
    const query = queryOf(host, all, update, role, protocol, inner);
    const held = sockets.get(host.id)!;
    if (isLoopback(local) && host.id !== update.captureHost) continue;
    const had = isLoopback(local)
      ? 'surely'
      : hadAddress(host, held, local, query.first - query.err, query.first + query.err);
    const place = inner?.host.id ?? update.captureHost;
    const isElsewhere = place !== undefined && place !== host.id;
    const isDoubted = isElsewhere && !isLoopback(local) && isInDoubt(host, held, local, at, site);
    // What a host calls at an address of its own does not leave it.
    const isAway = isElsewhere && !isLoopback(local);
    const isOwnPeer = isAway && mayBeItsOwn(hosts, sockets, host, query.remoteAddress, at);
    const isFullHome = isAway && isToldItsOwn(host, held, query.remoteAddress, at);
    const own = ownSpace(host, held);
    const hadIn = (space: string): Had =>
      hadAddress(host, held, local, query.first - query.err, query.first + query.err, space);
    // It names no namespace, and may be of a container where others listen at the endpoint and its process was not seen to before.
    const isUnnamed = ({ namespace }: Socket): boolean =>
      namespace === undefined && hasSeveralSpaces(held) && !tellsSpaces(host);
    const isAt = (space: string): Had =>
      isLoopback(local) ? (space === (own ?? space) ? 'maybe' : 'no') : hadIn(space);
    const anywhere = held.flatMap((one) => {
      const found = matchSocket(query, one);
      return found.matched && found.method === 'listening_port' ? [{ one, rank: found.rank }] : [];
    });
    const listeners = anywhere.filter(({ one }) => one.namespace === undefined || isAt(one.namespace) !== 'no');
    const mayBeContainers = (socket: Socket): boolean => {
      const { pid, openLo } = socket;
      if (!isUnnamed(socket)) return false;
      const isSure = (space: string): boolean => (isLoopback(local) ? space === own : hadIn(space) === 'surely');
      const its = anywhere.flatMap(({ one }) => (one.pid === pid ? (one.namespace ?? []) : []));
      if (new Set(its).size > 1) return true;
      const others = listeners.filter(({ one }) => one.pid !== pid);
      // Where another listens at fewer addresses, the endpoint is that one's.
      const isOwn = ({ one, rank }: (typeof listeners)[number]): boolean =>
        one.pid === pid &&
        one.openHi <= openLo &&
        one.namespace !== undefined &&
        isSure(one.namespace) &&
        others.every((other) => other.rank >= rank);
      return others.length > 0 && !listeners.some(isOwn);
    };
    // Where nobody listens on the host itself, its port may be passed on to a container, and both connections be one.
    const mayBeInside = (socket: Socket, address: string, other: ConnectionUpdate): boolean =>
      isUnnamed(socket) &&
      mayBeUntold(host, held, address, other.captureHost) &&
      (listeners.length > 0 || beganApart(host, update, other));
    const candidates = held.flatMap((socket): Candidate[] => {
      const isFull = socket.localPort !== undefined && socket.remotePort !== undefined;
      const match = matchSocket(query, socket);
      if (!match.matched || (!isFull && had === 'no')) return [];
      const space = socket.namespace;
      if (isLoopback(local) && space !== undefined && own !== undefined && space !== own) return [];
      const isPlaced = isLoopback(local) && space !== undefined && own !== undefined;
      const hadThere = isFull || isLoopback(local) || space === undefined ? had : hadIn(space);
      if (hadThere === 'no' && !isFull) return [];
      // What does not name the address may be meant for another host that had it then, or for another port of this one.
      const isContested =
        match.rank === ranks.call &&
        (isClaimedByAnother(hosts, sockets, host, socket, all, update, query, mayBeInside) || mayBeContainers(socket));
      // Bound at an address that containers have as well.
      const isOfAll = match.rank === ranks.wildcard || match.rank === ranks.dual;
      const isAnywhere = (isOfAll || (isLoopback(local) && match.rank === ranks.endpoint)) && isUnnamed(socket);
      const isUnplaced = isLoopback(local) && space !== undefined && own === undefined && hasSeveralSpaces(held);
      const isCallHome = isOwnPeer && socket.remotePort !== undefined;
      // Who took a datagram well after the first one may have the address only since; whoever took or sent one before, no longer.
      const isTaker = socket.source === 'accept';
      const isEarlier = socket.openHi < query.first - query.err - (isTaker ? 0 : PROMPT);
      const isLater = isTaker && socket.openHi > query.first + query.err + PROMPT;
      const isOfDatagram = match.rank === ranks.event && protocol !== 6 && !isLoopback(local);
      const isMoved = isLater || (isEarlier && mayHaveLeft(host, local, socket.openLo, query.first + query.err));
      const hadIt = space === undefined ? had : hadIn(space);
      // Of a peer that its socket knew by another address of the host the first datagram need not be told.
      const isOfKnown = (other: Socket): boolean =>
        other.isDatagram &&
        other.protocol === protocol &&
        other.localPort === query.localPort &&
        other.localAddress !== local &&
        other.remoteAddress === query.remoteAddress &&
        other.remotePort === query.remotePort &&
        (other.inode ?? socket.inode) === (socket.inode ?? other.inode) &&
        other.openLo <= socket.openHi &&
        other.openHi >= query.first - query.err - PEER_KNOWN;
      const isLate = isTaker && protocol !== 6 && socket.openLo > query.first + query.err + PROMPT;
      const mayHaveKnownPeer = isFull && isLate && held.some(isOfKnown);
      const isSurelyIts = isFull
        ? !isFullHome && !mayHaveKnownPeer && !(isOfDatagram && isMoved && hadIt !== 'surely')
        : hadThere === 'surely' && !isContested && !isCallHome;
      const isSure = !isDoubted && !isUnplaced && !isAnywhere && isSurelyIts;
      const found: Matched = isSure ? match : { ...match, weight: 'possible' };
      const isCall = inner !== undefined && match.rank === ranks.event;
      const isShared =
        !isPlaced && (isCall || isSharedAddress(host, held, local) || mayBeElsewhere(host, held, query, match));
      const isAnothers =
        isSharedAddress(host, held, local) && match.rank === ranks.event && mayBeTakenElsewhere(query, socket);
      const isUnsure = isAnothers && !isLoopback(local) && !isPlaced && !isCall;
      const weighed: Matched = isUnsure ? { ...found, weight: 'possible' } : found;
      return [{ host: host.id, socket, match: isShared ? shared(weighed) : weighed }];
    });
    // A full tuple on record makes the host a suspect even where its times do not fit.
    const isSuspect = had !== 'no' || held.some((socket) => hasTuple(socket, query));
    if (!isSuspect) continue;
    const tells =
      hasPorts || streamsOf(host, ['packet_sockets']).length * streamsOf(host, ['socket_events']).length > 0;
    isTold ||= candidates.length > 0 || (tells && streamsOf(host, socketTables).length > 0);
    answers.push(answerOf(host, query, candidates, connection));
  }
  if (answers.length === 0) return nobody('no_agent');
  if (!isTold) return nobody('unsupported_proto');
  const end = combine(answers);
  const isKernel = end.kind === 'nobody' && end.reason === 'no_socket_seen' && isKernels(connection, role);
  return isKernel ? nobody('kernel') : end;
}

/** Whether the socket may be of another connection with the same endpoints, behind another bridge of the host. */
function mayBeElsewhere(host: HostRows, held: readonly Socket[], query: EndQuery, { rank }: Matched): boolean {
  if (query.hasElsewhere !== true || (rank === ranks.poll && query.protocol === 6)) return false;
  return rank === ranks.event || isUntabled(host, held, query.localAddress);
}

/** Whether what was accepted, or who took datagrams or answered, may be of such a one. */
function mayBeTakenElsewhere(query: EndQuery, { source, openLo, openHi }: Socket): boolean {
  const { beside = [], protocol, capturedSince = -Infinity, first, err } = query;
  if (isAnswer(query, source)) return !query.answered;
  const lag = protocol === 6 ? 0 : ACCEPT_LAG;
  const isEarlier = protocol !== 6 && openHi < first - err;
  if (source !== 'accept') return false;
  if (isEarlier && openLo <= capturedSince + err) return true;
  return beside.some(({ from, to }) => isEarlier || (openHi >= from && openLo <= to + lag));
}

/** Whether some host is in a network that broadcasts to the address, and none has it. */
function isBroadcast(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  address: string,
): boolean {
  if (hosts.some((host) => addressesOf(host, sockets.get(host.id)!).has(address))) return false;
  return hosts.some(({ table }) =>
    table.some((row) => {
      if (row.table !== 'interface_addresses') return false;
      const { address: own = '', mask = '' } = row.columns;
      return !isLoopback(own) && broadcastAddress(own, mask) === address;
    }),
  );
}

/** Whether an accept that does not name its port may be of a connection from the same endpoint to another one of the host. */
function isClaimedByAnother(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  host: HostRows,
  socket: Socket,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  query: EndQuery,
  mayBeInside: (socket: Socket, address: string, other: ConnectionUpdate) => boolean,
): boolean {
  const { remoteAddress, remotePort, openLo, openHi } = socket;
  return all.some((other) => {
    const { connection: c, captureHost } = other;
    if (other === update || c.proto !== update.connection.proto || !isAnswered(c)) return false;
    const { offset, err } = clockOf(host, other);
    if (openLo > c.ts + (c.duration ?? 0) + offset + err || openHi < c.ts + offset - err) return false;
    const isOfHost = (address: string): boolean =>
      isLoopback(address)
        ? captureHost === host.id
        : hadAddress(host, sockets.get(host.id)!, address, c.ts + offset - err, c.ts + offset + err) !== 'no' ||
          mayBeInside(socket, address, other);
    const roles: readonly Role[] = mayBeFlipped(c) ? ['orig', 'resp'] : ['resp'];
    return roles.some((role) => {
      const found = deliveredTo(hosts, sockets, all, other, role);
      const way = found?.kind === 'inner' ? found.way : sentTo(other, role);
      const { local, localPort, remote, remotePort: port } = endpointsOf(way);
      const isSameEnd = local === query.localAddress && localPort === query.localPort;
      return !isSameEnd && remote === remoteAddress && port === remotePort && isOfHost(local);
    });
  });
}

/** Whether the first packets of both surely were not the same one, before and behind the host that passed it on. */
function beganApart(host: HostRows, a: ConnectionUpdate, b: ConnectionUpdate): boolean {
  const [one, two] = [clockOf(host, a), clockOf(host, b)];
  // Over one capture they are of one clock.
  const [ahead, slack] = a.capture === b.capture ? [0, 0] : [two.offset - one.offset, one.err + two.err];
  return Math.abs(b.connection.ts + ahead - a.connection.ts) > slack + PASSED_ON;
}

function mayBeFlipped({ proto, history = 'S' }: Connection): boolean {
  return proto === 'tcp' && !history.startsWith('S');
}

function queryOf(
  host: HostRows,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
  protocol: number,
  inner: Inner | undefined,
): EndQuery {
  const { connection: c } = update;
  const clock = clockOf(host, update);
  const { local, localPort, remote, remotePort } = endpointsOf(inner?.way ?? sentTo(update, role));
  return {
    role,
    protocol,
    localAddress: local,
    localPort,
    remoteAddress: remote,
    remotePort,
    first: c.ts + clock.offset,
    last: c.ts + (c.duration ?? 0) + clock.offset,
    err: clock.err,
    opening: c.proto === 'tcp' && (c.history === undefined || /[SsHh]/.test(c.history)),
    answered: isAnswered(c),
    isRefused: c.conn_state === 'REJ',
    isOver: true,
    ...neighboursOf(host, all, update, inner),
  };
}

function answerOf(host: HostRows, query: EndQuery, candidates: readonly Candidate[], connection: Connection): Answer {
  const { first, last, err, role } = query;
  const [firstLatest, lastLatest] = [first + err, Math.max(last, first) + err];
  const from = first - err - PROMPT;
  // A connect comes before the first packet; an accept may come as long as the connection lasts.
  const eventsUntil = completeUntil(host, eventTables);
  const socketsUntil = completeUntil(host, answerTables);
  const tellsOfCalls = streamsOf(host, ['socket_events']).length > 0;
  const callsUntil = tellsOfCalls && (role === 'resp' || mayBeFlipped(connection)) ? lastLatest : firstLatest;
  const known: Knowledge = {
    hasCalls: eventsUntil >= callsUntil,
    hasAll: Math.min(eventsUntil, socketsUntil) >= lastLatest,
    socketsUntil,
    areCallsLost: isLost(host, eventTables, from, callsUntil),
    areCallsLostUntil: (moment) => isLost(host, eventTables, from, moment),
    areCallsLostSince: (moment) => isLost(host, eventTables, moment, callsUntil),
    isAnyLost: isLost(host, ownerTables, from, lastLatest),
    isUnwatched: isUnwatched(host, from, lastLatest),
    areCallsUnwatched: (since = from, until = callsUntil) => isUnwatched(host, since, until),
    firstEarliest: first - err,
    firstLatest,
    lastLatest,
  };
  return choose(candidates, known);
}
