import { firstWhere } from '../../core/first-where.js';
import type { Micros } from '../../core/time.js';
import { inNamespaces } from './bind-namespace.js';
import { type CallsGone, endsKey, endsOf, GoneCalls } from './gone-calls.js';
import { GoneSockets } from './gone-sockets.js';
import { type HeldSocket, heldCall, heldSockets } from './held-socket.js';
import type { HostClosings } from './host-closings.js';
import type { HostContext } from './host-context.js';
import { PeerCalls, peerKey } from './peer-calls.js';
import { isToldAnewBefore, overBefore } from './port-sweep.js';
import { LINK } from './row-store.js';
import type { SocketFact } from './socket-fact.js';
import { hasBlank, isBind, isOfItsTime, isStanding, lastOfOthers, portKey } from './socket-kinds.js';
import { isLoose, setLoose } from './socket-link.js';
import { freeSocket, SocketRecord } from './socket-record.js';
import type { SocketPlace } from './tuple-table.js';

type CallsAsked = [
  source: 'connect' | 'accept',
  protocol: number,
  address: string,
  port: number,
  from: Micros,
  to: Micros,
];

/** Finds rows with a blank by what they do name. */
interface BlankIndex<K> {
  get(key: K): number[] | undefined;
  set(key: K, handles: number[]): void;
}

const nothing: readonly HeldSocket[] = [];
const noHandles: readonly number[] = [];
const noPorts: Map<number, number[]> = new Map();

/** Calls that are not tried of which is looked who made them. */
const MAX_COMPARED = 2_048;

/** Rows about standing sockets that an eviction passes over before it takes one of them. */
const MAX_SPARED = 64;

/**
 * The sockets of one host. Found by full tuple (in an index shared by all hosts), by local port, or, for a connect or accept whose
 * local end the row lacks, by remote endpoint. Bound: `HostLimits.socketRows`.
 */
export class HostSockets {
  readonly #context: HostContext;
  readonly #host: number;
  readonly #closings: HostClosings;
  /** Rows with a blank, by what they do name, in order of time. */
  #byLocalPort: Map<number, number[]> | undefined;
  #byPeer: PeerCalls | undefined;
  /** Where there were more accepts of a remote endpoint than are found, up to when the others happened. */
  #acceptsGone: Map<string, Micros> | undefined;
  /** Of calls that name a local port alone, where there were more than are kept. */
  #bindsGone: GoneSockets | undefined;
  #callsGone: GoneCalls | undefined;
  /** Rows about times up to here were let go or evicted. */
  goneUntil: Micros = -Infinity;
  /** A socket of which the row was evicted may have stood until here. */
  goneStoodUntil: Micros = -Infinity;

  constructor(context: HostContext, host: number, closings: HostClosings) {
    this.#context = context;
    this.#host = host;
    this.#closings = closings;
  }

  /** Takes a row over that does not name both endpoints. False: it was known, or names too little; then `rowsIgnored` counts it. */
  addBlank(fact: SocketFact): boolean {
    const { protocol, localPort, remoteAddress, remotePort, source } = fact;
    const isCall = source === 'connect' || source === 'accept';
    if (remoteAddress !== undefined && remotePort !== undefined) {
      if (localPort !== undefined || !isCall) return this.#ignored();
      this.#byPeer ??= new PeerCalls();
      const key = peerKey(source, protocol, remoteAddress, remotePort);
      if (!this.#addTo(this.#byPeer, key, fact)) return false;
      if (source === 'accept') this.#boundAccepts(key);
      return true;
    }
    if (localPort === undefined || isCall) return this.#ignored();
    this.#byLocalPort ??= new Map();
    if (!this.#addTo(this.#byLocalPort, portKey(protocol, localPort), fact)) return false;
    if (fact.row.action === 'event') this.#boundBinds(portKey(protocol, localPort));
    return true;
  }

  get #most(): number {
    return this.#context.limits.socketRowsOfTuple;
  }

  #ignored(): false {
    this.#context.counters.rowsIgnored++;
    return false;
  }

