import { appendedNumber } from '../../core/short-list.js';
import type { Micros } from '../../core/time.js';
import type { HostTable } from '../../records/host-tables.js';
import { DETAILS, EVENTS, HostColumns, PLAIN, PROCESSES, SOCKETS, WATCHED } from './host-columns.js';
import { eventTables, HostStreams, processTables, StreamPool, socketTables } from './host-streams.js';
import { bitOf, type Look, WatchTimes } from './watch-times.js';

/** Polls are not evenly spaced: the pause before a loss may be longer than the shortest that rows tell of. */
export const PAUSE_MARGIN = 1.25;

/** Streams of which a watermark may come before the row that makes them known; a watermark of a further one is not kept. */
const MAX_EARLY = 256;

/** A span of the host's clock about which something is not known; both ends belong to it. */
export interface Gap {
  readonly from: Micros;
  readonly to: Micros;
}

/** Of hosts of which nothing was lost. */
const nothingLost: Map<string, Gap[]> = new Map();

const addressTables: readonly HostTable[] = ['interface_addresses'];

/** Tables whose lost rows may hide who has an end: its socket, or that its packets go elsewhere (NAT). */
export const ownerTables: readonly HostTable[] = [...socketTables, 'conntrack'];

/**
 * How far the streams of one host have come, on its clock: watermarks, lost spans, and times at which nobody watched.
 * Bound: `gaps` keeps the latest 64 spans of each kind and widens the oldest one to cover what it drops.
 */
export class StreamProgress {
  readonly #pool: StreamPool;
  readonly #streams = new HostStreams();
  readonly #columns: HostColumns;
  readonly #at: number;
  /** Up to where each stream has handed over everything, by its place. */
  #untils: Micros[] = [];
  /** By place of the stream, the shortest time between two polls that a row told of; where nothing changed for a while a row tells of a longer one. */
  #pauses: Micros[] | undefined;
  #toldPauses: Micros[] | undefined;
  #wholeAfter: Micros = -Infinity;
  /** Watermarks of streams of which nothing else is known yet. */
  #early: Map<string, Micros> | undefined;
  #lost = nothingLost;
  readonly watch = new WatchTimes();
  /** Some stream has gone on since its columns were worked out: watermarks of a host come for all of its streams in a row. */
  #isStale = false;
  hasSocketStream = false;
  /** Some stream tells of calls. */
  hasEventStream = false;
  hasProcessStream = false;
  #hasPacketStream = false;

  /** `number`: that of the host. */
  constructor(pool = new StreamPool(), columns = new HostColumns(), number = 0) {
    this.#pool = pool;
    this.#columns = columns;
    this.#at = columns.open(number);
    columns.values[this.#at + WATCHED] = -Infinity;
    this.#update();
  }

  /** Whoever reads the columns sees that they are to be asked for. */
  #outdate(): void {
    this.#isStale = true;
    this.#columns.values[this.#at + EVENTS] = Number.NaN;
  }

