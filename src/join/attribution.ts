import { type Micros, SECOND } from '../core/time.js';
import type { KnownAddress } from '../hosts/state/address-table.js';
import type { HostNews, HostState } from '../hosts/state/host-state.js';
import { HostStates } from '../hosts/state/host-states.js';
import type { SocketFact } from '../hosts/state/socket-fact.js';
import type { AttributedConnection, Cause } from '../records/attributed-connection.js';
import type { Connection, ConnectionCause, ConnectionUpdate } from '../records/connection.js';
import type { HostRow } from '../records/host-row.js';
import { Agenda } from './agenda.js';
import { socketProtocol } from './connection-view.js';
import type { Decided } from './decided.js';
import { pending } from './end-record.js';
import { type Evaluation, evaluateEnd } from './evaluation.js';
import { type Explained, type Explanation, explainConnection } from './explain.js';
import { Heap } from './heap.js';
import { HostClocks } from './host-clocks.js';
import { defaultJoinLimits, type JoinLimits } from './join-limits.js';
import { ACCEPT_LAG, PROMPT } from './match.js';
import { Moments } from './moments.js';
import { type Capture, Tracked, type TrackedEnd, TrackedList, type TrackedTuple } from './tracked.js';
import { HostWaiting } from './waiting.js';

export interface JoinOptions {
  /** No row comes later than this after the time it is about; a connection is kept that long after its end. */
  readonly latenessUs: Micros;
  /** How long the first line of a connection waits for its owners before it says `pending`, capture time. */
  readonly attrWaitUs: Micros;
  /** One line for each connection, when nothing more can change. */
  readonly finalOnly: boolean;
  /**
   * Every connection is handed in as soon as it begins, so that none can have begun unseen before the capture time reached.
   * Absent or false: some come only when they end, and what depends on the next of the same endpoints waits for `latenessUs`.
   */
  readonly startsKnown?: boolean;
  readonly emit: (connection: AttributedConnection) => void;
  /** Called as a connection is let go, after its last line: `explain` says then why its ends are what they are. */
  readonly onClose?: (connection: Connection, explain: () => Explanation) => void;
  readonly limits?: Partial<JoinLimits>;
}

export interface JoinStats {
  readonly connections: number;
  readonly lines: number;
  /** Lines that told of new evidence about a connection already told of. */
  readonly revisions: number;
  /** Connections known now, and how many of them are not settled. */
  readonly kept: number;
  readonly unsettled: number;
  /** Connections decided early because too many were known. */
  readonly connectionsEvicted: number;
  readonly hosts: number;
  readonly hostsRefused: number;
  readonly socketRowsEvicted: number;
  readonly processRowsEvicted: number;
  /** Rows about sockets or processes that could not be used: no process, no endpoint, not about the Internet. */
  readonly rowsIgnored: number;
}

/**
 * A connection that has not ended is taken to have lasted until this long ago: the tracker ends one at most this long after
 * its last packet when another with the same endpoints begins.
 */
const END_DELAY: Micros = 6 * SECOND;

/** Rows about a connection's owner may be this much older than its first packet, skew of clocks included. */
const KEPT_LEAD: Micros = 60 * SECOND;

interface Appointment {
  readonly at: Micros;
  readonly end: TrackedEnd;
  readonly turn: number;
}

/**
 * Joins connections with what hosts tell of their sockets, processes and users. A function of its input alone: it reads no
 * clock, and whatever order connections and rows come in, the last line of each connection is the same as long as no row is
 * later than `latenessUs` and no bound is hit.
 *
 * State: hosts (HostStates), connections by their endpoints, and what each unsettled end waits for: a watermark of a host, a row of
 * its tuple, a host with its address, or a capture time. An end is evaluated when its connection changes and when one of these comes;
 * `evaluateEnd` looks at all rows afresh, so no order of effects can leak into an answer.
 */
