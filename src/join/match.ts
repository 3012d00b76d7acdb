import { isUnspecified } from '../core/address.js';
import type { Micros } from '../core/time.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import {
  placeOfSource,
  type SocketInterval,
  type SocketSource,
  socketSources,
} from '../hosts/state/socket-interval.js';
import type { Method } from '../records/attributed-connection.js';
import { ACCEPT_LAG, CONNECT_LEAD, NEAR_LEAD, PROMPT } from './call-times.js';
import type { EndQuery, Role } from './end-query.js';
import { type Loss, losses } from './loss.js';

/**
 * From here on systems choose ports of sockets that did not ask for one (Linux from 32,768, others from 49,152), at random: while datagrams
 * go to a peer from one of these, it passes to no other process.
 */
const FIRST_EPHEMERAL = 32_768;

type Endpoint = 'exact' | 'wildcard' | 'dual' | 'absent';
type Timing = 'call' | 'near' | 'accept' | 'sighting' | 'attempt' | 'standing';

/** One row of the table: evidence of these sources and endpoints has this method and rank for these ends. */
interface Rule {
  readonly method: Method;
  /** 0 is best. */
  readonly rank: number;
  readonly roles: readonly Role[];
  readonly kinds: readonly Kind[];
  readonly sources: readonly SocketSource[];
  readonly local: Endpoint;
  readonly remote: 'exact' | 'absent';
  readonly timing: Timing;
}

/** What the rules tell apart. `other` protocols have no ports, which are 0 at both ends. */
type Kind = 'tcp' | 'udp' | 'icmp' | 'other';
const tcp: readonly Kind[] = ['tcp'];
const udp: readonly Kind[] = ['udp'];
const both: readonly Kind[] = ['tcp', 'udp'];
const ported: readonly Kind[] = ['tcp', 'udp', 'icmp'];
const all: readonly Kind[] = ['tcp', 'udp', 'icmp', 'other'];
/** The kernel takes ICMP, whoever listens to it too. */
const taken: readonly Kind[] = ['tcp', 'udp', 'other'];
const either: readonly Role[] = ['orig', 'resp'];
const listeners: readonly SocketSource[] = ['listen', 'listening', 'bind', 'open'];
const bound: readonly SocketSource[] = ['bind', 'open', 'listening'];

/** Ranks, best first. `call` is an accept of which only the remote end is known, `near` such a connect. */
export const ranks = { event: 0, poll: 1, call: 2, endpoint: 3, wildcard: 4, dual: 5, near: 6 } as const;

const rules: readonly Rule[] = [
  rule('socket_event', ranks.event, either, ported, ['connect'], 'exact', 'exact', 'call'),
  rule('socket_event', ranks.event, ['orig'], ['other'], ['connect'], 'exact', 'exact', 'call'),
  rule('socket_event', ranks.event, ['resp'], ['other'], ['connect'], 'exact', 'exact', 'accept'),
  rule('accept_event', ranks.event, either, all, ['accept'], 'exact', 'exact', 'accept'),
  rule('open_socket', ranks.poll, either, both, ['open', 'listening'], 'exact', 'exact', 'sighting'),
  rule('open_socket', ranks.poll, either, tcp, ['connecting'], 'exact', 'exact', 'attempt'),
  rule('accept_event', ranks.call, ['resp'], both, ['accept'], 'absent', 'exact', 'accept'),
  rule('local_endpoint', ranks.endpoint, ['orig'], tcp, ['bind'], 'exact', 'absent', 'standing'),
  rule('local_endpoint', ranks.endpoint, ['orig'], udp, bound, 'exact', 'absent', 'standing'),
  rule('local_endpoint', ranks.wildcard, ['orig'], udp, bound, 'wildcard', 'absent', 'standing'),
  rule('local_endpoint', ranks.dual, ['orig'], udp, bound, 'dual', 'absent', 'standing'),
  rule('connect_event', ranks.near, ['orig'], both, ['connect'], 'absent', 'exact', 'near'),
  rule('listening_port', ranks.endpoint, ['resp'], taken, listeners, 'exact', 'absent', 'standing'),
  rule('listening_port', ranks.wildcard, ['resp'], taken, listeners, 'wildcard', 'absent', 'standing'),
  rule('listening_port', ranks.dual, ['resp'], taken, listeners, 'dual', 'absent', 'standing'),
];

function rule(
  method: Method,
  rank: number,
  roles: readonly Role[],
  kinds: readonly Kind[],
  sources: readonly SocketSource[],
  local: Endpoint,
  remote: 'exact' | 'absent',
  timing: Timing,
): Rule {
  return { method, rank, roles, kinds, sources, local, remote, timing };
}

