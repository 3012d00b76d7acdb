import { type HashKey, hashFour } from '../../core/hash.js';
import type { Micros } from '../../core/time.js';
import type { AddressTable, AddressUser, KnownAddress } from './address-table.js';
import { HashIndex } from './hash-index.js';
import type { RowStore } from './row-store.js';
import { isForward as isRecordForward } from './socket-link.js';
import { isSocketBetween } from './socket-record.js';

/**
 * Two endpoints and a protocol, whichever way round, with all that is known by them: sockets of every host, and what
 * connections there are (of a type that only the join knows).
 */
export class Tuple<C = unknown, U extends AddressUser = AddressUser> {
  /** The latest row about a socket whose local end is the first, and the second, on any host; the others are linked from it. 0: none. */
  forward = 0;
  backward = 0;
  /** Linked too. */
  connections: C | undefined;
  /** When the latest of its connections began that were forgotten to keep their number in bounds. Absent: none were. */
  forgottenFirst: Micros | undefined;
  /** Users that are, or may be, of these endpoints although what was captured of them names others. */
  translated: U[] | undefined;

  constructor(
    /** What the table has it by. */
    readonly number: number,
    readonly protocol: number,
    readonly first: KnownAddress<U>,
    readonly firstPort: number,
    readonly second: KnownAddress<U>,
    readonly secondPort: number,
  ) {}

  /** Whether an end with this local endpoint is the first of the two. Both ends alike: it is. */
  isForward(local: KnownAddress<U>, localPort: number): boolean {
    return this.first === local && this.firstPort === localPort;
  }

  /** Whether any host told of a socket whose local end is the tuple's first, or its second. */
  hasSockets(isForward: boolean): boolean {
    return (isForward ? this.forward : this.backward) !== 0;
  }
}

/** The sockets between two endpoints as one of them has them. Lent until the table is asked again. */
export interface SocketPlace<C = unknown, U extends AddressUser = AddressUser> {
  /** Whether the local endpoint is the first of the tuple's. */
  readonly isForward: boolean;
  /** Absent as long as nothing but rows of such sockets is known by the endpoints. */
  readonly tuple: Tuple<C, U> | undefined;
  /** The latest row; the others are linked from it. 0: none. */
  readonly latest: number;
  /** Numbers of the addresses' texts; whoever keeps one uses it. */
  localText(): number;
  remoteText(): number;
  /** Another row is the latest one, or with 0 none is left. */
  replace(latest: number): void;
}

/**
 * Finds tuples in constant time, keyed with a secret, so that nobody can choose ports that collide. A tuple of which only sockets in one
 * direction are known, as most are on a fleet of which one segment is captured, is no object: the index names its latest row.
 * Grows with what its users enter; these are bounded.
 */
export class TupleTable<C = unknown, U extends AddressUser = AddressUser> {
  readonly #addresses: AddressTable<U>;
  readonly #rows: RowStore;
  readonly #key: HashKey;
  /** The handle of a row, which is even, or twice the number of a tuple and one. */
  readonly #index = new HashIndex();
  readonly #tuples: (Tuple<C, U> | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #place = new Place<C, U>(this);
  /** What was asked for last: the tuple's endpoints in order, their hash, and the slot, -1 where there is none. */
  #protocol = 0;
  #first!: KnownAddress<U>;
  #firstPort = 0;
  #second!: KnownAddress<U>;
  #secondPort = 0;
  #hash = 0;
  #slot = -1;

  constructor(addresses: AddressTable<U>, rows: RowStore, key: HashKey) {
    this.#addresses = addresses;
    this.#rows = rows;
    this.#key = key;
  }

  get size(): number {
    return this.#index.size;
  }

  /** The tuple of these endpoints; undefined where there is none or only rows of sockets are known by it. */
  find(protocol: number, a: string, aPort: number, b: string, bPort: number): Tuple<C, U> | undefined {
    const first = this.#addresses.get(a);
    const second = this.#addresses.get(b);
    if (first === undefined || second === undefined) return undefined;
    this.#ask(protocol, first, aPort, second, bPort);
    return this.#asked();
  }

