import { broadcastAddress, canonicalAddress, isLoopback, isUnspecified } from '../../core/address.js';
import { appended } from '../../core/short-list.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import { AddressHistory } from './address-history.js';
import type { KnownAddress } from './address-table.js';
import type { HeldSocket } from './held-socket.js';
import { EARLIEST } from './host-columns.js';
import type { HostContext } from './host-context.js';
import { HostSockets } from './host-sockets.js';
import { HostUsers } from './host-users.js';
import { PacketSockets } from './packet-sockets.js';
import { KnownPids } from './pid-knowledge.js';
import type { PidHistory, ProcessMoment } from './process-history.js';
import type { ProcessRow } from './process-record.js';
import type { RowsOfHost } from './process-table.js';
import { isSocketRow, namespaceOf, type SocketFact, socketFact } from './socket-fact.js';
import type { SocketRecord } from './socket-record.js';
import { StreamProgress } from './stream-progress.js';
import { directionsOf, type TranslationsOfHost } from './translations.js';
import type { KnownUser } from './user-pool.js';

/** What a row changed. */
export type Change = 'nothing' | 'socket' | 'process' | 'address' | 'translation' | 'other';

/** Fewer rows are not worth a sweep; a quiet host keeps about so many that it needs no more. */
const MIN_SWEEP = 256;

/**
 * What is known of one host, on its clock: sockets, processes, users, addresses and how complete that is. Rows are facts:
 * their order does not matter.
 */
export class HostState {
  // What every row asks for comes first, so that it lies together.
  readonly #context: HostContext;
  readonly #sockets: HostSockets;
  /** Names it in records. */
  readonly number: number;
  /** Of the row before: mostly the next one is of the same stream. */
  #latestStream: string | undefined;
  /** The local address of the socket that a row told of last, as far as it is one. */
  #latestShown: string | undefined;
  /** The stream among `#closingStreams` that was heard of last. */
  #latestClosing: string | undefined;
  /** Rows taken since the last sweep, and how many are awaited before the next. */
  #taken = 0;
  #sweepAfter = MIN_SWEEP;
  readonly id: string;
  readonly progress: StreamProgress;
  readonly addresses = new AddressHistory();
  readonly packetSockets = new PacketSockets();
  /** Addresses that it had at any time. */
  known: KnownAddress[] = [];
  /** How records name it; shared by all of them. */
  shown: { readonly id: string; readonly boot?: string };
  readonly #processes: RowsOfHost = { oldest: 0, newest: 0, count: 0 };
  readonly #translations: TranslationsOfHost = { entries: undefined, rows: 0 };
  /** Translations of times up to here had to be forgotten. */
  translationsGoneUntil: Micros = -Infinity;
  /** By pid, up to when rows about it were forgotten at the bound. A sweep drops the pids of which no row is left. */
  #processesGone: Map<number, Micros> | undefined;
  /** What is worked out of its pids. */
  readonly pids = new KnownPids();
  readonly #users = new HostUsers();
  /** Streams that tell when sockets close, not only when they open. */
  #closingStreams: Set<string> | undefined;
  #hasBlankAccepts = false;
  #own: { readonly namespace: string; readonly from: Micros } | undefined;

