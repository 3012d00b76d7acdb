import { broadcastAddress, canonicalAddress, isLoopback, isUnspecified } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import { AddressHistory } from './address-history.js';
import type { AddressTable, KnownAddress } from './address-table.js';
import { type Closings, type HeldSocket, heldSockets } from './held-socket.js';
import type { HostLimits } from './host-limits.js';
import { PidHistory, type ProcessMoment } from './process-history.js';
import { isSocketRow, type SocketFact, socketFact } from './socket-fact.js';
import { StreamProgress } from './stream-progress.js';
import type { Bucket, Tuple, TupleBucket, TupleTable } from './tuple-table.js';

/** When a socket was closed, and by which row, which is not kept. */
interface Close {
  readonly lo: Micros;
  readonly hi: Micros;
  readonly stream: string;
  readonly seq: number;
  /** The next close of the same socket number or descriptor. */
  next: Close | undefined;
}

/** Facts of one host with a blank, by what they do name. */
interface BlankBucket<K> extends Bucket {
  readonly key: K;
  readonly index: Map<K, BlankBucket<K>>;
}

/** What a row changed. */
export type Change = 'nothing' | 'socket' | 'process' | 'address' | 'other';

/** Told of what rows bring that may concern a connection. */
export interface HostNews {
  /** A socket of these endpoints, its local end the first of the tuple's or the second. */
  socket(tuple: Tuple, isForward: boolean): void;
  /** A socket of these endpoints was closed. */
  close(tuple: Tuple, isForward: boolean, fact: SocketFact): void;
  /** A host has an address that it had not had before. */
  address(address: KnownAddress): void;
}

/** What hosts share. */
export interface HostContext {
  readonly addresses: AddressTable;
  readonly tuples: TupleTable;
  readonly limits: HostLimits;
  readonly counters: HostCounters;
  readonly news: HostNews;
}

/** Counted for every host together. */
export interface HostCounters {
  socketRowsEvicted: number;
  processRowsEvicted: number;
  rowsIgnored: number;
}

/**
 * What is known of one host, on its clock: sockets, processes, users, addresses and how complete that is. Rows are facts:
 * their order does not matter. Sockets are found by full tuple (in an index shared by all hosts), by local port, or, for a
 * connect or accept whose local end the row lacks, by remote endpoint.
 */
export class HostState {
  readonly id: string;
  readonly progress = new StreamProgress();
  readonly addresses = new AddressHistory();
  /** Addresses that it had at any time. */
  readonly known: KnownAddress[] = [];
  /** How records name it; shared by all of them. */
  shown: { readonly id: string; readonly boot?: string };
  readonly #context: HostContext;
  readonly #byLocalPort = new Map<number, BlankBucket<number>>();
  readonly #byRemote = new Map<string, BlankBucket<string>>();
  readonly #processes = new Map<number, PidHistory>();
  readonly #users = new Map<number, string>();
  /** Calls that closed a socket, by its number, or else by process and descriptor. */
  readonly #closesByInode = new Map<string, Close>();
  readonly #closesByFd = new Map<number, Close>();
  /** Streams that tell when sockets close, not only when they open. */
  readonly #closingStreams = new Set<string>();
  /** Every socket fact in order of arrival, for eviction. */
  #sockets: SocketFact[] = [];
  #socketsGone = 0;
  #processRows = 0;
  #sweepAt = 4_096;
  /** Rows about times up to here were let go or evicted. */
  goneUntil: Micros = -Infinity;
  /** Some close names no endpoints, so that nobody can be told whom it concerns. */
  hasBlindCloses = false;
  #hasBlankAccepts = false;
  readonly #closings: Closings;

  constructor(id: string, context: HostContext) {
    this.id = id;
    this.shown = { id };
    this.#context = context;
    this.#closings = {
      closeOf: (fact, from) => this.#closeOf(fact, from),
      openUntil: (stream, isEvent, openHi) => {
        if (isEvent && !this.#closingStreams.has(stream)) return openHi;
        return this.progress.knownUntil(openHi, isEvent ? 0 : this.progress.pauseOf(stream));
      },
    };
  }

  get socketRows(): number {
    return this.#sockets.length - this.#socketsGone;
  }

  get processRows(): number {
    return this.#processRows;
  }

  /** The host said which boot of it this is. */
  hasBoot(boot: string): void {
    this.shown = { id: this.id, boot };
  }

  /** Takes a row of any table. Rows of tables that say nothing of owners are ignored. */
  add(row: AnyTableRow): Change {
    this.progress.stream(row.stream, row.table);
    if (row.since !== undefined) {
      this.progress.polled(row.stream, row.since, row.time + Math.max(row.resolution, 1) - 1);
    }
    if (row.boot !== undefined && this.shown.boot === undefined) this.hasBoot(row.boot);
    if (isSocketRow(row)) return this.#addSocket(row);
    switch (row.table) {
      case 'processes':
      case 'process_events':
        return this.#addProcess(row);
      case 'users':
        return this.#addUser(row.columns.uid, row.columns.username);
      case 'interface_addresses':
        return this.#addAddress(row);
      default:
        return 'nothing';
    }
  }

