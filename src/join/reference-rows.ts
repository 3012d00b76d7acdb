import type { Micros } from '../core/time.js';
import { PAUSE_MARGIN } from '../hosts/state/stream-progress.js';
import type { AnyTableRow, ClockSample, Complete, HostRow, HostSeen, HostTimeout, Lost } from '../records/host-row.js';
import type { HostTable } from '../records/host-tables.js';
import { type Fact, factOf, isDatagram, isOneSpace, isSameTuple } from './reference-facts.js';
import { absentUntil, bootOver, callGoneBy, goneBy, isLaterRun, silentFrom } from './reference-runs.js';

/*
 * What the reference makes of the rows of hosts: every socket as an interval, and what is known of which time. Plain loops over
 * all rows, in no order but that of their times.
 */

/** A socket in the hands of one process, as `SocketInterval` has it. */
export interface Socket {
  readonly pid: number;
  readonly inode: string | undefined;
  readonly namespace: string | undefined;
  readonly source: Exclude<Fact['source'], 'close'>;
  readonly protocol: number;
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  readonly resolution: Micros;
  readonly isDatagram: boolean;
  readonly path?: string;
  readonly family?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

/** Everything that was ever said of one host. */
export interface HostRows {
  readonly id: string;
  readonly table: AnyTableRow[];
  readonly seen: HostSeen[];
  readonly clocks: ClockSample[];
  readonly complete: Complete[];
  readonly lost: Lost[];
  readonly timeouts: HostTimeout[];
}

export function hostsOf(rows: readonly HostRow[]): HostRows[] {
  const hosts: HostRows[] = [];
  for (const row of rows) {
    let host = hosts.find(({ id }) => id === row.host);
    if (host === undefined) {
      host = { id: row.host, table: [], seen: [], clocks: [], complete: [], lost: [], timeouts: [] };
      hosts.push(host);
    }
    if (row.kind === 'host') host.seen.push(row);
    else if (row.kind === 'clock') host.clocks.push(row);
    else if (row.kind === 'complete') host.complete.push(row);
    else if (row.kind === 'lost') host.lost.push(row);
    else if (row.kind === 'host_timeout') host.timeouts.push(row);
    else if (!host.table.some((other) => isSameRow(other, row))) host.table.push(row);
  }
  return hosts.map((host) => ({ ...host, timeouts: host.timeouts.filter(({ at }) => !isTakenBack(host, at)) }));
}

/** Each run of a watcher counts anew. */
function isSameRow(a: AnyTableRow, b: AnyTableRow): boolean {
  return a.stream === b.stream && a.seq === b.seq && a.time === b.time;
}

/** Seen again right after: nothing of the host was missed. */
function isTakenBack({ seen }: HostRows, timeout: Micros): boolean {
  return seen.some(({ from }) => from === timeout + 1);
}

export function socketsOf(host: HostRows): Socket[] {
  const facts = host.table.flatMap((row) => factOf(row) ?? []).sort((a, b) => a.lo - b.lo || a.row.seq - b.row.seq);
  const out: { fact: Fact; socket: Socket }[] = [];
  for (const fact of facts) {
    if (fact.source === 'close') continue;
    if (fact.row.action === 'event') out.push({ fact, socket: calledSocket(host, facts, fact) });
    else if (fact.row.action === 'added') {
      if (facts.some((before) => isToldAgainBy(host, facts, before, fact))) continue;
      const again = facts.findLast((later) => isToldAgainBy(host, facts, fact, later));
      const gone = removalOf(host, facts, fact) ?? removalElsewhere(host, facts, again ?? fact);
      out.push({ fact, socket: polledSocket(host, facts, fact, gone, again) });
    } else if (!facts.some((added) => added.row.action === 'added' && removalOf(host, facts, added) === fact)) {
      // The poll that saw it first may still be told of.
      if (streamUntil(host, fact.row.stream) < (fact.row.since ?? fact.lo)) continue;
      out.push({ fact, socket: polledSocket(host, facts, undefined, fact, undefined) });
    }
  }
  return out.map(({ fact, socket }) => {
    if (fact.row.action !== 'event' || fact.namespace !== undefined || fact.fd === undefined) return socket;
    if (fact.remote.port !== undefined) return socket;
    // A poll may have seen where what was bound is.
    const seen = out.filter(
      (other) =>
        other.fact.row.action !== 'event' &&
        other.fact.pid === fact.pid &&
        other.fact.fd === fact.fd &&
        isSameTuple(other.fact, fact) &&
        other.socket.openLo <= socket.openHi &&
        other.socket.openHi >= socket.openLo,
    );
    const [space, another] = new Set(seen.flatMap(({ fact: { namespace } }) => namespace ?? []));
    return another === undefined ? { ...socket, namespace: space } : socket;
  });
}

/** Whether two rows of a stream are about one socket in the hands of one process, as far as their numbers tell. */
function isOfSame(a: Fact, b: Fact): boolean {
  return (
    a.row.stream === b.row.stream &&
    a.pid === b.pid &&
    a.fd === b.fd &&
    a.inode === b.inode &&
    a.family === b.family &&
    isSameTuple(a, b) &&
    (a.source === 'connecting') === (b.source === 'connecting')
  );
}

function isBefore(a: Fact, b: Fact): boolean {
  return a.lo < b.lo || (a.lo === b.lo && a.row.seq < b.row.seq);
}

/** Whether a later run tells of a socket that `added` told of, which no poll had missed before, nor a boot ended. */
function isToldAgainBy(host: HostRows, facts: readonly Fact[], added: Fact, later: Fact): boolean {
  if (added.row.action !== 'added' || later.row.action !== 'added' || !isOfSame(added, later)) return false;
  if (!isBefore(added, later) || !isLaterRun(host, added.lo, later.hi)) return false;
  const gone = removalOf(host, facts, added);
  return (gone === undefined || !isBefore(gone, later)) && bootOver(host, added.row.boot, added.hi) > later.hi;
}

/** The poll that no longer saw what `added` had seen. */
function removalOf(host: HostRows, facts: readonly Fact[], added: Fact): Fact | undefined {
  const gone = facts.find((fact) => fact.row.action === 'removed' && isOfSame(fact, added) && isBefore(added, fact));
  return gone !== undefined && bootOver(host, added.row.boot, added.hi) > gone.hi ? gone : undefined;
}

/** Whether a socket that waits for an answer is the one that the same stream then saw with it. */
function isAttemptOf(fact: Fact, added: Fact): boolean {
  return (
    fact.row.action === 'added' &&
    added.source !== 'connecting' &&
    fact.row.stream === added.row.stream &&
    fact.pid === added.pid &&
    fact.fd === added.fd &&
    fact.inode !== undefined &&
    fact.inode === added.inode &&
    fact.family === added.family &&
    isSameTuple(fact, added) &&
    (fact.lo < added.lo || (fact.lo === added.lo && fact.row.seq < added.row.seq))
  );
}

/** The poll of another stream that no longer saw the socket in the hands of the process. */
function removalElsewhere(host: HostRows, facts: readonly Fact[], added: Fact): Fact | undefined {
  const gone = facts.find(
    (fact) =>
      fact.row.action === 'removed' &&
      fact.pid === added.pid &&
      fact.inode !== undefined &&
      fact.inode === added.inode &&
      (fact.source !== 'connecting' || added.source === 'connecting') &&
      isSameTuple(fact, added) &&
      fact.lo > added.hi,
  );
  return endBefore(bootOver(host, added.row.boot, added.hi), gone);
}

/** The call that closed the socket: told by its number, or else by process and descriptor. */
function closeOf(facts: readonly Fact[], fact: Fact, from: Micros): Fact | undefined {
  return facts.find(
    (close) =>
      close.source === 'close' &&
      close.lo >= from &&
      (fact.inode !== undefined
        ? close.inode === fact.inode
        : close.inode === undefined && fact.fd !== undefined && close.pid === fact.pid && close.fd === fact.fd),
  );
}

/** After a boot the same number is another socket's. */
function endBefore(bootedAt: Micros, end: Fact | undefined): Fact | undefined {
  return end !== undefined && end.lo < bootedAt ? end : undefined;
}

/** Whether a call would have told of the socket that a poll saw, and no row told of it before, in whoever's hands. */
function isNewCall(facts: readonly Fact[], fact: Fact): boolean {
  if (fact.inode === undefined || (fact.protocol !== 6 && fact.remote.port === undefined)) return false;
  if (fact.protocol !== 6 && fact.protocol !== 17) return false;
  const isBeside = (other: Fact): boolean =>
    isSameTuple(other, fact) ||
    (other.protocol === fact.protocol &&
      other.local.port === fact.local.port &&
      other.remote.port === undefined &&
      fact.remote.port === undefined);
  return !facts.some((other) => other.inode === fact.inode && other.lo < fact.lo && isBeside(other));
}

/** Its stream tells when sockets close too. */
function tellsOfCloses(fact: Fact): boolean {
  return fact.row.action === 'event' && (fact.source === 'close' || fact.source === 'listen' || isDatagram(fact));
}

function calledSocket(host: HostRows, facts: readonly Fact[], fact: Fact): Socket {
  const bootedAt = bootOver(host, fact.row.boot, fact.hi);
  const close = endBefore(bootedAt, closeOf(facts, fact, fact.lo));
  const isConnected = fact.protocol === 6 && fact.local.port !== undefined && fact.remote.port !== undefined;
  // A connected TCP socket has closed before another one with the same endpoints opens.
  const next = facts.find(
    (other) =>
      isConnected &&
      other.row.action === 'event' &&
      other.source !== 'close' &&
      other.lo > fact.hi &&
      isSameTuple(other, fact) &&
      isOneSpace(other.namespace, fact.namespace) &&
      (other.pid !== fact.pid || (other.inode !== undefined && other.inode !== fact.inode)),
  );
  const tellsCloses = facts.some((one) => one.row.stream === fact.row.stream && tellsOfCloses(one));
  const untold = tellsCloses || fact.remote.port !== undefined ? Infinity : boundUntil(host, facts, fact);
  const isShown = fact.protocol === 6 || fact.protocol === 17;
  const unseen = close === undefined && isShown ? callGoneBy(host, fact.row) : Infinity;
  const closeHi = Math.min(
    close?.hi ?? Infinity,
    next === undefined ? Infinity : next.hi - 1,
    untold,
    unseen,
    bootedAt,
  );
  const closeLo = close?.lo ?? (tellsCloses ? knownUntil(host, fact.hi, 0, socketTables, fact.lo) : fact.hi);
  return socketOf(fact, {
    openLo: fact.row.since ?? fact.lo,
    openHi: fact.hi,
    closeLo: Math.min(closeLo, closeHi),
    closeHi,
  });
}

/** Until when a bind of which no close would be told stands for its socket: the process bound the same anew, or polls tell since where it was. */
function boundUntil(host: HostRows, facts: readonly Fact[], fact: Fact): Micros {
  const program = ({ row }: Fact): string | undefined =>
    row.table === 'socket_events' ? row.columns.path || undefined : undefined;
  const next = facts.find(
    (other) =>
      other.row.action === 'event' &&
      other.row.stream === fact.row.stream &&
      other.source === fact.source &&
      other.lo > fact.hi &&
      other.pid === fact.pid &&
      program(other) === program(fact) &&
      other.family === fact.family &&
      other.namespace === fact.namespace &&
      isSameTuple(other, fact),
  );
  const polls = facts.filter(
    (poll) =>
      poll.row.action !== 'event' && poll.lo > fact.hi && facts.some((shown) => showsUnconnected(shown, poll, fact)),
  );
  const polled = Math.min(Infinity, ...polls.map(({ hi }) => hi));
  const isKnown = polled < knownUntil(host, fact.hi, 0, socketTables, fact.lo);
  return Math.min(next === undefined ? Infinity : next.hi - 1, isKnown ? polled : Infinity);
}

/** Whether it tells that by then the stream of a poll shows sockets without a peer. */
function showsUnconnected(shown: Fact, poll: Fact, { protocol }: Fact): boolean {
  return (
    shown.row.action !== 'event' &&
    shown.row.stream === poll.row.stream &&
    shown.lo <= poll.lo &&
    shown.protocol === protocol &&
    shown.local.port !== undefined &&
    shown.remote.port === undefined
  );
}

function polledSocket(
  host: HostRows,
  facts: readonly Fact[],
  added: Fact | undefined,
  removed: Fact | undefined,
  again: Fact | undefined,
): Socket {
  const fact = (added ?? removed)!;
  const seen = again ?? fact;
  const lastSeen = removed?.row.since;
  const slack = Math.max(fact.row.resolution, 1) - 1;
  // What was seen waiting for an answer before was open by then.
  const attempt = facts.findLast(
    (fact) => added !== undefined && fact.source === 'connecting' && isAttemptOf(fact, added),
  );
  const first = attempt ?? added;
  const isCalled = first !== undefined && facts.some(tellsOfCloses) && isNewCall(facts, first);
  const openLo = first === undefined ? -Infinity : (first.row.since ?? absentUntil(host, first.row, isCalled));
  const openHi = added?.hi ?? (lastSeen ?? removed!.lo) + slack;
  const close = endBefore(bootOver(host, fact.row.boot, fact.hi), closeOf(facts, fact, added?.lo ?? -Infinity));
  const untold = removed === undefined ? goneBy(host, seen.row) : Infinity;
  const closeHi = Math.min(removed?.hi ?? Infinity, close?.hi ?? untold);
  const seenUntil =
    removed === undefined
      ? knownUntil(host, Math.max(openHi, seen.hi), pauseOf(host, fact.row.stream), socketTables, seen.lo)
      : (lastSeen ?? openHi);
  const tellsOpen = close !== undefined && fact.source !== 'connecting';
  const closeLo = Math.min(tellsOpen ? Math.max(close.lo, added?.lo ?? close.lo) : seenUntil, closeHi);
  return socketOf(fact, { openLo, openHi, closeLo, closeHi });
}

function socketOf(fact: Fact, bounds: Pick<Socket, 'openLo' | 'openHi' | 'closeLo' | 'closeHi'>): Socket {
  const { pid, inode, namespace, protocol, family, local, remote } = fact;
  return {
    pid,
    inode,
    namespace,
    source: fact.source as Socket['source'],
    protocol,
    resolution: fact.row.resolution,
    isDatagram: isDatagram(fact),
    ...bounds,
    ...(fact.row.table === 'socket_events' && fact.row.columns.path && { path: fact.row.columns.path }),
    ...(family !== undefined && { family }),
    ...(local.address !== undefined && { localAddress: local.address }),
    ...(local.port !== undefined && { localPort: local.port }),
    ...(remote.address !== undefined && { remoteAddress: remote.address }),
    ...(remote.port !== undefined && { remotePort: remote.port }),
  };
}

export const socketTables: readonly HostTable[] = ['socket_events', 'process_open_sockets', 'listening_ports'];

/** Lost, one of these may have told of the socket or that the packets were translated. */
export const ownerTables: readonly HostTable[] = [...socketTables, 'conntrack'];

export const eventTables: readonly HostTable[] = ['socket_events', 'conntrack'];

/** A weak answer also needs to know that the address had not moved to another host. */
export const answerTables: readonly HostTable[] = [...socketTables, 'interface_addresses'];

export function tableOf(host: HostRows, stream: string): HostTable | undefined {
  const told = host.seen.flatMap(({ streams }) => streams).find((one) => one.stream === stream);
  return told?.table ?? host.table.find((row) => row.stream === stream)?.table;
}

export function streamsOf(host: HostRows, tables: readonly HostTable[]): string[] {
  const told = host.seen.flatMap(({ streams }) => streams.map(({ stream }) => stream));
  const all = new Set([...told, ...host.table.map(({ stream }) => stream)]);
  return [...all].filter((stream) => tables.includes(tableOf(host, stream)!));
}

/** No row of these tables is missing up to here. Infinity where the host has no such stream. */
export function completeUntil(host: HostRows, tables: readonly HostTable[]): Micros {
  return Math.min(Infinity, ...streamsOf(host, tables).map((stream) => streamUntil(host, stream)));
}

export function streamUntil({ complete }: HostRows, stream: string): Micros {
  return Math.max(-Infinity, ...complete.filter((row) => row.stream === stream).map(({ until }) => until));
}

export function isLost(host: HostRows, tables: readonly HostTable[], from: Micros, to: Micros): boolean {
  return host.lost.some((gap) => {
    const table = tableOf(host, gap.stream);
    return (table === undefined || tables.includes(table)) && gap.from <= to && gap.to >= from;
  });
}

function seenAgain(host: HostRows, after: Micros): Micros {
  return Math.min(Infinity, ...host.seen.map(({ from }) => from).filter((from) => from > after));
}

export function isUnwatched(host: HostRows, from: Micros, to: Micros): boolean {
  if (host.seen.length > 0 && host.seen.every((seen) => seen.from > from)) return true;
  return host.timeouts.some(({ at }) => at <= to && seenAgain(host, at) > from);
}

/** How long before a loss the poll before it may have been. */
export function pauseOf(host: HostRows, stream: string): Micros {
  const pauses = host.table.flatMap(({ stream: of, action, since, time, resolution }) =>
    of === stream && action !== 'event' && since !== undefined ? [time + Math.max(resolution, 1) - 1 - since] : [],
  );
  const told = host.seen.flatMap(({ streams }) => streams.flatMap((one) => (one.stream === stream && one.pause) || []));
  if (told.length > 0) return Math.round(Math.max(...told) * PAUSE_MARGIN);
  return pauses.length === 0 ? Infinity : Math.round(Math.min(...pauses) * PAUSE_MARGIN);
}

/** From which moment on, not before `from`, rows of these tables may be missing, of what went on at `since` or later. */
export function knownUntil(
  host: HostRows,
  from: Micros,
  pause: Micros,
  tables: readonly HostTable[],
  since = from,
): Micros {
  const gaps = host.lost.filter(({ stream, to }) => {
    const table = tableOf(host, stream);
    return to >= since && (table === undefined || tables.includes(table));
  });
  const silentAt = silentFrom(host, since);
  const silences = silentAt === Infinity ? [] : [silentAt];
  return Math.min(Infinity, ...[...gaps.map((gap) => gap.from), ...silences].map((at) => Math.max(at - pause, from)));
}
