import type { Micros } from '../../core/time.js';
import type { SocketInterval, SocketSource } from './socket-interval.js';
import { isBind } from './socket-kinds.js';
import type { SocketRecord } from './socket-record.js';

/** A socket interval with the process that held it and the rows that tell so. */
export class HeldSocket implements SocketInterval {
  constructor(
    private readonly fact: SocketRecord,
    readonly openLo: Micros,
    readonly openHi: Micros,
    readonly closeLo: Micros,
    readonly closeHi: Micros,
    /** The poll that no longer saw it. */
    private readonly removed?: SocketRecord,
    /** The call that made it, where a poll tells of the rest. */
    private readonly call?: HeldSocket,
    /** The network namespace that other rows tell. */
    private readonly space?: string,
  ) {}

  /** The row that tells of it first. */
  get record(): SocketRecord {
    return this.fact;
  }

  /** The rows that tell of it. */
  get records(): SocketRecord[] {
    const records = [this.fact];
    if (this.removed !== undefined) records.push(this.removed);
    return this.call === undefined ? records : [...records, ...this.call.records];
  }

  /** One row alone tells of it. */
  get hasOneRow(): boolean {
    return this.removed === undefined && this.call === undefined;
  }

  /** A call tells of it, not a poll. */
  get isCall(): boolean {
    return this.fact.isEvent;
  }

  /** The same socket with the row of the call that made it, which knows the path of the process. */
  withCall(call: HeldSocket): HeldSocket {
    const { fact, openLo, openHi, closeLo, closeHi, removed } = this;
    return new HeldSocket(fact, openLo, openHi, closeLo, closeHi, removed, call, this.space);
  }

  /** The same socket, of which other rows tell the network namespace. */
  inNamespace(namespace: string): HeldSocket {
    const { fact, openLo, openHi, closeLo, closeHi, removed, call } = this;
    return new HeldSocket(fact, openLo, openHi, closeLo, closeHi, removed, call, namespace);
  }

  get source(): SocketSource {
    return this.fact.source;
  }
  get pid(): number {
    return this.fact.pid;
  }
  /** Its descriptor. */
  get fd(): number | undefined {
    return this.fact.fd;
  }
  /** The kernel's number of the socket; equal for equal ones. */
  get inode(): number | undefined {
    return this.fact.inode === 0 ? undefined : this.fact.inode;
  }
  /** Path of the process at the call, where the row has it. */
  get path(): string | undefined {
    return this.call === undefined ? this.fact.path : this.call.path;
  }
  /** Real user of the process when it called connect or accept, where the row has it: programs change users after they began. */
  get uid(): number | undefined {
    return (this.call?.fact ?? this.fact).uid;
  }
  get protocol(): number {
    return this.fact.protocol;
  }
  get family(): number | undefined {
    return this.fact.family;
  }
  get localAddress(): string | undefined {
    return this.fact.localAddress;
  }
  get localPort(): number | undefined {
    return this.fact.localPort;
  }
  get remoteAddress(): string | undefined {
    return this.fact.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.fact.remotePort;
  }
  /** The network namespace that it is in, where a row tells. */
  get namespace(): string | undefined {
    return this.fact.namespace ?? this.space;
  }
  get resolution(): Micros {
    return this.fact.resolution;
  }
  get isDatagram(): boolean {
    return this.fact.isDatagram;
  }
}

