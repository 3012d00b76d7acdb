import { type Micros, SECOND } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { Appointments, DueEnds } from './appointments.js';
import { Decided } from './decided.js';
import { pending } from './end-record.js';
import { stitchEnd } from './end-stitch.js';
import { awaitingCalls, callsAwaited, type Evaluation, evaluateEnd, isUnhosted, pollsAwaited } from './evaluation.js';
import { Heap } from './heap.js';
import type { HostClocks } from './host-clocks.js';
import { Newcomers } from './newcomers.js';
import { ReadAhead } from './read-ahead.js';
import { isSameEnd } from './same-end.js';
import { decideSoleCall } from './sole-call.js';
import { decideStanding } from './standing.js';
import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';
import type { TrackedList } from './tracked-list.js';
import { awaited, Turns } from './turns.js';
import { UpheldEnds } from './upheld-ends.js';
import { HostWaiting } from './waiting.js';

/**
 * A connection that has not ended is taken to have lasted until this long ago: the tracker ends one at most this long after
 * its last packet when another with the same endpoints begins.
 */
const END_DELAY: Micros = 6 * SECOND;

/** Rows about a connection's owner may be this much older than its first packet, skew of clocks included. */
export const KEPT_LEAD: Micros = 60 * SECOND;

interface Appointment {
  readonly at: Micros;
  /** See TrackedEnd.number. */
  readonly end: number;
  readonly turn: number;
}

export interface DecidingOptions {
  /**
   * Every connection is handed in as soon as it begins, so that none can have begun unseen before the capture time reached.
   * Absent or false: some come only when they end, and what depends on the next of the same endpoints waits for the lateness.
   */
  readonly startsKnown?: boolean;
  /** One line for each connection, when nothing more can change: until then it is only looked at where that may settle it. */
  readonly finalOnly: boolean;
  /** Absent: yes. No: every end is decided by all rows, also where one call is all there is (sole-call.ts), which gives the same. */
  readonly takesShortWay?: boolean;
}

/**
 * Who owns each end, and what an end that may still change waits for: a watermark of a host or a capture time. `evaluateEnd` looks at
 * all rows afresh, so no order of effects can leak into an answer; what one certain call has decided is only completed.
 */
export class Deciding {
  readonly #states: HostStates<Tracked, TrackedEnd>;
  readonly #clocks: HostClocks;
  readonly #kept: TrackedList;
  readonly #turns = new Turns();
  readonly #startsKnown: boolean;
  readonly #takesShortWay: boolean;
  readonly #finalOnly: boolean;
  /** By the number of the host. */
  readonly #waiting: HostWaiting[] = [];
  readonly #newcomers = new Newcomers();
  readonly #ahead: ReadAhead;
  readonly #upheld: UpheldEnds;
  /** Ends that wait for the connection to go on, by capture time. */
  readonly #dueAt = new Heap<Appointment>();
  /** Ends that are looked at as they are let go, by when rows of their time are. */
  readonly #unhurried = new Appointments();
  /** Capture time. */
  now: Micros = -Infinity;
  /** Rows about closed sockets of times up to here have been let go, on some host's clock. */
  prunedUntil: Micros = -Infinity;
  /** Connections up to here were let go early, so that not every one is known that a row may be of. */
  forgottenUntil: Micros = -Infinity;
  /** Connections of which something may still change. */
  unsettled = 0;
  /** How often an end was looked at. */
  looks = 0;

  constructor(
    states: HostStates<Tracked, TrackedEnd>,
    clocks: HostClocks,
    kept: TrackedList,
    { startsKnown = false, takesShortWay = true, finalOnly }: DecidingOptions,
  ) {
    this.#states = states;
    this.#clocks = clocks;
    this.#kept = kept;
    this.#ahead = new ReadAhead(kept, states.rows);
    this.#upheld = new UpheldEnds(states, this.#turns);
    this.#startsKnown = startsKnown;
    this.#takesShortWay = takesShortWay;
    this.#finalOnly = finalOnly;
  }

  /** A host that ends may wait for. */
  watch(host: HostState): void {
    this.#waiting[host.number] = new HostWaiting();
  }

  /** Hands over the ends that the host's watermarks release. */
  release(host: HostState, take: (end: TrackedEnd) => void): void {
    this.#waiting[host.number]!.release(
      host,
      this.#turns,
      this.#newcomers,
      (end) => this.#mayDoWithDetails(end),
      (due) => this.#ahead.ends(due, this.#turns),
      (end) => take(this.#kept.end(end)),
    );
  }

