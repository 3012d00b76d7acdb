import { canonicalAddress, isGroupAddress, isLoopback, isUnspecified } from '../core/address.js';
import type { Micros } from '../core/time.js';
import type { Method, Reason } from '../records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import type { AnyTableRow, ClockSample, Complete, HostRow, HostSeen, HostTimeout, Lost } from '../records/host-row.js';
import type { HostTable } from '../records/host-tables.js';
import { type EndQuery, type Matched, matchSocket, PROMPT, type Role, ranks } from './match.js';

/**
 * The join as a plain specification: what the last line of every connection must say about who owns its ends, from all rows
 * and all connections at once. No index, no eviction, no order of arrival; slow on purpose. It shares the matcher with the
 * join and nothing else, so that a test can hold the two against each other.
 *
 * Left to the join alone: what the process ran as, and who of several holders of one socket is the ancestor of the others.
 */
export type ReferenceEnd =
  | { readonly kind: 'owner'; readonly method: Method; readonly owner: Holder; readonly sharers: readonly Holder[] }
  | { readonly kind: 'tie'; readonly candidates: readonly Holder[] }
  /** One socket in several hands: `first` may have made it, `all` hold it. */
  | { readonly kind: 'holders'; readonly first: readonly Holder[]; readonly all: readonly Holder[] }
  | { readonly kind: 'nobody'; readonly reason: Reason };

/** A process that has a socket. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
}

export interface ReferenceEnds {
  readonly orig: ReferenceEnd;
  readonly resp: ReferenceEnd;
}

interface Fact {
  readonly row: AnyTableRow;
  readonly source: 'connect' | 'accept' | 'bind' | 'listen' | 'open' | 'listening' | 'close';
  readonly pid: number;
  readonly inode: string | undefined;
  readonly fd: string | undefined;
  readonly protocol: number;
  readonly family: number | undefined;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly lo: Micros;
  readonly hi: Micros;
}

interface Endpoint {
  readonly address?: string;
  readonly port?: number;
}

interface Socket {
  readonly pid: number;
  readonly inode: string | undefined;
  readonly source: Exclude<Fact['source'], 'close'>;
  readonly protocol: number;
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  readonly resolution: Micros;
  readonly path?: string;
  readonly family?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

interface Candidate {
  readonly host: string;
  readonly socket: Socket;
  readonly match: Matched;
}

/** Everything that was ever said of one host. */
interface HostRows {
  readonly id: string;
  readonly table: AnyTableRow[];
  readonly seen: HostSeen[];
  readonly clocks: ClockSample[];
  readonly complete: Complete[];
  readonly lost: Lost[];
  readonly timeouts: HostTimeout[];
}

const nobody = (reason: Reason): ReferenceEnd => ({ kind: 'nobody', reason });

/** Who owns the ends of every connection, by uid. */
export function reference(updates: readonly ConnectionUpdate[], rows: readonly HostRow[]): Map<string, ReferenceEnds> {
  const hosts = hostsOf(rows);
  const sockets = new Map(hosts.map((host) => [host.id, socketsOf(host)]));
  const last = new Map<string, ConnectionUpdate>();
  for (const update of updates) last.set(update.connection.uid, update);
  const all = [...last.values()];
  const out = new Map<string, ReferenceEnds>();
  for (const update of all) {
    const end = (role: Role): ReferenceEnd => endOf(hosts, sockets, all, update, role);
    out.set(update.connection.uid, { orig: end('orig'), resp: end('resp') });
  }
  return out;
}

function hostsOf(rows: readonly HostRow[]): HostRows[] {
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
    else if (!host.table.some(({ stream, seq }) => stream === row.stream && seq === row.seq)) host.table.push(row);
  }
  return hosts;
}

// ---- rows to socket intervals

const calls: Readonly<Record<string, Fact['source']>> = {
  connect: 'connect',
  send: 'connect',
  accept: 'accept',
  accept4: 'accept',
  bind: 'bind',
  listen: 'listen',
  close: 'close',
};