interface Case extends Rule {
  readonly fit: (query: EndQuery, socket: SocketInterval) => Fit;
  readonly certain: Matched;
  readonly sole: Matched;
}

/** Every case of the rules worked out, since they are asked for every socket that is tried. */
const table: (Case | undefined)[] = [];
const places = {
  kind: { tcp: 0, udp: 1, icmp: 2, other: 3 },
  local: { exact: 0, wildcard: 1, dual: 2, absent: 3 },
} as const;

/** `kind` and `local` are places. */
function ruleIndex(role: Role, kind: number, source: SocketSource, local: number, remote: Rule['remote']): number {
  const ends = 2 * local + (remote === 'exact' ? 1 : 0);
  return ((kind * 2 + (role === 'orig' ? 0 : 1)) * socketSources.length + placeOfSource(source)) * 8 + ends;
}

/**
 * How far the times alone go. certain: no other socket of these endpoints can be meant. sole: it is enough to be the only
 * one, once every call up to the connection is known. possible: it is not enough even then, since a poll misses sockets.
 */
export type Weight = 'certain' | 'sole' | 'possible';

export interface Matched {
  readonly matched: true;
  readonly method: Method;
  /** 0 is best; see `ranks`. */
  readonly rank: number;
  readonly weight: Weight;
  /**
   * A `possible` one becomes better once `aloneUntil` reaches this moment and no other connection came; Infinity: once all is known.
   */
  readonly settles?: Micros;
  /** It may be the call of the next connection with these endpoints, or of one that is not known yet. */
  readonly mayBeNext?: true;
}

export interface Unmatched {
  readonly matched: false;
  readonly loss: Loss;
}

export type Match = Matched | Unmatched;

const unmatched = Object.fromEntries(
  Object.keys(losses).map((loss) => [loss, Object.freeze({ matched: false, loss })]),
) as Record<Loss, Unmatched>;

/** Whether a socket can be that of an end, and how good this evidence is. Pure; the only place where it is decided. */
export function matchSocket(query: EndQuery, socket: SocketInterval): Match {
  if (socket.protocol !== query.protocol) return unmatched.other_protocol;
  const local = localEndpoint(query, socket);
  if (local === undefined) return unmatched.other_local_endpoint;
  const remote = remoteEndpoint(query, socket);
  if (remote === undefined) return unmatched.other_remote_endpoint;
  if (isSelf(query) && query.role === 'resp' && remote === 'exact') return unmatched.not_for_this_end;
  const index = ruleIndex(query.role, kindOf(query.protocol), socket.source, places.local[local], remote);
  return outcome(table[index], query, socket);
}

function outcome(found: Case | undefined, query: EndQuery, socket: SocketInterval): Match {
  if (found === undefined) return unmatched.not_for_this_end;
  const fit = found.fit(query, socket);
  if (typeof fit === 'string') return unmatched[fit];
  if (fit === certain) return found.certain;
  if (fit === sole) return found.sole;
  return { matched: true, method: found.method, rank: found.rank, ...fit };
}

/**
 * Evidence about an address that several network namespaces of the host have: a call of the full tuple is of this connection when no other
 * call is. All else may be about the socket of another namespace than that whose packets were captured.
 */
export function shared(match: Matched): Matched {
  if (match.rank !== ranks.event) return match.weight === 'possible' ? match : { ...match, weight: 'possible' };
  return match.weight === 'certain' ? { ...match, weight: 'sole' } : match;
}

/** As matchSocket, of a call of the end's own full tuple, which is not one and the same endpoint twice. */
export function matchCall(query: EndQuery, call: SocketInterval): Match {
  return outcome(
    table[ruleIndex(query.role, kindOf(query.protocol), call.source, places.local.exact, 'exact')],
    query,
    call,
  );
}

/** Whether it tells of a sending without ports from the responding end, which is an answer. */
export function isAnswer({ role, protocol }: Pick<EndQuery, 'role' | 'protocol'>, source: SocketSource): boolean {
  return role === 'resp' && source === 'connect' && kindOf(protocol) === places.kind.other;
}

/** Both ends are one and the same, as of packets without ports that a host sends to itself: the sender is the originating one. */
function isSelf({ localAddress, localPort, remoteAddress, remotePort }: EndQuery): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}

