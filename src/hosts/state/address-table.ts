import { isGroupAddress, isLoopback, isUnspecified } from '../../core/address.js';
import { SECOND } from '../../core/time.js';
import type { HostState } from './host-state.js';
import { PeerIndex } from './peer-index.js';
import { Strangers } from './strangers.js';
import type { TextPool } from './text-pool.js';
import { UserColumns, UserList } from './user-list.js';

/** Something that wants to know when a host turns out to have an address. */
export interface AddressUser {
  /** Tells it from every other one of its time. */
  readonly number: number;
  /** The endpoint that it is connected to. */
  readonly remote: KnownAddress;
  readonly remotePort: number;
  /** Id of the host on which its packets are seen, where it is known. */
  readonly seenOn: string | undefined;
  /** Its packets may be what somebody accepted: only such users meet. */
  readonly mayAccept: boolean;
  /** Another user of the host is connected to the same endpoint. */
  meet(other: AddressUser): void;
}

/** An address that more hosts have than this names none of them: which one an end is of, only who sees its packets or names its peer can tell. */
export const MAX_HOSTS = 64;

/** Kinds of lists of users. */
const WAITING = 1;
const RESTING = 2;

/** What addresses share. */
interface Shared<U extends AddressUser> {
  readonly columns: UserColumns;
  /** The user of this number. */
  readonly userOf: (number: number) => U;
  readonly strangers: Strangers<U>;
}

/** An address that a connection or a socket has, and the hosts that had it at any time. Compared by identity. */
export class KnownAddress<U extends AddressUser = AddressUser> {
  // What every row asks for comes first, so that it lies together.
  /** Tuples that name it. Nobody's and unused, it is forgotten. */
  uses = 0;
  /** Its text's number in the pool of rows, which counts as used by it; 0: no row has asked for it. */
  textNumber = 0;
  readonly isLoopback: boolean;
  /** Multicast or the limited broadcast address: nobody's own. */
  readonly isGroup: boolean;
  /** 0.0.0.0 or ::. */
  readonly isUnspecified: boolean;
  /** The broadcast address of a network that some host is in. */
  isBroadcast = false;
  hosts: HostState[] | undefined;
  /** Number of the only host that ever had it, which it has had for good since `soleSince` (whole seconds) at the latest; -1: see `hosts`. */
  soleHost = -1;
  soleSince = 0;
  /** Those that want to know more. */
  readonly #users: UserList;
  /** Users that want to know nothing more, but may still meet others. */
  readonly #resting: UserList;
  /** Where somebody asked for it. */
  #peers: PeerIndex<U> | undefined;

  constructor(
    /** Canonical text. */
    readonly text: string,
    /** Tells it from every other address of its time. */
    readonly id: number,
    readonly shared: Shared<U>,
  ) {
    this.#users = new UserList(shared.columns, WAITING);
    this.#resting = new UserList(shared.columns, RESTING);
    this.isLoopback = isLoopback(text);
    this.isGroup = isGroupAddress(text);
    this.isUnspecified = isUnspecified(text);
  }

  /** So many hosts have it, or had it lately, that it names none of them. */
  get isCrowded(): boolean {
    return this.hosts !== undefined && this.hosts.length > MAX_HOSTS && !this.isLoopback;
  }

  /** A host that had it does no longer, and nobody asks for the time when it did. */
  isLeftBy(host: HostState): void {
    const left = this.hosts?.filter((other) => other !== host) ?? [];
    this.hosts = left.length === 0 ? undefined : left;
    this.soleHost = -1;
    const [first] = left;
    if (first !== undefined) this.isHadBy(first);
  }

  /** One of its hosts has told of it, or shown it. */
  isHadBy({ number, addresses }: HostState): void {
    const since = this.hosts!.length === 1 ? addresses.hadSince(this.text) : undefined;
    this.soleHost = since === undefined ? -1 : number;
    this.soleSince = since === undefined ? 0 : Math.ceil(since / SECOND);
  }

