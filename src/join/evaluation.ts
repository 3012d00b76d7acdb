import { type Micros, SECOND } from '../core/time.js';
import type { KnownAddress } from '../hosts/state/address-table.js';
import { EVENTS, type HostColumns, PLAIN } from '../hosts/state/host-columns.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import { LINK } from '../hosts/state/row-store.js';
import type { SocketRecord } from '../hosts/state/socket-record.js';
import type { End } from '../records/attributed-connection.js';
import type { Reason } from '../records/reason.js';
import { CONNECT_LEAD, PROMPT } from './call-times.js';
import { type Candidate, type Trace, type Trial, tryHosts } from './candidate.js';
import { type ConnectionView, endViewOf, mayBeAnswered, socketProtocol } from './connection-view.js';
import { isAnybodys } from './crowded-address.js';
import { Decided, mayHaveClosed } from './decided.js';
import type { Role } from './end-query.js';
import {
  ambiguous,
  attributed,
  group,
  noAgent,
  notLocal,
  pending,
  processOf,
  translated,
  unaccounted,
  unattributed,
} from './end-record.js';
import type { HostClocks } from './host-clocks.js';
import { HostKnowledge } from './host-knowledge.js';
import { isKernels } from './kernel-traffic.js';
import { ranks } from './match.js';
import { needsOf } from './needs.js';
import { type Choice, chooseOwner, type OwnerChoice, type Tied, takenUntil } from './owner-choice.js';

/** What an end waits for on one host, told by its number, each a moment of the host's clock up to which streams must be complete. */
export interface Need {
  readonly host: number;
  readonly calls?: Micros;
  readonly sockets?: Micros;
  readonly details?: Micros;
}

/** Up to when the host must have told every call before anything is said. */
export interface CallsAwaited {
  readonly host: number;
  readonly calls: Micros;
}

/** Up to when its polls must have told everything. */
export interface PollsAwaited {
  readonly host: number;
  readonly sockets: Micros;
}

export interface Evaluation {
  readonly end: End;
  /** No row that may still come changes the end. */
  readonly settled: boolean;
  /** The end is decided, but who its process was is not all known yet. */
  readonly lacksDetails: boolean;
  readonly needs: readonly Need[];
  /** Capture time up to which the connection must be known to last before the end can be decided. */
  readonly settles?: Micros;
  /** Set when only watermarks still add to the answer. */
  readonly decided?: Decided;
  /** Set where nothing is awaited, and where as much would be found again until something comes that is counted; see UpheldEnds. */
  readonly upheld?: Upheld;
}

/** By what an end is upheld, besides its host and ports. */
export interface Upheld {
  /** That of its owner, if it has one. */
  readonly pid: number | undefined;
  /** No row about an earlier time matters, host clock. */
  readonly since: Micros;
}

const nothing: readonly Need[] = [];
const unhosted: Evaluation = { end: noAgent, settled: false, lacksDetails: false, needs: nothing };
const settledUnhosted: Evaluation = { ...unhosted, settled: true };
const groupEnd: Evaluation = { end: group, settled: true, lacksDetails: false, needs: nothing };
const broadcastEnd: Evaluation = { ...groupEnd, settled: false };
const placelessEnd: Evaluation = { end: notLocal, settled: true, lacksDetails: false, needs: nothing };

/** Nothing is said before these calls are known. */
export function awaitingCalls(need: Need): Evaluation {
  return { end: pending, settled: false, lacksDetails: false, needs: [need] };
}

/** One host's answer. */
interface Answer {
  readonly trial: Trial;
  readonly choice: Choice;
  readonly known: HostKnowledge;
  readonly settled: boolean;
  readonly need: Need | undefined;
}

/** What the rows that are there say of one end, behind the translation of its packets where there is one. */
export function evaluateEnd(
  states: Pick<HostStates, 'get' | 'held' | 'heldAt' | 'columns'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  trace?: Trace,
): Evaluation {
  const { stitch } = endViewOf(view, role);
  if (stitch === undefined) return evaluate(states, clocks, view, role, trace);
  const { gateway } = stitch;
  if (stitch.kind === 'wait') return awaitingCalls(stitch.need);
  if (stitch.kind === 'unsure') return { ...unhosted, end: unattributed('nat', gateway), settled: view.closed };
  const found = evaluate(states, clocks, view, role, trace);
  return { ...found, end: translated(found.end, stitch) };
}

