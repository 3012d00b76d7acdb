import { isGroupAddress, isLoopback } from '../core/address.js';
import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { socketTables } from '../hosts/state/stream-progress.js';
import type { End, Reason } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';
import { type Candidate, type Trace, type Trial, tryHosts } from './candidate.js';
import { type ConnectionView, mayBeFlipped, socketProtocol } from './connection-view.js';
import {
  ambiguous,
  attributed,
  isAncestor,
  momentsOf,
  noAgent,
  notLocal,
  type OwnerContext,
  pending,
  processOf,
  unattributed,
} from './end-record.js';
import type { HostClocks } from './host-clocks.js';
import { PROMPT, type Role, ranks } from './match.js';
import { type Choice, chooseOwner, type Knowledge, type Tied } from './owner-choice.js';

/** What an end waits for on one host, each a moment of the host's clock up to which streams must be complete. */
export interface Need {
  readonly host: HostState;
  readonly calls?: Micros;
  readonly sockets?: Micros;
  readonly details?: Micros;
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
}

const unhosted: Evaluation = { end: noAgent, settled: false, lacksDetails: false, needs: [] };
const settledUnhosted: Evaluation = { ...unhosted, settled: true };
const groupEnd: Evaluation = { end: notLocal, settled: true, lacksDetails: false, needs: [] };

/** One host's answer. */
interface Answer {
  readonly trial: Trial;
  readonly choice: Choice;
  readonly context: OwnerContext;
  readonly settled: boolean;
  readonly need: Need | undefined;
}

/** What the rows that are there say of one end. */
export function evaluateEnd(
  states: HostStates,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  trace?: Trace,
): Evaluation {
  const { localAddress } = view.ends[role];
  if (role === 'resp' && isGroupAddress(localAddress)) return groupEnd;
  if (isUnhosted(states, view, role)) return view.closed ? settledUnhosted : unhosted;
  const protocol = socketProtocol(view.connection);
  const trials = tryHosts(states, clocks, view, role, protocol ?? -1, trace);
  if (trials.length === 0) return view.closed ? settledUnhosted : unhosted;
  if (protocol === undefined || trials.every(({ host }) => !host.progress.hasSocketStream)) {
    const end = unattributed('unsupported_proto', firstById(trials.map(({ host }) => host)));
    return { end, settled: view.closed, lacksDetails: false, needs: [] };
  }
  return combine(
    trials.map((trial) => answerOf(trial, view)),
    view,
  );
}

/** Most ends of a network have no watched host: two look-ups tell. */
function isUnhosted(states: HostStates, view: ConnectionView, role: Role): boolean {
  const { localAddress, key } = view.ends[role];
  if (states.everHad(localAddress) !== undefined || (key !== undefined && states.withTuple(key) !== undefined))
    return false;
  return view.captureHost === undefined || !isLoopback(localAddress);
}

function answerOf(trial: Trial, view: ConnectionView): Answer {
  const { host, query, clock } = trial;
  const { progress } = host;
  const { first, last, err, role } = query;
  const firstLatest = first + err;
  const lastLatest = Math.max(last, first) + err;
  // A connect comes before the first packet; an accept may come as long as the connection lasts.
  const needsEnd = role === 'resp' || mayBeFlipped(view.connection);
  const callsUntil = needsEnd ? lastLatest : firstLatest;
  const [from, to] = [first - err - PROMPT, lastLatest];
  const isOver = view.closed || progress.isSilent(to);
  const isGone = host.goneUntil >= from;
  const hasDetails = progress.detailsUntil >= detailsMoment(trial, firstLatest);
  const context: OwnerContext = { clock, first, lastLatest, hasDetails };
  const isDone = view.ended || view.closed;
  const known: Knowledge = {
    knowsEarlier: view.knowsEarlier,
    // Where no stream tells of calls, none is waited for.
    hasCalls: progress.eventsUntil === Infinity || (progress.eventsUntil >= callsUntil && (isDone || !needsEnd)),
    socketsUntil: progress.socketsUntil,
    hasAll: isDone && Math.min(progress.socketsUntil, progress.eventsUntil) >= lastLatest,
    areCallsLost: isGone || progress.areEventsLost(from, to),
    isAnyLost: isGone || progress.isLost(socketTables, from, to),
    isGone,
    isUnwatched: progress.isUnwatched(from, to),
    isUnwatchedSince: (moment) => progress.isUnwatched(moment, to),
    isOver,
    isClosed: view.closed,
    firstLatest,
    isAncestor: (candidate, of) => isAncestor(candidate, of, context),
  };
  trial.candidates.sort(byEvidence);
  const choice = chooseOwner(trial.candidates, known);
  const settled = view.closed || (known.hasAll && hasDetails && isLasting(choice, trial, context, to));
  const hasSaidAll = known.hasAll && hasDetails && choice.kind !== 'wait';
  const isHeard = view.closed || (hasSaidAll && !trial.candidates.some(({ match }) => match.settles !== undefined));
  const need = isHeard ? undefined : needOf(host, known, { callsUntil, lastLatest, isDone, hasDetails }, trial);
  return { trial, choice, context, settled, need };
}

