import { isGroupAddress, isLoopback } from '../../core/address.js';
import type { HostState } from './host-state.js';

/** Something that wants to know when a host turns out to have an address; it keeps its place in the address's list. */
export interface AddressUser {
  place: number;
}

/** An address that a connection or a socket has, and the hosts that had it at any time. Compared by identity. */
export class KnownAddress<U extends AddressUser = AddressUser> {
  readonly isLoopback: boolean;
  /** Multicast or broadcast: nobody's own. */
  readonly isGroup: boolean;
  hosts: HostState[] | undefined;
  readonly users: U[] = [];
  /** Tuples that name it. Nobody's and unused, it is forgotten. */
  uses = 0;

  constructor(
    /** Canonical text. */
    readonly text: string,
    /** Tells it from every other address of its time. */
    readonly id: number,
  ) {
    this.isLoopback = isLoopback(text);
    this.isGroup = isGroupAddress(text);
  }

  enter(user: U): void {
    user.place = this.users.length;
    this.users.push(user);
  }

  leave(user: U): void {
    const last = this.users.pop()!;
    if (last === user) return;
    this.users[user.place] = last;
    last.place = user.place;
  }
}

/** Every address in use, so that it is compared and hashed as text once and as a number from then on. */
export class AddressTable<U extends AddressUser = AddressUser> {
  readonly #byText = new Map<string, KnownAddress<U>>();
  #nextId = 1;

  get size(): number {
    return this.#byText.size;
  }

  get(text: string): KnownAddress<U> | undefined {
    return this.#byText.get(text);
  }

  /** The address of this text, made when it is new; `forget` drops it again. */
  open(text: string): KnownAddress<U> {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const address = new KnownAddress<U>(text, this.#nextId++ | 0);
    this.#byText.set(text, address);
    return address;
  }

  /** Drops the address if nobody has it and nothing names it. */
  forget(address: KnownAddress<U>): void {
    if (address.uses === 0 && address.hosts === undefined) this.#byText.delete(address.text);
  }
}