  #addTo<K>(index: BlankIndex<K>, key: K, fact: SocketFact): boolean {
    const before = index.get(key);
    const { sockets, standing } = this.#context;
    const after = sockets.addBlank(this.#host, before ?? [], fact);
    if (after === undefined) return false;
    if (after !== before) index.set(key, after);
    standing.ofPort(this.#host, fact.protocol, (fact.localPort ?? fact.remotePort)!);
    return true;
  }

  /** Every accept that names the same peer alone is tried for a connection of it: whoever connects from one port again and again must not make that cost more. */
  #boundAccepts(key: string): void {
    const found = this.#byPeer!.get(key)!;
    if (found.length <= this.#most) return;
    const earliest = found.shift()!;
    const { rows } = this.#context;
    setLoose(rows, earliest);
    const record = this.#record(earliest);
    this.#acceptsGone ??= new Map();
    this.#acceptsGone.set(key, Math.max(record.hi, this.#acceptsGone.get(key) ?? -Infinity));
    this.#context.counters.socketRowsEvicted++;
  }

  /** The same of calls that name a local port alone. What polls tell of it are as many as really stand at a time. */
  #boundBinds(key: number): void {
    const found = this.#byLocalPort!.get(key)!;
    if (found.length <= this.#most) return;
    const calls = found.filter((handle) => this.#record(handle).isEvent);
    if (calls.length <= this.#most) return;
    const record = this.#record(calls[0]!);
    found.splice(found.indexOf(record.handle), 1);
    setLoose(this.#context.rows, record.handle);
    this.#missBind(record);
  }

  #missBind(record: SocketRecord): void {
    this.#bindsGone ??= new GoneSockets((moment) => this.#closings.polledAfter(moment));
    const close = this.#closings.closeOf(record, record.lo);
    this.#bindsGone.add(portKey(record.protocol, record.localPort!), record.lo, record.hi, close?.hi);
    this.#context.counters.socketRowsEvicted++;
  }

  /** Whether sockets of this local port may have stood within [from, to] of which the calls are found no more. */
  mayMissBinds(protocol: number, localPort: number, from: Micros, to: Micros): boolean {
    return this.#bindsGone?.mayHaveStood(portKey(protocol, localPort), from, to) === true;
  }

  /** Accepts that name this remote endpoint alone may be gone that happened before then; -Infinity: none are. */
  acceptsGoneUntil(protocol: number, address: string, port: number): Micros {
    return this.#acceptsGone?.get(peerKey('accept', protocol, address, port)) ?? -Infinity;
  }

  /** Forgets a close at the bound. */
  forgetClose(): void {
    const { closes, counters } = this.#context;
    this.goneUntil = Math.max(this.goneUntil, closes.forgetOldest(this.#host));
    counters.socketRowsEvicted++;
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
    return found === undefined ? nothing : inNamespaces(this.held(this.#recordsOf(found)));
  }

  /** Whether a poll no longer saw some of these: where the one that saw it first is still to be told of, `boundTo` does not give it yet. */
  hasRemovals(protocol: number, localPort: number): boolean {
    const found = this.#byLocalPort?.get(portKey(protocol, localPort)) ?? noHandles;
    return found.some((handle) => this.#record(handle).isRemoved);
  }

  /** The latest calls of one kind within [from, to] that name this remote end and no local port. */
  callsTo(...asked: CallsAsked): readonly HeldSocket[] {
    const [found, begin, end] = this.#callsWithin(...asked);
    if (begin === end) return nothing;
    return this.held(this.#recordsOf(found.slice(Math.max(begin, end - this.#most), end)));
  }

  /** There are earlier ones of other processes, up to this moment, which `callsTo` leaves out; -Infinity: there are none. */
  callsLeftOutUntil(...asked: CallsAsked): Micros {
    const [source, protocol, address, port] = asked;
    if ((this.#byPeer?.find(source, protocol, address, port).length ?? 0) <= this.#most) return -Infinity;
    const [found, begin, end] = this.#callsWithin(...asked);
    const from = end - this.#most;
    if (from <= begin) return -Infinity;
    const left = this.#recordsOf(found.slice(Math.max(begin, from - MAX_COMPARED), from));
    const other = lastOfOthers(left, this.#recordsOf(found.slice(from, end)));
    return (other ?? (from - begin > MAX_COMPARED ? left[0]! : undefined))?.hi ?? -Infinity;
  }

  /** Those of the peer, and from which to which of them, that one excluded, they are of the time. */
  #callsWithin(...[source, protocol, address, port, from, to]: CallsAsked): [readonly number[], number, number] {
    const found = this.#byPeer?.find(source, protocol, address, port) ?? noHandles;
    if (found.length === 0) return [noHandles, 0, 0];
    // Rows are in order of time and equally coarse.
    const begin = firstWhere(found.length, (at) => this.#record(found[at]!).hi >= from);
    return [
      found,
      begin,
      Math.max(
        begin,
        firstWhere(found.length, (at) => this.#record(found[at]!).lo > to),
      ),
    ];
  }

  /** Whether `boundTo` or `callsTo`, at any time, has any. */
  knowsBlanks(protocol: number, localPort: number, address: string, port: number): boolean {
    return this.#byLocalPort?.has(portKey(protocol, localPort)) === true || this.knowsCallsTo(protocol, address, port);
  }

  /** Whether `callsTo`, at any time, has any. */
  knowsCallsTo(protocol: number, address: string, port: number): boolean {
    const calls = this.#byPeer;
    if (calls === undefined) return false;
    return (['connect', 'accept'] as const).some((source) => calls.find(source, protocol, address, port).length > 0);
  }

  /** Drops what closed before the horizon. */
  prune(horizon: Micros): void {
    const { sockets, closes } = this.#context;
    this.goneUntil = Math.max(this.goneUntil, horizon);
    this.#loosen(horizon);
    sockets.queue.retain(this.#host, (handle) => {
      const record = this.#record(handle);
      if (!this.#isOver(record, horizon)) return true;
      this.#forget(record);
      return false;
    });
    closes.prune(this.#host, horizon);
    this.#closings.prune(horizon);
    this.#bindsGone?.prune(horizon);
    this.#callsGone?.prune(horizon);
  }

  /** Finds no more what rows with a blank tell of sockets that were over before the horizon. */
  #loosen(horizon: Micros): void {
    const ports = this.#byLocalPort ?? noPorts;
    for (const [port, found] of ports) {
      const isOver = overBefore(this.#recordsOf(found), horizon, this.#closings);
      if (this.#loosenOf(found, (_, at) => isOver[at]!)) ports.delete(port);
    }
    const calls = this.#byPeer;
    for (const [peer, found] of calls ?? []) {
      if (!this.#loosenOf(found, (handle) => this.#record(handle).hi < horizon)) continue;
      calls!.delete(peer);
      this.#acceptsGone?.delete(peer);
    }
  }

  /** Returns whether none is left. */
  #loosenOf(found: number[], isOver: (handle: number, at: number) => boolean): boolean {
    let kept = 0;
    for (let at = 0; at < found.length; at++) {
      const handle = found[at]!;
      if (isOver(handle, at)) setLoose(this.#context.rows, handle);
      else found[kept++] = handle;
    }
    found.length = kept;
    return kept === 0;
  }

  #recordsOf(found: readonly number[]): SocketRecord[] {
    return found.map((handle) => this.#record(handle));
  }

  #record(handle: number): SocketRecord {
    return new SocketRecord(this.#context.rows, handle);
  }

  /**
   * Calls go first, since a socket that stands may serve any later connection; when one must go that a poll showed, all of these are in doubt,
   * else those at its port alone.
   */
  evict(): void {
    const { sockets, standing } = this.#context;
    const { queue } = sockets;
    standing.ofHost(this.#host);
    let handle = queue.takeOldest(this.#host);
    for (let tries = 0; tries < MAX_SPARED && this.#isSpared(this.#record(handle)); tries++) {
      queue.discount(this.#host);
      queue.add(this.#host, handle);
      handle = queue.takeOldest(this.#host);
    }
    queue.discount(this.#host);
    const record = this.#record(handle);
    if (!isLoose(this.#context.rows, handle)) {
      if (isBind(record)) this.#missBind(record);
      else {
        this.goneUntil = Math.max(this.goneUntil, record.hi);
        this.#miss(record);
      }
    }
    this.#forget(record);
  }

  /** What surely stands for long. Of a stream that tells of no closes (osquery) a bind is not known to. */
  #isSpared(record: SocketRecord): boolean {
    if (!isStanding(record)) return false;
    return !isBind(record) || this.#closings.tellsCloses(record.stream);
  }

  /**
   * Every row between the same endpoints is walked over as a connection between them is looked at: whoever connects from one port again and
   * again must not make that cost more. It was the earliest, so that of a poll's rows no later one misses it.
   */
  forgetSurplus(handle: number): void {
    const record = this.#record(handle);
    const close = record.isEvent ? this.#closings.closeOf(record, record.lo)?.hi : undefined;
    const stood = close ?? (record.isDatagram ? record.hi : Infinity);
    this.#callsGone ??= new GoneCalls();
    const until = isStanding(record) ? stood : record.hi;
    const forgotten = this.#callsGone.add(endsOf(record), { until, stood });
    if (forgotten !== undefined) this.#context.standing.ofHost(this.#host);
    this.goneUntil = Math.max(this.goneUntil, forgotten?.until ?? -Infinity);
    this.goneStoodUntil = Math.max(this.goneStoodUntil, forgotten?.stood ?? -Infinity);
    this.#context.counters.socketRowsEvicted++;
  }

  /** Rows between two endpoints that are found no more; undefined: none are. */
  callsGone(...ends: Parameters<typeof endsKey>): CallsGone | undefined {
    return this.#callsGone?.between(endsKey(...ends));
  }

  #miss(record: SocketRecord): void {
    if (isStanding(record)) this.goneUntil = Infinity;
    this.#closings.hasForgottenPolls ||= !record.isEvent;
    if (!isOfItsTime(record)) {
      const close = record.isEvent ? this.#closings.closeOf(record, record.lo) : undefined;
      this.goneStoodUntil = Math.max(this.goneStoodUntil, close?.hi ?? Infinity);
    }
    this.#context.counters.socketRowsEvicted++;
  }

  /** A call that opened before the horizon and tells nothing of its close serves only connections of its time. */
  #isOver(record: SocketRecord, horizon: Micros): boolean {
    if (record.hi >= horizon) return false;
    if (isLoose(this.#context.rows, record.handle)) return true;
    // What has a blank is loose by now where it is over.
    if (hasBlank(record)) return false;
    if (record.isEvent) {
      const close = this.#closings.closeOf(record, record.lo);
      if (close !== undefined) return close.hi < horizon;
      return !isStanding(record) || this.#closings.goneBy(record) < horizon;
    }
    if (record.isRemoved) return true;
    const besides = this.#besides(record);
    if (isToldAnewBefore(record, horizon, besides, this.#closings)) return true;
    return besides.some(
      (other) =>
        other.isRemoved &&
        other.stream === record.stream &&
        other.pid === record.pid &&
        other.fd === record.fd &&
        other.hi < horizon &&
        other.hi > record.hi,
    );
  }

  /** This host's rows of the same endpoints. */
  #besides(record: SocketRecord): SocketRecord[] {
    const { rows } = this.#context;
    const out: SocketRecord[] = [];
    for (let handle = this.#placeOfTuple(record).latest; handle !== 0; handle = rows.word(handle, LINK)) {
      const other = this.#record(handle);
      if (other.host === this.#host) out.push(other);
    }
    return out;
  }

  #placeOfTuple({ protocol, localAddress, localPort, remoteAddress, remotePort }: SocketRecord): SocketPlace {
    const { addresses, tuples } = this.#context;
    return tuples.sockets(protocol, addresses.open(localAddress!), localPort!, remoteAddress!, remotePort!);
  }

  #listOf({ source, protocol, localPort, remoteAddress, remotePort }: SocketRecord): number[] {
    if (localPort === undefined) return this.#byPeer!.get(peerKey(source, protocol, remoteAddress!, remotePort!))!;
    return this.#byLocalPort!.get(portKey(protocol, localPort))!;
  }

  #forget(record: SocketRecord): void {
    const { rows } = this.#context;
    if (isLoose(rows, record.handle)) {
      freeSocket(rows, record.handle);
      return;
    }
    if (hasBlank(record)) {
      const found = this.#listOf(record);
      found.splice(found.indexOf(record.handle), 1);
      if (found.length === 0) this.#dropBlank(record);
    } else this.#unlink(this.#placeOfTuple(record), record.handle);
    freeSocket(rows, record.handle);
  }

  #unlink(place: SocketPlace, handle: number): void {
    const { rows } = this.#context;
    const before = rows.word(handle, LINK);
    let other = place.latest;
    if (other === handle) {
      if (before === 0) this.#callsGone?.forget(endsOf(this.#record(handle)));
      place.replace(before);
      return;
    }
    while (rows.word(other, LINK) !== handle) other = rows.word(other, LINK);
    rows.setWord(other, LINK, before);
  }

  #dropBlank({ source, protocol, localPort, remoteAddress, remotePort }: SocketRecord): void {
    if (remoteAddress === undefined || remotePort === undefined) {
      this.#byLocalPort!.delete(portKey(protocol, localPort!));
      return;
    }
    const key = peerKey(source, protocol, remoteAddress, remotePort);
    this.#byPeer!.delete(key);
    this.#acceptsGone?.delete(key);
  }
}
