import type { Micros } from '../core/time.js';
import type { KnownAddress } from '../hosts/state/address-table.js';
import type { HostNews } from '../hosts/state/host-context.js';
import type { HostState } from '../hosts/state/host-state.js';
import { HostStates } from '../hosts/state/host-states.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import type { HostRow } from '../records/host-row.js';
import { ACCEPT_LAG } from './call-times.js';
import { socketProtocol } from './connection-view.js';
import { mayBeHad } from './crowded-address.js';
import { Deciding, type DecidingOptions, KEPT_LEAD } from './deciding.js';
import { EndedConnections } from './ended-connections.js';
import { type Explained, type Explanation, explainConnection } from './explain.js';
import { HostClocks } from './host-clocks.js';
import { defaultJoinLimits, type JoinLimits } from './join-limits.js';
import type { JoinStats } from './join-stats.js';
import { Moments } from './moments.js';
import { isPastLoss } from './past-loss.js';
import { RecentConnections } from './recent-connections.js';
import { Round } from './round.js';
import { Telling, type TellingOptions } from './telling.js';
import { type Capture, findTracked, Tracked, type TrackedTuple } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';
import { TrackedList } from './tracked-list.js';

export interface JoinOptions extends TellingOptions, DecidingOptions {
  /** No row comes later than this after the time it is about; a connection is kept that long after its end. */
  readonly latenessUs: Micros;
  /** Called as a connection is let go, after its last line: `explain` says then why its ends are what they are. */
  readonly onClose?: (connection: Connection, explain: () => Explanation) => void;
  readonly limits?: Partial<JoinLimits>;
}

const none: TrackedEnd[] = [];

/**
 * Joins connections with what hosts tell of their sockets, processes and users. A function of its input alone: it reads no
 * clock, and whatever order connections and rows come in, the last line of each connection is the same as long as no row is
 * later than `latenessUs` and no bound is hit.
 *
 * State: hosts (HostStates), connections by their endpoints, and what each unsettled end waits for: a watermark of a host or a capture
 * time (Deciding), a row of its tuple, or a host with its address. An end is looked at when its connection changes and when one of
 * these comes; what has changed is told (Telling).
 */
export class Join {
  readonly #options: JoinOptions;
  readonly #limits: JoinLimits;
  readonly #states: HostStates<Tracked, TrackedEnd>;
  readonly #clocks = new HostClocks();
  readonly #deciding: Deciding;
  readonly #captures = new Map<string, Capture>();
  readonly #kept = new TrackedList();
  readonly #moments = new Moments();
  readonly #recent = new RecentConnections(this.#kept);
  #lastHost: HostState | undefined;
  readonly #telling: Telling;
  readonly #round: Round;
  readonly #ended = new EndedConnections<Tracked>();
  #connections = 0;
  #evicted = 0;
  /** When the latest of the connections began that had to be forgotten at the bound. */
  #forgottenFirst: Micros = -Infinity;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#limits = { ...defaultJoinLimits, ...options.limits };
    const news: HostNews = {
      socket: (tuple, isForward) => this.#socketNews(tuple as TrackedTuple, isForward),
      translation: (tuple) => this.#translationNews(tuple as TrackedTuple),
      address: (address, by) => this.#addressNews(address as KnownAddress<TrackedEnd>, by),
      blankAccepts: ({ id }) => {
        for (const end of this.#kept.seenOn(id)) this.#states.addresses.strangers.enter(end, end.local);
      },
    };
    this.#states = new HostStates(this.#limits, this.#limits.hosts, news, (number) => this.#kept.end(number));
    this.#deciding = new Deciding(this.#states, this.#clocks, this.#kept, options);
    this.#telling = new Telling(options, this.#kept, this.#moments, this.#deciding);
    // From files rows come as long before the connections as these are kept after their end.
    const ahead = options.startsKnown === true ? 0 : options.latenessUs;
    this.#round = new Round(this.#deciding, this.#telling, ahead + options.latenessUs + KEPT_LEAD);
  }

  get stats(): JoinStats {
    return {
      connections: this.#connections,
      lines: this.#telling.lines,
      revisions: this.#telling.revisions,
      kept: this.#kept.size,
      unsettled: this.#deciding.unsettled,
      looks: this.#deciding.looks,
      connectionsEvicted: this.#evicted,
      hosts: this.#states.size,
      ...this.#states.counters,
    };
  }

  /** What was given up at a bound, by name. */
  get losses(): Readonly<Record<string, number>> {
    const { counters } = this.#states;
    return {
      'connections decided early': this.#evicted,
      'hosts refused': counters.hostsRefused,
      'socket rows': counters.socketRowsEvicted,
      'process rows': counters.processRowsEvicted,
      translations: counters.translationsEvicted,
      'address rows': counters.addressRowsRefused,
      'user rows': counters.userRowsRefused,
    };
  }