  /** Users that want to know of it, in the order in which they came. */
  get users(): U[] {
    return this.#all(this.#users);
  }

  #all(list: UserList): U[] {
    return Array.from(list, this.shared.userOf);
  }

  /** Whether the user has entered and not left. */
  isUsedBy({ number }: U): boolean {
    return this.#users.has(number) || this.#resting.has(number);
  }

  enter(user: U): void {
    this.#users.add(user.number);
    if (this.#peers !== undefined) this.#introduce(user, this.#peers);
    this.shared.strangers.enter(user, this);
  }

  /** Whether the user, that has entered, may accept is another matter than before. */
  reintroduce(user: U): void {
    const { strangers } = this.shared;
    this.#peers?.remove(user);
    strangers.leave(user);
    if (this.#peers !== undefined) this.#introduce(user, this.#peers);
    strangers.enter(user, this);
  }

  /** From now on users that are connected to one endpoint meet, on every host that has had the address by now. */
  introducePeers(): void {
    const isFirst = this.#peers === undefined;
    this.#peers ??= new PeerIndex();
    for (const user of [...this.users, ...this.#all(this.#resting)]) {
      if (isFirst) this.#introduce(user, this.#peers);
      else if (user.mayAccept) this.#meetPeers(user);
    }
  }

  #introduce(user: U, peers: PeerIndex<U>): void {
    if (!user.mayAccept) return;
    this.#meetPeers(user);
    peers.add(user);
  }

  #meetPeers(user: U): void {
    // A loopback address is every host's own.
    if (this.isLoopback) {
      this.meetUsers(user);
      return;
    }
    for (const host of this.hosts ?? []) {
      for (const address of host.known as KnownAddress<U>[]) address.meetUsers(user);
      meetAll(user, this.shared.strangers.of(host, user));
    }
  }

  /** The user and those of this address that are connected to the same endpoint meet, where somebody asked for it. */
  meetUsers(user: U): void {
    if (this.#peers !== undefined) meetAll(user, this.#peers.besides(user));
  }

  leave(user: U): void {
    this.#peers?.remove(user);
    this.shared.strangers.leave(user);
    (this.#users.has(user.number) ? this.#users : this.#resting).remove(user.number);
  }

  /** News pass the user by from now on; what another one of the same endpoint took may still have been this one's. */
  rest(user: U): void {
    if (!this.#users.has(user.number)) return;
    this.#users.remove(user.number);
    this.#resting.add(user.number);
  }
}

function meetAll<U extends AddressUser>(user: U, others: readonly U[]): void {
  for (const other of others) {
    other.meet(user);
    user.meet(other);
  }
}

/** Every address in use, so that it is compared and hashed as text once and as a number from then on. */
export class AddressTable<U extends AddressUser = AddressUser> {
  readonly #byText = new Map<string, KnownAddress<U>>();
  readonly #shared: Shared<U>;
  readonly #texts: TextPool;
  readonly strangers = new Strangers<U>();
  #nextId = 1;

  /** Users enter and leave by themselves; `userOf` finds one that has entered. */
  constructor(texts: TextPool, userOf: (number: number) => U) {
    this.#texts = texts;
    this.#shared = { columns: new UserColumns(), userOf, strangers: this.strangers };
  }

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
    const address = new KnownAddress<U>(text, this.#nextId++ | 0, this.#shared);
    this.#byText.set(text, address);
    return address;
  }

  /** The number of the address's text in the pool, in use as long as the address is. */
  textNumber(address: KnownAddress<U>): number {
    if (address.textNumber === 0) address.textNumber = this.#texts.open(address.text);
    return address.textNumber;
  }

  /** Drops the address if nobody has it, nothing names it and no network broadcasts to it. */
  forget(address: KnownAddress<U>): void {
    if (address.uses > 0 || address.hosts !== undefined || address.isBroadcast) return;
    this.#byText.delete(address.text);
    if (address.textNumber !== 0) this.#texts.release(address.textNumber);
    address.textNumber = 0;
  }
}