export class Join {
  readonly #options: JoinOptions;
  readonly #limits: JoinLimits;
  readonly #states: HostStates<Tracked, TrackedEnd>;
  readonly #clocks = new HostClocks();
  readonly #waiting = new Map<HostState, HostWaiting>();
  readonly #captures = new Map<string, Capture>();
  /** Hosts on which captures were taken. */
  readonly #captureHosts = new Set<string>();
  readonly #kept = new TrackedList();
  readonly #moments = new Moments();
  #lastHost: HostState | undefined;
  /** First lines that wait, by the capture time at which they come anyway. */
  readonly #starts: Agenda<Tracked>;
  /** Ends that wait for the connection to go on, by capture time. */
  readonly #dueAt = new Heap<Appointment>();
  /** Connections that were looked at again, to be told of if they changed. */
  #touched: Tracked[] = [];
  /** Ended connections in the order in which they are let go. */
  #ended: Tracked[] = [];
  #endedGone = 0;
  #now: Micros = -Infinity;
  /** Rows about closed sockets of times up to here have been let go, on some host's clock. */
  #prunedUntil: Micros = -Infinity;
  /** Connections up to here were let go early, so that not every one is known that a row may be of. */
  #forgottenUntil: Micros = -Infinity;
  #connections = 0;
  #lines = 0;
  #revisions = 0;
  #unsettled = 0;
  #evicted = 0;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#limits = { ...defaultJoinLimits, ...options.limits };
    this.#starts = new Agenda(({ first }) => first + options.attrWaitUs);
    const news: HostNews = {
      socket: (tuple, isForward) => this.#socketNews(tuple as TrackedTuple, isForward),
      close: (tuple, isForward, fact) => this.#closeNews(tuple as TrackedTuple, isForward, fact),
      address: (address) => this.#addressNews(address as KnownAddress<TrackedEnd>),
    };
    this.#states = new HostStates(this.#limits, this.#limits.hosts, news);
  }

  get stats(): JoinStats {
    return {
      connections: this.#connections,
      lines: this.#lines,
      revisions: this.#revisions,
      kept: this.#kept.size,
      unsettled: this.#unsettled,
      connectionsEvicted: this.#evicted,
      hosts: this.#states.size,
      ...this.#states.counters,
    };
  }

  /** What was given up at a bound, by name. */
  get losses(): Readonly<Record<string, number>> {
    const { connectionsEvicted, hostsRefused, socketRowsEvicted, processRowsEvicted } = this.stats;
    return {
      'connections decided early': connectionsEvicted,
      'hosts refused': hostsRefused,
      'socket rows': socketRowsEvicted,
      'process rows': processRowsEvicted,
    };
  }

  /** Takes a connection as it begins, lasts or ends. Updates of one uid come in this order; the first two may be missing. */
  connection(update: ConnectionUpdate): void {
    const tuple = this.#tupleOf(update);
    const tracked = find(tuple, update) ?? this.#track(update, tuple);
    tracked.take(update);
    if (tracked.ended) {
      tracked.goneAt = Math.max(this.#now, tracked.last) + this.#options.latenessUs;
      this.#ended.push(tracked);
    }
    this.#evaluateUpdate(tracked);
    this.#tellUpdate(tracked, update.cause);
    this.#retire(tracked);
    if (tracked.last > this.#now) this.advance(tracked.last);
  }

  #tupleOf({ connection }: ConnectionUpdate): TrackedTuple {
    const { 'id.orig_h': orig, 'id.orig_p': origPort, 'id.resp_h': resp, 'id.resp_p': respPort } = connection;
    const protocol = socketProtocol(connection);
    return this.#states.tuples.open(protocol, orig, origPort, resp, respPort);
  }

  #track(update: ConnectionUpdate, tuple: TrackedTuple): Tracked {
    const { captureHost } = update;
    if (captureHost !== undefined) this.#captureHosts.add(captureHost);
    const capture = this.#captureOf(update);
    const tracked = new Tracked(update, capture, tuple, this.#moments);
    this.#connections++;
    this.#unsettled++;
    this.#kept.add(tracked);
    tracked.enter();
    const { previous, next } = tracked;
    if (next !== undefined) this.#review(next);
    if (previous !== undefined) this.#review(previous);
    for (const { rivals } of [tracked.orig, tracked.resp]) for (const rival of rivals) this.#reviewEnd(rival);
    this.#tellTouched();
    if (this.#kept.size > this.#limits.connections) this.#evict();
    return tracked;
  }

  #captureOf({ capture: name, connection: { ts } }: ConnectionUpdate): Capture {
    let capture = this.#captures.get(name);
    if (capture === undefined) {
      capture = { name, began: ts };
      this.#captures.set(name, capture);
    } else if (ts < capture.began) capture.began = ts;
    return capture;
  }

  /** Takes a row about a host. */
  row(row: HostRow): void {
    const host = this.#hostOf(row.host);
    if (host === undefined) return;
    if (row.kind === 'row') {
      host.add(row);
    } else if (row.kind === 'complete') {
      if (host.progress.complete(row.stream, row.until)) this.#release(host);
    } else if (row.kind === 'clock') {
      const since = this.#clocks.add(row);
      if (since !== undefined) this.#reviewAll(host, since);
    } else {
      if (row.kind === 'host') this.#states.seen(host, row);
      else if (row.kind === 'lost') host.progress.lost(row.stream, row.from, row.to);
      else host.progress.timedOut(row.at);
      this.#reviewAll(host, -Infinity);
    }
    this.#tellTouched();
  }

  /** Capture time has reached `now`: every connection that began before has been handed in. */
  advance(now: Micros): void {
    if (now <= this.#now) return;
    this.#now = now;
    for (let due = this.#dueAt.pop(now); due !== undefined; due = this.#dueAt.pop(now)) {
      const { end, turn } = due;
      if (turn === end.turn) this.#reviewEnd(end);
    }
    this.#tellTouched();
    this.#starts.drain(now, (tracked) => {
      if (tracked.holdsStart && !tracked.gone) this.#tell(tracked, 'start');
    });
    while (this.#endedGone < this.#ended.length && this.#ended[this.#endedGone]!.goneAt < now) {
      this.#close(this.#ended[this.#endedGone++]!);
    }
    if (this.#endedGone > 1_024 && this.#endedGone * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#endedGone);
      this.#endedGone = 0;
    }
  }

  /** The connections among those still known that are wanted, as they stand, and why they have their owners; the oldest `most`. */
  explain(wants: (connection: Connection) => boolean, most: number): Explained[] {
    const found: Explained[] = [];
    for (const tracked of this.#kept) {
      if (found.length === most) break;
      const { connection, capture, lines, ended } = tracked;
      if (!wants(connection)) continue;
      this.#setView(tracked, false, false);
      const explanation = explainConnection(this.#states, this.#clocks, tracked);
      const [orig, resp] = [explanation.orig.end, explanation.resp.end];
      const cause = ended ? 'end' : 'interim';
      found.push({ attributed: { connection, capture, cause, rev: Math.max(lines - 1, 0), orig, resp }, explanation });
    }
    return found;
  }

  /** The input is over: every connection comes out with what is known. The join is empty afterwards. */
  end(): void {
    for (const tracked of this.#kept) this.#close(tracked);
  }

  #hostOf(id: string): HostState | undefined {
    // Rows of one host come in runs.
    if (this.#lastHost?.id === id) return this.#lastHost;
    const known = this.#states.get(id);
    if (known !== undefined) {
      this.#lastHost = known;
      return known;
    }
    const host = this.#states.open(id);
    if (host === undefined) return undefined;
    this.#waiting.set(host, new HostWaiting());
    if (this.#captureHosts.has(id)) {
      for (const tracked of this.#kept) if (tracked.captureHost === id) this.#review(tracked);
    }
    return host;
  }

  #socketNews({ connections }: TrackedTuple, isForward: boolean): void {
    for (let tracked = connections; tracked !== undefined; tracked = tracked.nextOfTuple) {
      const { orig, resp } = tracked;
      if (orig.isForward === isForward) this.#reviewEnd(orig);
      if (resp.isForward === isForward) this.#reviewEnd(resp);
    }
  }

  /** What closed after its connection had begun says nothing against a call of it. */
  #closeNews({ connections }: TrackedTuple, isForward: boolean, { lo }: SocketFact): void {
    for (let tracked = connections; tracked !== undefined; tracked = tracked.nextOfTuple) {
      for (const end of [tracked.orig, tracked.resp]) {
        if (end.isForward !== isForward || end.decided === undefined) continue;
        if (lo <= end.decided.firstLatest(tracked)) this.#reviewEnd(end);
      }
    }
  }

  #addressNews({ users }: KnownAddress<TrackedEnd>): void {
    for (const end of [...users]) this.#reviewEnd(end);
  }

  #release(host: HostState): void {
    this.#waiting.get(host)!.release(host, (end) => this.#completeEnd(end));
    const { socketsUntil, eventsUntil, detailsUntil } = host.progress;
    const horizon = Math.min(socketsUntil, eventsUntil, detailsUntil) - this.#options.latenessUs - KEPT_LEAD;
    if (Number.isFinite(horizon) && host.prune(horizon)) this.#prunedUntil = Math.max(this.#prunedUntil, horizon);
  }

  /** Looks again at every end that the host may own, of connections that began at `since` or later. */
  #reviewAll(host: HostState, since: Micros): void {
    for (const { isLoopback, users } of host.known as KnownAddress<TrackedEnd>[]) {
      for (const end of [...users]) {
        const { first, captureHost } = end.tracked;
        if (first >= since && (!isLoopback || captureHost === host.id)) this.#reviewEnd(end);
      }
    }
  }

  /** Looks again at a connection that was told of, or waits to be. */
  #review({ orig, resp }: Tracked): void {
    this.#reviewEnd(orig);
    this.#reviewEnd(resp);
  }

  #reviewEnd(end: TrackedEnd): void {
    const { tracked } = end;
    if (end.settled || tracked.gone) return;
    this.#setView(tracked, false, false);
    this.#evaluateEnd(end);
    this.#settle(tracked);
    this.#touch(tracked);
  }

  /** A watermark came. */
  #completeEnd(end: TrackedEnd): void {
    if (end.decided === undefined || end.settled) {
      this.#reviewEnd(end);
      return;
    }
    const { tracked } = end;
    this.#completeDecided(end, end.decided);
    this.#settle(tracked);
    this.#touch(tracked);
  }

  #completeDecided(end: TrackedEnd, decided: Decided): void {
    const { tracked } = end;
    end.settled = decided.complete(tracked) && tracked.ended;
    end.end = decided.end;
    end.lacksDetails = !decided.hasDetails;
    end.turn++;
    if (end.settled) end.rest();
    else this.#awaitDecided(end, decided);
  }

  /** Details are waited for first: without them nothing is settled. */
  #awaitDecided(end: TrackedEnd, decided: Decided): void {
    const waiting = this.#waiting.get(decided.host)!;
    if (!decided.hasDetails) waiting.wait(end, { details: decided.detailsMoment(end.tracked) });
    else if (end.tracked.ended) waiting.wait(end, { sockets: decided.lastLatest(end.tracked) });
  }

  #touch(tracked: Tracked): void {
    if (tracked.isTouched) return;
    tracked.isTouched = true;
    this.#touched.push(tracked);
  }

  /** Tells what has changed of the connections that were looked at again. */
  #tellTouched(): void {
    if (this.#touched.length === 0) return;
    const touched = this.#touched;
    this.#touched = [];
    for (const tracked of touched) {
      tracked.isTouched = false;
      if (tracked.gone) continue;
      this.#tellAgain(tracked);
      this.#retire(tracked);
    }
  }

  #tellAgain(tracked: Tracked): void {
    if (this.#options.finalOnly) {
      if (tracked.settled && tracked.ended) this.#tell(tracked, 'end');
    } else if (tracked.holdsStart) {
      if (isDecided(tracked)) this.#tell(tracked, 'start');
    } else if (tracked.lines > 0 && hasChanged(tracked)) {
      this.#revisions++;
      this.#tell(tracked, 'evidence');
    }
  }

  /** The connection itself has changed. Where its neighbours are all known, that says nothing against a call to connect. */
  #evaluateUpdate(tracked: Tracked): void {
    this.#setView(tracked, false, false);
    for (const end of [tracked.orig, tracked.resp]) {
      const { decided } = end;
      if (end.settled) continue;
      const isKept = decided?.isConnect === true && tracked.knowsEarlier;
      if (decided !== undefined && isKept) this.#completeDecided(end, decided);
      else this.#evaluateEnd(end);
    }
    this.#settle(tracked);
  }

  #settle(tracked: Tracked): void {
    if (tracked.settled || !tracked.ended || !tracked.orig.settled || !tracked.resp.settled) return;
    tracked.settled = true;
    this.#unsettled--;
  }

  /** What is known of the connection's neighbours in time by now; all of them when it is decided past the lateness. */
  #setView(tracked: Tracked, isClosed: boolean, knowsAll: boolean): void {
    const { first, last, ended } = tracked;
    const open = ended ? last : Math.max(first + PROMPT, this.#now - END_DELAY);
    const lasting = Math.max(last, this.#options.startsKnown ? this.#now : open);
    tracked.closed = isClosed;
    tracked.knowsEarlier = (knowsAll || this.#options.startsKnown === true) && first > this.#forgottenUntil;
    tracked.aloneUntil = Math.min(tracked.nextFirst, knowsAll ? Infinity : lasting);
  }

  /** Evaluates one end afresh. An end is settled only once the connection has ended. */
  #evaluateEnd(end: TrackedEnd): void {
    const { tracked } = end;
    // An owner that was found stays when the rows of its time have been let go: nothing new can be said about that time.
    if (end.end?.state === 'attributed' && tracked.first - KEPT_LEAD <= this.#prunedUntil) {
      end.settled = tracked.ended;
      if (end.settled) end.rest();
    } else this.#take(end, evaluateEnd(this.#states, this.#clocks, tracked, end.role));
  }

  /** Takes over what was found and makes the end's appointments. */
  #take(end: TrackedEnd, found: Evaluation): void {
    const { tracked } = end;
    const { needs, settles } = found;
    end.turn++;
    end.settled = found.settled && tracked.ended;
    end.lacksDetails = found.lacksDetails;
    end.decided = found.decided;
    // An owner stands until there is another answer.
    if (found.end.state !== 'pending' || end.end?.state !== 'attributed') end.end = found.end;
    if (end.settled) end.rest();
    else if (found.decided !== undefined) this.#awaitDecided(end, found.decided);
    else for (const need of needs) this.#waiting.get(need.host)!.wait(end, need);
    if (settles === undefined || (tracked.ended && !this.#options.startsKnown)) return;
    const at = settles + (this.#options.startsKnown ? 0 : END_DELAY);
    // Once that moment has passed another connection of the tuple is in the way for good, and waiting for it would never end.
    if (at > this.#now && at !== Infinity) this.#dueAt.push({ at, end, turn: end.turn });
  }

  #tellUpdate(tracked: Tracked, cause: ConnectionCause): void {
    if (this.#options.finalOnly) {
      if (tracked.ended && tracked.settled) this.#tell(tracked, 'end');
    } else if (cause !== 'start' || isDecided(tracked)) {
      this.#tell(tracked, cause);
    } else {
      tracked.holdsStart = true;
      this.#starts.add(tracked);
    }
  }

  #tell(tracked: Tracked, cause: Cause): void {
    if (this.#options.finalOnly && tracked.lines > 0) return;
    const { connection, capture, lines } = tracked;
    const { end: orig = pending } = tracked.orig;
    const { end: resp = pending } = tracked.resp;
    tracked.holdsStart = false;
    tracked.orig.shown = orig;
    tracked.resp.shown = resp;
    tracked.lines++;
    this.#lines++;
    this.#options.emit({ connection, capture, cause, rev: lines, orig, resp });
  }

  /** Of most connections everything was told long before they are let go. */
  #retire(tracked: Tracked): void {
    const isOver = tracked.settled && !tracked.isRetired && tracked.lines > 0;
    if (isOver) tracked.retire();
  }

  /** Decides a connection with what is known, says what is left to say, and lets it go. */
  #close(tracked: Tracked, knowsAll = true): void {
    if (tracked.gone) return;
    if (!tracked.settled) {
      this.#setView(tracked, true, knowsAll);
      for (const end of [tracked.orig, tracked.resp]) if (!end.settled) this.#evaluateEnd(end);
      tracked.settled = true;
      this.#unsettled--;
    }
    if (tracked.lines === 0) this.#tell(tracked, tracked.ended || this.#options.finalOnly ? 'end' : 'start');
    else if (!this.#options.finalOnly && hasChanged(tracked)) {
      this.#revisions++;
      this.#tell(tracked, 'evidence');
    }
    this.#options.onClose?.(tracked.connection, () => {
      this.#setView(tracked, true, knowsAll);
      return explainConnection(this.#states, this.#clocks, tracked);
    });
    tracked.gone = true;
    this.#kept.remove(tracked);
    tracked.leave();
    this.#states.tuples.forget(tracked.tuple);
  }

  #evict(): void {
    const oldest = this.#kept.oldest!;
    if (!oldest.settled) this.#evicted++;
    const until = oldest.ended ? oldest.last : Math.max(this.#now, oldest.last) + ACCEPT_LAG;
    this.#forgottenUntil = Math.max(this.#forgottenUntil, until);
    this.#close(oldest, false);
  }
}

function find({ connections }: TrackedTuple, { connection: { uid } }: ConnectionUpdate): Tracked | undefined {
  let tracked = connections;
  while (tracked !== undefined && tracked.connection.uid !== uid) tracked = tracked.nextOfTuple;
  return tracked;
}

/** The first line has something to say: an owner, or nothing is still open that it could wait for. */
function isDecided({ orig, resp }: Tracked): boolean {
  if (orig.lacksDetails || resp.lacksDetails) return false;
  const isOwned = orig.end?.state === 'attributed' || resp.end?.state === 'attributed';
  return isOwned || (orig.end?.state !== 'pending' && resp.end?.state !== 'pending');
}

function hasChanged({ orig, resp }: Tracked): boolean {
  return !isSameEnd(orig.end, orig.shown) || !isSameEnd(resp.end, resp.shown);
}

/** Whether a line would show the same end: the rows that decided are no part of it. */
export function isSameEnd(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (key !== 'evidence' && !isSameEnd(left[key], right[key])) return false;
  for (const key in right) if (key !== 'evidence' && !(key in left)) return false;
  return true;
}