  /** Takes a connection as it begins, lasts or ends. Updates of one uid come in this order; the first two may be missing. */
  connection(update: ConnectionUpdate): void {
    this.#round.workOff();
    const tracked = this.#open(update);
    tracked.take(update);
    if (tracked.ended) {
      tracked.goneAt = Math.max(this.#deciding.now, tracked.last) + this.#options.latenessUs;
      this.#ended.add(tracked);
    }
    this.#deciding.update(tracked);
    this.#telling.update(tracked, update.cause);
    if (tracked.ended && (tracked.next !== undefined || tracked.elsewhere !== undefined)) {
      for (const other of tracked.beside) this.#round.review(other);
      this.#round.tell();
    }
    tracked.retire();
    if (tracked.last > this.#deciding.now) this.advance(tracked.last);
  }

  #open(update: ConnectionUpdate): Tracked {
    // One that begins is not known, as a rule.
    const recent = update.cause === 'start' ? undefined : this.#recent.find(update.connection);
    if (recent !== undefined) return recent;
    const tuple = this.#tupleOf(update);
    const known = findTracked(tuple, update);
    if (known === undefined) return this.#track(update, tuple);
    if (known.isTurnedBy(update.connection)) this.#turn(known, update);
    return known;
  }

  /** The connection has it the other way round who began. Whose a row is, its rivals ask that too. */
  #turn(tracked: Tracked, update: ConnectionUpdate): void {
    tracked.turn();
    tracked.take(update);
    for (const rival of tracked.orig.rivals) this.#round.reviewEnd(rival);
    for (const rival of tracked.resp.rivals) this.#round.reviewEnd(rival);
    this.#round.tell();
  }