/** What the rest of the host's state says about when sockets closed. */
export interface Closings {
  /** Bounds of the first close of this socket at or after `from`. */
  closeOf(fact: SocketRecord, from: Micros): { readonly lo: Micros; readonly hi: Micros } | undefined;
  /** A socket seen open some time from `openLo` to `openHi` and never seen to close was open without doubt until then. */
  openUntil(stream: string, isEvent: boolean, openLo: Micros, openHi: Micros): Micros;
  /** Every row of the stream up to this moment has come. */
  toldUntil(stream: string): Micros;
  /** Whether the stream tells when sockets close that calls made. */
  tellsCloses(stream: string): boolean;
  /** By when what a row tells of had gone unless a later run of the watcher shows it again; Infinity: that is not known. */
  goneBy(seen: SocketRecord): Micros;
  /** Whether a later run of the watcher than that of `before` told of it. */
  isToldAnew(before: SocketRecord, seen: SocketRecord): boolean;
  /**
   * Until when a socket that the first poll of a run showed was not there, as the run before would have told; -Infinity: that is not known.
   * `isNew`: no row told of it before, in whoever's hands.
   */
  absentUntil(seen: SocketRecord, isNew: boolean): Micros;
  /** By when what a call made had gone, since the host had booted. */
  bootOver(call: SocketRecord): Micros;
  /**
   * By when polls are known to tell, by what they showed and by what they did not, where the socket was that a call bound of which no close would be
   * told; Infinity: never.
   */
  overBy(call: SocketRecord): Micros;
}

/** Order within one stream; `seq` decides where coarse times tie. */
function byOrder(a: SocketRecord, b: SocketRecord): number {
  return a.lo - b.lo || a.seq - b.seq || (a.stream < b.stream ? -1 : 1);
}

const nothing: readonly SocketRecord[] = [];
/** So few are compared with each other. */
const FEW = 4;

/**
 * The sockets that a set of facts about the same endpoints describes, whatever the order of the facts. Rows of a poll about
 * one (pid, fd, inode) are one socket from `added` to `removed`, and while it waits for an answer one of that kind beside it; every event that
 * opens is a socket of its own.
 */
export function heldSockets(facts: readonly SocketRecord[], closings: Closings): HeldSocket[] {
  const out: HeldSocket[] = [];
  const [only] = facts;
  if (facts.length === 1 && only!.isEvent) {
    addCalls(facts, closings, out);
    return out;
  }
  if (facts.length <= FEW && facts.every(isShown)) {
    const others = countOthers(facts);
    if (others === 0) {
      addPolled([...facts], facts, nothing, nothing, closings, out);
      return out;
    }
    if (others === facts.length - 1 && !facts.some(({ isRemoved }) => isRemoved)) {
      for (const fact of facts) out.push(polled(fact, facts, undefined, undefined, undefined, closings));
      return out;
    }
  }
  const calls: SocketRecord[] = [];
  const polls = new Map<string, SocketRecord[]>();
  const attempts = new Map<string, SocketRecord[]>();
  for (const fact of facts) {
    if (fact.isEvent) {
      calls.push(fact);
      continue;
    }
    const key = `${fact.stream} ${fact.pid} ${fact.fd} ${fact.inode} ${fact.localAddress} ${fact.family}`;
    const lists = fact.source === 'connecting' ? attempts : polls;
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [fact]);
    else list.push(fact);
  }
  if (calls.length > 1) calls.sort(byOrder);
  addCalls(calls, closings, out);
  const removals = polls.size + attempts.size > 1 ? facts.filter(({ isRemoved }) => isRemoved).sort(byOrder) : nothing;
  for (const list of attempts.values()) addPolled(list, facts, nothing, removals, closings, out);
  for (const [key, list] of polls) addPolled(list, facts, attempts.get(key) ?? nothing, removals, closings, out);
  return out;
}

/** Whether a poll told of a socket that did not wait for an answer. */
function isShown(fact: SocketRecord): boolean {
  return !fact.isEvent && fact.source !== 'connecting';
}

/** Rows of polls that tell of another socket than all before them. */
function countOthers(facts: readonly SocketRecord[]): number {
  let count = 0;
  for (let at = 1; at < facts.length; at++) {
    const fact = facts[at]!;
    let before = 0;
    while (before < at && !isOfSame(facts[before]!, fact)) before++;
    if (before === at) count++;
  }
  return count;
}

/** Whether two rows of polls are about one socket in the hands of one process, as far as their numbers tell. */
export function isOfSame(a: SocketRecord, b: SocketRecord): boolean {
  if (a.inode !== b.inode || a.pid !== b.pid || a.fd !== b.fd || a.stream !== b.stream) return false;
  return a.localAddress === b.localAddress && a.family === b.family;
}