/** What the rows that are there say of who has an endpoint. */
function evaluate(
  states: Pick<HostStates, 'get' | 'held' | 'heldAt' | 'columns'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  trace?: Trace,
): Evaluation {
  const { local, tuple, isForward } = endViewOf(view, role);
  if (local.isUnspecified) return placelessEnd;
  if (role === 'resp' && local.isGroup) return groupEnd;
  if (role === 'resp' && local.isBroadcast && local.hosts === undefined) {
    return view.closed ? groupEnd : broadcastEnd;
  }
  if (isUnhosted(view, role)) return view.closed ? settledUnhosted : unhosted;
  const isEarly = trace === undefined && !tuple.hasSockets(isForward);
  const early = isEarly ? callsAwaited(states.columns, clocks, view, role) : undefined;
  if (early !== undefined) return awaitingCalls(early);
  const protocol = socketProtocol(view.connection);
  const trials = tryHosts(states, clocks, view, role, protocol, trace);
  if (trials.length === 0) return view.closed ? settledUnhosted : unhosted;
  if (trials.every(({ host, candidates }) => !tellsOf(host, protocol) && candidates.length === 0)) {
    const end = unattributed('unsupported_proto', firstById(trials.map(({ host }) => host)));
    return { end, settled: view.closed, lacksDetails: false, needs: nothing };
  }
  const answers = trials.map((trial) => answerOf(trial, view));
  if (isAnybodys(view, role)) return calledBy(answers, view, role);
  return answers.length === 1 ? alone(answers[0]!, view, role) : combine(answers, view, role);
}

/** Whether some stream of the host tells of sockets of the protocol. */
function tellsOf({ progress }: HostState, protocol: number): boolean {
  return progress.hasSocketStream && (hasPorts(protocol) || progress.tellsOfRaw);
}

/** Of an address that names no host, a call between the end's own endpoints is enough, and nothing else. */
function calledBy(answers: readonly Answer[], view: ConnectionView, role: Role): Evaluation {
  const called = answers.filter((answer) => answer.choice.kind === 'wait' || rankOf(answer) === ranks.event);
  if (called.length === 0) return view.closed ? settledUnhosted : unhosted;
  return { ...combine(called, view, role), settled: view.closed };
}

/** Most ends of a network have no watched host. */
export function isUnhosted(view: ConnectionView, role: Role): boolean {
  const { local, tuple, isForward } = endViewOf(view, role);
  if (tuple.hasSockets(isForward) || (local.hosts !== undefined && !isAnybodys(view, role))) return false;
  return view.captureHost === undefined || !local.isLoopback;
}

/** Before a row of the tuple has come nothing is decided without every call, where one host alone may know; most connections begin like that. */
export function callsAwaited(
  columns: HostColumns,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
): CallsAwaited | undefined {
  const { local } = endViewOf(view, role);
  const { hosts } = local;
  const usual = usualCalls(columns, clocks, view, local);
  if (usual !== undefined) return { host: local.soleHost, calls: usual };
  if (view.closed || local.isLoopback || hosts?.length !== 1) return undefined;
  const [host] = hosts as [HostState];
  const { progress } = host;
  if (!progress.hasEventStream || !tellsOf(host, socketProtocol(view.connection))) return undefined;
  const { offset, err } = clocks.at(host, view.capture, view.captureHost, view.first);
  const calls = view.first + offset + err;
  if (progress.eventsUntil >= calls || progress.isSilent(Math.max(view.first, view.last) + offset + err))
    return undefined;
  return host.addresses.had(local.text, view.first + offset - err, calls) === 'no'
    ? undefined
    : { host: host.number, calls };
}

/** The same for most ends, without a look at the host itself; undefined: it takes one. */
function usualCalls(
  columns: HostColumns,
  clocks: HostClocks,
  view: ConnectionView,
  { soleHost, soleSince, isLoopback }: KnownAddress,
): Micros | undefined {
  if (soleHost < 0 || isLoopback || view.closed || !hasPorts(socketProtocol(view.connection))) return undefined;
  const { values } = columns;
  const at = columns.placeOf(soleHost);
  if (!clocks.isLatest(soleHost, view.capture, view.first)) return undefined;
  const offset = clocks.latestOffset(soleHost);
  const err = clocks.latestErr(soleHost);
  const calls = view.first + offset + err;
  // Before it is worked out how far the host has come, that is no number, and not below anything.
  if (!(values[at + EVENTS]! < calls) || values[at + PLAIN] !== 1) return undefined;
  return view.first + offset - err >= soleSince * SECOND ? calls : undefined;
}

/**
 * Up to when the only host that may know must have told what its polls saw before anything is said, where it tells of no calls: undefined where
 * it has, or where it takes a look at all that there is.
 */