  #tupleOf({ connection }: ConnectionUpdate): TrackedTuple {
    const { 'id.orig_h': orig, 'id.orig_p': origPort, 'id.resp_h': resp, 'id.resp_p': respPort } = connection;
    const protocol = socketProtocol(connection);
    return this.#states.tuples.open(protocol, orig, origPort, resp, respPort);
  }

  #track(update: ConnectionUpdate, tuple: TrackedTuple): Tracked {
    const capture = this.#captureOf(update);
    const tracked = new Tracked(update, capture, tuple, this.#moments);
    this.#connections++;
    this.#deciding.unsettled++;
    this.#kept.add(tracked);
    this.#recent.add(tracked);
    const ofTuple = tracked.enter();
    // One that began later may have been the next of its tuple, at any time after it.
    const forgottenFirst = Math.max(this.#forgottenFirst, tuple.forgottenFirst ?? -Infinity);
    if (tracked.first <= forgottenFirst) tracked.nextFirst = tracked.first;
    const { previous, next } = tracked;
    if (next !== undefined) this.#round.review(next);
    if (previous !== undefined) this.#round.review(previous);
    for (const rival of tracked.orig.rivals) this.#round.reviewEnd(rival);
    for (const rival of tracked.resp.rivals) this.#round.reviewEnd(rival);
    this.#round.tell();
    if (ofTuple > this.#limits.connectionsOfTuple) this.#evictBeside(tracked);
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
    if (row.kind === 'complete') {
      this.#round.complete(host, row);
      return;
    }
    this.#round.begin(row);
    if (row.kind === 'row') {
      host.add(row);
    } else if (row.kind === 'clock') {
      // What is known before the oldest of them is another clock then.
      if (this.#clocks.isFull(host, row.capture)) host.hasNews();
      const since = this.#clocks.add(host, row);
      if (since !== undefined) this.#reviewAll(host, since);
    } else if (row.kind === 'lost') {
      host.hasNews();
      host.progress.lost(row.stream, row.from, row.to);
      this.#reviewAll(host, -Infinity, host.progress.tellsCalls(row.stream) ? row.from : undefined);
    } else {
      if (row.kind === 'host') this.#states.seen(host, row);
      else this.#states.timedOut(host, row);
      this.#reviewAll(host, -Infinity);
    }
    this.#round.finish();
  }

  /**
   * The rows that `take` hands in came at once, as those of an agent's frame do, with how far its host has told everything behind them: an
   * end is looked at once for all of that, and told of once. The last line of a connection is the same.
   */
  together(take: () => void): void {
    this.#round.together(take);
  }

  /** Capture time has reached `now`: every connection that began before has been handed in. */
  advance(now: Micros): void {
    this.#round.workOff();
    if (now <= this.#deciding.now) return;
    this.#deciding.advance(now, (end) => this.#round.reviewEnd(end));
    this.#round.tell();
    this.#telling.advance(now);
    for (let gone = this.#ended.takeBefore(now); gone !== undefined; gone = this.#ended.takeBefore(now))
      this.#close(gone);
  }

  /** The connections among those still known that are wanted, as they stand, and why they have their owners; the oldest `most`. */
  explain(wants: (connection: Connection) => boolean, most: number): Explained[] {
    const found: Explained[] = [];
    for (const tracked of this.#kept) {
      if (found.length === most) break;
      const { connection, capture, lines, ended } = tracked;
      if (!wants(connection)) continue;
      this.#deciding.setView(tracked, false, false);
      const explanation = explainConnection(this.#states, this.#clocks, tracked);
      const [orig, resp] = [explanation.orig.end, explanation.resp.end];
      const cause = ended ? 'end' : 'interim';
      found.push({ attributed: { connection, capture, cause, rev: Math.max(lines - 1, 0), orig, resp }, explanation });
    }
    return found;
  }

  /** The input is over: every connection comes out with what is known. The join is empty afterwards. */
  end(): void {
    this.#round.workOff();
    for (const tracked of this.#kept) this.#close(tracked);
  }

  #hostOf(id: string): HostState | undefined {
    // Rows of one host come in runs.
    const last = this.#lastHost;
    if (last !== undefined && last.id === id) return last;
    const known = this.#states.get(id);
    if (known !== undefined) {
      this.#lastHost = known;
      return known;
    }
    const host = this.#states.open(id);
    if (host === undefined) return undefined;
    this.#deciding.watch(host);
    for (const end of this.#kept.seenOn(id)) this.#round.reviewEnd(end);
    return host;
  }

  #socketNews({ connections, translated = none }: TrackedTuple, isForward: boolean): void {
    for (let tracked = connections; tracked !== undefined; tracked = tracked.nextOfTuple) {
      const { orig, resp } = tracked;
      if (orig.isCapturedForward === isForward) this.#rowNews(orig);
      if (resp.isCapturedForward === isForward) this.#rowNews(resp);
    }
    // A gateway's own socket at its other end bounds a connection that it translated.
    for (const end of translated) this.#round.hear(end);
  }

  #rowNews(end: TrackedEnd): void {
    if (!end.settled && !this.#deciding.postpones(end)) this.#round.hear(end);
  }

  #translationNews({ connections, translated = none }: TrackedTuple): void {
    for (let tracked = connections; tracked !== undefined; tracked = tracked.nextOfTuple) this.#round.review(tracked);
    for (const end of translated) this.#round.reviewEnd(end);
  }

  #addressNews(address: KnownAddress<TrackedEnd>, by?: HostState): void {
    // It is the other end's peer as well.
    for (const end of address.users) if (mayBeHad(end, address, by)) this.#round.review(end.tracked);
  }

  /** Looks again at every end that the host may own, of connections that began at `since` or later, and that lost calls may change. */
  #reviewAll(host: HostState, since: Micros, lostFrom = -Infinity): void {
    for (const { isLoopback, users } of host.known as KnownAddress<TrackedEnd>[]) {
      for (const end of users) {
        const isOf = end.tracked.first >= since && (!isLoopback || end.tracked.captureHost === host.id);
        if (isOf && !isPastLoss(host, this.#clocks, end, lostFrom)) this.#round.reviewEnd(end);
      }
    }
  }

  /** Decides a connection with what is known, says what is left to say, and lets it go. */
  #close(tracked: Tracked, knowsAll = true): void {
    if (tracked.gone) return;
    this.#deciding.close(tracked, knowsAll);
    this.#telling.last(tracked);
    this.#options.onClose?.(tracked.connection, () => {
      this.#deciding.setView(tracked, true, knowsAll);
      return explainConnection(this.#states, this.#clocks, tracked);
    });
    tracked.gone = true;
    this.#kept.remove(tracked);
    tracked.leave();
    this.#deciding.forget(tracked);
    this.#states.tuples.forget(tracked.tuple);
  }

  #evict(): void {
    const oldest = this.#kept.oldest!;
    this.#forgottenFirst = Math.max(this.#forgottenFirst, oldest.first);
    this.#giveUp(oldest);
  }

  /**
   * Every connection between the same endpoints is walked over as a further one or a row comes: whoever connects from one port again and
   * again must not make that cost more.
   */
  #evictBeside(tracked: Tracked): void {
    const { tuple } = tracked;
    const earliest = tuple.connections === tracked ? tracked.nextOfTuple! : tuple.connections!;
    tuple.forgottenFirst = Math.max(tuple.forgottenFirst ?? -Infinity, earliest.first);
    this.#giveUp(earliest);
  }

  /** Decides a connection early. */
  #giveUp(tracked: Tracked): void {
    const { settled, ended, last } = tracked;
    if (!settled) this.#evicted++;
    const until = ended ? last : Math.max(this.#deciding.now, last) + ACCEPT_LAG;
    this.#deciding.forgottenUntil = Math.max(this.#deciding.forgottenUntil, until);
    this.#close(tracked, false);
    if (ended) this.#ended.gaveUp();
  }
}