  constructor(id: string, context: HostContext) {
    this.id = id;
    this.shown = { id };
    this.#context = context;
    this.number = context.rows.origins.addHost(id);
    this.progress = new StreamProgress(context.streams, context.columns, this.number);
    this.#sockets = new HostSockets(context, this.number, (stream, isEvent, openHi) => {
      if (isEvent ? this.#closingStreams?.has(stream) !== true : this.#sockets.hasForgottenPolls) return openHi;
      return this.progress.knownUntil(openHi, isEvent ? 0 : this.progress.pauseOf(stream));
    });
    this.#earliest = Infinity;
  }

  get socketRows(): number {
    return this.#sockets.count;
  }

  get processRows(): number {
    return this.#processes.count;
  }

  /** Pids of which rows had to be forgotten at the bound. */
  get partialPids(): number {
    return this.#processesGone?.size ?? 0;
  }

  /** Rows about times up to here were let go or evicted. */
  get goneUntil(): Micros {
    return this.#sockets.goneUntil;
  }

  /** The network namespace in which captures on this host are taken, as far as it is known. */
  get ownNamespace(): string | undefined {
    return this.#own?.namespace ?? this.addresses.shownNamespace;
  }

  /** Watched from in this namespace, since `from`. */
  isWatchedIn(namespace: string, from: Micros): void {
    if (this.#own === undefined || from > this.#own.from) this.#own = { namespace, from };
  }

  /** See HostSockets.goneStoodUntil. */
  get goneStoodUntil(): Micros {
    return this.#sockets.goneStoodUntil;
  }

  /** The host said which boot of it this is. */
  hasBoot(boot: string): void {
    this.shown = { id: this.id, boot };
  }

  get #earliest(): Micros {
    return this.#context.columns.values[this.#context.columns.placeOf(this.number) + EARLIEST]!;
  }
  set #earliest(at: Micros) {
    this.#context.columns.values[this.#context.columns.placeOf(this.number) + EARLIEST] = at;
  }

  /** Takes a row of any table. Rows of tables that say nothing of owners are ignored. */
  add(row: AnyTableRow): Change {
    if (row.time < this.#earliest) this.#earliest = row.time;
    if (row.stream !== this.#latestStream) {
      this.#latestStream = row.stream;
      this.progress.stream(row.stream, row.table);
    }
    if (row.since !== undefined && row.action !== 'event') {
      this.progress.polled(row.stream, row.since, row.time + Math.max(row.resolution, 1) - 1);
    }
    if (row.boot !== undefined && this.shown.boot === undefined) this.hasBoot(row.boot);
    if (this.packetSockets.add(row)) return 'other';
    if (isSocketRow(row)) return this.#addSocket(row);
    switch (row.table) {
      case 'processes':
      case 'process_events':
        return this.#addProcess(row);
      case 'users':
        return this.#addUser(row.columns.uid, row.columns.username);
      case 'interface_addresses':
        return this.#addAddress(row);
      case 'conntrack':
        return this.#addTranslation(row);
      default:
        return 'nothing';
    }
  }

  /** See HostSockets.held. */
  held(records: readonly SocketRecord[]): HeldSocket[] {
    return this.#sockets.held(records);
  }

  /** The socket that a call made, of which no other row about its endpoints tells. */
  heldCall(call: SocketRecord): HeldSocket {
    return this.#sockets.heldCall(call);
  }

  /** Sockets with this local port and no remote end. */
  boundTo(protocol: number, localPort: number): readonly HeldSocket[] {
    return this.#sockets.boundTo(protocol, localPort);
  }

  /** Calls within [from, to] that name this remote end and no local port. */
  callsTo(protocol: number, address: string, port: number, from: Micros, to: Micros): readonly HeldSocket[] {
    return this.#sockets.callsTo(protocol, address, port, from, to);
  }

  /** Whether it knows sockets that name no more than one of these endpoints, at any time. */
  knowsBlanks(protocol: number, localPort: number, address: string, port: number): boolean {
    return this.#sockets.knowsBlanks(protocol, localPort, address, port);
  }

  /** See PidHistory.at. */
  processAt(pid: number, from: Micros, to: Micros, path?: string): ProcessMoment | undefined {
    const gone = this.#processesGone?.get(pid);
    const history = this.#context.processes.history(this.number, pid, gone !== undefined);
    const found = history?.at(from, to, path);
    if (found === undefined) return undefined;
    // It may have begun later in that second: the poll that saw it also tells who had the pid before.
    const { startHi = -Infinity, toldAt = -Infinity } = found;
    if (startHi > from && toldAt > this.progress.processesUntil) return undefined;
    if (gone === undefined) return found;
    // Its end, or the birth of the next process with the pid, may be among what was forgotten.
    return (found.startLo ?? -Infinity) > gone ? found : undefined;
  }

  /** What rows tell of the pid, complete or not; undefined: nothing. */
  historyOf(pid: number): PidHistory | undefined {
    return this.#context.processes.history(this.number, pid, this.#processesGone?.has(pid));
  }

  /** A user as records name it; those that the host told of are shared by all of them. */
  user(uid: number): KnownUser {
    return this.#users.get(uid) ?? { uid };
  }

  #addSocket(row: Parameters<typeof socketFact>[0]): Change {
    const fact = socketFact(row);
    if (fact === undefined) {
      this.#context.counters.rowsIgnored++;
      return 'nothing';
    }
    const tellsOfCloses = row.action === 'event' && (fact.source === 'close' || fact.source === 'listen');
    if (tellsOfCloses && row.stream !== this.#latestClosing) {
      this.#latestClosing = row.stream;
      this.#closingStreams ??= new Set();
      this.#closingStreams.add(row.stream);
    }
    this.#taken++;
    if (fact.source === 'close') return this.#addClose(fact);
    const taken = this.#sockets.add(fact);
    if (taken === undefined) return 'nothing';
    const { tuple, isForward } = taken;
    if (fact.source === 'accept' && taken.isBlank) this.#hearBlankAccepts();
    const { localAddress, namespace } = fact;
    if (namespace !== undefined) this.addresses.hasSpace(namespace);
    const isNews = localAddress !== undefined && this.#shows(localAddress, namespace);
    if (isNews) this.#gained(localAddress);
    if (tuple !== undefined) this.#context.news.socket(tuple, isForward);
    return isNews ? 'address' : 'socket';
  }

  /** A socket has this local address. Returns whether that is news. */
  #shows(address: string, namespace: string | undefined): boolean {
    if (namespace === undefined && address === this.#latestShown) return false;
    this.#latestShown = address;
    return !isUnspecified(address) && this.addresses.shown(address, namespace);
  }

  /** The host turned out to have the address. */
  #gained(text: string): void {
    const address = this.#context.addresses.open(text);
    if (address.hosts === undefined) address.hosts = [this];
    else if (!address.hosts.includes(this)) address.hosts.push(this);
    address.isHadBy(this);
    if (!this.known.includes(address)) {
      this.known = appended(this.known, address);
      if (this.#hasBlankAccepts) address.introducePeers();
    }
    this.#context.news.address(address);
  }

  /** An accept that does not name its port may be of any connection from that endpoint, so these must know of each other. */
  #hearBlankAccepts(): void {
    if (this.#hasBlankAccepts) return;
    this.#hasBlankAccepts = true;
    for (const address of this.known) address.introducePeers();
  }

  #addClose(fact: SocketFact): Change {
    return this.#sockets.addClose(fact) ? 'socket' : 'nothing';
  }

  #addProcess(row: ProcessRow): Change {
    const { processes, counters, limits } = this.#context;
    const { pid } = row.columns;
    if (pid === undefined || !isPid(pid)) {
      counters.rowsIgnored++;
      return 'nothing';
    }
    if (!processes.add(this.#processes, this.number, pid, row)) return 'nothing';
    this.pids.outdate(pid);
    this.#taken++;
    if (this.#processes.count > limits.processRows) {
      const { pid: of, hi } = processes.forgetOldest(this.#processes);
      this.#processesGone ??= new Map();
      this.#processesGone.set(of, Math.max(hi, this.#processesGone.get(of) ?? hi));
      this.pids.outdate(of);
      counters.processRowsEvicted++;
    }
    return 'process';
  }

  #addTranslation(row: Extract<AnyTableRow, { table: 'conntrack' }>): Change {
    const { translations, tuples, counters, limits, news } = this.#context;
    const of = this.#translations;
    if (!translations.add(of, this, row)) return 'nothing';
    this.#taken++;
    while (of.rows > limits.translationRows) {
      this.translationsGoneUntil = Math.max(this.translationsGoneUntil, translations.forgetOldest(of));
      counters.translationsEvicted++;
    }
    const { protocol, original, reply } = directionsOf(row)!;
    for (const { source, sourcePort, destination, destinationPort } of [original, reply]) {
      const tuple = tuples.find(protocol, source, sourcePort, destination, destinationPort);
      if (tuple !== undefined) news.translation(tuple);
    }
    return 'translation';
  }

  #addUser(uid: number | undefined, name: string | undefined): Change {
    if (uid === undefined || !name) return 'nothing';
    const before = this.#users.get(uid);
    if (before?.name === name || (before === undefined && this.#users.size >= this.#context.limits.users)) {
      return 'nothing';
    }
    this.#users.set(uid, name, this.#context.users);
    return 'other';
  }

  #addAddress(row: Extract<AnyTableRow, { table: 'interface_addresses' }>): Change {
    const address = row.columns.address === undefined ? undefined : canonicalAddress(row.columns.address);
    if (address === undefined || this.addresses.size >= this.#context.limits.addresses) return 'nothing';
    const namespace = namespaceOf(row.columns.net_namespace);
    const isNews = this.addresses.change(address, {
      isGone: row.action === 'removed',
      time: row.time + Math.max(row.resolution, 1) - 1,
      since: row.since,
      seq: row.seq,
      source: `${row.stream} ${row.columns.interface ?? ''} ${namespace ?? ''}`,
      namespace,
    });
    if (!isNews) return 'nothing';
    this.#gained(address);
    this.#inNetwork(address, row.columns.mask);
    return 'address';
  }

  #inNetwork(address: string, mask: string | undefined): void {
    const text = mask === undefined || isLoopback(address) ? undefined : broadcastAddress(address, mask);
    if (text === undefined) return;
    const broadcast = this.#context.addresses.open(text);
    if (broadcast.isBroadcast) return;
    broadcast.isBroadcast = true;
    this.#context.news.address(broadcast);
  }

  #forgetGone(): void {
    if (this.#processesGone === undefined) return;
    for (const pid of this.#processesGone.keys()) {
      if (this.#context.processes.history(this.number, pid) === undefined) this.#processesGone.delete(pid);
    }
  }

  /**
   * Drops what closed before `horizon` when as many rows have come as were kept, so that looking costs each row little. Rows kept
   * would not do for a measure: at the bounds they stay as they are. Returns whether it did.
   */
  prune(horizon: Micros): boolean {
    if (this.#taken < this.#sweepAfter || horizon <= this.#earliest) return false;
    this.#earliest = -Infinity;
    this.#sockets.prune(horizon);
    this.packetSockets.prune(horizon);
    this.#context.translations.prune(this.#translations, horizon);
    this.#context.processes.prune(this.#processes, this.number, horizon);
    this.pids.outdateAll();
    this.#forgetGone();
    this.#taken = 0;
    this.#sweepAfter = Math.max(MIN_SWEEP, this.socketRows + this.processRows + this.#translations.rows);
    return true;
  }
}

function isPid(pid: number): boolean {
  return Number.isInteger(pid) && pid >= 0 && pid <= 0x7fff_ffff;
}