function factOf(row: AnyTableRow): Fact | undefined {
  const times = { row, lo: row.time, hi: row.time + Math.max(row.resolution, 1) - 1 };
  if (row.table === 'listening_ports') {
    const { pid, protocol, family, socket, fd, address, port } = row.columns;
    if (pid === undefined || protocol === undefined) return undefined;
    const ends = { local: endpoint(address, port), remote: {} };
    return { ...times, ...ends, source: 'listening', pid, protocol, family, inode: text(socket), fd: text(fd) };
  }
  if (row.table !== 'process_open_sockets' && row.table !== 'socket_events') return undefined;
  const { pid, family, socket, fd, local_address, local_port, remote_address, remote_port } = row.columns;
  const source = row.table === 'process_open_sockets' ? 'open' : calls[row.columns.action ?? ''];
  const protocol = row.columns.protocol ?? (row.table === 'socket_events' ? 6 : undefined);
  if (source === undefined || pid === undefined || protocol === undefined) return undefined;
  const isFailed = row.table === 'socket_events' && row.columns.status === 'failed';
  if (isFailed && source !== 'connect') return undefined;
  const peer = endpoint(remote_address, remote_port);
  const remote = peer.address !== undefined && isUnspecified(peer.address) ? {} : peer;
  const ends = { local: endpoint(local_address, local_port), remote };
  return { ...times, ...ends, source, pid, protocol, family, inode: text(socket), fd: text(fd) };
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  const canonical = address === undefined ? undefined : canonicalAddress(address);
  return { ...(canonical !== undefined && { address: canonical }), ...(port !== undefined && port > 0 && { port }) };
}