export function pollsAwaited(
  states: Pick<HostStates, 'rows' | 'numbered' | 'columns'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
): PollsAwaited | undefined {
  const { local, tuple, isForward } = endViewOf(view, role);
  const { soleHost, soleSince } = local;
  if (soleHost < 0 || local.isLoopback || local.isGroup || local.isUnspecified || view.closed) return undefined;
  const { rows, columns } = states;
  // It tells of calls: no look at the host itself.
  if (columns.values[columns.placeOf(soleHost) + PLAIN] === 1) return undefined;
  const handle = isForward ? tuple.forward : tuple.backward;
  if (handle !== 0 && (rows.word(handle, LINK) !== 0 || rows.host(handle) !== soleHost)) return undefined;
  const host = states.numbered(soleHost);
  const { progress } = host;
  if (progress.hasEventStream || !progress.hasSocketStream || progress.watch.isGivenUp || !hasPorts(tuple.protocol)) {
    return undefined;
  }
  const { offset, err } = clocks.at(host, view.capture, view.captureHost, view.first);
  const sockets = view.first + offset + err;
  if (view.first + offset - err < soleSince * SECOND || progress.socketsUntil >= sockets) return undefined;
  return { host: soleHost, sockets };
}

function answerOf(trial: Trial, view: ConnectionView): Answer {
  const known = new HostKnowledge(trial, view);
  if (trial.candidates.length > 1) trial.candidates.sort(byEvidence);
  const choice = chooseOwner(trial.candidates, known);
  const hasSettles = trial.candidates.some(({ match }) => match.settles !== undefined);
  const hasSaidAll = known.hasAll && known.hasDetails && choice.kind !== 'wait' && !hasSettles;
  const settled = view.closed || (hasSaidAll && isLasting(choice, trial, known));
  const need = view.closed || hasSaidAll ? undefined : needOf(trial, known);
  return { trial, choice, known, settled, need };
}

/**
 * Whether no row that may still come changes the choice. Only a call of the full tuple on a host that lost nothing is that
 * sure: a removal tells of times long before it, and an address or a port may yet show a second holder. All else is looked at
 * once more when the lateness is over.
 */
function isLasting(choice: Choice, { host: { progress } }: Trial, known: HostKnowledge): boolean {
  if (!isCall(choice) || progress.hasLost(known.firstEarliest - CONNECT_LEAD, known.lastLatest)) return false;
  // A call long before the first packet may have begun another connection, which is not known before it ends.
  if (!known.knowsEarlier && choice.owner.socket.openHi < known.firstEarliest - PROMPT) return false;
  // The next connection may yet show that the call may be its own.
  if (known.areCallsUnwatched(known.firstEarliest - CONNECT_LEAD)) return false;
  return !progress.hasProcessStream || processOf(choice.owner, known) !== undefined;
}

function isCall(choice: Choice): choice is OwnerChoice {
  return choice.kind === 'owner' && choice.owner.match.rank === ranks.event;
}

/** The answer of the only host that may know. */
function alone(answer: Answer, view: ConnectionView, role: Role): Evaluation {
  const { choice, trial, known } = answer;
  if (!isCall(choice) || !isAloneAndCertain(trial, view)) return combine([answer], view, role);
  const { host, match, socket } = choice.owner;
  const decided = new Decided(host, known.clock, match, socket.record, view, false);
  const settled = decided.complete(view);
  return { end: decided.end, settled, lacksDetails: !decided.hasDetails, needs: nothing, decided };
}

function isAloneAndCertain({ candidates, host, clock }: Trial, view: ConnectionView): boolean {
  const [best, second] = candidates;
  if (best!.match.weight !== 'certain' || mayHaveClosed(host, best!.socket.record, view, clock)) return false;
  return second === undefined || second.match.rank > ranks.poll;
}

/** Best first, and in one order whatever order the rows came in. */
export function byEvidence(a: Candidate, b: Candidate): number {
  return (
    a.match.rank - b.match.rank ||
    a.socket.openHi - b.socket.openHi ||
    a.socket.pid - b.socket.pid ||
    a.socket.openLo - b.socket.openLo ||
    compareRecords(a.socket.record, b.socket.record)
  );
}

function compareRecords(a: SocketRecord, b: SocketRecord): number {
  return a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : a.seq - b.seq;
}

/** The watermarks that can add to the answer. */
function needOf({ host, candidates }: Trial, known: HostKnowledge): Need {
  let sockets = known.isDone ? known.lastLatest : known.firstLatest;
  if (!known.isDone) {
    for (const { match, socket } of candidates) {
      if (match.rank === ranks.poll && match.weight === 'certain') sockets = Math.max(sockets, socket.openHi);
    }
  }
  const need: { -readonly [K in keyof Need]: Need[K] } = { host: host.number };
  const { eventsUntil } = host.progress;
  const taken = Math.max(...candidates.map(({ socket }) => takenUntil(socket, known)));
  // Of a connection that goes on, calls may come that no watermark tells of yet: its end has it looked at again.
  if (!known.hasCalls && eventsUntil < known.callsUntil) need.calls = known.callsUntil;
  if (eventsUntil < taken) need.calls = Math.max(need.calls ?? taken, taken);
  if (Math.min(known.socketsUntil, eventsUntil) < sockets) need.sockets = sockets;
  if (!known.hasDetails) need.details = known.detailsMoment;
  return need;
}

