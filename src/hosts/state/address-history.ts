import { isLoopback } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { HostCounters } from './host-context.js';
import type { HostLimits } from './host-limits.js';
import type { StreamProgress } from './stream-progress.js';

/** A poll saw the address come or go; `time` is the last possible moment of that poll, `since` the first of the one before. */
interface Change {
  readonly isGone: boolean;
  readonly time: Micros;
  readonly since: Micros | undefined;
  readonly seq: number;
  readonly stream: string;
  readonly source: string;
  /** The network namespace that has the address; undefined: the source does not tell. */
  readonly namespace: string | undefined;
}

/** That an interface had the address, of which no row is missing. */
interface Stay {
  /** A row about it, which names the interface and its namespace. */
  readonly row: Change;
  /** It came within [cameAfter, seenFrom] and went within [seenUntil, goneBy]. */
  readonly cameAfter: Micros;
  readonly seenFrom: Micros;
  readonly seenUntil: Micros;
  readonly goneBy: Micros;
}

/** Changes kept for one address; of more the oldest are forgotten, and the address counts as the host's before the others. */
const MAX_CHANGES = 64;
/** Namespaces kept of one address, and of the host, beyond which any may have it. */
const MAX_NAMESPACES = 64;

/**
 * The addresses of one host over time, on its clock, each in its network namespaces: from its interface table where it reports one, else
 * those that its sockets showed, which it then has for good. Rows may come in any order.
 */
export class AddressHistory {
  readonly #limits: Pick<HostLimits, 'addresses'>;
  readonly #counters: Pick<HostCounters, 'addressRowsRefused'>;
  readonly #progress: StreamProgress;
  readonly #changes = new Map<string, Change[]>();
  /** By address, the namespaces in which a socket or an interface had it at any time. */
  #namespaces: Map<string, Set<string>> | undefined;
  readonly #shown = new Set<string>();
  /** Namespaces that the host has sockets in. */
  #spaces: Set<string> | undefined;
  /** Several namespaces have, or had, some address. */
  #isAnyShared = false;
  /** The address that was asked for last, with its changes: most hosts have few. */
  #asked: string | undefined;
  #found: readonly Change[] | undefined;
  /** The only one of these, which mostly is all there is but for what later runs of the watcher told again. */
  #only: Change | undefined;
  hasTable = false;
  /** The interface table tells the namespaces of addresses, and so those of containers too. */
  tellsNamespaces = false;

  constructor(
    limits: Pick<HostLimits, 'addresses'>,
    counters: Pick<HostCounters, 'addressRowsRefused'>,
    progress: StreamProgress,
  ) {
    this.#limits = limits;
    this.#counters = counters;
    this.#progress = progress;
  }

  get size(): number {
    return this.#changes.size + this.#shown.size;
  }