  /** Sockets with exactly these endpoints come from the shared index; this turns a bucket of it into sockets. */
  held(bucket: Bucket): HeldSocket[] {
    return heldSockets(bucket.facts, this.#closings);
  }

  /** Sockets with this local port and no remote end. */
  boundTo(protocol: number, localPort: number): readonly HeldSocket[] {
    const bucket = this.#byLocalPort.get(portKey(protocol, localPort));
    return bucket === undefined ? none : this.held(bucket);
  }

  /** Calls within [from, to] that name this remote end and no local port. */
  callsTo(protocol: number, address: string, port: number, from: Micros, to: Micros): readonly HeldSocket[] {
    if (this.#byRemote.size === 0) return none;
    const facts = this.#byRemote.get(`${protocol} ${address} ${port}`)?.facts;
    if (facts === undefined) return none;
    const near: SocketFact[] = [];
    for (let i = lowerBound(facts, from); i < facts.length && facts[i]!.lo <= to; i++) near.push(facts[i]!);
    return near.length === 0 ? none : heldSockets(near, this.#closings);
  }

  /** See PidHistory.at. */
  processAt(pid: number, from: Micros, to: Micros, path?: string): ProcessMoment | undefined {
    return this.#processes.get(pid)?.at(from, to, path);
  }

  userName(uid: number): string | undefined {
    return this.#users.get(uid);
  }

  #addSocket(row: Parameters<typeof socketFact>[0]): Change {
    const fact = socketFact(row);
    if (fact === undefined) {
      this.#context.counters.rowsIgnored++;
      return 'nothing';
    }
    if (fact.row.action === 'event' && (fact.source === 'close' || fact.source === 'listen')) {
      this.#closingStreams.add(fact.row.stream);
    }
    if (fact.source === 'close') return this.#addClose(fact);
    const bucket = this.#bucketFor(fact);
    if (bucket === undefined) {
      this.#context.counters.rowsIgnored++;
      return 'nothing';
    }
    if (bucket.facts.length === 0) bucket.facts = [fact];
    else if (!insertFact(bucket.facts, fact)) return 'nothing';
    fact.bucket = bucket;
    this.#sockets.push(fact);
    if (this.socketRows > this.#context.limits.socketRows) this.#evictSocket();
    const { localAddress } = fact;
    const isNews = localAddress !== undefined && !isUnspecified(localAddress) && this.addresses.shown(localAddress);
    if (isNews) this.#gained(localAddress);
    if (isOfTuple(bucket)) this.#context.news.socket(bucket.tuple, bucket.isForward);
    return isNews ? 'address' : 'socket';
  }

  /** The host turned out to have the address. */
  #gained(text: string): void {
    const address = this.#context.addresses.open(text);
    if (address.hosts === undefined) address.hosts = [this];
    else if (!address.hosts.includes(this)) address.hosts.push(this);
    if (!this.known.includes(address)) {
      this.known.push(address);
      if (this.#hasBlankAccepts) address.introducePeers();
    }
    this.#context.news.address(address);
  }

  #bucketFor(fact: SocketFact): Bucket | undefined {
    const { protocol, localAddress, localPort, remoteAddress, remotePort } = fact;
    if (remoteAddress !== undefined && remotePort !== undefined) {
      if (localAddress !== undefined && localPort !== undefined && !isUnspecified(localAddress)) {
        const tuple = this.#context.tuples.open(protocol, localAddress, localPort, remoteAddress, remotePort);
        const isForward = tuple.first.text === localAddress && tuple.firstPort === localPort;
        return tuple.bucketOf(this, isForward);
      }
      const isCall = fact.source === 'connect' || fact.source === 'accept';
      if (localPort !== undefined || !isCall) return undefined;
      if (fact.source === 'accept') this.#hearBlankAccepts();
      return this.#blankBucket(this.#byRemote, `${protocol} ${remoteAddress} ${remotePort}`);
    }
    if (localPort === undefined || fact.source === 'connect' || fact.source === 'accept') return undefined;
    return this.#blankBucket(this.#byLocalPort, portKey(protocol, localPort));
  }

  /** An accept that does not name its port may be of any connection from that endpoint, so these must know of each other. */
  #hearBlankAccepts(): void {
    if (this.#hasBlankAccepts) return;
    this.#hasBlankAccepts = true;
    for (const address of this.known) address.introducePeers();
  }

  #blankBucket<K>(index: Map<K, BlankBucket<K>>, key: K): Bucket {
    let bucket = index.get(key);
    if (bucket === undefined) {
      bucket = { host: this, facts: [], key, index };
      index.set(key, bucket);
    }
    return bucket;
  }

  #addClose(fact: SocketFact): Change {
    const { inode, pid, fd, lo, hi, row } = fact;
    const close: Close = { lo, hi, stream: row.stream, seq: row.seq, next: undefined };
    let isNew = true;
    if (inode !== undefined) isNew = insertClose(this.#closesByInode, inode, close);
    else if (fd !== undefined) isNew = insertClose(this.#closesByFd, fdKey(pid, fd), close);
    if (!isNew) return 'nothing';
    if (this.#closesByInode.size + this.#closesByFd.size > 2 * this.#context.limits.socketRows) {
      if (this.#closesByInode.size > 0) this.#forgetOldestClose(this.#closesByInode);
      else this.#forgetOldestClose(this.#closesByFd);
    }
    const { protocol, localAddress, localPort, remoteAddress, remotePort } = fact;
    if (localAddress !== undefined && localPort && remoteAddress !== undefined && remotePort) {
      const tuple = this.#context.tuples.find(protocol, localAddress, localPort, remoteAddress, remotePort);
      if (tuple === undefined) return 'socket';
      this.#context.news.close(tuple, tuple.first.text === localAddress && tuple.firstPort === localPort, fact);
    } else this.hasBlindCloses = true;
    return 'socket';
  }

  #forgetOldestClose<K>(closes: Map<K, Close>): void {
    const [key, first] = closes.entries().next().value!;
    closes.delete(key);
    for (let close: Close | undefined = first; close !== undefined; close = close.next) {
      this.goneUntil = Math.max(this.goneUntil, close.hi);
    }
    this.#context.counters.socketRowsEvicted++;
  }

  #closeOf({ inode, pid, fd }: SocketFact, from: Micros): { lo: Micros; hi: Micros } | undefined {
    let close: Close | undefined;
    if (inode !== undefined) close = this.#closesByInode.get(inode);
    else if (fd !== undefined) close = this.#closesByFd.get(fdKey(pid, fd));
    while (close !== undefined && close.lo < from) close = close.next;
    return close;
  }

  #addProcess(row: AnyTableRow & { readonly columns: { readonly pid?: number } }): Change {
    const { pid } = row.columns;
    if (pid === undefined || pid < 0) {
      this.#context.counters.rowsIgnored++;
      return 'nothing';
    }
    let history = this.#processes.get(pid);
    if (history === undefined) {
      history = new PidHistory(pid);
      this.#processes.set(pid, history);
    }
    if (!history.add(row)) return 'nothing';
    this.#processRows++;
    if (this.#processRows > this.#context.limits.processRows) this.#evictProcess();
    return 'process';
  }

  #addUser(uid: number | undefined, name: string | undefined): Change {
    if (uid === undefined || !name || (this.#users.size >= this.#context.limits.users && !this.#users.has(uid)))
      return 'nothing';
    if (this.#users.get(uid) === name) return 'nothing';
    this.#users.set(uid, name);
    return 'other';
  }

  #addAddress(row: Extract<AnyTableRow, { table: 'interface_addresses' }>): Change {
    const address = row.columns.address === undefined ? undefined : canonicalAddress(row.columns.address);
    if (address === undefined || this.addresses.size >= this.#context.limits.addresses) return 'nothing';
    const isNews = this.addresses.change(address, {
      isGone: row.action === 'removed',
      time: row.time + Math.max(row.resolution, 1) - 1,
      since: row.since,
      seq: row.seq,
      source: `${row.stream} ${row.columns.interface ?? ''}`,
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

  /** Drops what closed before `horizon` when enough has gathered that looking pays. Returns whether it did. */
  prune(horizon: Micros): boolean {
    if (this.socketRows + this.#processRows < this.#sweepAt) return false;
    this.goneUntil = Math.max(this.goneUntil, horizon);
    const kept: SocketFact[] = [];
    for (let i = this.#socketsGone; i < this.#sockets.length; i++) {
      const fact = this.#sockets[i]!;
      if (this.#isOver(fact, horizon)) this.#remove(fact);
      else kept.push(fact);
    }
    this.#sockets = kept;
    this.#socketsGone = 0;
    forgetCloses(this.#closesByInode, horizon);
    forgetCloses(this.#closesByFd, horizon);
    for (const [pid, history] of this.#processes) {
      this.#processRows -= history.prune(horizon);
      if (history.size === 0) this.#processes.delete(pid);
    }
    this.#sweepAt = Math.max(4_096, 2 * (this.socketRows + this.#processRows));
    return true;
  }

  /** A call that opened before the horizon and tells nothing of its close serves only connections of its time. */
  #isOver(fact: SocketFact, horizon: Micros): boolean {
    if (fact.hi >= horizon) return false;
    if (fact.row.action === 'event') {
      const close = this.#closeOf(fact, fact.lo);
      if (close !== undefined) return close.hi < horizon;
      return fact.protocol === 6 && (fact.source === 'connect' || fact.source === 'accept') && fact.hi < horizon;
    }
    if (fact.row.action === 'removed') return true;
    return fact.bucket!.facts.some(
      ({ row, pid, fd, hi }) =>
        row.action === 'removed' &&
        row.stream === fact.row.stream &&
        pid === fact.pid &&
        fd === fact.fd &&
        hi < horizon &&
        hi > fact.hi,
    );
  }

  #remove(fact: SocketFact): void {
    const bucket = fact.bucket!;
    const at = bucket.facts.indexOf(fact);
    if (at >= 0) bucket.facts.splice(at, 1);
    if (bucket.facts.length > 0) return;
    if (isOfTuple(bucket)) {
      const { tuple } = bucket;
      tuple.dropBucket(bucket);
      this.#context.tuples.forget(tuple);
    } else dropBlank(bucket as BlankBucket<unknown>);
  }

  /** Calls go first, since a socket that stands may serve any later connection; when one must go, all of these are in doubt. */
  #evictSocket(): void {
    let fact = this.#sockets[this.#socketsGone++]!;
    for (let tries = 0; tries < MAX_SPARED && isStanding(fact); tries++) {
      this.#sockets.push(fact);
      fact = this.#sockets[this.#socketsGone++]!;
    }
    this.#remove(fact);
    this.#context.counters.socketRowsEvicted++;
    this.goneUntil = isStanding(fact) ? Infinity : Math.max(this.goneUntil, fact.hi);
    if (this.#socketsGone * 2 > this.#sockets.length) {
      this.#sockets = this.#sockets.slice(this.#socketsGone);
      this.#socketsGone = 0;
    }
  }

  #evictProcess(): void {
    const [pid, history] = this.#processes.entries().next().value!;
    history.dropOldest();
    this.#processes.delete(pid);
    if (history.size > 0) this.#processes.set(pid, history);
    this.#processRows--;
    this.#context.counters.processRowsEvicted++;
  }
}

/** Rows about standing sockets that an eviction passes over before it takes one of them. */
const MAX_SPARED = 64;

/** Whether the row tells of a socket that may stand for long, rather than of a call for one connection. */
function isStanding({ source, protocol }: SocketFact): boolean {
  return (source !== 'connect' && source !== 'accept') || protocol !== 6;
}

const none: readonly HeldSocket[] = [];

function portKey(protocol: number, port: number): number {
  return protocol * 65_536 + port;
}

/** A number for a process and descriptor; both are far smaller than this needs. */
function fdKey(pid: number, fd: number): number {
  return pid * 4_194_304 + fd;
}

function isOfTuple(bucket: Bucket): bucket is TupleBucket {
  return 'tuple' in bucket;
}

function dropBlank<K>({ index, key }: BlankBucket<K>): void {
  index.delete(key);
}

/** Closes kept of one socket number or descriptor, the latest. */
const MAX_CLOSES = 256;

/** Puts a close in order of time; false when it is a duplicate. */
function insertClose<K>(closes: Map<K, Close>, key: K, close: Close): boolean {
  const first = closes.get(key);
  if (first === undefined || first.lo > close.lo) {
    close.next = first;
    closes.set(key, close);
    return true;
  }
  let count = 1;
  let before = first;
  for (;;) {
    if (before.lo === close.lo && before.seq === close.seq && before.stream === close.stream) return false;
    const { next } = before;
    if (next === undefined || next.lo > close.lo) break;
    before = next;
    count++;
  }
  close.next = before.next;
  before.next = close;
  if (count >= MAX_CLOSES && first.next !== undefined) closes.set(key, first.next);
  return true;
}

/** Drops closes of times before the horizon. */
function forgetCloses<K>(closes: Map<K, Close>, horizon: Micros): void {
  for (const [key, first] of closes) {
    let last = first;
    while (last.next !== undefined) last = last.next;
    if (last.hi < horizon) closes.delete(key);
  }
}

/** The first fact that may have happened at or after `from`; facts are sorted by `lo` and equally coarse. */
function lowerBound(facts: readonly SocketFact[], from: Micros): number {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (facts[middle]!.hi < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a fact in order of time; false when it is a duplicate. */
function insertFact(facts: SocketFact[], fact: SocketFact): boolean {
  let at = facts.length;
  while (at > 0 && facts[at - 1]!.lo > fact.lo) at--;
  for (let i = at - 1; i >= 0 && facts[i]!.lo === fact.lo; i--) {
    const { row } = facts[i]!;
    if (row.seq === fact.row.seq && row.stream === fact.row.stream) return false;
  }
  facts.splice(at, 0, fact);
  return true;
}
