import type { Micros } from '../core/time.js';
import type { Method } from '../records/attributed-connection.js';
import type { Reason } from '../records/reason.js';
import { CONNECT_LEAD, NEXT_READ, PROMPT } from './call-times.js';
import { isExact, type Matched, ranks } from './match.js';
import type { Socket } from './reference-rows.js';

/** Who owns an end, as the plain specification of the join (`reference.ts`) says: the choice among the sockets that fit it. */
export type ReferenceEnd =
  | { readonly kind: 'owner'; readonly method: Method; readonly owner: Holder; readonly sharers: readonly Holder[] }
  | {
      readonly kind: 'tie';
      readonly candidates: readonly Holder[];
      /** Who accepted a connection that others hold; it owns the end if these descend from it. */
      readonly accepted?: Holder;
      /** Holders of one socket among the candidates; of each group one stands for all if the others descend from it. */
      readonly groups?: readonly (readonly Holder[])[];
    }
  /** One socket in several hands: `first` may have made it, `all` hold it. */
  | { readonly kind: 'holders'; readonly first: readonly Holder[]; readonly all: readonly Holder[] }
  | { readonly kind: 'nobody'; readonly reason: Reason };

/** A process that has a socket. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
}

/** A socket that fits an end of a connection. */
export interface Candidate {
  readonly host: string;
  readonly socket: Socket;
  readonly match: Matched;
}

export const nobody = (reason: Reason): ReferenceEnd => ({ kind: 'nobody', reason });

/** How far the rows of a host go about the time of a connection. */
export interface Knowledge {
  readonly hasCalls: boolean;
  readonly hasAll: boolean;
  readonly socketsUntil: Micros;
  readonly areCallsLost: boolean;
  readonly areCallsLostUntil: (moment: Micros) => boolean;
  /** From a moment to the last call that could have opened the connection. */
  readonly areCallsLostSince: (moment: Micros) => boolean;
  readonly isAnyLost: boolean;
  readonly isUnwatched: boolean;
  /** Nobody watched the host in some of the time from a moment, or from before the connection, to another, or the last call that could have opened it. */
  readonly areCallsUnwatched: (since?: Micros, until?: Micros) => boolean;
  readonly firstEarliest: Micros;
  readonly firstLatest: Micros;
  readonly lastLatest: Micros;
}

/** What one host says; the least rank knows best. */
export interface Answer {
  readonly end: ReferenceEnd;
  readonly rank: number;
  /** A call of the full tuple that is of no other connection tells so. */
  readonly isCertain?: boolean;
  /** No call of the full tuple tells more than that it may be. */
  readonly isOnlyPossible?: boolean;
}

/** The best evidence of one host: full tuples by event, then by poll, then what has blanks. */
export function choose(candidates: readonly Candidate[], known: Knowledge): Answer {
  const calls = candidates.filter(({ match }) => match.rank === ranks.event);
  const isSent = calls.some((one) => one.match.weight !== 'possible' && !isTaker(one));
  // Who took one after the last may be the next connection's.
  const isLater = (one: Candidate): boolean =>
    isSent && isTaker(one) && one.match.weight === 'possible' && one.socket.openLo > known.lastLatest;
  const events = calls.filter((one) => !isOtherTaker(one, candidates, known) && !isLater(one));
  const polls = candidates.filter(({ match }) => match.rank === ranks.poll);
  const strong = events.filter(({ match }) => match.weight !== 'possible');
  const until = Math.min(...strong.map(({ socket }) => socket.openHi));
  const watched = Math.min(...strong.map(({ socket }) => socket.openLo));
  // Another may have taken the first datagram, of which the row was lost, or before the host was watched.
  const isFirst =
    !strong.some(isTaker) || !(known.areCallsLostUntil(until) || known.areCallsUnwatched(undefined, watched - 1));
  // The call of the next one, near as it is, where nobody need tell of this one's own, whose first packet was held up.
  const heldUpSince = known.firstEarliest - CONNECT_LEAD;
  const mayMissHeldUp = known.areCallsUnwatched(heldUpSince) || known.areCallsLostSince(heldUpSince);
  const certain = strong.filter(({ match }) => match.weight === 'certain');
  if (isFirst && certain.some(({ match }) => !match.mayBeNext || !mayMissHeldUp)) {
    const earlier = events.filter((event) => mayHaveTaken(event, known.firstEarliest, until));
    const rivals = [...strong, ...earlier];
    const answer = mayMissReader(rivals, known) ? tie(rivals) : ownerOrTie(rivals, polls);
    return { ...answer, isCertain: answer.end.kind === 'owner' };
  }
  const incomplete = none(known.isUnwatched ? 'agent_offline' : 'agent_late');
  if (!known.hasCalls) return incomplete;
  // Calls before the watch began were overtaken by those that were seen, unless these were for the next connection or for datagrams.
  const isOvertaken = strong.every(({ match }) => !match.mayBeNext);
  const isTcp = strong.every(({ socket }) => socket.protocol === 6);
  const mayMissEarlier = isTcp && !isOvertaken ? mayMissHeldUp : known.areCallsUnwatched(isTcp ? watched : undefined);
  if (strong.length > 0 && isFirst && !known.areCallsLost && !mayMissEarlier) {
    return mayMissReader(events, known) ? tie(events) : ownerOrTie(events, polls);
  }
  const seen = polls.filter(({ match }) => match.weight === 'certain');
  if (seen.length > 0) {
    const complete = seen.filter(({ socket }) => Math.max(known.firstLatest, socket.openHi) <= known.socketsUntil);
    return complete.length > 0 ? chooseHolder(complete, candidates) : incomplete;
  }
  if (!known.hasAll) return incomplete;
  if (known.isUnwatched) return none('agent_offline');
  if (known.isAnyLost) return none('events_lost');
  const mayBeOther = ({ match, socket: { openLo, openHi } }: Candidate): boolean =>
    match.rank === ranks.near && (openLo < known.firstEarliest - PROMPT || openHi > known.firstLatest);
  const isEarly = ({ match, socket }: Candidate): boolean =>
    match.rank === ranks.near && socket.openHi < known.firstEarliest - PROMPT;
  const isAnothers = (one: Candidate): boolean =>
    ((one.match.mayBeNext || isEarly(one)) && mayMissHeldUp) ||
    (mayBeOther(one) && known.areCallsLostSince(heldUpSince));
  const isEnough = (one: Candidate): boolean => one.match.weight !== 'possible' && !isAnothers(one);
  return {
    ...chooseWeaker(candidates, isEnough),
    isOnlyPossible: events.every(({ match }) => match.weight === 'possible'),
  };
}