/**
 * Whether no row that may still come changes the choice. Only a call of the full tuple on a host that lost nothing is that
 * sure: a removal tells of times long before it, and an address or a port may yet show a second holder. All else is looked at
 * once more when the lateness is over.
 */
function isLasting(choice: Choice, { host, candidates }: Trial, context: OwnerContext, to: Micros): boolean {
  if (choice.kind !== 'owner' || choice.owner.match.rank !== ranks.event) return false;
  if (candidates.some(({ match }) => match.settles !== undefined) || host.progress.hasLost(to)) return false;
  return !host.progress.hasProcessStream || processOf(choice.owner, context) !== undefined;
}

/** Best first, and in one order whatever order the rows came in. */
function byEvidence(a: Candidate, b: Candidate): number {
  return (
    a.match.rank - b.match.rank ||
    a.socket.openHi - b.socket.openHi ||
    a.socket.pid - b.socket.pid ||
    a.socket.openLo - b.socket.openLo ||
    compareRows(a.socket.rows[0]!, b.socket.rows[0]!)
  );
}

function compareRows(a: AnyTableRow, b: AnyTableRow): number {
  return a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : a.seq - b.seq;
}

/** Who the processes were must be known up to the last moment that is looked at. */
function detailsMoment({ candidates, query }: Trial, firstLatest: Micros): Micros {
  let moment = firstLatest;
  for (const { socket } of candidates) moment = Math.max(moment, momentsOf(socket, query.first)[1]);
  return moment;
}

interface Moments {
  readonly callsUntil: Micros;
  readonly lastLatest: Micros;
  readonly isDone: boolean;
  readonly hasDetails: boolean;
}

function needOf(host: HostState, known: Knowledge, moments: Moments, trial: Trial): Need {
  const seen = trial.candidates.filter(({ match }) => match.rank === ranks.poll && match.weight === 'certain');
  const sockets = moments.isDone
    ? moments.lastLatest
    : Math.max(known.firstLatest, ...seen.map(({ socket }) => socket.openHi));
  return {
    host,
    ...(!known.hasCalls && { calls: moments.callsUntil }),
    ...(Math.min(host.progress.socketsUntil, host.progress.eventsUntil) < sockets && { sockets }),
    ...(!moments.hasDetails && { details: detailsMoment(trial, known.firstLatest) }),
  };
}

/** The answer of the one host that knows; several hosts that all know leave it ambiguous. */
function combine(answers: readonly Answer[], view: ConnectionView): Evaluation {
  const needs = answers.flatMap(({ need }) => (need === undefined ? [] : [need]));
  const isWaiting = answers.some(({ choice }) => choice.kind === 'wait');
  const found = answers.filter(({ choice }) => choice.kind === 'owner' || choice.kind === 'ambiguous');
  const settles = isWaiting ? settlesAt(answers) : undefined;
  const settled = answers.every((answer) => answer.settled) && !isWaiting;
  const rest = { settled, needs, ...(settles !== undefined && { settles }) };
  const best = bestOf(found);
  if (best.length === 0) {
    if (isWaiting) return { end: pending, lacksDetails: false, ...rest };
    return { end: reasonOf(answers), lacksDetails: false, ...rest };
  }
  if (isWaiting && !view.closed && !best.every(isDecisive)) return { end: pending, lacksDetails: false, ...rest };
  const lacksDetails = best.some(({ context }) => !context.hasDetails);
  return { end: endOf(best), lacksDetails, ...rest };
}

/** Nothing was seen only where every host that may have had the address was watched and told all; else the lack is the reason. */
const lacks: readonly Reason[] = ['agent_offline', 'agent_late', 'events_lost', 'no_socket_seen'];

function reasonOf(answers: readonly Answer[]): End {
  const isOf = ({ choice }: Answer, reason: Reason): boolean => choice.kind === 'none' && choice.reason === reason;
  const reason = lacks.find((lack) => answers.some((answer) => isOf(answer, lack)))!;
  const hosts = answers.filter((answer) => isOf(answer, reason)).map(({ trial }) => trial.host);
  return unattributed(reason, firstById(hosts));
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
  return found.filter((answer) => rankOf(answer) === rank);
}

function endOf(best: readonly Answer[]): End {
  const [{ choice, context }] = best as [Answer];
  if (best.length === 1 && choice.kind === 'owner') {
    return attributed(choice.owner, choice.method, choice.sharers, context, choice.calls);
  }
  const tied = best.flatMap(({ choice: one }): Tied[] => {
    if (one.kind === 'ambiguous') return one.candidates;
    return one.kind === 'owner' ? [{ candidate: one.owner, tie: 'another host has the same address and socket' }] : [];
  });
  const contexts = new Map(best.map((answer) => [answer.trial.host, answer.context]));
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