/** Its place among the kinds. */
function kindOf(protocol: number): number {
  switch (protocol) {
    case 6:
      return places.kind.tcp;
    case 17:
      return places.kind.udp;
    case 1:
    case 58:
      return places.kind.icmp;
    default:
      return places.kind.other;
  }
}

/** How the socket's local endpoint stands to the end's; undefined: it is another. */
function localEndpoint(query: EndQuery, socket: SocketInterval): Endpoint | undefined {
  const { localAddress: address, localPort: port } = socket;
  if (port === undefined)
    return address === undefined || isUnspecified(address) || address === query.localAddress ? 'absent' : undefined;
  if (port !== query.localPort) return undefined;
  if (address === query.localAddress) return 'exact';
  if (address !== undefined && !isUnspecified(address)) return undefined;
  const isIpv6 = query.localAddress.includes(':');
  if (address === undefined)
    return socket.family === undefined || (socket.family === 10) === isIpv6 ? 'wildcard' : 'dual';
  if (address === '::') return isIpv6 ? 'wildcard' : socket.family === 2 ? undefined : 'dual';
  return isIpv6 ? undefined : socket.family === 10 ? 'dual' : 'wildcard';
}

function remoteEndpoint(query: EndQuery, socket: SocketInterval): 'exact' | 'absent' | undefined {
  const { remoteAddress: address, remotePort: port } = socket;
  if (port === undefined && (address === undefined || isUnspecified(address))) return 'absent';
  return address === query.remoteAddress && port === query.remotePort ? 'exact' : undefined;
}

type Fit = Loss | Pick<Matched, 'weight' | 'settles' | 'mayBeNext'>;

const certain = Object.freeze({ weight: 'certain' });
const certainOrNext = Object.freeze({ weight: 'certain', mayBeNext: true });
const sole = Object.freeze({ weight: 'sole' });
const soleOrNext = Object.freeze({ weight: 'sole', mayBeNext: true });
const possible = Object.freeze({ weight: 'possible' });

const timings: Record<Timing, (query: EndQuery, socket: SocketInterval) => Fit> = {
  call: (query, socket) => fitCall(query, socket, CONNECT_LEAD),
  near: (query, socket) => {
    const fit = fitCall(query, socket, NEAR_LEAD, true, -Infinity);
    // Datagrams also leave through sockets that never call connect, and not every source tells of each sending. The connect of a connection
    // whose beginning was not captured was made at any time before.
    if (typeof fit === 'string') return fit;
    if (!query.opening) return possible;
    return fit.mayBeNext ? soleOrNext : sole;
  },
  accept: fitAccept,
  attempt: fitAttempt,
  sighting: (query, socket) => (query.protocol === 6 ? fitSighting(query, socket) : fitStanding(query, socket)),
  standing: (query, socket) => {
    const isTcp = query.protocol === 6;
    if (isTcp && query.role === 'resp' && !query.answered) return 'not_answered';
    const fit = fitStanding(query, socket);
    // The port of a bound TCP socket may have passed on to a connect of its own unless it was surely still bound.
    return isTcp && query.role === 'orig' && fit !== certain ? 'closed_before' : fit;
  },
};

for (const one of rules) {
  const of = (weight: Weight): Matched => Object.freeze({ matched: true, method: one.method, rank: one.rank, weight });
  const entry = { ...one, fit: timings[one.timing], certain: of('certain'), sole: of('sole') };
  for (const role of one.roles) {
    for (const kind of one.kinds) {
      for (const source of one.sources) {
        table[ruleIndex(role, places.kind[kind], source, places.local[one.local], one.remote)] ??= entry;
      }
    }
  }
}

/** connect comes before the first packet; between it and the packet there is no other connection with these endpoints. */
function fitCall(
  query: EndQuery,
  socket: SocketInterval,
  lead: Micros,
  opening = query.opening,
  aloneSince = query.aloneSince,
): Fit {
  const { first, err, aloneUntil, capturedSince = -Infinity, mayHaveEarlier = false } = query;
  if (socket.openLo > first + err) return 'opened_after';
  if (socket.closeHi < first - err) return 'closed_before';
  if (opening) {
    if (socket.openHi <= aloneSince - err) return 'other_connection';
    if (socket.openHi < first - err - lead) return 'opened_too_early';
    if (beganBefore(socket, query, aloneSince)) {
      // Where the next one began as near, its call fits too, and would be all that is left, though the first packet may only have been held up.
      return aloneUntil < first + 2 * err ? { weight: 'possible', settles: first + 2 * err } : 'other_connection';
    }
  } else if (socket.closeLo < first - err) return possible;
  if (socket.openHi < first - err - PROMPT) return sole;
  if (socket.openHi > first - err && socket.openHi + err > aloneUntil) {
    // The socket of one that began unseen may be of any time before, so no row need tell of it.
    return opening || query.protocol !== 6 ? soleOrNext : { weight: 'possible', settles: socket.openHi + err };
  }
  const isNext = opening && socket.openHi > first - err && mayBeginNext(socket, query);
  if (mayHaveEarlier) return isNext ? soleOrNext : sole;
  // A datagram that may have left after the first may be another sender's of the same connection.
  if (query.protocol !== 6 && socket.openHi > first - err) return sole;
  const since = Math.max(aloneSince, capturedSince);
  if (since !== -Infinity && socket.openLo <= since + err) return isNext ? soleOrNext : sole;
  return isNext ? certainOrNext : certain;
}