/** The answer of the one host that knows; several hosts that all know leave it ambiguous. */
function combine(answers: readonly Answer[], view: ConnectionView, role: Role): Evaluation {
  const needs = needsOf(answers);
  const isWaiting = answers.some(({ choice }) => choice.kind === 'wait');
  const found = answers.filter(({ choice }) => choice.kind === 'owner' || choice.kind === 'ambiguous');
  const settles = isWaiting ? settlesAt(answers) : undefined;
  const settled = answers.every((answer) => answer.settled) && !isWaiting;
  const rest = { settled, needs, ...(settles !== undefined && { settles }) };
  const best = bestOf(found);
  if (best.length === 0) {
    if (isWaiting) return { end: pending, lacksDetails: false, ...rest };
    return { end: reasonOf(answers, view, role), lacksDetails: false, ...rest };
  }
  if (isWaiting && !view.closed && !best.every(isDecisive)) return { end: pending, lacksDetails: false, ...rest };
  const lacksDetails = best.some(({ known }) => !known.hasDetails);
  return { end: endOf(best), lacksDetails, ...rest };
}

/** Nothing was seen only where every host that may have had the address was watched and told all; else the lack is the reason. */
const lacks: readonly Reason[] = ['agent_offline', 'agent_late', 'events_lost', 'no_socket_seen'];

function reasonOf(answers: readonly Answer[], view: ConnectionView, role: Role): End {
  const isOf = ({ choice }: Answer, reason: Reason): boolean => choice.kind === 'none' && choice.reason === reason;
  const reason = lacks.find((lack) => answers.some((answer) => isOf(answer, lack)))!;
  const lacking = answers.filter((answer) => isOf(answer, reason));
  const host = firstById(lacking.map(({ trial }) => trial.host));
  if (reason !== 'no_socket_seen') return unattributed(reason, host);
  const site = answers[0]!.trial.site?.lost;
  if (site !== undefined) return unattributed('events_lost', site);
  if (isKernels(view.connection, role)) return unattributed('kernel', host);
  // A row that is late, or another host that is found to have the address, might have told who it was.
  if (view.isEvicted) return unattributed('agent_late', host);
  // Somebody sent packets that no socket of the host accounts for.
  const hasSent = role === 'orig' || mayBeAnswered(view);
  return hasSent
    ? unaccounted(host, lacking.find(({ trial }) => trial.host === host)!.known)
    : unattributed(reason, host);
}

/** The same host in whatever order they became known. */
function firstById(hosts: readonly HostState[]): HostState {
  return hosts.reduce((first, host) => (host.id < first.id ? host : first));
}

/** Evidence of the full tuple holds whatever another host may still say. */
function isDecisive({ choice }: Answer): boolean {
  return choice.kind === 'owner' && choice.owner.match.rank === ranks.event;
}

function rankOf({ choice }: Answer): number {
  if (choice.kind === 'owner') return choice.owner.match.rank;
  return choice.kind === 'ambiguous' ? choice.candidates[0]!.candidate.match.rank : Infinity;
}

function bestOf(found: readonly Answer[]): Answer[] {
  const rank = Math.min(...found.map(rankOf));
  const best = found.filter((answer) => rankOf(answer) === rank);
  // A call that is of no other connection has decided the end before another host may tell of one that only may be of this one.
  return best.some(isCertain) ? best.filter((answer) => !isOnlyPossible(answer)) : best;
}

function isCertain({ choice }: Answer): boolean {
  return isCall(choice) && (choice.calls ?? [choice.owner]).some(({ match }) => match.weight === 'certain');
}

/** Whether no call of the full tuple is more than a possible one. */
function isOnlyPossible({ trial }: Answer): boolean {
  return trial.candidates.every(({ match }) => match.rank !== ranks.event || match.weight === 'possible');
}

function endOf(best: readonly Answer[]): End {
  const [{ choice, known }] = best as [Answer];
  if (best.length === 1 && choice.kind === 'owner') {
    return attributed(choice, known);
  }
  const tied = best.flatMap(({ choice: one }): Tied[] => {
    if (one.kind === 'ambiguous') return one.candidates;
    return one.kind === 'owner' ? [{ candidate: one.owner, tie: 'another host has the same address and socket' }] : [];
  });
  const contexts = new Map(best.map((answer) => [answer.trial.host, answer.known]));
  return ambiguous(tied, (candidate: Candidate) => contexts.get(candidate.host)!);
}

function settlesAt(answers: readonly Answer[]): Micros | undefined {
  let at: Micros | undefined;
  for (const { trial } of answers) {
    for (const { match } of trial.candidates) {
      if (match.settles !== undefined) at = Math.max(at ?? -Infinity, match.settles - trial.clock.offset);
    }
  }
  return at;
}
