import { isUnspecified } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { KnownAddress } from './address-table.js';
import { type Closings, type HeldSocket, heldCall, heldSockets } from './held-socket.js';
import type { HostContext } from './host-context.js';
import { LINK, NEXT_OF_HOST } from './row-store.js';
import type { ClosesOfHost } from './socket-closes.js';
import type { SocketFact } from './socket-fact.js';
import { freeSocket, packSocket, SocketRecord, setForward } from './socket-record.js';
import type { SocketPlace, Tuple } from './tuple-table.js';

/** Where a row about a socket is found again: among those of a tuple, or of what it does name. */
type Place = SocketPlace | number[];

function isOfTuple(place: Place): place is SocketPlace {
  return !Array.isArray(place);
}

/** A row that was taken. */
export interface Taken {
  /** It does not name all endpoints. */
  readonly isBlank: boolean;
  /** Its tuple, where that is an object, and whether the socket's local end is the first of it. */
  readonly tuple: Tuple | undefined;
  readonly isForward: boolean;
}

const takenBlank: Taken = { isBlank: true, tuple: undefined, isForward: false };
const takenAlone: Taken = { isBlank: false, tuple: undefined, isForward: false };

const nothing: readonly HeldSocket[] = [];

/** Rows about standing sockets that an eviction passes over before it takes one of them. */
const MAX_SPARED = 64;

/**
 * The sockets of one host. Found by full tuple (in an index shared by all hosts), by local port, or, for a connect or accept whose
 * local end the row lacks, by remote endpoint. Bound: `HostLimits.socketRows`.
 */
export class HostSockets implements ClosesOfHost {
  readonly #context: HostContext;
  readonly #host: number;
  /** The rows in order of arrival. */
  #oldest = 0;
  #newest = 0;
  #count = 0;
  oldestClose = 0;
  newestClose = 0;
  closes = 0;
  /** The local address of the row before, where hosts have it: mostly the next one has the same. */
  #local: KnownAddress | undefined;
  readonly #closings: Closings;
  /** Rows with a blank, by what they do name, in order of time. */
  #byLocalPort: Map<number, number[]> | undefined;
  #byRemote: Map<string, number[]> | undefined;
  /** Rows about times up to here were let go or evicted. */
  goneUntil: Micros = -Infinity;
  /** A socket of which the row was evicted may have stood until here. */
  goneStoodUntil: Micros = -Infinity;
  /** A row of a poll was evicted, so that a socket which none is known to have closed may have been seen to be gone. */
  hasForgottenPolls = false;

