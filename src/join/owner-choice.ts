import type { Micros } from '../core/time.js';
import type { SocketInterval } from '../hosts/state/socket-interval.js';
import type { Method } from '../records/attributed-connection.js';
import type { Reason } from '../records/reason.js';
import { CONNECT_LEAD, NEXT_READ, PROMPT } from './call-times.js';
import type { Candidate } from './candidate.js';
import { isExact, ranks } from './match.js';

/** What is known of the host's rows about the time of the connection. */
export interface Knowledge {
  /** Every connection that began before this one is known. */
  readonly knowsEarlier: boolean;
  /** Every call that could have opened the connection has been handed over. */
  readonly hasCalls: boolean;
  /** Every call up to this moment of the host's clock has been handed over. */
  readonly eventsUntil: Micros;
  /** Every stream about sockets is complete up to this moment of the host's clock. */
  readonly socketsUntil: Micros;
  /** The connection is over and every stream about sockets is complete past it. */
  readonly hasAll: boolean;
  /** Rows about calls of that time, or any rows about sockets, may be lost. */
  readonly areCallsLost: boolean;
  readonly isAnyLost: boolean;
  /** Rows about calls of the time from before the connection to a moment may be lost. */
  areCallsLostUntil(moment: Micros): boolean;
  /** Rows about calls of the time from a moment to the last call that could have opened it may be lost. */
  areCallsLostSince(moment: Micros): boolean;
  /** Rows about that time had to be let go. */
  readonly isGone: boolean;
  /** The same, or of the time before in which a call was made whose first packet left late. */
  readonly mayCallBeGone: boolean;
  /** Calls of its own endpoints are gone up to when it began, so that the first of those left may be the next connection's. */
  readonly mayFirstCallBeGone: boolean;
  /** Rows about that time had to be let go of a socket that was bound to the local port. */
  readonly mayBindBeGone: boolean;
  /** Nobody watched the host in some of that time. */
  readonly isUnwatched: boolean;
  /** Nobody watched the host in some of the time from a moment, or from before the connection, to another, or the last call that could have opened it. */
  areCallsUnwatched(since?: Micros, until?: Micros): boolean;
  /** No more rows about that time will come, and no more connections either when `isClosed`. */
  readonly isOver: boolean;
  readonly isClosed: boolean;
  /** Rows about that time may still come, though it is closed. */
  readonly isEvicted: boolean;
  /** When the first packet may have come, host clock. */
  readonly firstEarliest: Micros;
  readonly firstLatest: Micros;
  /** When the last packet so far came at the latest. */
  readonly lastLatest: Micros;
  /** Whether one candidate's process is an ancestor of another's. */
  isAncestor(candidate: Candidate, of: Candidate): boolean;
}

export interface Tied {
  readonly candidate: Candidate;
  readonly tie: string;
}

export interface OwnerChoice {
  readonly kind: 'owner';
  readonly owner: Candidate;
  readonly method: Method;
  readonly sharers: readonly Candidate[];
  /** Its calls, of which any may be the one; absent: only `owner`. */
  readonly calls?: readonly Candidate[];
}

/** Who owns an end, as far as one host's rows tell. */
export type Choice =
  | OwnerChoice
  | { readonly kind: 'ambiguous'; readonly candidates: Tied[] }
  | { readonly kind: 'none'; readonly reason: Reason }
  | { readonly kind: 'wait' };

const wait: Choice = { kind: 'wait' };

const ties = {
  sameTuple: 'several processes opened a socket with these endpoints then',
  sameRank: 'several sockets could have taken this connection',
  shared: 'several processes hold the socket and no row tells which of them made it',
  pool: 'several processes hold the socket and no row tells which of them took the connection or sent through it',
  otherSpace:
    'sockets of several network namespaces have these endpoints, and no row tells which of these was captured',
  otherCaller: 'one process holds the socket, another made a call that fits it',
  onlyPossible:
    'it may have been opened or closed too early or too late, or have the same address elsewhere; the rows leave it open',
} as const;