/** Whether the connection after may be what the call began: its socket stood then, and the first packet may be held up for as long as any. */
function mayBeginNext({ openHi, closeHi }: SocketInterval, { err, nextFirst }: EndQuery): boolean {
  return openHi + err + CONNECT_LEAD > nextFirst && closeHi >= nextFirst - err;
}

/**
 * Whether the connection before is what this call began: its first packet came promptly, this one's did not, and a call begins one connection.
 * Asked only where the clock is known well enough to tell.
 */
function beganBefore(
  { openLo, openHi, closeLo }: SocketInterval,
  { first, err }: EndQuery,
  aloneSince: Micros,
): boolean {
  if (err > PROMPT || openHi >= first - err - PROMPT) return false;
  // As long as the socket stands no other has its endpoints, whatever became of the connection before.
  if (closeLo > first + err) return false;
  return openLo - err <= aloneSince && aloneSince <= openHi + err + PROMPT;
}

/** accept, or the receiving of a datagram, comes after the first packet and before the next connection with these endpoints. */
function fitAccept(query: EndQuery, socket: SocketInterval): Fit {
  const { first, last, err, aloneUntil, hasElsewhereBefore } = query;
  const isTcp = query.protocol === 6;
  // A datagram is received whether it is answered or not.
  if (isTcp && !query.answered) return 'not_answered';
  // Whoever accepts still closes, which sends a packet. Whoever receives sends none.
  if (socket.openLo > last + err + (isTcp && query.isOver ? 0 : ACCEPT_LAG)) return 'opened_after';
  if (socket.closeHi < first - err) return 'closed_before';
  if (isTcp && query.opening && socket.openHi < first - err) return 'opened_too_early';
  // Whoever took datagrams of the peer before may not get these where the socket is told to have closed before they need have been read, or may have, rows being lost.
  const stood = socket.isDatagram === true ? socket.closeLo : socket.closeHi;
  if (!isTcp && socket.openHi < first - err && stood < first + err + PROMPT) return possible;
  if (socket.openLo >= aloneUntil + err && aloneUntil > last) return 'other_connection';
  if (socket.openHi + err > aloneUntil) return { weight: 'possible', settles: socket.openHi + err };
  const isAfter = (!hasElsewhereBefore && isAlone(query, socket.openLo - err)) || socket.openLo >= first + err;
  // It may be of an earlier one, which is known when that is over.
  if (!isAfter && query.mayHaveEarlier) return { weight: 'possible', settles: Infinity };
  // This one may have been accepted long before it was captured, and the peer have used its port to other ends of the host as well.
  if (isTcp && !query.opening && socket.localPort === undefined) return possible;
  // Nobody need have accepted this one, so an accept that may be of the one before is not enough.
  if (!isAfter && socket.openLo <= (query.previousLast ?? -Infinity) + err) return possible;
  // Who took it some time since it arrived may not be the one that did, unless no other process is told of too.
  return isAfter && (isTcp || isExact(socket)) && query.localPort === socket.localPort ? certain : sole;
}

/** Whether a call is known to be of its process: of a datagram that was taken some time since it arrived it is not. */
export function isExact({ openLo, openHi, resolution }: SocketInterval): boolean {
  return openHi - openLo < Math.max(resolution, 1);
}

/** Whether what happened after `moment` cannot be an earlier connection's with these endpoints. */
function isAlone(query: EndQuery, moment: Micros): boolean {
  const { aloneSince, capturedSince = -Infinity, mayHaveEarlier = false } = query;
  if (mayHaveEarlier) return false;
  return aloneSince === -Infinity && (capturedSince === -Infinity || moment > capturedSince);
}