  constructor(context: HostContext, host: number, openUntil: Closings['openUntil']) {
    this.#context = context;
    this.#host = host;
    this.#closings = {
      closeOf: (call, from) => context.closes.find(host, call.inode, call.pid, call.fd, from),
      openUntil,
    };
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a row over. undefined: it was known, or names too little; then `rowsIgnored` counts it. */
  add(fact: SocketFact): Taken | undefined {
    const { counters, limits } = this.#context;
    const place = this.#placeOf(fact);
    if (place === undefined) {
      counters.rowsIgnored++;
      return undefined;
    }
    const handle = isOfTuple(place) ? this.#insert(place, fact) : this.#insertBlank(place, fact);
    if (handle === 0) return undefined;
    this.#append(handle);
    const taken = takenAt(place);
    if (this.#count > limits.socketRows) this.#evict();
    return taken;
  }

  /** Takes a close over. False: it was known. */
  addClose(fact: SocketFact): boolean {
    const { closes, counters, limits } = this.#context;
    if (!closes.add(this, this.#host, fact)) return false;
    if (this.closes > 2 * limits.socketRows) {
      this.goneUntil = Math.max(this.goneUntil, closes.forgetOldest(this));
      counters.socketRowsEvicted++;
    }
    return true;
  }

  /** The sockets that rows about the same endpoints tell of, these in order of time. */
  held(records: readonly SocketRecord[]): HeldSocket[] {
    return heldSockets(records, this.#closings);
  }

  /** The socket that a call made, of which no other row about its endpoints tells. */
  heldCall(call: SocketRecord): HeldSocket {
    return heldCall(call, undefined, this.#closings);
  }

  /** Sockets with this local port and no remote end. */
  boundTo(protocol: number, localPort: number): readonly HeldSocket[] {
    const found = this.#byLocalPort?.get(portKey(protocol, localPort));
    return found === undefined ? nothing : this.held(found.map((handle) => this.#record(handle)));
  }

  /** Calls within [from, to] that name this remote end and no local port. */
  callsTo(protocol: number, address: string, port: number, from: Micros, to: Micros): readonly HeldSocket[] {
    const found = this.#byRemote?.get(remoteKey(protocol, address, port));
    if (found === undefined) return nothing;
    const near: SocketRecord[] = [];
    for (let i = this.#lowerBound(found, from); i < found.length; i++) {
      const record = this.#record(found[i]!);
      if (record.lo > to) break;
      near.push(record);
    }
    return near.length === 0 ? nothing : this.held(near);
  }

  /** Whether `boundTo` or `callsTo`, at any time, has any. */
  knowsBlanks(protocol: number, localPort: number, address: string, port: number): boolean {
    if (this.#byLocalPort?.has(portKey(protocol, localPort)) === true) return true;
    return this.#byRemote?.has(remoteKey(protocol, address, port)) === true;
  }

  /** Drops what closed before the horizon. */
  prune(horizon: Micros): void {
    const { rows, closes } = this.#context;
    this.goneUntil = Math.max(this.goneUntil, horizon);
    let handle = this.#oldest;
    this.#oldest = 0;
    this.#newest = 0;
    this.#count = 0;
    while (handle !== 0) {
      const next = rows.word(handle, NEXT_OF_HOST);
      rows.setWord(handle, NEXT_OF_HOST, 0);
      if (this.#isOver(this.#record(handle), horizon)) this.#forget(this.#record(handle));
      else this.#append(handle);
      handle = next;
    }
    closes.prune(this, horizon);
  }

  #record(handle: number): SocketRecord {
    return new SocketRecord(this.#context.rows, handle);
  }

  #openLocal(text: string): KnownAddress {
    if (this.#local?.text === text) return this.#local;
    const address = this.#context.addresses.open(text);
    // One that nobody has may be forgotten.
    if (address.hosts !== undefined) this.#local = address;
    return address;
  }

  /** Where rows of these endpoints are found, made when it is new. */
  #placeOf(fact: SocketFact): Place | undefined {
    const { protocol, localAddress, localPort, remoteAddress, remotePort, source } = fact;
    const isCall = source === 'connect' || source === 'accept';
    if (remoteAddress !== undefined && remotePort !== undefined) {
      if (localAddress !== undefined && localPort !== undefined && !isUnspecified(localAddress)) {
        return this.#context.tuples.sockets(
          protocol,
          this.#openLocal(localAddress),
          localPort,
          remoteAddress,
          remotePort,
        );
      }
      if (localPort !== undefined || !isCall) return undefined;
      this.#byRemote ??= new Map();
      return blank(this.#byRemote, remoteKey(protocol, remoteAddress, remotePort));
    }
    if (localPort === undefined || isCall) return undefined;
    this.#byLocalPort ??= new Map();
    return blank(this.#byLocalPort, portKey(protocol, localPort));
  }

  /** Puts a row in order of time, the latest first. Returns its handle; 0: it is a duplicate. */
  #insert(place: SocketPlace, fact: SocketFact): number {
    const { rows } = this.#context;
    let after = 0;
    let before = place.latest;
    while (before !== 0 && rows.time(before) > fact.lo) {
      after = before;
      before = rows.word(before, LINK);
    }
    for (let other = before; other !== 0 && rows.time(other) === fact.lo; other = rows.word(other, LINK)) {
      if (this.#isSame(other, fact)) return 0;
    }
    const handle = packSocket(rows, fact, this.#host, place);
    setForward(rows, handle, place.isForward);
    rows.setWord(handle, LINK, before);
    if (after !== 0) rows.setWord(after, LINK, handle);
    else place.replace(handle);
    return handle;
  }

  /** Puts a row in order of time, the latest last. Returns its handle; 0: it is a duplicate. */
  #insertBlank(found: number[], fact: SocketFact): number {
    const { rows } = this.#context;
    let at = found.length;
    while (at > 0 && rows.time(found[at - 1]!) > fact.lo) at--;
    for (let i = at - 1; i >= 0 && rows.time(found[i]!) === fact.lo; i--) if (this.#isSame(found[i]!, fact)) return 0;
    const handle = packSocket(rows, fact, this.#host);
    found.splice(at, 0, handle);
    return handle;
  }

  #isSame(handle: number, { row }: SocketFact): boolean {
    const record = this.#record(handle);
    return record.seq === row.seq && record.host === this.#host && record.stream === row.stream;
  }

  #append(handle: number): void {
    const { rows } = this.#context;
    if (this.#newest === 0) this.#oldest = handle;
    else rows.setWord(this.#newest, NEXT_OF_HOST, handle);
    this.#newest = handle;
    this.#count++;
  }

  #takeOldest(): number {
    const { rows } = this.#context;
    const handle = this.#oldest;
    this.#oldest = rows.word(handle, NEXT_OF_HOST);
    if (this.#oldest === 0) this.#newest = 0;
    rows.setWord(handle, NEXT_OF_HOST, 0);
    this.#count--;
    return handle;
  }

  /** Calls go first, since a socket that stands may serve any later connection; when one must go, all of these are in doubt. */
  #evict(): void {
    let handle = this.#takeOldest();
    for (let tries = 0; tries < MAX_SPARED && isStanding(this.#record(handle)); tries++) {
      this.#append(handle);
      handle = this.#takeOldest();
    }
    const record = this.#record(handle);
    this.goneUntil = isStanding(record) ? Infinity : Math.max(this.goneUntil, record.hi);
    this.hasForgottenPolls ||= !record.isEvent;
    const close = record.isEvent ? this.#closings.closeOf(record, record.lo) : undefined;
    this.goneStoodUntil = Math.max(this.goneStoodUntil, close?.hi ?? Infinity);
    this.#forget(record);
    this.#context.counters.socketRowsEvicted++;
  }

  /** A call that opened before the horizon and tells nothing of its close serves only connections of its time. */
  #isOver(record: SocketRecord, horizon: Micros): boolean {
    if (record.hi >= horizon) return false;
    if (record.isEvent) {
      const close = this.#closings.closeOf(record, record.lo);
      if (close !== undefined) return close.hi < horizon;
      return record.protocol === 6 && (record.source === 'connect' || record.source === 'accept');
    }
    if (record.isRemoved) return true;
    return this.#besides(record).some(
      (other) =>
        other.isRemoved &&
        other.stream === record.stream &&
        other.pid === record.pid &&
        other.fd === record.fd &&
        other.hi < horizon &&
        other.hi > record.hi,
    );
  }

  /** This host's rows of the same place. */
  #besides(record: SocketRecord): SocketRecord[] {
    const place = this.#placeOfRecord(record);
    if (!isOfTuple(place)) return place.map((handle) => this.#record(handle));
    const { rows } = this.#context;
    const out: SocketRecord[] = [];
    for (let handle = place.latest; handle !== 0; handle = rows.word(handle, LINK)) {
      const other = this.#record(handle);
      if (other.host === this.#host) out.push(other);
    }
    return out;
  }

  #placeOfRecord({ protocol, localAddress, localPort, remoteAddress, remotePort }: SocketRecord): Place {
    if (remoteAddress === undefined || remotePort === undefined) {
      return this.#byLocalPort!.get(portKey(protocol, localPort!))!;
    }
    if (localPort === undefined) return this.#byRemote!.get(remoteKey(protocol, remoteAddress, remotePort))!;
    return this.#context.tuples.sockets(protocol, this.#openLocal(localAddress!), localPort, remoteAddress, remotePort);
  }

  #forget(record: SocketRecord): void {
    const { rows } = this.#context;
    const place = this.#placeOfRecord(record);
    if (isOfTuple(place)) this.#unlink(place, record.handle);
    else {
      place.splice(place.indexOf(record.handle), 1);
      if (place.length === 0) this.#dropBlank(record);
    }
    freeSocket(rows, record.handle);
  }

  #unlink(place: SocketPlace, handle: number): void {
    const { rows } = this.#context;
    const before = rows.word(handle, LINK);
    let other = place.latest;
    if (other === handle) {
      place.replace(before);
      return;
    }
    while (rows.word(other, LINK) !== handle) other = rows.word(other, LINK);
    rows.setWord(other, LINK, before);
  }

  #dropBlank({ protocol, localPort, remoteAddress, remotePort }: SocketRecord): void {
    if (remoteAddress === undefined || remotePort === undefined)
      this.#byLocalPort!.delete(portKey(protocol, localPort!));
    else this.#byRemote!.delete(remoteKey(protocol, remoteAddress, remotePort));
  }

  /** The first row that may have happened at or after `from`; rows are in order of time and equally coarse. */
  #lowerBound(found: readonly number[], from: Micros): number {
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#record(found[middle]!).hi < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function takenAt(place: Place): Taken {
  if (!isOfTuple(place)) return takenBlank;
  const { tuple, isForward } = place;
  return tuple === undefined ? takenAlone : { isBlank: false, tuple, isForward };
}

/** Whether the row tells of a socket that may stand for long, rather than of a call for one connection. */
function isStanding({ source, protocol }: SocketRecord): boolean {
  return (source !== 'connect' && source !== 'accept') || protocol !== 6;
}

function portKey(protocol: number, port: number): number {
  return protocol * 65_536 + port;
}

function remoteKey(protocol: number, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

function blank<K>(index: Map<K, number[]>, key: K): number[] {
  let found = index.get(key);
  if (found === undefined) {
    found = [];
    index.set(key, found);
  }
  return found;
}
