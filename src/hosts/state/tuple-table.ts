import { type HashKey, hashFour } from '../../core/hash.js';
import type { AddressTable, AddressUser, KnownAddress } from './address-table.js';

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
  /** Users that are, or may be, of these endpoints although what was captured of them names others. */
  translated: U[] | undefined;

  constructor(
    readonly hash: number,
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

/** Slots per entry at most; beyond half of them the table doubles. */
const MIN_SLOTS = 1_024;

/**
 * Finds tuples in constant time. Open addressing, keyed with a secret, so that nobody can choose ports that collide. Grows with
 * what its users enter; these are bounded.
 */
export class TupleTable<C = unknown, U extends AddressUser = AddressUser> {
  readonly #addresses: AddressTable<U>;
  readonly #key: HashKey;
  /** Hash of each slot's tuple, looked at before the tuple itself; 0: the slot is free. */
  #hashes = new Int32Array(MIN_SLOTS);
  #tuples: (Tuple<C, U> | undefined)[] = new Array(MIN_SLOTS).fill(undefined);
  #size = 0;

  constructor(addresses: AddressTable<U>, key: HashKey) {
    this.#addresses = addresses;
    this.#key = key;
  }

  get size(): number {
    return this.#size;
  }

  find(protocol: number, a: string, aPort: number, b: string, bPort: number): Tuple<C, U> | undefined {
    const first = this.#addresses.get(a);
    const second = this.#addresses.get(b);
    if (first === undefined || second === undefined) return undefined;
    return isInOrder(first, aPort, second, bPort)
      ? this.#find(protocol, first, aPort, second, bPort)
      : this.#find(protocol, second, bPort, first, aPort);
  }

  #find(
    protocol: number,
    first: KnownAddress<U>,
    firstPort: number,
    second: KnownAddress<U>,
    secondPort: number,
  ): Tuple<C, U> | undefined {
    const hash = this.#hash(protocol, first, firstPort, second, secondPort);
    return this.#tuples[this.#slotOf(hash, protocol, first, firstPort, second, secondPort)];
  }

  /** The tuple of these endpoints, made when it is new. */
  open(protocol: number, a: string, aPort: number, b: string, bPort: number): Tuple<C, U> {
    const first = this.#addresses.open(a);
    const second = this.#addresses.open(b);
    return isInOrder(first, aPort, second, bPort)
      ? this.#open(protocol, first, aPort, second, bPort)
      : this.#open(protocol, second, bPort, first, aPort);
  }

  #open(
    protocol: number,
    first: KnownAddress<U>,
    firstPort: number,
    second: KnownAddress<U>,
    secondPort: number,
  ): Tuple<C, U> {
    const hash = this.#hash(protocol, first, firstPort, second, secondPort);
    const slot = this.#slotOf(hash, protocol, first, firstPort, second, secondPort);
    const known = this.#tuples[slot];
    if (known !== undefined) return known;
    const tuple = new Tuple<C, U>(hash, protocol, first, firstPort, second, secondPort);
    first.uses++;
    second.uses++;
    this.#hashes[slot] = hash;
    this.#tuples[slot] = tuple;
    this.#size++;
    if (this.#size * 2 > this.#hashes.length) this.#grow();
    return tuple;
  }

  /** Drops the tuple if nothing is known by it any more. */
  forget(tuple: Tuple<C, U>): void {
    if (tuple.forward !== 0 || tuple.backward !== 0 || tuple.connections !== undefined) return;
    if (tuple.translated !== undefined) return;
    const mask = this.#hashes.length - 1;
    let slot = tuple.hash & mask;
    while (this.#tuples[slot] !== tuple) {
      if (this.#tuples[slot] === undefined) return;
      slot = (slot + 1) & mask;
    }
    this.#free(slot);
    this.#size--;
    for (const address of [tuple.first, tuple.second]) {
      address.uses--;
      this.#addresses.forget(address);
    }
  }

  /** Empties a slot and moves up what had to go past it, so that every tuple is still found. */
  #free(from: number): void {
    const mask = this.#hashes.length - 1;
    let hole = from;
    for (let slot = (hole + 1) & mask; this.#hashes[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashes[slot]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#hashes[hole] = this.#hashes[slot]!;
      this.#tuples[hole] = this.#tuples[slot];
      hole = slot;
    }
    this.#hashes[hole] = 0;
    this.#tuples[hole] = undefined;
  }

  #hash(protocol: number, first: KnownAddress<U>, firstPort: number, second: KnownAddress<U>, secondPort: number) {
    const { k0, k1 } = this.#key;
    const hash = hashFour(k0, k1, first.id, second.id, (firstPort << 16) | secondPort, protocol) | 0;
    return hash === 0 ? 1 : hash;
  }

  /** The slot of this tuple, or the free one where it would go. */
  #slotOf(
    hash: number,
    protocol: number,
    first: KnownAddress<U>,
    firstPort: number,
    second: KnownAddress<U>,
    secondPort: number,
  ): number {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    let slot = hash & mask;
    for (; hashes[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashes[slot] !== hash) continue;
      const tuple = this.#tuples[slot]!;
      const isSame =
        tuple.first === first &&
        tuple.second === second &&
        tuple.firstPort === firstPort &&
        tuple.secondPort === secondPort &&
        tuple.protocol === protocol;
      if (isSame) break;
    }
    return slot;
  }

  #grow(): void {
    const tuples = this.#tuples;
    const slots = 2 * tuples.length;
    const mask = slots - 1;
    this.#hashes = new Int32Array(slots);
    this.#tuples = new Array(slots).fill(undefined);
    for (const tuple of tuples) {
      if (tuple === undefined) continue;
      let slot = tuple.hash & mask;
      while (this.#hashes[slot] !== 0) slot = (slot + 1) & mask;
      this.#hashes[slot] = tuple.hash;
      this.#tuples[slot] = tuple;
    }
  }
}

function isInOrder(a: KnownAddress, aPort: number, b: KnownAddress, bPort: number): boolean {
  return a === b ? aPort <= bPort : a.id < b.id;
}
