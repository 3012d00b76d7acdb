import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import { ownerTables } from '../hosts/state/stream-progress.js';
import { CONNECT_LEAD, PROMPT } from './call-times.js';
import type { Candidate, Trial } from './candidate.js';
import { type ConnectionView, mayBeFlipped } from './connection-view.js';
import type { Role } from './end-query.js';
import { isAncestor, latestMoment, type OwnerContext } from './end-record.js';
import type { HostClock } from './host-clocks.js';
import type { Knowledge } from './owner-choice.js';

/** How far the rows of a host go about one end of a connection. Most of it is asked of few ends, hence worked out when asked. */
export class HostKnowledge implements Knowledge, OwnerContext {
  readonly clock: HostClock;
  readonly role: Role;
  readonly first: Micros;
  readonly firstEarliest: Micros;
  readonly firstLatest: Micros;
  readonly lastLatest: Micros;
  /** Calls up to here can have opened the connection. */
  readonly callsUntil: Micros;
  readonly isDone: boolean;
  readonly isClosed: boolean;
  readonly isEvicted: boolean;
  readonly knowsEarlier: boolean;
  readonly hasCalls: boolean;
  readonly eventsUntil: Micros;
  readonly hasAll: boolean;
  readonly socketsUntil: Micros;
  /** Up to here it must be known who the processes of all candidates were. */
  readonly detailsMoment: Micros;
  readonly hasDetails: boolean;
  readonly #trial: Trial;
  readonly #from: Micros;
  /** It may be the end that opened the connection. */
  readonly #connects: boolean;

  constructor(trial: Trial, view: ConnectionView) {
    const { query, host } = trial;
    const { first, last, err, role } = query;
    const { socketsUntil, eventsUntil, detailsUntil } = host.progress;
    this.#trial = trial;
    this.#from = first - err - PROMPT;
    this.#connects = role === 'orig' || mayBeFlipped(view.connection);
    this.clock = trial.clock;
    this.role = role;
    this.first = first;
    this.firstEarliest = first - err;
    this.firstLatest = first + err;
    this.lastLatest = Math.max(last, first) + err;
    // A connect comes before the first packet; an accept may come as long as the connection lasts. A host that tells of translations
    // alone has none of either.
    const needsEnd = host.progress.hasEventStream && (role === 'resp' || mayBeFlipped(view.connection));
    this.callsUntil = needsEnd ? this.lastLatest : this.firstLatest;
    this.isDone = view.ended || view.closed;
    this.isClosed = view.closed;
    this.isEvicted = view.isEvicted;
    this.knowsEarlier = view.knowsEarlier;
    // Where no stream tells of calls, none is waited for.
    this.hasCalls = eventsUntil === Infinity || (eventsUntil >= this.callsUntil && (this.isDone || !needsEnd));
    this.hasAll = this.isDone && Math.min(socketsUntil, eventsUntil) >= this.lastLatest;
    this.eventsUntil = eventsUntil;
    this.socketsUntil = socketsUntil;
    this.detailsMoment = detailsMoment(trial, this.firstLatest);
    this.hasDetails = detailsUntil >= this.detailsMoment;
  }

  get isOver(): boolean {
    return this.isClosed || this.#trial.host.progress.isSilent(this.lastLatest);
  }

  get isGone(): boolean {
    return this.#isGoneSince(this.#from);
  }

  get mayFirstCallBeGone(): boolean {
    return this.#trial.callsGoneUntil >= this.#from;
  }

  get mayBindBeGone(): boolean {
    const { host, query } = this.#trial;
    return host.mayMissBinds(query.protocol, query.localPort, this.firstEarliest, this.firstLatest);
  }

  get mayCallBeGone(): boolean {
    return this.#isGoneSince(this.#connects ? this.firstEarliest - CONNECT_LEAD : this.#from);
  }

  #isGoneSince(moment: Micros): boolean {
    const { host, query, goneUntil } = this.#trial;
    // The socket of a connection that was going on already may have been opened at any time before.
    const until = query.opening ? host.goneUntil : Math.max(host.goneUntil, host.goneStoodUntil);
    return Math.max(until, host.translationsGoneUntil, goneUntil) >= moment;
  }

  get areCallsLost(): boolean {
    return this.areCallsLostUntil(this.callsUntil);
  }

  areCallsLostUntil(moment: Micros): boolean {
    return this.isGone || this.#trial.host.progress.areEventsLost(this.#from, moment);
  }

  areCallsLostSince(moment: Micros): boolean {
    return this.#isGoneSince(moment) || this.#trial.host.progress.areEventsLost(moment, this.callsUntil);
  }

  get isAnyLost(): boolean {
    return this.isGone || this.#trial.host.progress.isLost(ownerTables, this.#from, this.lastLatest);
  }

  get isUnwatched(): boolean {
    return this.#trial.host.progress.isUnwatched(this.#from, this.lastLatest);
  }

  areCallsUnwatched(since = this.#from, until = this.callsUntil): boolean {
    return this.#trial.host.progress.isUnwatched(since, until);
  }

  /** An owner is told of with its process, though of a lesser candidate, that called later, this may never be known. */
  hasDetailsOf(socket: HeldSocket): boolean {
    const moment = Math.max(this.firstLatest, latestMoment(socket, this.first));
    return this.hasDetails || this.#trial.host.progress.detailsUntil >= moment;
  }

  isAncestor(candidate: Candidate, of: Candidate): boolean {
    return isAncestor(candidate, of, this);
  }
}

/** Who the processes were must be known up to the last moment that is looked at. */
function detailsMoment({ candidates, query }: Trial, firstLatest: Micros): Micros {
  let moment = firstLatest;
  for (const { socket } of candidates) moment = Math.max(moment, latestMoment(socket, query.first));
  return moment;
}
