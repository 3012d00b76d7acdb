import { broadcastAddress, canonicalAddress, isLoopback, isUnspecified } from '../../core/address.js';
import { appended } from '../../core/short-list.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import { AddressHistory } from './address-history.js';
import type { KnownAddress } from './address-table.js';
import type { HeldSocket } from './held-socket.js';
import { HostClosings } from './host-closings.js';
import { EARLIEST, SWEEP_AFTER, TAKEN } from './host-columns.js';
import type { HostContext } from './host-context.js';
import { HostProcesses } from './host-processes.js';
import { HostSockets } from './host-sockets.js';
import { HostUsers } from './host-users.js';
import { forgetLeft } from './left-addresses.js';
import { PacketSockets } from './packet-sockets.js';
import { isSocketRow, namespaceOf, type SocketFact, socketFact } from './socket-fact.js';
import type { SocketRecord } from './socket-record.js';
import { StreamProgress } from './stream-progress.js';
import { directionsOf, type TranslationsOfHost } from './translations.js';
import type { KnownUser } from './user-pool.js';

/** What a row changed. */
export type Change = 'nothing' | 'socket' | 'process' | 'address' | 'translation' | 'other';

/** How lines name a host. */
export interface ShownHost {
  readonly id: string;
  /** Absent: it is not told. */
  readonly boot?: string;
}

/** Boots of which the name is kept. */
const MAX_BOOTS = 8;

/** Fewer rows are not worth a sweep; a quiet host keeps about so many that it needs no more. */
const MIN_SWEEP = 256;

/**
 * What is known of one host, on its clock: sockets, processes, users, addresses and how complete that is. Rows are facts:
 * their order does not matter.
 */
export class HostState {
  // What every row asks for comes first, so that it lies together.
  readonly id: string;
  readonly #context: HostContext;
  /** Names it in records. */
  readonly number: number;
  /** Of the latest rows: mostly the next one is of one of these two. */
  #latestStream = '';
  #streamBefore = '';
  /** The local address of the socket that a row of both endpoints told of last: mostly the next one has the same. */
  #local: KnownAddress | undefined;
  /** A stream that is known to tell of closes: mostly that of the next event. */
  #streamOfCloses: string | undefined;
  readonly #sockets: HostSockets;
  readonly #closings: HostClosings;
  readonly progress: StreamProgress;
  readonly addresses: AddressHistory;
  readonly packetSockets: PacketSockets;
  /** Addresses that it had at any time. */
  known: KnownAddress[] = [];
  /** How lines name it, by its boot; shared by all of them. */
  readonly #shown: ShownHost[];
  readonly #translations: TranslationsOfHost = { entries: undefined, rows: 0, goneUntil: -Infinity };
  readonly processes: HostProcesses;
  readonly #users = new HostUsers();
  #hasBlankAccepts = false;
  #own: { readonly namespace: string; readonly from: Micros } | undefined;

  constructor(id: string, context: HostContext) {
    this.id = id;
    this.#shown = [{ id }];
    this.#context = context;
    this.number = context.rows.origins.addHost(id);
    this.progress = new StreamProgress(context.streams, context.columns, this.number);
    this.packetSockets = new PacketSockets(this.progress);
    this.addresses = new AddressHistory(context.limits, context.counters, this.progress);
    this.processes = new HostProcesses(context, this.number, this.progress);
    this.#closings = new HostClosings(context.closes, this.number, this.progress, context.standing);
    this.#sockets = new HostSockets(context, this.number, this.#closings);
    this.#earliest = Infinity;
    context.columns.setWord(this.number, SWEEP_AFTER, MIN_SWEEP);
    context.standing.open(this.number);
  }

  get socketRows(): number {
    return this.#context.sockets.queue.count(this.number);
  }

  /** Rows about times up to here were let go or evicted. */
  get goneUntil(): Micros {
    return this.#sockets.goneUntil;
  }