  /** The tuple of these endpoints, made when it is new. */
  open(protocol: number, a: string, aPort: number, b: string, bPort: number): Tuple<C, U> {
    this.#ask(protocol, this.#addresses.open(a), aPort, this.#addresses.open(b), bPort);
    const known = this.#asked();
    if (known !== undefined) return known;
    const tuple = this.#made();
    if (this.#slot >= 0) this.#turn(tuple);
    else this.#add(2 * tuple.number + 1);
    return tuple;
  }

  /** The sockets of these endpoints, of which the first is the local one, whether there are any or not. */
  sockets(
    protocol: number,
    local: KnownAddress<U>,
    localPort: number,
    remote: string,
    remotePort: number,
  ): SocketPlace<C, U> {
    this.#ask(protocol, local, localPort, this.#addresses.open(remote), remotePort);
    const place = this.#place;
    place.isForward = this.#first === local && this.#firstPort === localPort;
    place.tuple = this.#asked();
    place.latest = this.#latest(place);
    return place;
  }

  #latest({ tuple, isForward }: Place<C, U>): number {
    if (tuple !== undefined) return isForward ? tuple.forward : tuple.backward;
    if (this.#slot < 0) return 0;
    const handle = this.#index.value(this.#slot);
    return isRecordForward(this.#rows, handle) === isForward ? handle : 0;
  }

  /** Of the first address of what was asked for, or of the second. */
  textNumber(isFirst: boolean): number {
    return this.#addresses.textNumber(isFirst ? this.#first : this.#second);
  }

  /** See SocketPlace.replace. */
  replaceLatest(place: Place<C, U>, latest: number): void {
    let { tuple } = place;
    if (tuple === undefined && this.#slot < 0) this.#add(latest);
    else if (tuple === undefined && place.latest !== 0) {
      if (latest !== 0) this.#index.replace(this.#slot, latest);
      else this.#remove(this.#slot, this.#first, this.#second);
    } else {
      // The row that is known by the endpoints has the other direction.
      if (tuple === undefined) {
        tuple = this.#made();
        this.#turn(tuple);
        place.tuple = tuple;
      }
      if (place.isForward) tuple.forward = latest;
      else tuple.backward = latest;
      if (latest === 0) this.forget(tuple);
    }
    place.latest = latest;
  }

  /** Drops the tuple if nothing is known by it any more. */
  forget(tuple: Tuple<C, U>): void {
    if (tuple.forward !== 0 || tuple.backward !== 0 || tuple.connections !== undefined) return;
    if (tuple.translated !== undefined) return;
    const { number, protocol, first, firstPort, second, secondPort } = tuple;
    if (this.#tuples[number] !== tuple) return;
    const hash = this.#hashOf(protocol, first, firstPort, second, secondPort);
    let slot = this.#index.first(hash);
    while (this.#index.value(slot) !== 2 * number + 1) slot = this.#index.next(slot, hash);
    this.#tuples[number] = undefined;
    this.#free.push(number);
    this.#remove(slot, first, second);
  }

  #ask(protocol: number, a: KnownAddress<U>, aPort: number, b: KnownAddress<U>, bPort: number): void {
    const isOrdered = a === b ? aPort <= bPort : a.id < b.id;
    this.#protocol = protocol;
    this.#first = isOrdered ? a : b;
    this.#firstPort = isOrdered ? aPort : bPort;
    this.#second = isOrdered ? b : a;
    this.#secondPort = isOrdered ? bPort : aPort;
    const hash = this.#hashOf(protocol, this.#first, this.#firstPort, this.#second, this.#secondPort);
    this.#hash = hash;
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isOf(this.#index.value(slot))) slot = this.#index.next(slot, hash);
    this.#slot = slot;
  }

  #hashOf(
    protocol: number,
    first: KnownAddress<U>,
    firstPort: number,
    second: KnownAddress<U>,
    secondPort: number,
  ): number {
    return hashFour(this.#key.k0, this.#key.k1, first.id, second.id, (firstPort << 16) | secondPort, protocol) | 0;
  }

  /** Whether what the index has is of the endpoints that are asked for. */
  #isOf(value: number): boolean {
    const [first, firstPort, second, secondPort] = [this.#first, this.#firstPort, this.#second, this.#secondPort];
    if ((value & 1) !== 0) {
      const tuple = this.#tuples[value >>> 1]!;
      const areEnds = tuple.first === first && tuple.second === second;
      return (
        areEnds && tuple.firstPort === firstPort && tuple.secondPort === secondPort && tuple.protocol === this.#protocol
      );
    }
    return isRecordForward(this.#rows, value)
      ? isSocketBetween(this.#rows, value, this.#protocol, first.text, firstPort, second.text, secondPort)
      : isSocketBetween(this.#rows, value, this.#protocol, second.text, secondPort, first.text, firstPort);
  }

  /** The tuple that was asked for, if it is an object. */
  #asked(): Tuple<C, U> | undefined {
    const value = this.#slot < 0 ? 0 : this.#index.value(this.#slot);
    return (value & 1) === 0 ? undefined : this.#tuples[value >>> 1];
  }

  /** An object for the tuple that was asked for. */
  #made(): Tuple<C, U> {
    const number = this.#free.pop() ?? this.#tuples.length;
    const [first, firstPort, second, secondPort] = [this.#first, this.#firstPort, this.#second, this.#secondPort];
    const tuple = new Tuple<C, U>(number, this.#protocol, first, firstPort, second, secondPort);
    this.#tuples[number] = tuple;
    return tuple;
  }

  /** The tuple that was asked for, of which a row was known, is an object from now on. */
  #turn(tuple: Tuple<C, U>): void {
    const handle = this.#index.value(this.#slot);
    if (isRecordForward(this.#rows, handle)) tuple.forward = handle;
    else tuple.backward = handle;
    this.#index.replace(this.#slot, 2 * tuple.number + 1);
  }

  #add(value: number): void {
    this.#first.uses++;
    this.#second.uses++;
    this.#index.add(this.#hash, value);
  }

  #remove(slot: number, first: KnownAddress<U>, second: KnownAddress<U>): void {
    this.#index.remove(slot);
    for (const address of [first, second]) {
      address.uses--;
      this.#addresses.forget(address);
    }
  }
}

/** The one place that a table lends. */
class Place<C, U extends AddressUser> implements SocketPlace<C, U> {
  isForward = true;
  tuple: Tuple<C, U> | undefined;
  latest = 0;

  constructor(private readonly table: TupleTable<C, U>) {}

  localText(): number {
    return this.table.textNumber(this.isForward);
  }

  remoteText(): number {
    return this.table.textNumber(!this.isForward);
  }

  replace(latest: number): void {
    this.table.replaceLatest(this, latest);
  }
}