function addCalls(calls: readonly SocketRecord[], closings: Closings, out: HeldSocket[]): void {
  const rebinds = calls.length > 1 ? rebindsOf(calls, closings) : undefined;
  for (let i = 0; i < calls.length; i++) {
    out.push(heldCall(calls[i]!, supersededBy(calls, i) ?? rebinds?.get(calls[i]!), closings));
  }
}

/**
 * Where no close is told: the binds after which the same program of the same process bound the same endpoint anew. Whether the socket of the first
 * one still stands then makes no difference to anybody, since the process is the same.
 */
function rebindsOf(calls: readonly SocketRecord[], closings: Closings): Map<SocketRecord, SocketRecord> {
  const found = new Map<SocketRecord, SocketRecord>();
  /** By what they bound, the first so far of the calls behind, and the first that is surely later than that. */
  const behind = new Map<string, { first: SocketRecord; next: SocketRecord | undefined }>();
  for (let i = calls.length - 1; i >= 0; i--) {
    const call = calls[i]!;
    if (!isBind(call) || closings.tellsCloses(call.stream)) continue;
    const { stream, source, pid, path, localAddress, family, namespace } = call;
    const key = [stream, source, pid, localAddress, family, namespace, path].join(' ');
    const later = behind.get(key);
    const next = later === undefined || later.first.lo > call.hi ? later?.first : later.next;
    if (next !== undefined) found.set(call, next);
    behind.set(key, { first: call, next });
  }
  return found;
}

/** The socket that a call made; it has closed before the one that `next` made with the same endpoints. */
export function heldCall(call: SocketRecord, next: SocketRecord | undefined, closings: Closings): HeldSocket {
  const bootedAt = closings.bootOver(call);
  const close = endBefore(bootedAt, closings.closeOf(call, call.lo));
  const supersededAt = next === undefined ? Infinity : next.hi - 1;
  const closeHi = Math.min(close?.hi ?? Math.min(closings.overBy(call), closings.goneBy(call)), supersededAt, bootedAt);
  const closeLo = close?.lo ?? closings.openUntil(call.stream, true, call.lo, call.hi);
  return new HeldSocket(call, call.since ?? call.lo, call.hi, Math.min(closeLo, closeHi), closeHi);
}

/** An end of a socket, where it was of the same boot: after one the same number is another socket's. */
function endBefore<E extends { readonly lo: Micros }>(bootedAt: Micros, end: E | undefined): E | undefined {
  return end !== undefined && end.lo < bootedAt ? end : undefined;
}

/** The socket that a call made, for whoever does not ask when it closed. */
export function openCall(call: SocketRecord): HeldSocket {
  return new HeldSocket(call, call.since ?? call.lo, call.hi, Infinity, Infinity);
}

/** A connected TCP socket has closed before another process opens one with the same endpoints in its network namespace. */
function supersededBy(calls: readonly SocketRecord[], index: number): SocketRecord | undefined {
  const fact = calls[index]!;
  if (fact.protocol !== 6 || fact.localPort === undefined || fact.remotePort === undefined) return undefined;
  for (let i = index + 1; i < calls.length; i++) {
    const next = calls[i]!;
    const isSame = next.pid === fact.pid && (next.inode === 0 || next.inode === fact.inode);
    if (!isSame && next.lo > fact.hi && mayBeOfOneSpace(next.namespace, fact.namespace)) return next;
  }
  return undefined;
}