  /** Takes a row of the interface table; `source` tells interfaces and streams apart. Returns whether the address is news. */
  change(address: string, change: Change): boolean {
    this.hasTable = true;
    this.tellsNamespaces ||= change.namespace !== undefined;
    const changes = this.#changes.get(address);
    if (changes === undefined && !this.#hasRoomFor(address)) return false;
    this.#isIn(address, change.namespace);
    this.#asked = undefined;
    if (changes === undefined) {
      this.#changes.set(address, [change]);
      return true;
    }
    if (changes.some((c) => c.source === change.source && c.seq === change.seq && c.time === change.time)) return false;
    changes.push(change);
    changes.sort((a, b) => a.time - b.time || a.seq - b.seq);
    if (changes.length > MAX_CHANGES) changes.shift();
    return true;
  }

  /** The host has a socket in this namespace. Returns whether that is news. */
  hasSpace(namespace: string): boolean {
    this.#spaces ??= new Set();
    if (this.#spaces.has(namespace) || this.#spaces.size === MAX_NAMESPACES) return false;
    this.#spaces.add(namespace);
    return true;
  }

  /** The host has sockets in more than one namespace. */
  get hasSeveralNamespaces(): boolean {
    return this.#spaces !== undefined && this.#spaces.size > 1;
  }

  /** The namespace of an interface table that names none, as sockets with its addresses show it; undefined: none or several did. */
  get shownNamespace(): string | undefined {
    const found = new Set<string>();
    for (const [address, changes] of this.#changes) {
      if (isLoopback(address) || changes.every(({ namespace }) => namespace !== undefined)) continue;
      for (const namespace of this.#namespaces?.get(address) ?? []) found.add(namespace);
    }
    const [namespace] = found;
    return found.size === 1 ? namespace : undefined;
  }

  /** Whether the address is known or there is room for it; what is refused is counted. */
  #hasRoomFor(address: string): boolean {
    if (this.size < this.#limits.addresses || this.#changes.has(address) || this.#shown.has(address)) return true;
    this.#counters.addressRowsRefused++;
    return false;
  }

  /** A socket of the host had this local address, in this namespace. Returns whether that is news. */
  shown(address: string, namespace: string | undefined): boolean {
    const isShown = this.#shown.has(address);
    if (!isShown && !this.#hasRoomFor(address)) return false;
    const isNewThere = this.#isIn(address, namespace);
    if (isShown) return isNewThere;
    this.#shown.add(address);
    return isNewThere || !this.#changes.has(address);
  }

  /** A socket of the host had this local address, which its interface table does not tell of: it need not tell of containers'. */
  isUntabled(address: string): boolean {
    return this.#shown.has(address) && !this.#changes.has(address);
  }

  /** Several namespaces of the host have, or had, this address, so that a tuple of it may be of several sockets at a time. */
  isShared(address: string): boolean {
    return this.#isAnyShared && (this.#namespaces?.get(address)?.size ?? 0) > 1;
  }

  /**
   * Whether the host had the address throughout [from, to] of its clock, had it possibly at some moment of it, or not; where a namespace is
   * given, whether that one had it.
   */
  had(address: string, from: Micros, to: Micros, namespace?: string): 'surely' | 'maybe' | 'no' {
    if (!this.hasTable) return this.#shown.has(address) && this.#mayBeIn(address, namespace) ? 'surely' : 'no';
    this.#ask(address);
    const changes = this.#found;
    if (changes === undefined) return 'no';
    const only = this.#only;
    if (only !== undefined && !only.isGone && this.#isToldStill(changes)) {
      const place = this.#isOf(only, address, namespace);
      if (place === 'no') return 'no';
      if (only.time <= from) return place;
      return this.#cameAfter(only) > to ? 'no' : 'maybe';
    }
    let answer: 'maybe' | 'no' = 'no';
    for (const stay of this.#staysOf(changes)) {
      const place = this.#isOf(stay.row, address, namespace);
      if (place === 'no' || stay.cameAfter > to || stay.goneBy < from) continue;
      if (place === 'surely' && stay.seenFrom <= from && stay.seenUntil >= to) return 'surely';
      answer = 'maybe';
    }
    return answer;
  }

  /** When interfaces had the address, by its changes in order of time. */
  #staysOf(changes: readonly Change[]): Stay[] {
    const stays: Stay[] = [];
    /** By interface, the row that tells that the address came, and the last one of later runs of the watcher that tells of it again. */
    const open = new Map<string, readonly [Change, Change]>();
    for (const change of changes) {
      const { source, time, since } = change;
      const [came] = open.get(source) ?? [];
      if (!change.isGone) {
        open.set(source, [came ?? change, change]);
        continue;
      }
      const seenFrom = came?.time ?? since ?? Infinity;
      stays.push({
        row: came ?? change,
        cameAfter: this.#cameAfter(came),
        seenFrom,
        seenUntil: since ?? -Infinity,
        goneBy: time,
      });
      open.delete(source);
    }
    for (const [came, last] of open.values()) {
      const goneBy = this.#progress.goneBy(last.stream, last.time);
      const seenUntil = goneBy === Infinity ? Infinity : this.#progress.addressKnownUntil(last.stream, last.time);
      stays.push({ row: came, cameAfter: this.#cameAfter(came), seenFrom: came.time, seenUntil, goneBy });
    }
    return stays;
  }

  #cameAfter(came: Change | undefined): Micros {
    return came === undefined ? -Infinity : (came.since ?? this.#progress.absentUntil(came.stream, came.time));
  }

  /** Whether the address may have gone from some interface of the host within [from, to] of its clock. */
  mayHaveLeft(address: string, from: Micros, to: Micros): boolean {
    this.#ask(address);
    if (this.#found === undefined) return false;
    const isThen = ({ time, since = -Infinity }: Change): boolean => time >= from && since <= to;
    if (this.#found.some((change) => change.isGone && isThen(change))) return true;
    if (this.#progress.watch.isOneRun) return false;
    return this.#staysOf(this.#found).some(
      ({ seenUntil, goneBy }) => goneBy !== Infinity && goneBy >= from && seenUntil <= to,
    );
  }

  /** Since when the host has had the address, and nothing else is told of it; undefined: there is more to say. */
  hadSince(address: string): Micros | undefined {
    this.#ask(address);
    const only = this.#only;
    return only !== undefined && !only.isGone && this.#isToldStill(this.#found!) ? only.time : undefined;
  }

  /** Whether the last run of the watcher told of the address too. */
  #isToldStill(changes: readonly Change[]): boolean {
    const { watch } = this.#progress;
    return watch.isOneRun || watch.runAfter(changes.at(-1)!.time) === undefined;
  }

  /** Forgets addresses that were gone from every interface before the horizon, and returns them. */
  prune(horizon: Micros): string[] {
    const gone: string[] = [];
    for (const [address, changes] of this.#changes) {
      if (changes.at(-1)!.time >= horizon || !this.#isGoneBefore(changes, horizon)) continue;
      this.#changes.delete(address);
      this.#shown.delete(address);
      this.#namespaces?.delete(address);
      gone.push(address);
    }
    this.#asked = undefined;
    return gone;
  }

  #isGoneBefore(changes: readonly Change[], horizon: Micros): boolean {
    const last = new Map<string, Change>();
    for (const change of changes) last.set(change.source, change);
    return [...last.values()].every(
      (change) => change.isGone || this.#progress.goneBy(change.stream, change.time) < horizon,
    );
  }

  #ask(address: string): void {
    if (address === this.#asked) return;
    this.#asked = address;
    this.#found = this.#changes.get(address);
    this.#only = this.#found && onlyOf(this.#found);
  }

  /** Returns whether that the namespace has the address is news. */
  #isIn(address: string, namespace: string | undefined): boolean {
    if (namespace === undefined) return false;
    this.#namespaces ??= new Map();
    const known = this.#namespaces.get(address);
    if (known === undefined) {
      this.#namespaces.set(address, new Set([namespace]));
      return true;
    }
    if (known.has(namespace) || known.size === MAX_NAMESPACES) return false;
    known.add(namespace);
    this.#isAnyShared = true;
    return true;
  }

  /** Without a table of interfaces: whether a socket showed the address in the namespace, or none tells where. */
  #mayBeIn(address: string, namespace: string | undefined): boolean {
    const known = this.#namespaces?.get(address);
    if (namespace === undefined || known === undefined) return true;
    return known.has(namespace) || known.size === MAX_NAMESPACES;
  }

  /**
   * Whether a row is about an address of the namespace. One that names none, as osquery's, is about the watcher's own: sockets that had the
   * address show which that is, and until one did, it may be any that the host has sockets in.
   */
  #isOf({ namespace: told }: Change, address: string, asked: string | undefined): 'surely' | 'maybe' | 'no' {
    if (asked === undefined || told === asked) return 'surely';
    if (told !== undefined) return 'no';
    const shown = this.#namespaces?.get(address);
    if (shown !== undefined) return shown.has(asked) || shown.size === MAX_NAMESPACES ? 'surely' : 'no';
    return this.hasSeveralNamespaces ? 'maybe' : 'surely';
  }
}

/** The first of several changes that tell of one interface alone, which has not gone; of a single one that. */
function onlyOf(changes: readonly Change[]): Change | undefined {
  const [first, ...again] = changes;
  return again.every(({ isGone, source }) => !isGone && source === first!.source) ? first : undefined;
}