/**
 * Picks the owner among the candidates of one host. Pure. The best evidence is taken as soon as no row that may still come
 * could outrank it, and not before; where several processes remain, none is picked.
 */
export function chooseOwner(candidates: readonly Candidate[], known: Knowledge): Choice {
  const calls = withoutLaterTakers(
    candidates.filter(({ match }) => match.rank === ranks.event),
    known.lastLatest,
  );
  const events = withFirstTakers(calls, known.firstEarliest);
  const polls = candidates.filter(({ match }) => match.rank === ranks.poll);
  const strong = events.filter(({ match }) => match.weight !== 'possible');
  if (!known.isOver && strong.some(({ socket }) => takenUntil(socket, known) > known.eventsUntil)) return wait;
  const isFirst = !mayFollowUntold(strong, known);
  const certain = strong.filter(({ match }) => match.weight === 'certain');
  const isSure =
    isFirst && !known.mayFirstCallBeGone && certain.some(({ match }) => !match.mayBeNext || !mayMissHeldUp(known));
  if (isSure && (known.knowsEarlier || known.hasCalls || known.isOver)) {
    const earlier = events.filter((event) => mayHaveTakenFirst(event, strong[0]!, known));
    const rivals = [...strong, ...earlier];
    if (isOneProcess(rivals)) return chooseCaller(strong, rivals, polls, known);
    const maySettle = !known.isClosed && earlier.some(({ match }) => match.settles !== undefined);
    return (known.hasCalls || known.isOver) && !maySettle ? ambiguous(rivals, ties.sameTuple) : wait;
  }
  if (!known.hasCalls) return known.isOver ? incomplete(known) : wait;
  if (strong.length > 0 && isFirst && !known.areCallsLost && !mayMissEarlier(strong, known)) {
    // One that took a datagram since the first goes before those that took theirs earlier, once it is known to be of this connection.
    const maySettle = !known.isClosed && calls.some(({ match }) => match.settles !== undefined);
    if (maySettle && !isOneProcess(calls)) return wait;
    return isOneProcess(events) ? chooseCaller(strong, events, polls, known) : ambiguous(events, ties.sameTuple);
  }
  if (!known.isClosed && candidates.some(({ match }) => match.settles !== undefined)) return wait;
  const seen = polls.filter(({ match }) => match.weight === 'certain');
  if (seen.length > 0) {
    // Of polls that are not complete yet nothing is taken: who holds the socket then comes after those that held it before.
    const complete = seen.filter(({ socket }) => Math.max(known.firstLatest, socket.openHi) <= known.socketsUntil);
    if (complete.length > 0) return chooseHolder(complete, candidates, known);
    return known.isOver ? incomplete(known) : wait;
  }
  if (!known.hasAll) return known.isOver ? incomplete(known) : wait;
  if (known.mayCallBeGone) return { kind: 'none', reason: 'events_lost' };
  if (known.isUnwatched) return { kind: 'none', reason: 'agent_offline' };
  if (known.isAnyLost) return { kind: 'none', reason: 'events_lost' };
  // An accept goes before whoever has the port.
  const isAccepted = candidates.some(({ match }) => match.rank === ranks.call && match.weight !== 'possible');
  if (known.mayBindBeGone && !isAccepted) return { kind: 'none', reason: 'events_lost' };
  return chooseWeaker(candidates, known);
}

/** Whether the row of another one's next read, which tells that it may have taken the first datagram, may never come. */
function mayMissReader(known: Knowledge): boolean {
  const until = known.lastLatest + NEXT_READ;
  return known.areCallsLostUntil(until) || known.areCallsUnwatched(known.firstEarliest, until);
}