function text(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function socketsOf(host: HostRows): Socket[] {
  const facts = host.table.flatMap((row) => factOf(row) ?? []).sort((a, b) => a.lo - b.lo || a.row.seq - b.row.seq);
  const out: Socket[] = [];
  for (const fact of facts) {
    if (fact.source === 'close') continue;
    if (fact.row.action === 'event') out.push(calledSocket(host, facts, fact));
    else if (fact.row.action === 'added') out.push(polledSocket(host, facts, fact, removalOf(facts, fact)));
    else if (!facts.some((added) => added.row.action === 'added' && removalOf(facts, added) === fact)) {
      out.push(polledSocket(host, facts, undefined, fact));
    }
  }
  return out;
}

/** The poll that no longer saw what `added` had seen. */
function removalOf(facts: readonly Fact[], added: Fact): Fact | undefined {
  return facts.find(
    (fact) =>
      fact.row.action === 'removed' &&
      fact.row.stream === added.row.stream &&
      fact.pid === added.pid &&
      fact.fd === added.fd &&
      fact.inode === added.inode &&
      fact.family === added.family &&
      isSameTuple(fact, added) &&
      (fact.lo > added.lo || (fact.lo === added.lo && fact.row.seq > added.row.seq)),
  );
}

function isSameTuple(a: Fact, b: Fact): boolean {
  const isSame = (x: Endpoint, y: Endpoint): boolean => x.address === y.address && x.port === y.port;
  return a.protocol === b.protocol && isSame(a.local, b.local) && isSame(a.remote, b.remote);
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

function calledSocket(host: HostRows, facts: readonly Fact[], fact: Fact): Socket {
  const close = closeOf(facts, fact, fact.lo);
  const isConnected = fact.protocol === 6 && fact.local.port !== undefined && fact.remote.port !== undefined;
  // A connected TCP socket has closed before another one with the same endpoints opens.
  const next = facts.find(
    (other) =>
      isConnected &&
      other.row.action === 'event' &&
      other.source !== 'close' &&
      other.lo > fact.hi &&
      isSameTuple(other, fact) &&
      (other.pid !== fact.pid || (other.inode !== undefined && other.inode !== fact.inode)),
  );
  const closeHi = Math.min(close?.hi ?? Infinity, next === undefined ? Infinity : next.hi - 1);
  const tellsCloses = facts.some(
    ({ row, source }) => row.stream === fact.row.stream && (source === 'close' || source === 'listen'),
  );
  const closeLo = close?.lo ?? (tellsCloses ? knownUntil(host, fact.hi) : fact.hi);
  return socketOf(fact, { openLo: fact.lo, openHi: fact.hi, closeLo: Math.min(closeLo, closeHi), closeHi });
}

function polledSocket(
  host: HostRows,
  facts: readonly Fact[],
  added: Fact | undefined,
  removed: Fact | undefined,
): Socket {
  const fact = (added ?? removed)!;
  const lastSeen = removed?.row.since;
  const slack = Math.max(fact.row.resolution, 1) - 1;
  const openLo = added?.row.since ?? -Infinity;
  const openHi = added?.hi ?? (lastSeen ?? removed!.lo) + slack;
  const close = closeOf(facts, fact, added?.lo ?? -Infinity);
  const closeHi = Math.min(removed?.hi ?? Infinity, close?.hi ?? Infinity);
  const seenUntil = removed === undefined ? knownUntil(host, openHi) : (lastSeen ?? openHi);
  const closeLo = Math.min(close === undefined ? seenUntil : Math.max(close.lo, added?.lo ?? close.lo), closeHi);
  return socketOf(fact, { openLo, openHi, closeLo, closeHi });
}

function socketOf(fact: Fact, bounds: Pick<Socket, 'openLo' | 'openHi' | 'closeLo' | 'closeHi'>): Socket {
  const { pid, inode, protocol, family, local, remote } = fact;
  return {
    pid,
    inode,
    source: fact.source as Socket['source'],
    protocol,
    resolution: fact.row.resolution,
    ...bounds,
    ...(fact.row.table === 'socket_events' && fact.row.columns.path && { path: fact.row.columns.path }),
    ...(family !== undefined && { family }),
    ...(local.address !== undefined && { localAddress: local.address }),
    ...(local.port !== undefined && { localPort: local.port }),
    ...(remote.address !== undefined && { remoteAddress: remote.address }),
    ...(remote.port !== undefined && { remotePort: remote.port }),
  };
}

// ---- what is known of a host's time

const socketTables: readonly HostTable[] = ['socket_events', 'process_open_sockets', 'listening_ports'];

/** A weak answer also needs to know that the address had not moved to another host. */
const answerTables: readonly HostTable[] = [...socketTables, 'interface_addresses'];

function tableOf(host: HostRows, stream: string): HostTable | undefined {
  const told = host.seen.flatMap(({ streams }) => streams).find((one) => one.stream === stream);
  return told?.table ?? host.table.find((row) => row.stream === stream)?.table;
}

function streamsOf(host: HostRows, tables: readonly HostTable[]): string[] {
  const told = host.seen.flatMap(({ streams }) => streams.map(({ stream }) => stream));
  const all = new Set([...told, ...host.table.map(({ stream }) => stream)]);
  return [...all].filter((stream) => tables.includes(tableOf(host, stream)!));
}

/** No row of these tables is missing up to here. Infinity where the host has no such stream. */
function completeUntil(host: HostRows, tables: readonly HostTable[]): Micros {
  const untils = streamsOf(host, tables).map((stream) =>
    Math.max(-Infinity, ...host.complete.filter((row) => row.stream === stream).map(({ until }) => until)),
  );
  return Math.min(Infinity, ...untils);
}

function isLost(host: HostRows, tables: readonly HostTable[], from: Micros, to: Micros): boolean {
  return host.lost.some((gap) => {
    const table = tableOf(host, gap.stream);
    return (table === undefined || tables.includes(table)) && gap.from <= to && gap.to >= from;
  });
}

function seenAgain(host: HostRows, after: Micros): Micros {
  return Math.min(Infinity, ...host.seen.map(({ from }) => from).filter((from) => from > after));
}

function isUnwatched(host: HostRows, from: Micros, to: Micros): boolean {
  if (host.seen.length > 0 && host.seen.every((seen) => seen.from > from)) return true;
  return host.timeouts.some(({ at }) => at <= to && seenAgain(host, at) >= from);
}

/** From which moment on, not before `from`, rows about sockets may be missing. */
function knownUntil(host: HostRows, from: Micros): Micros {
  const gaps = host.lost.filter(({ stream, to }) => {
    const table = tableOf(host, stream);
    return to >= from && (table === undefined || socketTables.includes(table));
  });
  const silences = host.timeouts.map(({ at }) => at).filter((at) => at >= from);
  return Math.min(Infinity, ...gaps.map((gap) => Math.max(gap.from, from)), ...silences);
}

type Had = 'surely' | 'maybe' | 'no';

/** Whether the host had the address all through [from, to]. Without a table of interfaces its sockets show its addresses. */
function hadAddress(host: HostRows, sockets: readonly Socket[], address: string, from: Micros, to: Micros): Had {
  const rows = host.table.flatMap((row) => (row.table === 'interface_addresses' ? [row] : []));
  if (rows.length === 0) return sockets.some(({ localAddress }) => localAddress === address) ? 'surely' : 'no';
  const changes = rows
    .filter(({ columns }) => columns.address !== undefined && canonicalAddress(columns.address) === address)
    .sort((a, b) => a.time - b.time || a.seq - b.seq);
  const end = (row: AnyTableRow): Micros => row.time + Math.max(row.resolution, 1) - 1;
  const spans = changes.flatMap((row, i) => {
    const isPeer = (other: typeof row): boolean => other.columns.interface === row.columns.interface;
    if (row.action === 'removed') {
      const isPaired = changes.slice(0, i).some((other) => isPeer(other) && other.action !== 'removed');
      return isPaired
        ? []
        : [{ lo: -Infinity, seen: row.since ?? Infinity, until: row.since ?? -Infinity, hi: end(row) }];
    }
    const gone = changes.slice(i + 1).find((other) => isPeer(other) && other.action === 'removed');
    const until = gone === undefined ? Infinity : (gone.since ?? -Infinity);
    return [{ lo: row.since ?? -Infinity, seen: end(row), until, hi: gone === undefined ? Infinity : end(gone) }];
  });
  const possible = spans.filter(({ lo, hi }) => lo <= to && hi >= from);
  if (possible.some(({ seen, until }) => seen <= from && until >= to)) return 'surely';
  return possible.length > 0 ? 'maybe' : 'no';
}

// ---- one end of one connection

interface Knowledge {
  readonly hasCalls: boolean;
  readonly hasAll: boolean;
  readonly socketsUntil: Micros;
  readonly areCallsLost: boolean;
  readonly isAnyLost: boolean;
  readonly isUnwatched: boolean;
  readonly firstLatest: Micros;
}

interface Answer {
  readonly end: ReferenceEnd;
  readonly rank: number;
}

function endOf(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
): ReferenceEnd {
  const { connection } = update;
  const local = connection[role === 'orig' ? 'id.orig_h' : 'id.resp_h'];
  if (role === 'resp' && isGroupAddress(local)) return nobody('not_local');
  const protocol = connection.proto === 'tcp' ? 6 : connection.proto === 'udp' ? 17 : undefined;
  const answers: Answer[] = [];
  let hasSocketStream = false;
  for (const host of hosts) {
    const query = queryOf(host, all, update, role, protocol ?? -1);
    const held = sockets.get(host.id)!;
    if (isLoopback(local) && host.id !== update.captureHost) continue;
    const had = isLoopback(local)
      ? 'surely'
      : hadAddress(host, held, local, query.first - query.err, query.first + query.err);
    const candidates = held.flatMap((socket): Candidate[] => {
      const isFull = socket.localPort !== undefined && socket.remotePort !== undefined;
      const match = matchSocket(query, socket);
      if (!match.matched || (!isFull && had === 'no')) return [];
      // What does not name the address may be meant for another host that had it then.
      const isSure = isFull || had === 'surely';
      return [{ host: host.id, socket, match: isSure ? match : { ...match, weight: 'possible' } }];
    });
    // A full tuple on record makes the host a suspect even where its times do not fit.
    const isSuspect = had !== 'no' || held.some((socket) => hasTuple(socket, query));
    if (!isSuspect) continue;
    hasSocketStream ||= streamsOf(host, socketTables).length > 0;
    if (protocol !== undefined) answers.push(answerOf(host, query, candidates, connection));
    else return nobody('unsupported_proto');
  }
  if (answers.length === 0) return nobody('no_agent');
  if (!hasSocketStream) return nobody('unsupported_proto');
  return combine(answers);
}

function hasTuple(socket: Socket, query: EndQuery): boolean {
  return (
    socket.protocol === query.protocol &&
    socket.localAddress === query.localAddress &&
    socket.localPort === query.localPort &&
    socket.remoteAddress === query.remoteAddress &&
    socket.remotePort === query.remotePort
  );
}

function queryOf(
  host: HostRows,
  all: readonly ConnectionUpdate[],
  update: ConnectionUpdate,
  role: Role,
  protocol: number,
): EndQuery {
  const { connection: c, capture } = update;
  const clock = clockOf(host, update);
  const same = all.filter((other) => other.capture === capture && isSamePair(other.connection, c));
  const firsts = same.map(({ connection }) => connection.ts);
  const isOrig = role === 'orig';
  return {
    role,
    protocol,
    localAddress: c[isOrig ? 'id.orig_h' : 'id.resp_h'],
    localPort: c[isOrig ? 'id.orig_p' : 'id.resp_p'],
    remoteAddress: c[isOrig ? 'id.resp_h' : 'id.orig_h'],
    remotePort: c[isOrig ? 'id.resp_p' : 'id.orig_p'],
    first: c.ts + clock.offset,
    last: c.ts + (c.duration ?? 0) + clock.offset,
    err: clock.err,
    opening: c.proto === 'tcp' && (c.history === undefined || /[SsHh]/.test(c.history)),
    answered: isAnswered(c),
    aloneSince: Math.max(-Infinity, ...firsts.filter((ts) => ts < c.ts)) + clock.offset,
    aloneUntil: Math.min(Infinity, ...firsts.filter((ts) => ts > c.ts)) + clock.offset,
  };
}

/** Somebody took the connection: there was an answer other than a refusal, or an acknowledgement of one that was not seen. */
function isAnswered({ proto, conn_state: state, history = '', resp_pkts: packets }: Connection): boolean {
  return proto === 'tcp' ? state !== 'REJ' && (packets > 0 || /[AD]/.test(history)) : packets > 0;
}

function isSamePair(a: Connection, b: Connection): boolean {
  const ends = (c: Connection): string =>
    [`${c['id.orig_h']} ${c['id.orig_p']}`, `${c['id.resp_h']} ${c['id.resp_p']}`].sort().join();
  return a.proto === b.proto && ends(a) === ends(b);
}

/** The measured clock of the connection's time; before the first sample the first. */
function clockOf(host: HostRows, update: ConnectionUpdate): { offset: Micros; err: Micros } {
  const samples = host.clocks
    .filter(({ capture }) => capture === update.capture)
    .sort((a, b) => a.from - b.from || a.err - b.err || a.offset - b.offset);
  const held = samples.filter(({ from }) => from <= update.connection.ts).at(-1) ?? samples[0];
  if (held !== undefined) return held;
  return { offset: 0, err: update.captureHost === host.id ? 1_000 : 2_000_000 };
}

function answerOf(host: HostRows, query: EndQuery, candidates: readonly Candidate[], connection: Connection): Answer {
  const { first, last, err, role } = query;
  const [firstLatest, lastLatest] = [first + err, Math.max(last, first) + err];
  const from = first - err - PROMPT;
  // A connect comes before the first packet; an accept may come as long as the connection lasts.
  const mayBeFlipped = connection.proto === 'tcp' && !(connection.history ?? 'S').startsWith('S');
  const eventsUntil = completeUntil(host, ['socket_events']);
  const socketsUntil = completeUntil(host, answerTables);
  const known: Knowledge = {
    hasCalls: eventsUntil >= (role === 'resp' || mayBeFlipped ? lastLatest : firstLatest),
    hasAll: Math.min(eventsUntil, socketsUntil) >= lastLatest,
    socketsUntil,
    areCallsLost: isLost(host, ['socket_events'], from, lastLatest),
    isAnyLost: isLost(host, socketTables, from, lastLatest),
    isUnwatched: isUnwatched(host, from, lastLatest),
    firstLatest,
  };
  return choose(candidates, known);
}

/** The best evidence of one host: full tuples by event, then by poll, then what has blanks. */
function choose(candidates: readonly Candidate[], known: Knowledge): Answer {
  const events = candidates.filter(({ match }) => match.rank === ranks.event);
  const polls = candidates.filter(({ match }) => match.rank === ranks.poll);
  const strong = events.filter(({ match }) => match.weight !== 'possible');
  if (strong.some(({ match }) => match.weight === 'certain')) return ownerOrTie(strong, polls);
  const incomplete = none(known.isUnwatched ? 'agent_offline' : 'agent_late');
  if (!known.hasCalls) return incomplete;
  if (strong.length > 0 && !known.areCallsLost && !known.isUnwatched) return ownerOrTie(strong, polls);
  const seen = polls.filter(({ match }) => match.weight === 'certain');
  if (seen.length > 0) {
    const latest = Math.max(known.firstLatest, ...seen.map(({ socket }) => socket.openHi));
    return known.socketsUntil >= latest ? chooseHolder(seen, candidates) : incomplete;
  }
  if (!known.hasAll) return incomplete;
  if (known.isUnwatched) return none('agent_offline');
  if (known.isAnyLost) return none('events_lost');
  return chooseWeaker(candidates);
}

/** A poll saw the connected socket. Calls with blanks tell which of its holders made it. */
function chooseHolder(seen: readonly Candidate[], candidates: readonly Candidate[]): Answer {
  const callers = candidates.filter(
    ({ match }) => match.weight === 'sole' && (match.rank === ranks.call || match.rank === ranks.near),
  );
  const called = seen.filter((holder) => callers.some((caller) => isSame(caller, holder)));
  if (called.length > 0 && isOneProcess(called)) return owner(called[0]!, seen);
  if (called.length === 0 && callers.length > 0) return tie([...seen, ...callers]);
  return holders(called.length > 0 ? called : seen, seen);
}

function chooseWeaker(candidates: readonly Candidate[]): Answer {
  if (candidates.length === 0) return none('no_socket_seen');
  const solid = candidates.filter(({ match }) => match.rank > ranks.poll && match.weight !== 'possible');
  const rank = Math.min(...(solid.length > 0 ? solid : candidates).map(({ match }) => match.rank));
  if (solid.length === 0) return tie(candidates.filter(({ match }) => match.rank === rank));
  const best = solid.filter(({ match }) => match.rank === rank);
  const isSure = best.some(({ match }) => match.weight === 'certain');
  const isStanding = (candidate: Candidate): boolean => candidate.match.rank < ranks.near;
  const rivals = candidates.filter((one) => {
    if (one.match.rank < rank) return true;
    // A socket that may have been opened too late leaves the connection to lesser ones.
    if (one.match.rank > rank) return !isSure && rank >= ranks.endpoint && isStanding(one);
    // A poll lists every holder of a port, so a call that it does not show has been closed since.
    return one.match.weight !== 'possible' || !isSure || isPolled(one.socket);
  });
  if (isOneProcess(rivals)) return owner(best[0]!, []);
  const { inode } = best[0]!.socket;
  const isOneSocket = inode !== undefined && rivals.every(({ socket }) => socket.inode === inode);
  return isOneSocket ? holders(rivals, rivals) : tie(rivals);
}

function isPolled(socket: Socket): boolean {
  return socket.source === 'open' || socket.source === 'listening';
}

function isSame(a: Candidate, b: Candidate): boolean {
  if (a.host !== b.host || a.socket.pid !== b.socket.pid) return false;
  // Calls of one pid that name different programs may be of two processes.
  return a.socket.path === undefined || b.socket.path === undefined || a.socket.path === b.socket.path;
}

function isOneProcess(candidates: readonly Candidate[]): boolean {
  return candidates.every((candidate) => isSame(candidate, candidates[0]!));
}

function processes(candidates: readonly Candidate[]): Holder[] {
  const distinct = candidates.filter((one, i) => candidates.findIndex((other) => isSame(one, other)) === i);
  return distinct.map(({ host, socket }) => ({ host, pid: socket.pid }));
}

function none(reason: Reason): Answer {
  return { end: nobody(reason), rank: Infinity };
}

function owner(candidate: Candidate, all: readonly Candidate[]): Answer {
  const { match, host, socket } = candidate;
  const sharers = processes(all.filter((other) => !isSame(other, candidate)));
  const end = { kind: 'owner', method: match.method, owner: { host, pid: socket.pid }, sharers } as const;
  return { end, rank: match.rank };
}

function tie(candidates: readonly Candidate[]): Answer {
  const rank = Math.min(...candidates.map(({ match }) => match.rank));
  return { end: { kind: 'tie', candidates: processes(candidates) }, rank };
}

function ownerOrTie(candidates: readonly Candidate[], polls: readonly Candidate[]): Answer {
  return isOneProcess(candidates) ? owner(candidates[0]!, polls) : tie(candidates);
}

/** Of several holders the one that surely had the socket first owns it. */
function holders(among: readonly Candidate[], all: readonly Candidate[]): Answer {
  const first = among.filter(({ socket }) => !among.some((other) => other.socket.openHi < socket.openLo));
  if (isOneProcess(first)) return owner(first[0]!, all);
  const rank = Math.min(...first.map(({ match }) => match.rank));
  return { end: { kind: 'holders', first: processes(first), all: processes(all) }, rank };
}

/** Nothing was seen only where every host that may have had the address was watched and told all; else the lack is the reason. */
const lacks: readonly Reason[] = ['agent_offline', 'agent_late', 'events_lost', 'no_socket_seen'];

/** The answer of the host that knows best; hosts that know equally well leave it open. */
function combine(answers: readonly Answer[]): ReferenceEnd {
  const rank = Math.min(...answers.map((answer) => answer.rank));
  const best = answers.filter((answer) => answer.rank === rank).map(({ end }) => end);
  if (rank === Infinity) {
    return nobody(lacks.find((lack) => best.some((end) => end.kind === 'nobody' && end.reason === lack))!);
  }
  if (best.length === 1) return best[0]!;
  const candidates = best.flatMap((end): readonly Holder[] => {
    if (end.kind === 'owner') return [end.owner];
    if (end.kind === 'holders') return end.first;
    return end.kind === 'tie' ? end.candidates : [];
  });
  return { kind: 'tie', candidates };
}
