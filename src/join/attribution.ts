import { isGroupAddress } from '../core/address.js';
import { type Micros, SECOND } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import { HostStates } from '../hosts/state/host-states.js';
import { isSocketRow, socketFact } from '../hosts/state/socket-fact.js';
import type { AttributedConnection, Cause } from '../records/attributed-connection.js';
import type { ConnectionCause, ConnectionUpdate } from '../records/connection.js';
import type { AnyTableRow, HostRow } from '../records/host-row.js';
import type { ConnectionView } from './connection-view.js';
import { noAgent, notLocal, pending } from './end-record.js';
import { evaluateEnd } from './evaluation.js';
import { type Explanation, explainConnection } from './explain.js';
import { Heap } from './heap.js';
import { HostClocks } from './host-clocks.js';
import { defaultJoinLimits, type JoinLimits } from './join-limits.js';
import { PROMPT, type Role } from './match.js';
import { pairKey, Tracked, TupleTracks } from './tracked.js';
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
  readonly tracked: Tracked;
  readonly turn: number;
}

/**
 * Joins connections with what hosts tell of their sockets, processes and users. A function of its input alone: it reads no
 * clock, and whatever order connections and rows come in, the last line of each connection is the same as long as no row is
 * later than `latenessUs` and no bound is hit.
 *
 * State: hosts (HostStates), connections by uid and by endpoints, and what each unsettled connection waits for: a watermark
 * of a host, a row of its tuple, its host's address, or a capture time. A connection is evaluated when it changes and when
 * one of these comes; `evaluateEnd` looks at all rows afresh, so no order of effects can leak into an answer.
 */