/** Datagrams are taken by several in turn; the first owns the end. */
function isTaker({ socket }: Candidate): boolean {
  return socket.source === 'accept' && socket.protocol !== 6;
}

/** Whether another one that shares the socket may have taken the first, and the row of its next read be lost, or the host silent by then. */
function mayMissReader(calls: readonly Candidate[], known: Knowledge): boolean {
  const isDoubtful = calls.some((call) => isTaker(call) && !isExact(call.socket));
  const until = known.lastLatest + NEXT_READ;
  return isDoubtful && (known.areCallsLostUntil(until) || known.areCallsUnwatched(known.firstEarliest, until));
}

/** Another surely took one before, or the first was sent since and others took some. */
function isOtherTaker(one: Candidate, candidates: readonly Candidate[], { firstEarliest }: Knowledge): boolean {
  if (!isTaker(one)) return false;
  const strong = candidates.filter(
    (other) => isTaker(other) && other.match.rank === ranks.event && other.match.weight !== 'possible',
  );
  const since = strong.filter(({ socket }) => socket.openHi >= firstEarliest);
  if (since.length > 0 && one.socket.openHi < firstEarliest) return true;
  return (since.length > 0 ? since : strong).some(({ socket }) => socket.openHi < one.socket.openLo);
}

/** Whoever took a datagram or a packet that may be of an earlier connection may as well have taken the first of this one. */
function mayHaveTaken(one: Candidate, from: Micros, until: Micros): boolean {
  return isTaker(one) && one.match.weight === 'possible' && one.socket.openHi >= from && one.socket.openLo <= until;
}

/** A poll saw the connected socket. Calls with blanks tell which of its holders made it. */
function chooseHolder(seen: readonly Candidate[], candidates: readonly Candidate[]): Answer {
  const callers = candidates.filter(
    ({ match }) => match.weight === 'sole' && (match.rank === ranks.call || match.rank === ranks.near),
  );
  const called = seen.filter((holder) => callers.some((caller) => isSame(caller, holder)));
  if (called.length > 0 && isOneProcess(called)) return owner(called[0]!, seen);
  if (called.length === 0 && callers.length > 0) {
    const { end, rank } = tie([...seen, ...callers]);
    const [{ host, socket }] = callers as [Candidate];
    if (end.kind !== 'tie' || !isOneProcess(callers) || socket.source !== 'accept') return { end, rank };
    return { end: { ...end, accepted: { host, pid: socket.pid } }, rank };
  }
  return holders(called.length > 0 ? called : seen, seen);
}