/** One process made these calls, and all that may be meant. Who else may have taken a datagram is told when that one reads next. */
function chooseCaller(
  [first]: readonly Candidate[],
  calls: readonly Candidate[],
  polls: readonly Candidate[],
  known: Knowledge,
): Choice {
  if (calls.some((call) => isTaker(call) && !isExact(call.socket))) {
    if (!known.isClosed) return wait;
    if (known.isEvicted || mayMissReader(known)) return ambiguous(calls, ties.pool);
  }
  // Its own call may be of before the watch.
  const elsewhere = polls.filter((poll) => isOfOtherSpace(poll, first!));
  if (elsewhere.length > 0) return ambiguous([...calls, ...elsewhere], ties.otherSpace);
  return owner(first!, others(first!, polls), calls);
}

/** Whether both have the endpoints, each in a network namespace of its own. */
function isOfOtherSpace({ socket: { namespace } }: Candidate, { socket: other }: Candidate): boolean {
  return namespace !== undefined && other.namespace !== undefined && namespace !== other.namespace;
}

/** A connection is accepted once, but several may take its datagrams in turn, and who took the first owns the end. */
function isTaker({ socket }: Candidate): boolean {
  return socket.source === 'accept' && socket.protocol !== 6;
}

/**
 * Up to when the host is to tell everything before somebody who took a datagram is named. -Infinity: nothing more.
 */
export function takenUntil(
  { source, protocol, openLo, openHi }: SocketInterval,
  { firstEarliest, firstLatest }: Pick<Knowledge, 'firstEarliest' | 'firstLatest'>,
): Micros {
  if (source !== 'accept' || protocol === 6) return -Infinity;
  // Who took datagrams of the peer before gets these unless the socket closes before anybody has read them.
  if (openHi < firstEarliest) return firstLatest + PROMPT;
  // Of one well after the first, another may have taken one before, also at another address of the host.
  return openLo > firstLatest + PROMPT ? openHi : -Infinity;
}

/** Whether another may have taken the first datagram, of which the row was lost, or before the host was watched. */
function mayFollowUntold(calls: readonly Candidate[], known: Knowledge): boolean {
  if (!calls.some(isTaker)) return false;
  if (known.areCallsLostUntil(Math.min(...calls.map(({ socket }) => socket.openHi)))) return true;
  // It was watched when it told of one of these.
  return known.areCallsUnwatched(undefined, Math.min(...calls.map(({ socket }) => socket.openLo)) - 1);
}

/**
 * Beside one that sent, without those that surely took datagrams after the last one of the connection and may be of the next: by then its
 * owner has been told.
 */
function withoutLaterTakers(calls: readonly Candidate[], last: Micros): readonly Candidate[] {
  if (!calls.some((call) => call.match.weight !== 'possible' && !isTaker(call))) return calls;
  return calls.filter((call) => call.match.weight !== 'possible' || !isTaker(call) || call.socket.openLo <= last);
}

/**
 * Without those that took theirs after another had surely taken one, and without those that took theirs before the first was sent, where
 * another took some since.
 */
function withFirstTakers(events: readonly Candidate[], first: Micros): readonly Candidate[] {
  if (events.length < 2 || events[0]!.socket.protocol === 6) return events;
  const strong = events.filter((event) => event.match.weight !== 'possible' && isTaker(event));
  const since = strong.filter(({ socket }) => socket.openHi >= first);
  const until = Math.min(...(since.length > 0 ? since : strong).map(({ socket }) => socket.openHi));
  return events.filter((event) => {
    const { openLo, openHi } = event.socket;
    return !isTaker(event) || (openLo <= until && (since.length === 0 || openHi >= first));
  });
}

/** One that may have taken those of an earlier connection instead is not out of it because a later one is certain. */
function mayHaveTakenFirst(event: Candidate, certain: Candidate, known: Knowledge): boolean {
  if (event.match.weight !== 'possible' || !isTaker(event)) return false;
  const { socket } = event;
  return socket.openHi >= known.firstEarliest && socket.openLo <= certain.socket.openHi;
}

/**
 * Calls before the watch began were overtaken by those that were seen, unless these were for datagrams, which go on whoever sends them, or for
 * the next connection: then the first packet may be one that was held up for as long as any.
 */