  #tellPlain(): void {
    const isPlain = this.hasEventStream && this.hasSocketStream && !this.watch.isGivenUp;
    this.#columns.values[this.#at + PLAIN] = isPlain ? 1 : 0;
  }

  #tellWhole(): void {
    const { watch } = this;
    const lost = [...this.#lost.values()].flat().map(({ to }) => to);
    this.#wholeAfter = watch.isGivenUp ? Infinity : Math.max(watch.beforeLastRun, ...lost);
  }

  /** No row of socket_events or conntrack is missing up to here: min over the streams. Infinity without such a stream. */
  get eventsUntil(): Micros {
    if (this.#isStale) this.#update();
    return this.#columns.values[this.#at + EVENTS]!;
  }

  /** As eventsUntil, over every stream that tells of sockets and addresses. */
  get socketsUntil(): Micros {
    if (this.#isStale) this.#update();
    return this.#columns.values[this.#at + SOCKETS]!;
  }

  /** As eventsUntil, over the streams of processes. */
  get processesUntil(): Micros {
    if (this.#isStale) this.#update();
    return this.#columns.values[this.#at + PROCESSES]!;
  }

  /** As processesUntil, but -Infinity until a users stream has told its first state. */
  get detailsUntil(): Micros {
    if (this.#isStale) this.#update();
    return this.#columns.values[this.#at + DETAILS]!;
  }

  /**
   * Calls of sockets without ports are told too. Only the program's own sensor tells of packet sockets, and where it tells of events it
   * tells of what raw and ping sockets send.
   */
  get tellsOfRaw(): boolean {
    return this.#hasPacketStream && this.hasEventStream;
  }

  /** Makes a stream known. Returns whether it is new. */
  stream(name: string, table: HostTable): boolean {
    if (this.#streams.placeOf(name) >= 0) return false;
    this.#streams.add(this.#pool.open(name, table));
    this.#untils = appendedNumber(this.#untils, this.#early?.get(name) ?? -Infinity);
    this.#early?.delete(name);
    this.hasEventStream ||= table === 'socket_events';
    this.hasSocketStream ||= socketTables.includes(table);
    this.hasProcessStream ||= processTables.includes(table);
    this.#hasPacketStream ||= table === 'packet_sockets';
    this.#outdate();
    this.#tellPlain();
    return true;
  }

  /** A row told of two polls in a row. */
  polled(name: string, since: Micros, latest: Micros): void {
    const place = this.#streams.placeOf(name);
    if (place < 0) return;
    this.#pauses ??= [];
    while (this.#pauses.length <= place) this.#pauses.push(Infinity);
    this.#pauses[place] = Math.min(this.#pauses[place]!, latest - since);
  }

  /** The source says that a poll never comes later than this after the one before; of a log it may say so again, as more of it is read. */
  boundPause(name: string, pause: Micros): void {
    const place = this.#streams.placeOf(name);
    if (place < 0) return;
    this.#toldPauses ??= [];
    while (this.#toldPauses.length <= place) this.#toldPauses.push(0);
    this.#toldPauses[place] = Math.max(this.#toldPauses[place]!, pause);
  }

  /**
   * What a stream polled last may be this long before it fell silent; Infinity when nothing tells how often it polls. What the source says goes before what
   * rows show, which may be of looks at single processes between polls.
   */
  pauseOf(name: string): Micros {
    const place = this.#streams.placeOf(name);
    const pause = this.#toldPauses?.[place] || (this.#pauses?.[place] ?? Infinity);
    return pause === Infinity ? Infinity : Math.round(pause * PAUSE_MARGIN);
  }

  /** A moment by which sockets surely were polled since this one, and of which all is told; Infinity: none is known. */
  socketsPolledAfter(moment: Micros): Micros {
    let at = Infinity;
    for (const [place, { name, table }] of this.#streams.all.entries()) {
      if (!isSocketPoll(table)) continue;
      const polled = moment + this.pauseOf(name);
      if (this.#untils[place]! >= polled) at = Math.min(at, polled);
    }
    return at;
  }

  /** No row of the stream is missing up to here. */
  toldUntil(name: string): Micros {
    return this.#untils[this.#streams.placeOf(name)] ?? -Infinity;
  }

  /** Returns whether anything moved. */
  complete(name: string, until: Micros): boolean {
    const place = this.#streams.placeOf(name);
    if (place < 0) {
      this.#early ??= new Map();
      const known = this.#early.get(name) ?? -Infinity;
      if (this.#early.has(name) || this.#early.size < MAX_EARLY) this.#early.set(name, Math.max(known, until));
      return false;
    }
    if (until <= this.#untils[place]!) return false;
    this.#untils[place] = until;
    this.#outdate();
    return true;
  }

  lost(name: string, from: Micros, to: Micros): void {
    if (this.#lost.size === 0) this.#lost = new Map();
    const gaps = this.#lost.get(name) ?? [];
    gaps.push({ from, to });
    gaps.sort((a, b) => a.from - b.from);
    if (gaps.length > 64) {
      const [first, second] = gaps.splice(0, 2) as [Gap, Gap];
      gaps.unshift({ from: first.from, to: Math.max(first.to, second.to) });
    }
    this.#lost.set(name, gaps);
    this.#tellWhole();
  }

  timedOut(at: Micros): void {
    this.watch.timedOut(at);
    this.#tellPlain();
    this.#tellWhole();
  }

  /** See WatchTimes.seen. */
  seen(from: Micros, boot?: string): void {
    this.watch.seen(from, boot);
    this.#columns.values[this.#at + WATCHED] = this.watch.since;
    this.#tellPlain();
    this.#tellWhole();
  }

  /** A row of a poll that had none before it. Returns whether that is news. */
  looked(name: string, time: Micros, end: Micros): boolean {
    return this.watch.looked(this.#streams.placeOf(name), time, end);
  }

  /** Rows of the stream, or of every stream when there is none, that may be missing in a span. */
  isLost(tables: readonly HostTable[], from: Micros, to: Micros): boolean {
    if (this.#lost.size === 0) return false;
    for (const [name, gaps] of this.#lost) {
      const table = this.#tableOf(name);
      if (table !== undefined && !tables.includes(table)) continue;
      if (gaps.some((gap) => gap.from <= to && gap.to >= from)) return true;
    }
    return false;
  }

  /** After this moment nothing was lost, in one run of the watcher; -Infinity: nothing ever was. Infinity: nobody watches the host. */
  get wholeAfter(): Micros {
    return this.#wholeAfter;
  }

  /** Rows about some time up to `until` are missing, and some from `since` on, or the last run of the watcher began later. */
  hasLost(since: Micros, until: Micros): boolean {
    if (this.#wholeAfter < since) return false;
    for (const gaps of this.#lost.values()) if (gaps.some(({ from }) => from <= until)) return true;
    return this.watch.fellSilentWithin(-Infinity, until);
  }

  areEventsLost(from: Micros, to: Micros): boolean {
    return this.isLost(eventTables, from, to);
  }

  /** Rows about processes of this span may be missing, so that a pid may have passed on unseen. Every run of the watcher tells of all anew. */
  areProcessesLost(since: Micros, to: Micros): boolean {
    const from = this.watch.isOneRun ? since : Math.max(since, this.watch.spanOf(to).after + 1);
    return this.isLost(processTables, from, to) || this.watch.fellSilentWithin(from, to);
  }

  /** Up to when nothing is of use that rows told of processes, as a later run of the watcher told of all of them before `horizon`; -Infinity: none did. */
  processesToldAnew(horizon: Micros): Micros {
    if (this.watch.isOneRun) return -Infinity;
    let until = -Infinity;
    for (const [place, { name, table }] of this.#streams.all.entries()) {
      const look = table === 'processes' ? this.watch.lookBefore(place, horizon) : undefined;
      if (look !== undefined && this.toldUntil(name) >= look.time) {
        until = Math.max(until, this.watch.spanOf(look.time).after);
      }
    }
    return until;
  }

  /** Before this moment nobody watched the host; -Infinity: nothing is told. */
  get watchedSince(): Micros {
    return this.#columns.values[this.#at + WATCHED]!;
  }

  /** See WatchTimes.isUnwatched. */
  isUnwatched(from: Micros, to: Micros): boolean {
    return this.watchedSince > from || this.watch.isUnwatched(from, to);
  }

  /** See WatchTimes.isSilent. */
  isSilent(until: Micros): boolean {
    return this.watch.isSilent(until);
  }

  /**
   * The first moment at or after `from` from which rows about sockets, unless other tables are named, may be missing of what went on at
   * `since` or later. What was missing at a poll had gone since the poll before, hence `pause`: 0 for events.
   */
  knownUntil(from: Micros, pause: Micros = 0, since = from, tables = socketTables): Micros {
    let until = Infinity;
    for (const [name, gaps] of this.#lost) {
      const table = this.#tableOf(name);
      if (table !== undefined && !tables.includes(table)) continue;
      for (const gap of gaps) if (gap.to >= since) until = Math.min(until, Math.max(gap.from - pause, from));
    }
    const silentAt = this.watch.silentFrom(since);
    return silentAt === Infinity ? until : Math.min(until, Math.max(silentAt - pause, from));
  }

  /**
   * By when what the stream told of at `moment` had gone, unless a later run of the watcher tells of it again: it told of all that stood then.
   * `boot`: that of the host at the moment, where it is told. Infinity: nothing is known of such a run yet.
   */
  goneBy(name: string, moment: Micros, boot?: string): Micros {
    const booted = this.watch.bootOver(boot, moment);
    const run = this.watch.runAfter(moment);
    const look = run && this.watch.lookAfter(run.from, this.#streams.placeOf(name));
    if (look === undefined || this.toldUntil(name) < look.time) return booted;
    return this.#isLostOf(name, run!.from, look.end) ? booted : Math.min(booted, look.end);
  }

  /**
   * By when a socket that a call at `moment` made had gone, unless a later run of the watcher shows it in this table, which has all of its kind. `boot`
   * and Infinity as for `goneBy`.
   */
  callGoneBy(moment: Micros, boot: string | undefined, shownIn: HostTable): Micros {
    let at = this.watch.bootOver(boot, moment);
    for (const { name, table } of this.#streams.all) {
      if (table === shownIn) at = Math.min(at, this.goneBy(name, moment, boot));
    }
    return at;
  }

  /** Until when an address that a poll of the stream saw at `moment` was there without doubt, if no later one tells otherwise. */
  addressKnownUntil(name: string, moment: Micros): Micros {
    return this.knownUntil(moment, this.pauseOf(name), moment, addressTables);
  }

  /**
   * Until when what the stream told of at `moment`, not knowing since when, was not there: the run before had not told of it. `isCalled`: that would have
   * told of a call too. -Infinity: that is not known.
   */
  absentUntil(name: string, moment: Micros, isCalled = false): Micros {
    const gap = this.watch.gapBefore(moment);
    if (gap === undefined) return -Infinity;
    const { silentAt, isBooted } = gap;
    if (isBooted) return silentAt;
    // Some streams of sockets tell what is seen between polls, of a few processes alone.
    const ofSockets = isSocketPoll(this.#tableOf(name));
    const look = ofSockets
      ? this.watch.lookOfRun(silentAt)
      : this.watch.lookBefore(this.#streams.placeOf(name), silentAt);
    const { after } = this.watch.spanOf(silentAt);
    if (look === undefined || this.watch.spanOf(look.time).after !== after) return -Infinity;
    if (this.#isLostOf(name, look.time, silentAt)) return -Infinity;
    if (isCalled && !this.areEventsLost(look.time, silentAt)) return silentAt;
    return Math.max(look.time, silentAt - this.#pauseOfLook(look, name));
  }

  /** How often a run whose first poll this is polled what the stream tells. A table of listeners has none that the one of sockets has not. */
  #pauseOfLook({ streams }: Look, of: string): Micros {
    const asked = this.#tableOf(of);
    let pause = Infinity;
    for (const [place, { name, table }] of this.#streams.all.entries()) {
      const tells = table === asked || (asked === 'listening_ports' && table === 'process_open_sockets');
      if (tells && (streams & bitOf(place)) !== 0) pause = Math.min(pause, this.pauseOf(name));
    }
    return pause;
  }

  #isLostOf(name: string, from: Micros, to: Micros): boolean {
    const table = this.#tableOf(name);
    return table !== undefined && this.isLost([table], from, to);
  }

  /** Whether the stream is known to tell of calls of sockets. */
  tellsCalls(name: string): boolean {
    return this.#tableOf(name) === 'socket_events';
  }

  #tableOf(name: string): HostTable | undefined {
    return this.#streams.all[this.#streams.placeOf(name)]?.table;
  }

  #update(): void {
    let [events, answers, processes, users] = [Infinity, Infinity, Infinity, Infinity];
    const { all } = this.#streams;
    for (let place = 0; place < all.length; place++) {
      const stream = all[place]!;
      const until = this.#untils[place]!;
      if (stream.isOfEvents) events = Math.min(events, until);
      if (stream.isOfAnswers) answers = Math.min(answers, until);
      if (stream.isOfProcesses) processes = Math.min(processes, until);
      if (stream.isOfUsers) users = Math.min(users, until);
    }
    const { values } = this.#columns;
    values[this.#at + EVENTS] = events;
    values[this.#at + SOCKETS] = answers;
    values[this.#at + PROCESSES] = processes;
    values[this.#at + DETAILS] = users === -Infinity ? -Infinity : processes;
    this.#isStale = false;
  }
}

function isSocketPoll(table: HostTable | undefined): boolean {
  return table === 'process_open_sockets' || table === 'listening_ports';
}