function chooseWeaker(candidates: readonly Candidate[], isEnough: (one: Candidate) => boolean): Answer {
  if (candidates.length === 0) return none('no_socket_seen');
  const solid = candidates.filter((one) => one.match.rank >= ranks.poll && isEnough(one));
  const rank = Math.min(...(solid.length > 0 ? solid : candidates).map(({ match }) => match.rank));
  if (solid.length === 0) return tie(candidates.filter(({ match }) => match.rank === rank));
  const best = solid.filter(({ match }) => match.rank === rank);
  const isSure = best.some(({ match }) => match.weight === 'certain');
  const isStanding = (candidate: Candidate): boolean => candidate.match.rank < ranks.near;
  const rivals = candidates.filter((one) => {
    if (one.match.rank < rank) return true;
    // A socket that may have been opened too late leaves the connection to lesser ones.
    if (one.match.rank > rank) return !isSure && (rank === ranks.poll || rank >= ranks.endpoint) && isStanding(one);
    // A poll lists every holder of a port, so a call that it does not show has been closed since.
    return one.match.weight !== 'possible' || !isSure || isPolled(one.socket);
  });
  if (isOneProcess(rivals)) return owner(best[0]!, []);
  return tie(rivals);
}

function isPolled(socket: Socket): boolean {
  return socket.source === 'open' || socket.source === 'listening' || socket.source === 'connecting';
}

function isSame(a: Candidate, b: Candidate): boolean {
  if (a.host !== b.host || a.socket.pid !== b.socket.pid) return false;
  // Calls of one pid that name different programs may be of two processes.
  return a.socket.path === undefined || b.socket.path === undefined || a.socket.path === b.socket.path;
}

function isOneProcess(candidates: readonly Candidate[]): boolean {
  return candidates.every((one) => candidates.every((other) => isSame(one, other)));
}

function processes(candidates: readonly Candidate[]): Holder[] {
  const distinct = candidates.filter((one, i) => candidates.findIndex((other) => isSame(one, other)) === i);
  return distinct.map(({ host, socket }) => ({ host, pid: socket.pid }));
}

function none(reason: Reason): Answer {
  return { end: nobody(reason), rank: Infinity };
}

function owner(candidate: Candidate, all: readonly Candidate[]): Answer {
  const { match, host, socket } = candidate;
  const sharers = processes(all.filter((other) => !isSame(other, candidate)));
  const end = { kind: 'owner', method: match.method, owner: { host, pid: socket.pid }, sharers } as const;
  return { end, rank: match.rank };
}

function tie(candidates: readonly Candidate[]): Answer {
  const rank = Math.min(...candidates.map(({ match }) => match.rank));
  return { end: { kind: 'tie', candidates: processes(candidates) }, rank };
}

function ownerOrTie(candidates: readonly Candidate[], polls: readonly Candidate[]): Answer {
  if (!isOneProcess(candidates)) return tie(candidates);
  const { namespace: space } = candidates[0]!.socket;
  const elsewhere = polls.filter(({ socket }) => (socket.namespace ?? space) !== (space ?? socket.namespace));
  return elsewhere.length > 0 ? tie([...candidates, ...elsewhere]) : owner(candidates[0]!, polls);
}

/** Of several holders the one that surely had the socket first owns it. */
function holders(among: readonly Candidate[], all: readonly Candidate[]): Answer {
  const first = among.filter(({ socket }) => !among.some((other) => other.socket.openHi < socket.openLo));
  if (isOneProcess(first)) return owner(first[0]!, all);
  const rank = Math.min(...first.map(({ match }) => match.rank));
  return { end: { kind: 'holders', first: processes(first), all: processes(all) }, rank };
}

/** Nothing was seen only where every host that may have had the address was watched and told all; else the lack is the reason. */
const lacks: readonly Reason[] = ['agent_offline', 'agent_late', 'events_lost', 'no_socket_seen'];

/** The answer of the host that knows best; hosts that know equally well leave it open. */
export function combine(answers: readonly Answer[]): ReferenceEnd {
  const rank = Math.min(...answers.map((answer) => answer.rank));
  const all = answers.filter((answer) => answer.rank === rank);
  const isDecided = all.some(({ isCertain = false }) => isCertain);
  const best = all.filter(({ isOnlyPossible = false }) => !(isDecided && isOnlyPossible)).map(({ end }) => end);
  if (rank === Infinity) {
    return nobody(lacks.find((lack) => best.some((end) => end.kind === 'nobody' && end.reason === lack))!);
  }
  if (best.length === 1) return best[0]!;
  const candidates = best.flatMap((end): readonly Holder[] => {
    if (end.kind === 'owner') return [end.owner];
    if (end.kind === 'holders') return end.first;
    return end.kind === 'tie' ? end.candidates : [];
  });
  const groups = best.flatMap((end) => (end.kind === 'holders' ? [end.first] : []));
  return { kind: 'tie', candidates, groups };
}
