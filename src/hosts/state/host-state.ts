import { canonicalAddress, isUnspecified } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import { AddressHistory } from './address-history.js';
import { type Closings, type HeldSocket, heldSockets } from './held-socket.js';
import type { HostLimits } from './host-limits.js';
import { PidHistory, type ProcessMoment } from './process-history.js';
import { isSocketRow, type SocketFact, socketFact } from './socket-fact.js';
import { StreamProgress } from './stream-progress.js';

/** Facts about sockets that share what they are looked up by. */
export interface Bucket {
  readonly host: HostState;
  readonly facts: SocketFact[];
}

/** A socket fact and where it is kept. */
interface Entry {
  readonly fact: SocketFact;
  readonly bucket: Bucket;
  readonly key: string;
}

/** What a row changed. */
export type Change = 'nothing' | 'socket' | 'process' | 'address' | 'other';

/** Full tuples of all hosts, so that one lookup finds the host too. */
export type TupleIndex = Map<string, Bucket[]>;

/** The key of a socket's two endpoints, local end first. */
export function tupleKey(
  protocol: number,
  localAddress: string,
  localPort: number,
  remoteAddress: string,
  remotePort: number,
): string {
  return `${protocol} ${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
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
  boot?: string;
  readonly #tuples: TupleIndex;
  readonly #limits: HostLimits;
  readonly #counters: HostCounters;
  readonly #byLocalPort = new Map<string, Bucket>();
  readonly #byRemote = new Map<string, Bucket>();
  readonly #processes = new Map<number, PidHistory>();
  readonly #users = new Map<number, string>();
  readonly #closes = new Map<string, SocketFact[]>();
  /** Streams that tell when sockets close, not only when they open. */
  readonly #closingStreams = new Set<string>();
  /** Every socket fact in order of arrival, for eviction. */
  #sockets: Entry[] = [];
  #socketsGone = 0;
  #processRows = 0;
  #sweepAt = 4_096;
  /** Rows about times up to here were let go or evicted. */
  goneUntil: Micros = -Infinity;
  readonly #closings: Closings;
  #newAddresses: string[] = [];

  constructor(id: string, tuples: TupleIndex, limits: HostLimits, counters: HostCounters) {
    this.id = id;
    this.#tuples = tuples;
    this.#limits = limits;
    this.#counters = counters;
    this.#closings = {
      closeOf: (fact, from) => this.#closeOf(fact, from),
      openUntil: (stream, isEvent, openHi) =>
        isEvent && !this.#closingStreams.has(stream) ? openHi : this.progress.knownUntil(openHi),
    };
  }

  get socketRows(): number {
    return this.#sockets.length - this.#socketsGone;
  }

  get processRows(): number {
    return this.#processRows;
  }

  /** Takes a row of any table. Rows of tables that say nothing of owners are ignored. */
  add(row: AnyTableRow): Change {
    this.progress.stream(row.stream, row.table);
    if (row.boot !== undefined) this.boot ??= row.boot;
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
  boundTo(protocol: number, localPort: number): HeldSocket[] {
    const bucket = this.#byLocalPort.get(`${protocol} ${localPort}`);
    return bucket === undefined ? [] : this.held(bucket);
  }

  /** Calls within [from, to] that name this remote end and no local port. */
  callsTo(protocol: number, address: string, port: number, from: Micros, to: Micros): HeldSocket[] {
    const facts = this.#byRemote.get(`${protocol} ${address} ${port}`)?.facts;
    if (facts === undefined) return [];
    const near: SocketFact[] = [];
    for (let i = lowerBound(facts, from); i < facts.length && facts[i]!.lo <= to; i++) near.push(facts[i]!);
    return near.length === 0 ? [] : heldSockets(near, this.#closings);
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
      this.#counters.rowsIgnored++;
      return 'nothing';
    }
    if (fact.row.action === 'event' && (fact.source === 'close' || fact.source === 'listen')) {
      this.#closingStreams.add(fact.row.stream);
    }
    if (fact.source === 'close') return this.#addClose(fact);
    const bucket = this.#bucketFor(fact);
    if (bucket === undefined) {
      this.#counters.rowsIgnored++;
      return 'nothing';
    }
    if (!insertFact(bucket.bucket.facts, fact)) return 'nothing';
    this.#sockets.push({ fact, ...bucket });
    if (this.socketRows > this.#limits.socketRows) this.#evictSocket();
    const { localAddress } = fact;
    const isNews = localAddress !== undefined && !isUnspecified(localAddress) && this.addresses.shown(localAddress);
    if (!isNews) return 'socket';
    this.#newAddresses.push(localAddress);
    return 'address';
  }

  #bucketFor(fact: SocketFact): { bucket: Bucket; key: string } | undefined {
    const { protocol, localAddress, localPort, remoteAddress, remotePort } = fact;
    if (remoteAddress !== undefined && remotePort !== undefined) {
      if (localAddress !== undefined && localPort !== undefined && !isUnspecified(localAddress)) {
        const key = tupleKey(protocol, localAddress, localPort, remoteAddress, remotePort);
        const buckets = this.#tuples.get(key);
        let bucket = buckets?.find(({ host }) => host === this);
        if (bucket === undefined) {
          bucket = { host: this, facts: [] };
          if (buckets === undefined) this.#tuples.set(key, [bucket]);
          else buckets.push(bucket);
        }
        return { bucket, key };
      }
      const isCall = fact.source === 'connect' || fact.source === 'accept';
      if (localPort !== undefined || !isCall) return undefined;
      return this.#ownBucket(this.#byRemote, `${protocol} ${remoteAddress} ${remotePort}`);
    }
    if (localPort === undefined || fact.source === 'connect' || fact.source === 'accept') return undefined;
    return this.#ownBucket(this.#byLocalPort, `${protocol} ${localPort}`);
  }

  #ownBucket(index: Map<string, Bucket>, key: string): { bucket: Bucket; key: string } {
    let bucket = index.get(key);
    if (bucket === undefined) {
      bucket = { host: this, facts: [] };
      index.set(key, bucket);
    }
    return { bucket, key };
  }

  #addClose(fact: SocketFact): Change {
    for (const key of closeKeys(fact)) {
      const list = this.#closes.get(key);
      if (list === undefined) this.#closes.set(key, [fact]);
      else if (!insertFact(list, fact)) return 'nothing';
      else if (list.length > 256) list.shift();
    }
    if (this.#closes.size > 2 * this.#limits.socketRows) this.#forgetOldestClose();
    return 'socket';
  }

  #forgetOldestClose(): void {
    const [key, facts] = this.#closes.entries().next().value!;
    this.#closes.delete(key);
    this.goneUntil = Math.max(this.goneUntil, facts.at(-1)!.hi);
    this.#counters.socketRowsEvicted++;
  }

  #closeOf(fact: SocketFact, from: Micros): { lo: Micros; hi: Micros } | undefined {
    const key = closeKeys(fact)[0];
    if (key === undefined) return undefined;
    return this.#closes.get(key)?.find((close) => close.hi >= from && close.lo >= from);
  }

  #addProcess(row: AnyTableRow & { readonly columns: { readonly pid?: number } }): Change {
    const { pid } = row.columns;
    if (pid === undefined || pid < 0) {
      this.#counters.rowsIgnored++;
      return 'nothing';
    }
    let history = this.#processes.get(pid);
    if (history === undefined) {
      history = new PidHistory(pid);
      this.#processes.set(pid, history);
    }
    if (!history.add(row)) return 'nothing';
    this.#processRows++;
    if (this.#processRows > this.#limits.processRows) this.#evictProcess();
    return 'process';
  }

  #addUser(uid: number | undefined, name: string | undefined): Change {
    if (uid === undefined || !name || (this.#users.size >= this.#limits.users && !this.#users.has(uid)))
      return 'nothing';
    if (this.#users.get(uid) === name) return 'nothing';
    this.#users.set(uid, name);
    return 'other';
  }

  #addAddress(row: Extract<AnyTableRow, { table: 'interface_addresses' }>): Change {
    const address = row.columns.address === undefined ? undefined : canonicalAddress(row.columns.address);
    if (address === undefined || this.addresses.size >= this.#limits.addresses) return 'nothing';
    const isNews = this.addresses.change(address, {
      isGone: row.action === 'removed',
      time: row.time + Math.max(row.resolution, 1) - 1,
      since: row.since,
      seq: row.seq,
      source: `${row.stream} ${row.columns.interface ?? ''}`,
    });
    if (!isNews) return 'nothing';
    this.#newAddresses.push(address);
    return 'address';
  }

  /** The addresses that rows brought since the last call. */
  newAddresses(): string[] {
    const addresses = this.#newAddresses;
    this.#newAddresses = [];
    return addresses;
  }

  /** Drops what closed before `horizon` when enough has gathered that looking pays. Returns whether it did. */
  prune(horizon: Micros): boolean {
    if (this.socketRows + this.#processRows < this.#sweepAt) return false;
    this.goneUntil = Math.max(this.goneUntil, horizon);
    const kept: Entry[] = [];
    for (const entry of this.#sockets.slice(this.#socketsGone)) {
      if (this.#isOver(entry.fact, entry.bucket, horizon)) this.#remove(entry);
      else kept.push(entry);
    }
    this.#sockets = kept;
    this.#socketsGone = 0;
    for (const [key, closes] of this.#closes) if (closes.at(-1)!.hi < horizon) this.#closes.delete(key);
    for (const [pid, history] of this.#processes) {
      this.#processRows -= history.prune(horizon);
      if (history.size === 0) this.#processes.delete(pid);
    }
    this.#sweepAt = Math.max(4_096, 2 * (this.socketRows + this.#processRows));
    return true;
  }

  /** A call that opened before the horizon and tells nothing of its close serves only connections of its time. */
  #isOver(fact: SocketFact, bucket: Bucket, horizon: Micros): boolean {
    if (fact.hi >= horizon) return false;
    if (fact.row.action === 'event') {
      const close = this.#closeOf(fact, fact.lo);
      if (close !== undefined) return close.hi < horizon;
      return fact.protocol === 6 && (fact.source === 'connect' || fact.source === 'accept') && fact.hi < horizon;
    }
    if (fact.row.action === 'removed') return true;
    return bucket.facts.some(
      ({ row, pid, fd, hi }) =>
        row.action === 'removed' &&
        row.stream === fact.row.stream &&
        pid === fact.pid &&
        fd === fact.fd &&
        hi < horizon &&
        hi > fact.hi,
    );
  }

  #remove({ fact, bucket, key }: Entry): void {
    const at = bucket.facts.indexOf(fact);
    if (at >= 0) bucket.facts.splice(at, 1);
    if (bucket.facts.length > 0) return;
    if (this.#byLocalPort.get(key) === bucket) this.#byLocalPort.delete(key);
    else if (this.#byRemote.get(key) === bucket) this.#byRemote.delete(key);
    else {
      const buckets = this.#tuples.get(key)?.filter((other) => other !== bucket);
      if (buckets === undefined) return;
      if (buckets.length === 0) this.#tuples.delete(key);
      else this.#tuples.set(key, buckets);
    }
  }

  /** Calls go first, since a socket that stands may serve any later connection; when one must go, all of these are in doubt. */
  #evictSocket(): void {
    let entry = this.#sockets[this.#socketsGone++]!;
    for (let tries = 0; tries < MAX_SPARED && isStanding(entry.fact); tries++) {
      this.#sockets.push(entry);
      entry = this.#sockets[this.#socketsGone++]!;
    }
    this.#remove(entry);
    this.#counters.socketRowsEvicted++;
    this.goneUntil = isStanding(entry.fact) ? Infinity : Math.max(this.goneUntil, entry.fact.hi);
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
    this.#counters.processRowsEvicted++;
  }
}

/** Rows about standing sockets that an eviction passes over before it takes one of them. */
const MAX_SPARED = 64;

/** Whether the row tells of a socket that may stand for long, rather than of a call for one connection. */
function isStanding({ source, protocol }: SocketFact): boolean {
  return (source !== 'connect' && source !== 'accept') || protocol !== 6;
}

function closeKeys(fact: SocketFact): string[] {
  if (fact.inode !== undefined) return [`i${fact.inode}`];
  return fact.fd === undefined ? [] : [`${fact.pid} ${fact.fd}`];
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