  /** Translations of times up to here had to be forgotten. */
  get translationsGoneUntil(): Micros {
    return this.#translations.goneUntil;
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

  /**
   * How lines name it that rest on a row: as it ran when that was told. `boot`: what the row names; a row that names none is of the boot of its
   * moment.
   */
  shownAt(boot: string | undefined, moment: Micros): ShownHost {
    const of = boot ?? this.progress.watch.bootAt(moment);
    const known = this.#shown.find((shown) => shown.boot === of);
    if (known !== undefined || of === undefined) return known ?? this.#shown[0]!;
    if (this.#shown.length > MAX_BOOTS) this.#shown.splice(1, 1);
    const shown = { id: this.id, boot: of };
    this.#shown.push(shown);
    return shown;
  }

  /** Whatever is known of it may be another now. */
  hasNews(): void {
    this.#context.standing.ofHost(this.number);
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
    if (row.stream !== this.#latestStream && row.stream !== this.#streamBefore) {
      this.#streamBefore = this.#latestStream;
      this.#latestStream = row.stream;
      if (this.progress.stream(row.stream, row.table)) this.hasNews();
    }
    if (row.since !== undefined && row.action !== 'event') {
      this.progress.polled(row.stream, row.since, row.time + Math.max(row.resolution, 1) - 1);
    } else if (
      row.action === 'added' &&
      this.progress.looked(row.stream, row.time, row.time + Math.max(row.resolution, 1) - 1)
    ) {
      this.hasNews();
    }
    if (this.packetSockets.add(row)) {
      this.hasNews();
      return 'other';
    }
    if (isSocketRow(row)) return this.#addSocket(row);
    switch (row.table) {
      case 'processes':
      case 'process_events':
        return this.processes.add(row) ? 'process' : 'nothing';
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

  /** See HostSockets.hasRemovals. */
  hasRemovals(protocol: number, localPort: number): boolean {
    return this.#sockets.hasRemovals(protocol, localPort);
  }

  /** See HostSockets.callsTo. */
  callsTo(...asked: Parameters<HostSockets['callsTo']>): readonly HeldSocket[] {
    return this.#sockets.callsTo(...asked);
  }

  /** See HostSockets.callsLeftOutUntil. */
  callsLeftOutUntil(...asked: Parameters<HostSockets['callsLeftOutUntil']>): Micros {
    return this.#sockets.callsLeftOutUntil(...asked);
  }

  /** See HostSockets.mayMissBinds. */
  mayMissBinds(...asked: Parameters<HostSockets['mayMissBinds']>): boolean {
    return this.#sockets.mayMissBinds(...asked);
  }

  /** See HostSockets.acceptsGoneUntil. */
  acceptsGoneUntil(protocol: number, address: string, port: number): Micros {
    return this.#sockets.acceptsGoneUntil(protocol, address, port);
  }

  /** See HostSockets.callsGone. */
  callsGone(...asked: Parameters<HostSockets['callsGone']>): ReturnType<HostSockets['callsGone']> {
    return this.#sockets.callsGone(...asked);
  }

  /** See HostSockets.knowsCallsTo. */
  knowsCallsTo(protocol: number, address: string, port: number): boolean {
    return this.#sockets.knowsCallsTo(protocol, address, port);
  }

  /** See HostSockets.knowsBlanks. */
  knowsBlanks(protocol: number, localPort: number, address: string, port: number): boolean {
    return this.#sockets.knowsBlanks(protocol, localPort, address, port);
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
    const { stream, action } = row;
    if ((action !== 'event' || stream !== this.#streamOfCloses) && this.#closings.hear(fact)) {
      this.#streamOfCloses = stream;
    }
    this.#context.columns.increment(this.number, TAKEN);
    if (fact.source === 'close') return this.#addClose(fact);
    const { localAddress, localPort, remoteAddress, remotePort } = fact;
    const namesAll = localPort !== undefined && remoteAddress !== undefined && remotePort !== undefined;
    if (localAddress === undefined || !namesAll || isUnspecified(localAddress)) return this.#addBlank(fact);
    const { tuples, sockets, limits, addresses } = this.#context;
    const usual = this.#local;
    const local = usual?.text === localAddress ? usual : addresses.open(localAddress);
    const place = tuples.sockets(fact.protocol, local, localPort, remoteAddress, remotePort);
    if (!sockets.add(this.number, place, fact)) return 'nothing';
    const { tuple, isForward } = place;
    const surplus = sockets.takeSurplus(this.number, place, limits.socketRowsOfTuple);
    if (surplus !== 0) this.#sockets.forgetSurplus(surplus);
    if (this.socketRows > limits.socketRows) this.#sockets.evict();
    const isNews = (local !== usual || fact.namespace !== undefined) && this.#shows(localAddress, fact.namespace);
    // One that nobody has may have been forgotten with this row, which went at the bound; another one is made of its text then.
    if (local.hosts !== undefined) this.#local = local;
    if (tuple !== undefined) this.#context.news.socket(tuple, isForward);
    return isNews ? 'address' : 'socket';
  }

  #addBlank(fact: SocketFact): Change {
    if (!this.#sockets.addBlank(fact)) return 'nothing';
    const { source, localAddress, namespace } = fact;
    if (this.socketRows > this.#context.limits.socketRows) this.#sockets.evict();
    if (source === 'accept') this.#hearBlankAccepts();
    return this.#shows(localAddress, namespace) ? 'address' : 'socket';
  }

  /** A socket in the namespace has this local address, if any. Returns whether that is news. */
  #shows(address: string | undefined, namespace: string | undefined): boolean {
    if (namespace !== undefined && this.addresses.hasSpace(namespace)) this.hasNews();
    if (address === undefined || isUnspecified(address) || !this.addresses.shown(address, namespace)) return false;
    this.#gained(address);
    return true;
  }

  /** The host turned out to have the address. */
  #gained(text: string): void {
    const address = this.#context.addresses.open(text);
    this.hasNews();
    if (address.hosts === undefined) address.hosts = [this];
    else if (!address.hosts.includes(this)) address.hosts.push(this);
    address.isHadBy(this);
    if (!this.known.includes(address)) {
      this.known = appended(this.known, address);
      if (this.#hasBlankAccepts) address.introducePeers();
    }
    this.#context.news.address(address, this);
  }

  /** An accept that does not name its port may be of any connection from that endpoint, so these must know of each other, those of untold containers too. */
  #hearBlankAccepts(): void {
    if (this.#hasBlankAccepts) return;
    this.#hasBlankAccepts = true;
    for (const address of this.known) address.introducePeers();
    this.#context.addresses.strangers.attendTo(this);
    this.#context.news.blankAccepts(this);
  }

  #addClose(fact: SocketFact): Change {
    const { closes, limits } = this.#context;
    if (!closes.add(this.number, fact)) return 'nothing';
    this.hasNews();
    if (closes.count(this.number) > 2 * limits.socketRows) this.#sockets.forgetClose();
    return 'socket';
  }

  #addTranslation(row: Extract<AnyTableRow, { table: 'conntrack' }>): Change {
    const { translations, tuples, limits, news } = this.#context;
    const of = this.#translations;
    if (!translations.add(of, this, row, limits)) return 'nothing';
    this.#context.columns.increment(this.number, TAKEN);
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
    if (before?.name === name) return 'nothing';
    const { counters, limits } = this.#context;
    if (before === undefined && this.#users.size >= limits.users) {
      counters.userRowsRefused++;
      return 'nothing';
    }
    this.#users.set(uid, name, this.#context.users);
    this.hasNews();
    return 'other';
  }

  #addAddress(row: Extract<AnyTableRow, { table: 'interface_addresses' }>): Change {
    const address = row.columns.address === undefined ? undefined : canonicalAddress(row.columns.address);
    if (address === undefined) return 'nothing';
    this.hasNews();
    const namespace = namespaceOf(row.columns.net_namespace);
    const isNews = this.addresses.change(address, {
      isGone: row.action === 'removed',
      time: row.time + Math.max(row.resolution, 1) - 1,
      since: row.since,
      seq: row.seq,
      stream: row.stream,
      source: `${row.stream} ${row.columns.interface ?? ''} ${namespace ?? ''}`,
      namespace,
    });
    if (!isNews) return 'nothing';
    this.#context.columns.increment(this.number, TAKEN);
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

  /**
   * Drops what closed before `horizon` when as many rows have come as were kept, so that looking costs each row little. Rows kept
   * would not do for a measure: at the bounds they stay as they are. Returns whether it did.
   */
  prune(horizon: Micros): boolean {
    const { columns } = this.#context;
    const { number } = this;
    if (columns.word(number, TAKEN) < columns.word(number, SWEEP_AFTER) || horizon <= this.#earliest) return false;
    this.#earliest = -Infinity;
    this.#context.standing.prune(number, horizon);
    this.#sockets.prune(horizon);
    this.packetSockets.prune(horizon);
    if (forgetLeft(this, horizon, this.#context.addresses)) this.#local = undefined;
    this.#context.translations.prune(this.#translations, horizon);
    this.processes.prune(horizon);
    columns.setWord(number, TAKEN, 0);
    columns.setWord(
      number,
      SWEEP_AFTER,
      Math.max(MIN_SWEEP, this.socketRows + this.processes.rows + this.#translations.rows),
    );
    return true;
  }
}