export class Join {
  readonly #options: JoinOptions;
  readonly #limits: JoinLimits;
  readonly #states: HostStates;
  readonly #clocks = new HostClocks();
  readonly #waiting = new Map<HostState, HostWaiting>();
  readonly #byUid = new Map<string, Tracked>();
  readonly #tuples = new TupleTracks();
  /** First packet of each capture: what began before it was not seen to begin. */
  readonly #began = new Map<string, Micros>();
  /** Connections with an end whose address no host is known to have. */
  readonly #unhosted = new Map<string, Set<Tracked>>();
  /** First lines that wait, and ends that wait for the connection to go on, by capture time. */
  readonly #dueAt = new Heap<Appointment>();
  /** Ended connections in the order in which they are let go. */
  #ended: Tracked[] = [];
  #endedGone = 0;
  #now: Micros = -Infinity;
  /** Rows about closed sockets of times up to here have been let go, on some host's clock. */
  #prunedUntil: Micros = -Infinity;
  #connections = 0;
  #lines = 0;
  #revisions = 0;
  #unsettled = 0;
  #evicted = 0;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#limits = { ...defaultJoinLimits, ...options.limits };
    this.#states = new HostStates(this.#limits, this.#limits.hosts);
  }

  get stats(): JoinStats {
    return {
      connections: this.#connections,
      lines: this.#lines,
      revisions: this.#revisions,
      kept: this.#byUid.size,
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
    const { uid } = update.connection;
    let tracked = this.#byUid.get(uid);
    if (tracked === undefined) {
      tracked = new Tracked(update);
      this.#connections++;
      this.#began.set(tracked.capture, Math.min(this.#began.get(tracked.capture) ?? Infinity, tracked.first));
      this.#unsettled++;
      this.#byUid.set(uid, tracked);
      if (this.#states.size > 0) this.#index(tracked);
      if (this.#byUid.size > this.#limits.connections) this.#evict();
    }
    tracked.take(update);
    if (update.cause === 'end') {
      tracked.goneAt = Math.max(this.#now, tracked.last) + this.#options.latenessUs;
      this.#ended.push(tracked);
    }
    this.#evaluate(tracked);
    this.#tellUpdate(tracked, update.cause);
    if (tracked.last > this.#now) this.advance(tracked.last);
  }

  /** Takes a row about a host. */
  row(row: HostRow): void {
    const host = this.#hostOf(row.host);
    if (host === undefined) return;
    if (row.kind === 'row') {
      this.#tableRow(host, row);
      return;
    }
    if (row.kind === 'complete') {
      if (host.progress.complete(row.stream, row.until)) this.#release(host);
      return;
    }
    if (row.kind === 'clock') this.#clocks.add(row);
    else if (row.kind === 'host') this.#states.seen(host, row);
    else if (row.kind === 'lost') host.progress.lost(row.stream, row.from, row.to);
    else host.progress.timedOut(row.at);
    this.#reconsiderAll(host);
  }

  /** Capture time has reached `now`: every connection that began before has been handed in. */
  advance(now: Micros): void {
    if (now <= this.#now) return;
    this.#now = now;
    for (let due = this.#dueAt.pop(now); due !== undefined; due = this.#dueAt.pop(now)) {
      const { tracked } = due;
      if (tracked.gone) continue;
      if (due.turn === tracked.turn) this.#reconsider(tracked);
      if (tracked.holdsStart && tracked.first + this.#options.attrWaitUs <= now) this.#tell(tracked, 'start');
    }
    while (this.#endedGone < this.#ended.length && this.#ended[this.#endedGone]!.goneAt < now) {
      this.#close(this.#ended[this.#endedGone++]!);
    }
    if (this.#endedGone > 1_024 && this.#endedGone * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#endedGone);
      this.#endedGone = 0;
    }
  }

  /** Why a connection that is still known has its owners; undefined when it is not known any more. */
  explain(uid: string): Explanation | undefined {
    const tracked = this.#byUid.get(uid);
    if (tracked === undefined) return undefined;
    return explainConnection(this.#states, this.#clocks, this.#view(tracked, false, false));
  }

  /** The input is over: every connection comes out with what is known. The join is empty afterwards. */
  end(): void {
    for (const tracked of [...this.#byUid.values()]) this.#close(tracked);
  }

  #hostOf(id: string): HostState | undefined {
    const known = this.#states.get(id);
    if (known !== undefined) return known;
    if (this.#states.size === 0) for (const tracked of this.#byUid.values()) this.#index(tracked);
    const host = this.#states.open(id);
    if (host === undefined) return undefined;
    this.#waiting.set(host, new HostWaiting());
    this.#addressNews(id, (tracked) => tracked.captureHost === id);
    return host;
  }

  /** Enters a connection where rows look for it. Without any host there is nothing to look. */
  #index(tracked: Tracked): void {
    this.#tuples.add(tracked);
    const { previous, next } = tracked;
    if (next !== undefined && !next.settled) this.#reconsider(next);
    if (previous !== undefined && !previous.settled) this.#reconsider(previous);
    for (const key of addressKeys(tracked)) {
      const set = this.#unhosted.get(key);
      if (set === undefined) this.#unhosted.set(key, new Set([tracked]));
      else set.add(tracked);
    }
  }

  #unindex(tracked: Tracked): void {
    this.#tuples.remove(tracked);
    for (const key of addressKeys(tracked)) {
      const set = this.#unhosted.get(key);
      if (set?.delete(tracked) && set.size === 0) this.#unhosted.delete(key);
    }
  }

  #tableRow(host: HostState, row: AnyTableRow): void {
    this.#states.add(host, row, (address) => this.#addressNews(address));
    if (!isSocketRow(row) || this.#unsettled === 0) return;
    const fact = socketFact(row);
    if (fact?.localAddress === undefined || fact.remoteAddress === undefined) return;
    const { protocol, localAddress, localPort, remoteAddress, remotePort } = fact;
    if (localPort === undefined || remotePort === undefined) return;
    const key = pairKey(protocol, localAddress, localPort, remoteAddress, remotePort);
    for (const tracked of this.#tuples.withPair(key) ?? []) if (!tracked.settled) this.#reconsider(tracked);
  }

  #addressNews(address: string, isMeant: (tracked: Tracked) => boolean = () => true): void {
    for (const tracked of [...(this.#unhosted.get(address) ?? [])]) {
      if (!tracked.settled && isMeant(tracked)) this.#reconsider(tracked);
    }
  }

  #release(host: HostState): void {
    for (const tracked of this.#waiting.get(host)!.released(host)) {
      if (!tracked.settled) this.#reconsider(tracked);
    }
    const { socketsUntil, eventsUntil, detailsUntil } = host.progress;
    const horizon = Math.min(socketsUntil, eventsUntil, detailsUntil) - this.#options.latenessUs - KEPT_LEAD;
    if (Number.isFinite(horizon) && host.prune(horizon)) this.#prunedUntil = Math.max(this.#prunedUntil, horizon);
  }

  #reconsiderAll(host: HostState): void {
    const { members } = this.#waiting.get(host)!;
    for (const tracked of [...members]) {
      if (tracked.settled || tracked.gone) members.delete(tracked);
      else this.#reconsider(tracked);
    }
  }

  /** Looks again at a connection that was told of, or waits to be, and tells what has changed. */
  #reconsider(tracked: Tracked): void {
    this.#evaluate(tracked);
    if (this.#options.finalOnly) {
      if (tracked.settled && tracked.ended) this.#tell(tracked, 'end');
    } else if (tracked.holdsStart) {
      if (isDecided(tracked)) this.#tell(tracked, 'start');
    } else if (tracked.lines > 0 && this.#hasChanged(tracked)) {
      this.#revisions++;
      this.#tell(tracked, 'evidence');
    }
  }

  #evaluate(tracked: Tracked, isClosed = false, knowsLater = isClosed): void {
    tracked.turn++;
    this.#leave(tracked);
    let settled = isClosed;
    if (this.#states.size === 0) {
      tracked.orig = noAgent;
      tracked.resp = isGroupAddress(tracked.connection['id.resp_h']) ? notLocal : noAgent;
    } else {
      const view = this.#view(tracked, isClosed, knowsLater);
      tracked.lacksDetails = false;
      if (!tracked.isOrigSettled) tracked.isOrigSettled = this.#evaluateEnd(tracked, view, 'orig');
      if (!tracked.isRespSettled) tracked.isRespSettled = this.#evaluateEnd(tracked, view, 'resp');
      settled ||= tracked.ended && tracked.isOrigSettled && tracked.isRespSettled;
    }
    if (settled && !tracked.settled) {
      tracked.settled = true;
      this.#unsettled--;
    }
  }

  #view(tracked: Tracked, isClosed: boolean, knowsLater: boolean): ConnectionView {
    const { capture, captureHost, connection, first, last, ended } = tracked;
    const open = ended ? last : Math.max(first + PROMPT, this.#now - END_DELAY);
    const lasting = Math.max(last, this.#options.startsKnown ? this.#now : open);
    return {
      connection,
      ends: tracked.ends,
      capture,
      ...(captureHost !== undefined && { captureHost }),
      first,
      last,
      ended,
      closed: isClosed,
      knowsEarlier: this.#options.startsKnown === true,
      capturedSince: this.#began.get(capture)!,
      aloneSince: tracked.previousFirst,
      aloneUntil: Math.min(tracked.nextFirst, knowsLater ? Infinity : lasting),
    };
  }

  /** Evaluates one end and makes its appointments. Returns whether it is settled, which it is only once it has ended. */
  #evaluateEnd(tracked: Tracked, view: ConnectionView, role: Role): boolean {
    const known = tracked[role];
    // An owner that was found stays when the rows of its time have been let go: nothing new can be said about that time.
    if (known?.state === 'attributed' && tracked.first - KEPT_LEAD <= this.#prunedUntil) return tracked.ended;
    const { end, settled, lacksDetails, needs, settles } = evaluateEnd(this.#states, this.#clocks, view, role);
    // An owner stands until there is another answer.
    if (end.state !== 'pending' || known?.state !== 'attributed') tracked[role] = end;
    tracked.lacksDetails ||= lacksDetails;
    for (const need of needs) {
      const waiting = this.#waiting.get(need.host)!;
      waiting.wait(tracked, need);
      tracked.waitsFor ??= [];
      tracked.waitsFor.push(waiting);
    }
    if (settles !== undefined && (!tracked.ended || this.#options.startsKnown)) {
      const at = settles + (this.#options.startsKnown ? 0 : END_DELAY);
      // Once that moment has passed another connection of the tuple is in the way for good, and waiting for it would never end.
      if (at > this.#now) this.#dueAt.push({ at, tracked, turn: tracked.turn });
    }
    return settled && tracked.ended;
  }

  #leave(tracked: Tracked): void {
    if (tracked.waitsFor === undefined) return;
    for (const waiting of tracked.waitsFor) waiting.members.delete(tracked);
    tracked.waitsFor = undefined;
  }

  #tellUpdate(tracked: Tracked, cause: ConnectionCause): void {
    if (this.#options.finalOnly) {
      if (tracked.ended && tracked.settled) this.#tell(tracked, 'end');
    } else if (cause !== 'start' || isDecided(tracked)) {
      this.#tell(tracked, cause);
    } else {
      tracked.holdsStart = true;
      const at = tracked.first + this.#options.attrWaitUs;
      this.#dueAt.push({ at, tracked, turn: tracked.turn });
    }
  }

  #tell(tracked: Tracked, cause: Cause): void {
    if (this.#options.finalOnly && tracked.lines > 0) return;
    const { connection, capture, lines, orig = pending, resp = pending } = tracked;
    tracked.holdsStart = false;
    tracked.shownOrig = orig;
    tracked.shownResp = resp;
    tracked.lines++;
    this.#lines++;
    this.#options.emit({ connection, capture, cause, rev: lines, orig, resp });
  }

  #hasChanged({ orig, resp, shownOrig, shownResp }: Tracked): boolean {
    return !isSameEnd(orig, shownOrig) || !isSameEnd(resp, shownResp);
  }

  /** Decides a connection with what is known, says what is left to say, and lets it go. */
  #close(tracked: Tracked, knowsLater = true): void {
    if (tracked.gone) return;
    if (!tracked.settled) this.#evaluate(tracked, true, knowsLater);
    if (tracked.lines === 0) this.#tell(tracked, tracked.ended || this.#options.finalOnly ? 'end' : 'start');
    else if (!this.#options.finalOnly && this.#hasChanged(tracked)) {
      this.#revisions++;
      this.#tell(tracked, 'evidence');
    }
    tracked.gone = true;
    this.#leave(tracked);
    this.#byUid.delete(tracked.connection.uid);
    if (this.#states.size > 0) this.#unindex(tracked);
  }

  #evict(): void {
    const oldest = this.#byUid.values().next().value!;
    if (!oldest.settled) this.#evicted++;
    this.#close(oldest, false);
  }
}

/** The first line has something to say: an owner, or nothing is still open that it could wait for. */
function isDecided({ orig, resp, lacksDetails }: Tracked): boolean {
  if (lacksDetails) return false;
  const isOwned = orig?.state === 'attributed' || resp?.state === 'attributed';
  return isOwned || (orig?.state !== 'pending' && resp?.state !== 'pending');
}

/** What rows of an address, or of the host on which a capture was taken, may concern. */
function addressKeys({ connection, captureHost }: Tracked): string[] {
  const keys = [connection['id.orig_h'], connection['id.resp_h']];
  if (captureHost !== undefined) keys.push(captureHost);
  return keys;
}

/** Whether a line would show the same end: the rows that decided are no part of it. */
function isSameEnd(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (key !== 'evidence' && !isSameEnd(left[key], right[key])) return false;
  for (const key in right) if (key !== 'evidence' && !(key in left)) return false;
  return true;
}