/** A socket whose namespace no row tells may be in any. */
function mayBeOfOneSpace(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

/**
 * `all`: what is told of the same endpoints. `attempts`: what the stream told of the same sockets while they waited for an answer, in order. `removals` of every stream: what another stream
 * no longer saw has gone, though this one's row of that may be lost or late.
 */
function addPolled(
  facts: SocketRecord[],
  all: readonly SocketRecord[],
  attempts: readonly SocketRecord[],
  removals: readonly SocketRecord[],
  closings: Closings,
  out: HeldSocket[],
): void {
  facts.sort(byOrder);
  let added: SocketRecord | undefined;
  // Where a later run of the watcher told of it again.
  let again: SocketRecord | undefined;
  for (const fact of facts) {
    // What has the same numbers after a boot is another.
    if (added !== undefined && closings.bootOver(added) <= fact.hi) {
      out.push(polled(added, all, again, attemptOf(added, attempts), undefined, closings));
      added = undefined;
      again = undefined;
    }
    if (!fact.isRemoved) {
      if (added === undefined) added = fact;
      else if (closings.isToldAnew(again ?? added, fact)) again = fact;
      continue;
    }
    // The poll that saw it first may still be told of.
    const isEarly = added === undefined && closings.toldUntil(fact.stream) < (fact.since ?? fact.lo);
    if (!isEarly) out.push(polled(added, all, again, attemptOf(added, attempts), fact, closings));
    added = undefined;
    again = undefined;
  }
  if (added === undefined) return;
  const gone = endBefore(closings.bootOver(added), removals.find(isEndOf(again ?? added)));
  out.push(polled(added, all, again, attemptOf(added, attempts), gone, closings));
}

/** The attempt that a socket came of, which had opened it. */
function attemptOf(added: SocketRecord | undefined, attempts: readonly SocketRecord[]): SocketRecord | undefined {
  if (added === undefined || added.inode === 0) return undefined;
  return attempts.findLast((attempt) => !attempt.isRemoved && byOrder(attempt, added) < 0);
}

/** Whether a stream no longer saw, after `added`, the same socket in the hands of the same process. */
function isEndOf({ pid, inode, hi, localAddress, source }: SocketRecord): (removal: SocketRecord) => boolean {
  return (removal) =>
    inode !== 0 &&
    // What no longer connects may be connected.
    (removal.source !== 'connecting' || source === 'connecting') &&
    removal.inode === inode &&
    removal.pid === pid &&
    removal.localAddress === localAddress &&
    removal.lo > hi;
}

/** `again`: the last row of later runs that told of it as `added` had. */
function polled(
  added: SocketRecord | undefined,
  all: readonly SocketRecord[],
  again: SocketRecord | undefined,
  attempt: SocketRecord | undefined,
  removed: SocketRecord | undefined,
  closings: Closings,
): HeldSocket {
  const fact = (added ?? removed)!;
  const seen = again ?? fact;
  const lastSeen = removed?.since;
  const openLo = openedAfter(attempt ?? added, all, closings);
  const openHi = added?.hi ?? (lastSeen ?? removed!.lo) + Math.max(fact.resolution, 1) - 1;
  const close = endBefore(closings.bootOver(fact), closings.closeOf(fact, added?.lo ?? -Infinity));
  const seenUntil =
    removed === undefined
      ? closings.openUntil(seen.stream, false, seen.lo, Math.max(openHi, seen.hi))
      : (lastSeen ?? openHi);
  const goneBy = close?.hi ?? (removed === undefined ? closings.goneBy(seen) : Infinity);
  const closeHi = Math.min(removed?.hi ?? Infinity, goneBy);
  // A close tells that it was open until then, not that it still waited for an answer.
  const isOpenUntil = close !== undefined && fact.source !== 'connecting';
  const closeLo = Math.min(isOpenUntil ? Math.max(close.lo, added?.lo ?? close.lo) : seenUntil, closeHi);
  return new HeldSocket(fact, openLo, openHi, closeLo, closeHi, added === undefined ? undefined : removed);
}

function openedAfter(seen: SocketRecord | undefined, all: readonly SocketRecord[], closings: Closings): Micros {
  if (seen === undefined) return -Infinity;
  if (seen.since !== undefined) return seen.since;
  const { inode, lo } = seen;
  // No call tells that a child of the process has it too.
  return closings.absentUntil(seen, inode !== 0 && !all.some((other) => other.inode === inode && other.lo < lo));
}