  /** What was postponed is looked at once the details are there, also before all calls are, if a row of it has come. */
  #mayDoWithDetails(number: number): boolean {
    const end = this.#kept.end(number);
    return end.isPostponed && end.lacksDetails;
  }

  /** Hands over the ends that waited for capture time to come so far. */
  advance(now: Micros, take: (end: TrackedEnd) => void): void {
    this.now = now;
    for (let due = this.#dueAt.pop(now); due !== undefined; due = this.#dueAt.pop(now)) {
      if (this.#turns.holds(due.end, due.turn)) take(this.#kept.end(due.end));
    }
  }

  /** Rows of times before the horizon are to be let go: ends that wait to be let go themselves are decided while there are rows of their time. */
  lookBefore(horizon: Micros): void {
    if (this.#unhurried.first > horizon) return;
    const due = new DueEnds();
    this.#unhurried.drain(horizon, due);
    for (let at = 0; at < due.count; at++) {
      const [number, turn] = [due.ends[at]!, due.turns[at]!];
      if (!this.#turns.holds(number, turn)) continue;
      const end = this.#kept.end(number);
      this.setView(end.tracked, false, false);
      this.#evaluate(end, false);
      this.#settle(end.tracked);
    }
  }

  /** Decides an end afresh. */
  look(end: TrackedEnd): void {
    const { tracked } = end;
    this.setView(tracked, false, false);
    this.#evaluate(end);
    this.#settle(tracked);
  }

  /**
   * A row of the end's endpoints came. Returns whether that, too, changes nothing that could be told before its appointments; otherwise
   * it is to be looked at.
   */
  postpones(end: TrackedEnd): boolean {
    if (!end.isPostponed || end.tracked.lines > 0) return false;
    if (end.lacksDetails) return true;
    const turns = this.#turns;
    const { number } = end;
    const kind = turns.kindOf(number);
    if (kind === awaited.sockets || kind === awaited.letGo) return false;
    if (this.#states.detailsUntil(turns.hostOf(number)) >= turns.momentOf(number)) return false;
    end.lacksDetails = true;
    return true;
  }

  /** Looks at what was postponed of a connection. */
  lookNow(tracked: Tracked): void {
    for (const end of [tracked.orig, tracked.resp]) {
      if (!end.isPostponed || this.#awaitsPolls(end)) continue;
      this.setView(tracked, false, false);
      if (this.#awaitsRows(end)) continue;
      this.#evaluate(end, false);
      this.#settle(tracked);
    }
  }

  /** Whether nothing is known of an end yet, and its only host has still to tell of calls of its beginning. */
  awaitsCalls({ orig, resp }: Tracked): boolean {
    return (orig.isOpen && this.#awaitsCalls(orig)) || (resp.isOpen && this.#awaitsCalls(resp));
  }

  /** A watermark came for the end. */
  complete(end: TrackedEnd): void {
    if (end.decided === undefined) this.look(end);
    else {
      this.#complete(end, end.decided);
      this.#settle(end.tracked);
    }
  }

  /** The connection itself has changed. Where its neighbours are all known, that says nothing against most calls. */
  update(tracked: Tracked): void {
    this.setView(tracked, false, false);
    this.#updateEnd(tracked.orig);
    this.#updateEnd(tracked.resp);
    this.#settle(tracked);
  }

  #updateEnd(end: TrackedEnd): void {
    const { decided, tracked } = end;
    if (end.settled || (end.isPostponed && (tracked.lines === 0 || this.#awaitsPolls(end)))) return;
    if (end.isUnhosted && isUnhosted(tracked, end.role)) return;
    const isKept = tracked.knowsEarlier && tracked.elsewhere === undefined && decided?.isUpheldBy(tracked) === true;
    if (decided !== undefined && isKept) this.#complete(end, decided);
    else this.#evaluate(end);
  }

  /** Decides a connection with what is known, for good. */
  close(tracked: Tracked, knowsAll: boolean): void {
    if (tracked.settled) return;
    this.setView(tracked, true, knowsAll);
    this.#closeEnd(tracked.orig);
    this.#closeEnd(tracked.resp);
    tracked.settled = true;
    this.unsettled--;
  }

  #closeEnd(end: TrackedEnd): void {
    if (end.settled) return;
    const isKnown =
      (end.isUnhosted && !end.hasTranslations && isUnhosted(end.tracked, end.role)) || this.#upheld.isUpheld(end);
    if (!isKnown) this.#evaluate(end);
    else if (end.tracked.ended) {
      end.settled = true;
      this.#rest(end);
    }
  }

  /** What is known of the connection's neighbours in time by now; all of them when it is decided past the lateness. */
  setView(tracked: Tracked, isClosed: boolean, knowsAll: boolean): void {
    const { first, last, ended } = tracked;
    const open = ended ? last : this.now - END_DELAY;
    const lasting = Math.max(last, this.#startsKnown ? this.now : open);
    tracked.closed = isClosed;
    tracked.isEvicted = isClosed && !knowsAll;
    tracked.knowsEarlier = (knowsAll || this.#startsKnown) && first > this.forgottenUntil;
    tracked.aloneUntil = Math.min(tracked.nextFirst, knowsAll ? Infinity : lasting);
  }

  /** The connection is let go. */
  forget({ orig, resp }: Tracked): void {
    for (const end of [orig, resp]) {
      this.#turns.next(end.number);
      const left = end.letGo();
      if (left !== undefined) this.#states.tuples.forget(left);
    }
  }

  #complete(end: TrackedEnd, decided: Decided): void {
    end.settled = maySettle(end, decided.complete(end.tracked));
    end.lacksDetails = !decided.hasDetails;
    if (end.settled) {
      end.end = decided.end;
      this.#rest(end);
      return;
    }
    end.end = undefined;
    end.decided = decided;
    this.#await(end, decided);
  }

  /** Appointments are void, and news pass it by. */
  #rest(end: TrackedEnd): void {
    this.#turns.next(end.number);
    end.rest();
  }

  /** Details are waited for first: without them nothing is settled. What is not lasting once all is told waits for no watermark any more. */
  #await(end: TrackedEnd, decided: Decided): void {
    const turns = this.#turns;
    const { number, tracked } = end;
    const { host, hasDetails } = decided;
    if (hasDetails && (!tracked.ended || decided.isAllTold(tracked))) {
      turns.next(number);
      return;
    }
    const kind = hasDetails ? awaited.sockets : awaited.details;
    const until = hasDetails ? decided.lastLatest(tracked) : decided.detailsMoment(tracked);
    if (turns.isAwaiting(number, host.number, kind, until)) return;
    const turn = turns.next(number);
    const waiting = this.#waiting[host.number]!;
    if (hasDetails) waiting.waitForSockets(number, turn, until);
    else waiting.waitForDetails(number, turn, until);
    turns.awaits(number, host.number, kind, until);
  }

  #settle(tracked: Tracked): void {
    if (tracked.settled || !tracked.ended || !tracked.orig.settled || !tracked.resp.settled) return;
    tracked.settled = true;
    this.unsettled--;
  }

  /** An end is settled only once the connection has ended. */
  #evaluate(end: TrackedEnd, mayPostpone = true): void {
    const { tracked } = end;
    this.looks++;
    end.isPostponed = false;
    // An owner that was found stays when the rows of its time have been let go: nothing new can be said about that time.
    if (tracked.first - KEPT_LEAD <= this.prunedUntil && end.isOwned) {
      end.settled = tracked.ended;
      if (end.settled) this.#rest(end);
      return;
    }
    stitchEnd(this.#states, this.#clocks, end);
    if (mayPostpone && (this.#postpone(end) || this.#postponeToLast(end))) return;
    const { role } = end;
    const isShort = this.#takesShortWay && end.stitch === undefined;
    const found = isShort ? decideSoleCall(this.#states, this.#clocks, tracked, role) : undefined;
    if (found === undefined) this.#takeAll(end, isShort);
    else if (found instanceof Decided) this.#complete(end, found);
    else this.#take(end, awaitingCalls(found));
  }

  /** No call alone decides it. */
  #takeAll(end: TrackedEnd, isShort: boolean): void {
    const { tracked, role } = end;
    const before = end.decided === undefined ? end.end : undefined;
    const owned = isShort ? decideStanding(this.#states, this.#clocks, tracked, role, before) : undefined;
    if (owned === undefined) this.#take(end, evaluateEnd(this.#states, this.#clocks, tracked, role));
    else {
      this.#take(end, owned);
      this.#upheld.uphold(end, owned);
    }
  }

  /**
   * Most connections are over before their hosts tell for sure who had them, and their first lines wait for that. An end of which nothing
   * was said yet, and that only one host may know, is not looked at before: neither as it begins, nor for the row of its call, nor as it ends. Then
   * it is decided once, from all of that.
   */
  #postpone(end: TrackedEnd): boolean {
    const { tracked, number, role } = end;
    if (end.stitch !== undefined || !end.isOpen || isUnhosted(tracked, role)) return false;
    if (tracked.lines > 0) return this.#postponeForPolls(end);
    const early = callsAwaited(this.#states.columns, this.#clocks, tracked, role);
    if (early === undefined) return this.#postponeForPolls(end);
    const { host, calls } = early;
    const hasRow = end.tuple.hasSockets(end.isForward);
    if (hasRow && this.#states.detailsUntil(host) >= calls) return false;
    end.isPostponed = true;
    end.end = pending;
    end.lacksDetails = hasRow;
    const turn = this.#turns.next(number);
    this.#turns.awaits(number, host, awaited.calls, calls);
    const isNew = this.#newcomers.add(host, number, turn, calls);
    if (!isNew) this.#waiting[host]!.waitForCalls(number, turn, calls);
    return true;
  }

  /** Where only last lines are told, an end that nothing settles before it is let go, since no row of its endpoints came, is not looked at before that. */
  #postponeToLast(end: TrackedEnd): boolean {
    const { tracked, tuple, isForward, local, number, role } = end;
    if (!this.#finalOnly || tracked.closed || end.stitch !== undefined || tuple.hasSockets(isForward)) return false;
    if (local.isGroup || local.isUnspecified || local.isBroadcast || isUnhosted(tracked, role)) return false;
    end.isPostponed = true;
    end.end = pending;
    end.lacksDetails = false;
    const turn = this.#turns.next(number);
    this.#turns.awaits(number, 0, awaited.letGo, Infinity);
    this.#unhurried.push(tracked.first - KEPT_LEAD, number, turn);
    return true;
  }

  /** The same where polls alone tell of sockets: nothing is said before the first of them that may have seen this one's. */
  #postponeForPolls(end: TrackedEnd): boolean {
    const { tracked, number, role } = end;
    const early = pollsAwaited(this.#states, this.#clocks, tracked, role);
    if (early === undefined) return false;
    const { host, sockets } = early;
    end.isPostponed = true;
    end.end = pending;
    end.lacksDetails = false;
    const turn = this.#turns.next(number);
    this.#turns.awaits(number, host, awaited.sockets, sockets);
    this.#waiting[host]!.waitForSockets(number, turn, sockets);
    return true;
  }

  /** Whatever else is known of it, nothing can be told. */
  #awaitsPolls({ isPostponed, number }: TrackedEnd): boolean {
    return isPostponed && this.#turns.kindOf(number) === awaited.sockets;
  }

  /** No row of its endpoints came, and its only host has still to tell of calls: nothing else would be found. */
  #awaitsRows(end: TrackedEnd): boolean {
    const { tuple, isForward, local } = end;
    if (tuple.hasSockets(isForward) || local.isGroup || local.isUnspecified) return false;
    return this.#states.translations.isEmpty && this.#awaitsCalls(end);
  }

  #awaitsCalls({ tracked, role }: TrackedEnd): boolean {
    return callsAwaited(this.#states.columns, this.#clocks, tracked, role) !== undefined;
  }

  /** Takes over what was found and makes the end's appointments. */
  #take(end: TrackedEnd, found: Evaluation): void {
    const { tracked } = end;
    const { needs, settles } = found;
    end.settled = maySettle(end, found.settled);
    const { end: before } = end;
    const isStanding = stands(end, found);
    end.decided = found.decided;
    end.end = isStanding ? before : found.end;
    if (!isStanding) end.lacksDetails = found.lacksDetails;
    if (end.settled) this.#rest(end);
    else if (found.decided !== undefined) this.#await(end, found.decided);
    else {
      const { number } = end;
      const turn = this.#turns.next(number);
      for (const need of needs) this.#waiting[need.host]!.wait(number, turn, need);
      if (settles === undefined || (tracked.ended && !this.#startsKnown)) return;
      const at = settles + (this.#startsKnown ? 0 : END_DELAY);
      // Once that moment has passed another connection of the tuple is in the way for good, and waiting for it would never end.
      if (at > this.now && at !== Infinity) this.#dueAt.push({ at, end: number, turn });
    }
  }
}

/**
 * Whether an end that no row of its own hosts changes any more is settled. What a gateway tells later bounds the connections that it translated
 * before, on either side: such an end is decided again when the lateness is over.
 */
function maySettle({ tracked, hasTranslations }: TrackedEnd, isLasting: boolean): boolean {
  return isLasting && tracked.ended && (tracked.closed || !hasTranslations);
}

/** An owner stands until there is another answer; also where the same process is found again whose details are not all known yet. */
function stands({ end, lacksDetails, tracked }: TrackedEnd, found: Evaluation): boolean {
  if (end?.state !== 'attributed') return false;
  if (found.end.state === 'pending') return true;
  if (found.end.state !== 'attributed' || !found.lacksDetails || lacksDetails || tracked.closed) return false;
  const { host, process, nat } = found.end;
  const isSame = host.id === end.host.id && process.pid === end.process.pid && process.path === end.process.path;
  return isSame && isSameEnd(nat, end.nat);
}