/** A connected TCP socket that was seen belongs to the latest connection with its endpoints that began before. */
function fitSighting(query: EndQuery, socket: SocketInterval): Fit {
  const { first, last, err, aloneUntil, hasElsewhereBefore, ownUntil = Infinity } = query;
  const isTaken = query.role === 'resp' && socket.source === 'open';
  if (isTaken && !query.answered) return 'not_answered';
  if (socket.closeHi < first - err) return 'closed_before';
  if (socket.openLo >= aloneUntil + err && aloneUntil > last) return 'other_connection';
  // What is accepted after the last packet so far is still to send one when it closes; of one that goes on only the first may be known.
  const mayBeAccepted = isTaken && query.isOver !== true;
  if (socket.openLo > last + err + (mayBeAccepted ? ACCEPT_LAG : 0)) return 'opened_after';
  if (query.opening && socket.openHi < first - err - CONNECT_LEAD) return 'opened_too_early';
  const from = !hasElsewhereBefore && isAlone(query, first - 2 * err) ? first - err : first + err;
  const seen = firstSightingAfter(socket, from, hasElsewhereBefore);
  if (seen === undefined) return possible;
  return seen + err <= Math.min(aloneUntil, ownUntil) ? certain : { weight: 'possible', settles: seen + err };
}

/**
 * A TCP socket that nobody had answered when it was seen, so of no connection that was answered or refused before. Where somebody answers, or may yet, only one that surely came with the first packet
 * is enough: another may be a socket whose packets never came that far, as where a translation of its host has the endpoints. One that was
 * refused has also one that was surely seen before that: what was seen since may be the next, whose first packet is held up.
 */
function fitAttempt(query: EndQuery, socket: SocketInterval): Fit {
  const fit = fitSighting(query, socket);
  const { first, last, answered, isRefused, isOver, err } = query;
  if (typeof fit === 'string' || !(answered || isRefused)) return fit;
  if (isOver && socket.closeLo > last + err) return 'other_connection';
  const isPrompt = socket.openLo - err >= first - PROMPT && socket.openHi + err <= first + PROMPT;
  return isPrompt || (!answered && socket.openHi + err <= last) ? fit : possible;
}

/**
 * The latest moment at which the socket was surely first seen at or after `from`; undefined: it may not have been. `byPoll`: a poll looked
 * then, and would have seen another one of these endpoints too.
 */
function firstSightingAfter(socket: SocketInterval, from: Micros, byPoll = false): Micros | undefined {
  const slack = Math.max(socket.resolution, 1) - 1;
  if (socket.openHi - slack >= from) return socket.openHi;
  // What stood between two polls may be another's all along.
  if (byPoll) return undefined;
  // Nothing but the one sighting is known of a socket that may have closed as that ended: it was seen some time in the second.
  if (slack > 0 && socket.closeLo === socket.openHi) return undefined;
  const between = Math.max(socket.openHi, from);
  return between <= socket.closeLo ? between : undefined;
}

/** A listener, or a bound or connected UDP socket, must be open at the first packet. */
function fitStanding(query: EndQuery, socket: SocketInterval): Fit {
  const { first, err } = query;
  if (socket.openLo > first + err) return isBoundSince(query, socket) ? possible : 'opened_after';
  if (socket.closeHi < first - err) return 'closed_before';
  // Every raw socket of a protocol gets a copy, also one that was opened only to send.
  if (!hasPorts(query.protocol)) return possible;
  if (socket.closeLo < first + err) return possible;
  if (socket.openHi <= first - err) return certain;
  // Somebody answered, so a socket was there; a call that may be later than the packet is then the one that made it.
  // A bound TCP socket need not listen, and datagrams also leave through sockets that were never bound.
  const isCall = socket.source === 'listen' || (socket.source === 'bind' && query.protocol !== 6);
  if (isCall) return query.answered && query.role === 'resp' ? sole : possible;
  return isSeenSending(query, socket) ? sole : possible;
}

/** Who bound the port only after datagrams had come to nobody may have taken a later one, and answered. */
function isBoundSince({ protocol, role, answered, last, err }: EndQuery, { source, openLo }: SocketInterval): boolean {
  return protocol === 17 && role === 'resp' && answered && source === 'bind' && openLo <= last + err;
}

/** A poll saw the socket of a chosen port before the last datagram, so it was this one's all along, if it was there at the first. */
function isSeenSending({ protocol, role, localPort, last, err }: EndQuery, { openHi }: SocketInterval): boolean {
  return protocol === 17 && role === 'orig' && localPort >= FIRST_EPHEMERAL && openHi + err <= last;
}