function mayMissEarlier(strong: readonly Candidate[], known: Knowledge): boolean {
  if (strong[0]!.socket.protocol !== 6) return known.areCallsUnwatched();
  if (strong.some(({ match }) => match.mayBeNext)) return mayMissHeldUp(known);
  return known.areCallsUnwatched(Math.min(...strong.map(({ socket }) => socket.openLo)));
}

/** Whether nobody need tell of the call that the connection began with, where its first packet was held up. */
function mayMissHeldUp(known: Knowledge): boolean {
  const since = known.firstEarliest - CONNECT_LEAD;
  return known.areCallsUnwatched(since) || known.areCallsLostSince(since);
}

function incomplete(known: Knowledge): Choice {
  if (known.isGone) return { kind: 'none', reason: 'events_lost' };
  return { kind: 'none', reason: known.isUnwatched ? 'agent_offline' : 'agent_late' };
}

/** A poll saw the connected socket in these processes' hands. */
function chooseHolder(seen: readonly Candidate[], candidates: readonly Candidate[], known: Knowledge): Choice {
  const callers = candidates.filter(
    ({ match }) => match.weight === 'sole' && (match.rank === ranks.call || match.rank === ranks.near),
  );
  const called = seen.filter((holder) => callers.some((caller) => isSame(caller, holder)));
  if (called.length > 0 && isOneProcess(called)) {
    const caller = callers.find((one) => isSame(one, called[0]!))!;
    const holder = called[0]!;
    // The poll tells who holds the socket, the call what that process ran.
    return owner({ ...holder, socket: holder.socket.withCall(caller.socket) }, others(holder, seen));
  }
  const [first] = callers;
  // Servers accept and hand the connection to a child: who called is the owner, who holds the socket shares it.
  if (called.length === 0 && first !== undefined && isOneProcess(callers) && isAccept(first)) {
    if (seen.every((holder) => known.isAncestor(first, holder))) return owner(first, others(first, seen));
  }
  if (called.length === 0 && callers.length > 0) return ambiguous([...seen, ...callers], ties.otherCaller);
  return oneOfHolders(called.length > 0 ? called : seen, seen, known);
}

/** Of the processes that hold one socket, the one that had it first; else the one that the others descend from. */
function oneOfHolders(among: readonly Candidate[], all: readonly Candidate[], known: Knowledge): Choice {
  const earliest = among.filter(({ socket }) => !among.some((other) => other.socket.openHi < socket.openLo));
  const first = earliest[0]!;
  if (isOneProcess(earliest)) return owner(first, others(first, all));
  const root = earliest.find((one) => earliest.every((other) => isSame(one, other) || known.isAncestor(one, other)));
  if (root === undefined) return ambiguous(earliest, ties.shared);
  return { kind: 'owner', owner: root, method: 'shared_socket', sharers: others(root, all) };
}

/** No row surely tells of the connected socket: a listener, a bound socket, one seen since the first datagram, or a call with a blank. */
function chooseWeaker(candidates: readonly Candidate[], known: Knowledge): Choice {
  if (candidates.length === 0) return { kind: 'none', reason: 'no_socket_seen' };
  // The call of another connection, before or after, where the first packet was held up and its own call is missed.
  const isAnothers = ({ match, socket }: Candidate): boolean => {
    const isNear = match.rank === ranks.near;
    const isPrompt = socket.openLo >= known.firstEarliest - PROMPT && socket.openHi <= known.firstLatest;
    if (isNear && !isPrompt && known.areCallsLostSince(known.firstEarliest - CONNECT_LEAD)) return true;
    const isEarly = isNear && socket.openHi < known.firstEarliest - PROMPT;
    return (match.mayBeNext === true || isEarly) && mayMissHeldUp(known);
  };
  const solid = candidates.filter(
    (one) => one.match.rank >= ranks.poll && one.match.weight !== 'possible' && !isAnothers(one),
  );
  if (solid.length === 0) {
    const rank = Math.min(...candidates.map(({ match }) => match.rank));
    return ambiguous(
      candidates.filter(({ match }) => match.rank === rank),
      ties.onlyPossible,
    );
  }
  const rank = Math.min(...solid.map(({ match }) => match.rank));
  const best = solid.filter(({ match }) => match.rank === rank);
  const isSure = best.some(({ match }) => match.weight === 'certain');
  const isStanding = rank === ranks.poll || (rank >= ranks.endpoint && rank < ranks.near);
  const rivals = candidates.filter(({ match, socket }) => {
    if (match.rank < rank) return true;
    // A socket that may have been opened too late leaves the connection to lesser ones.
    if (match.rank > rank) return isStanding && !isSure && match.rank < ranks.near;
    // A poll lists every holder of a port, so a bind that it does not show has been closed since.
    return match.weight !== 'possible' || !isSure || isPolled(socket.source);
  });
  // Where none was surely open, its pid may have passed on to another process that opened the next.
  if (isOneProcess(rivals)) return owner(best[0]!, [], !isStanding ? best : isSure ? undefined : rivals);
  // Whoever holds a listener or a bound socket may have taken the connection: in a pool it is mostly not the one that made it.
  const { inode } = best[0]!.socket;
  const isOneSocket = inode !== undefined && rivals.every(({ socket }) => socket.inode === inode);
  return ambiguous(rivals, isOneSocket ? ties.pool : ties.sameRank);
}

function isAccept({ socket }: Candidate): boolean {
  return socket.source === 'accept';
}

function isPolled(source: string): boolean {
  return source === 'open' || source === 'listening' || source === 'connecting';
}

/** Where two calls of one pid name different programs, the pid may have passed to another process in between. */
function isSame(a: Candidate, b: Candidate): boolean {
  if (a.host !== b.host || a.socket.pid !== b.socket.pid) return false;
  return a.socket.path === b.socket.path || a.socket.path === undefined || b.socket.path === undefined;
}

/** Being the same is not passed on: a poll, which names no program, is the same as each of two calls that name different ones. */
function isOneProcess(candidates: readonly Candidate[]): boolean {
  const [{ host, socket: first }] = candidates as [Candidate];
  let path: string | undefined;
  for (const { host: other, socket } of candidates) {
    if (other !== host || socket.pid !== first.pid) return false;
    if (path !== undefined && socket.path !== undefined && socket.path !== path) return false;
    path ??= socket.path;
  }
  return true;
}

function others(than: Candidate, among: readonly Candidate[]): Candidate[] {
  const out: Candidate[] = [];
  for (const candidate of among) {
    if (!isSame(candidate, than) && !out.some((known) => isSame(known, candidate))) out.push(candidate);
  }
  return out;
}

function owner(candidate: Candidate, sharers: readonly Candidate[], calls?: readonly Candidate[]): Choice {
  const choice = { kind: 'owner', owner: candidate, method: candidate.match.method, sharers } as const;
  return calls === undefined || calls.length === 1 ? choice : { ...choice, calls };
}

/** One candidate for each process, its best evidence. */
function ambiguous(candidates: readonly Candidate[], tie: string): Choice {
  // A pool may have thousands of processes.
  const byPid = new Map<number, Candidate[]>();
  for (const candidate of candidates) {
    const known = byPid.get(candidate.socket.pid);
    if (known === undefined) {
      byPid.set(candidate.socket.pid, [candidate]);
      continue;
    }
    const at = known.findIndex((other) => isSame(other, candidate));
    if (at < 0) known.push(candidate);
    else if (candidate.match.rank < known[at]!.match.rank) known[at] = candidate;
  }
  const best = [...byPid.values()].flat();
  best.sort((a, b) => a.match.rank - b.match.rank || a.socket.openHi - b.socket.openHi || a.socket.pid - b.socket.pid);
  return { kind: 'ambiguous', candidates: best.map((candidate) => ({ candidate, tie })) };
}
