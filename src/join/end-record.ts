import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import { type ProcessMoment, START_SLACK } from '../hosts/state/process-history.js';
import type { SocketRecord } from '../hosts/state/socket-record.js';
import type { End, Method, Nat, Process } from '../records/attributed-connection.js';
import type { Reason } from '../records/reason.js';
import { ShownProcess } from '../records/shown-process.js';
import type { Candidate } from './candidate.js';
import type { Role } from './end-query.js';
import type { HostClock } from './host-clocks.js';
import { OwnedEnd, type User } from './owned-end.js';
import type { OwnerChoice, Tied } from './owner-choice.js';
import type { Stitch } from './stitch.js';
import { ambiguousEnd, tiedEnd } from './tied-end.js';

/** Ancestors told at most; a chain this long is a loop of reused pids rather than a family. */
const MAX_ANCESTORS = 16;

export const pending: End = Object.freeze({ state: 'pending' });
/** Ends without an owner and without a host are shared: most connections of a network without watched hosts have them. */
export const noAgent: End = Object.freeze({ state: 'unattributed', reason: 'no_agent' });
export const group: End = Object.freeze({ state: 'unattributed', reason: 'group' });
export const notLocal: End = Object.freeze({ state: 'unattributed', reason: 'not_local' });

type Unattributed = Extract<End, { state: 'unattributed' }>;
type PacketSocketHolder = NonNullable<Unattributed['packet_sockets']>[number];

export function unattributed(reason: Reason, host: HostState): Unattributed {
  return { state: 'unattributed', reason, host: { id: host.id } };
}

/** The end with the endpoints that it has behind the translation. */
export function translated(end: End, { gateway, packets }: Extract<Stitch, { kind: 'inner' }>): End {
  if (end.state === 'pending') return end;
  const nat: Nat = {
    host: { id: gateway.id },
    address: packets.destination,
    port: packets.destinationPort,
    peer_address: packets.source,
    peer_port: packets.sourcePort,
  };
  if (end instanceof OwnedEnd) {
    end.nat = nat;
    return end;
  }
  const isUnknown = end.state === 'unattributed' && end.reason === 'no_agent';
  return { ...(isUnknown ? unattributed('nat', gateway) : end), nat };
}

/** Packet sockets told of one end at most. */
const MAX_PACKET_SOCKETS = 16;

/** Packets of a host that no socket of it sent, with who held packet sockets then. */
export function unaccounted(host: HostState, { first, lastLatest, clock: { err } }: OwnerContext): End {
  const end = unattributed('no_socket_seen', host);
  const holders = host.packetSockets.holders(first - err, lastLatest).slice(0, MAX_PACKET_SOCKETS);
  if (holders.length === 0) return end;
  return { ...end, packet_sockets: holders.map(({ pid, seen }) => holderRecord(host, pid, seen)) };
}

function holderRecord(host: HostState, pid: number, seen: Micros): PacketSocketHolder {
  const found = host.processes.at(pid, seen, seen);
  const name = found?.path === undefined ? found?.name : baseName(found.path);
  return {
    pid,
    ...(found?.start !== undefined && { start: found.start }),
    ...(name !== undefined && { name }),
    ...(found?.path !== undefined && { path: found.path }),
    ...(found?.cmdline !== undefined && { cmdline: found.cmdline }),
  };
}

/** What an owner is looked up with. */
export interface OwnerContext {
  readonly clock: HostClock;
  readonly role: Role;
  /** First packet, host clock. */
  readonly first: Micros;
  /** Last moment that may belong to the connection, host clock. */
  readonly lastLatest: Micros;
  /** Whether the rows about who had the socket are all there; else only what its own row says is told. */
  hasDetailsOf(socket: HeldSocket): boolean;
}

/**
 * The last possible moment at which to read who a socket's process was: the call where an event tells of one, else the first packet,
 * but not before the socket was seen nor after.
 */
export function latestMoment(socket: HeldSocket, first: Micros): Micros {
  const { openHi, closeLo } = socket;
  if (socket.isCall || first < openHi) return openHi;
  return first <= closeLo ? first : closeLo + Math.max(socket.resolution, 1) - 1;
}

/** The first possible such moment. */
export function earliestMoment(socket: HeldSocket, first: Micros): Micros {
  const { openHi, closeLo } = socket;
  if (socket.isCall) return socket.openLo;
  if (first < openHi) return openHi - Math.max(socket.resolution, 1) + 1;
  return first <= closeLo ? first : closeLo;
}

/** Who had the socket's pid then; undefined when the rows do not tell for sure. */
export function processOf(candidate: Candidate, context: OwnerContext): ProcessMoment | undefined {
  const { host, socket } = candidate;
  if (!context.hasDetailsOf(socket)) return undefined;
  const latest = latestMoment(socket, context.first);
  const found = host.processes.at(socket.pid, earliestMoment(socket, context.first), latest, socket.path);
  if (found === undefined) return undefined;
  if (isBornAfter(found, socket)) return undefined;
  const since = found.startLo ?? found.image?.time ?? -Infinity;
  return host.progress.areProcessesLost(since, latest) ? undefined : asUserOfCall(candidate, context, found);
}

/**
 * The process as the user that it was at the call, which a poll does not tell and sees later. What begins a connection sends its first packet
 * in the call; who takes one does so after it, and before the look. Unchanged where nothing tells that the process ran the same then.
 */
function asUserOfCall(
  { host, socket }: Candidate,
  { role, first, clock: { err } }: OwnerContext,
  found: ProcessMoment,
): ProcessMoment {
  if (socket.isCall || first > socket.closeLo) return found;
  const from = first - err;
  if (role === 'resp' && from <= earliestMoment(socket, first)) return found;
  const to = role === 'orig' ? first + err : latestMoment(socket, first);
  const then = from > to ? undefined : host.processes.at(socket.pid, from, to, socket.path);
  if (then === undefined || then.start !== found.start || then.image?.handle !== found.image?.handle) return found;
  return asUser(found, then.uid);
}

function asUser({ uid: _, ...moment }: ProcessMoment, uid: number | undefined): ProcessMoment {
  return uid === undefined ? moment : { ...moment, uid };
}

/** Whether a poll had seen the socket in the hands of its pid before this process was born, so that another one held it. */
function isBornAfter({ startLo, startHi }: ProcessMoment, { isCall, openHi }: HeldSocket): boolean {
  if (startLo === undefined || isCall) return false;
  return startLo > openHi + (startHi === startLo ? 0 : START_SLACK);
}

/** Who had the pid at each of the calls, where that is one and the same process with one image. */
function processOfAll(
  candidate: Candidate,
  calls: readonly Candidate[],
  context: OwnerContext,
): ProcessMoment | undefined {
  const found = processOf(candidate, context);
  const isOne = calls.every((call) => {
    const other = call === candidate ? found : processOf(call, context);
    return other?.start === found?.start && other?.image?.handle === found?.image?.handle;
  });
  return isOne ? found : undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The end of an owner that was chosen; `found` is its process, where that was looked up already. */
export function attributed(
  { owner, method, sharers, calls = [] }: OwnerChoice,
  context: OwnerContext,
  found = processOfAll(owner, calls, context),
): OwnedEnd {
  return ownedBy(owner, method, sharers, context, found);
}

function ownedBy(
  candidate: Candidate,
  method: Method,
  sharers: readonly Candidate[],
  context: OwnerContext,
  found: ProcessMoment | undefined,
): OwnedEnd {
  const { host, socket } = candidate;
  const { clock } = context;
  const user = userOf(candidate, found);
  const [first, ...others] = socket.records as [SocketRecord, ...SocketRecord[]];
  const { rows, handle } = first;
  return new OwnedEnd(
    method,
    host.shownAt(first.boot, first.lo),
    clock.measured ? clock.shown : undefined,
    shownProcess(host, socket.pid, socket.path, found, latestMoment(socket, context.first)),
    user,
    found?.container,
    sharers.map((sharer) => sharerRecord(sharer, context)),
    rows,
    handle,
    rows.stamp(handle),
    found?.image,
    others.length === 0 ? undefined : others.flatMap((other) => [other.handle, rows.stamp(other.handle)]),
  );
}

function userOf({ host, socket }: Candidate, found: ProcessMoment | undefined): User | undefined {
  const uid = socket.uid ?? found?.uid;
  return uid === undefined ? undefined : host.user(uid);
}

export function ambiguous(tied: readonly Tied[], contextOf: (candidate: Candidate) => OwnerContext): End {
  const shown = tied.map(({ candidate, tie }) => {
    const context = contextOf(candidate);
    const { host, socket, match } = candidate;
    const { openLo, closeHi } = socket;
    const owner = ownedBy(candidate, match.method, [], context, processOf(candidate, context));
    const { offset } = context.clock;
    const from = openLo === -Infinity ? undefined : openLo - offset;
    // Whether it closed after the connection changes nothing, and may not be known yet.
    const to = closeHi <= context.lastLatest ? closeHi - offset : undefined;
    return tiedEnd(host, socket.pid, owner, from, to, tie);
  });
  const [{ candidate: first }] = tied as [Tied];
  return ambiguousEnd(first.host, first.socket.pid, shown);
}

/**
 * A process as lines show it: `path` is what its call says that it ran, `found` what other rows tell, `moment` when its ancestors are read.
 * Every pid whose rows are looked at besides is added to `asked`.
 */
export function shownProcess(
  host: HostState,
  pid: number,
  told: string | undefined,
  found: ProcessMoment | undefined,
  moment: Micros,
  asked: number[] = [],
): Process {
  const path = told ?? found?.path;
  const name = path === undefined ? found?.name : baseName(path);
  const ancestors = found === undefined ? [] : ancestorsOf(host, found, moment, asked);
  return new ShownProcess(pid, found?.start, name, path, found?.cmdline, found?.cwd, ancestors);
}

/** The last part of a path, of Linux or Windows. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function sharerRecord(sharer: Candidate, context: OwnerContext): { pid: number; start?: number } {
  const start = processOf(sharer, context)?.start;
  return { pid: sharer.socket.pid, ...(start !== undefined && { start }) };
}

type Ancestor = NonNullable<Process['ancestors']>[number];

/** Parent first. A parent is who had its pid when the child started; its image is that of `moment`, or its last one. */
function ancestorsOf(host: HostState, child: ProcessMoment, moment: Micros, asked: number[] = []): Ancestor[] {
  const out: Ancestor[] = [];
  let current = child;
  while (out.length < MAX_ANCESTORS && current.parent !== undefined && current.parent !== current.pid) {
    const { parent: pid } = current;
    // A loop shows that a pid passed on unseen, at whichever link: only what the owner's own row tells is left.
    if (pid === child.pid || out.some((known) => known.pid === pid)) return [{ pid: child.parent! }];
    asked.push(pid);
    const parent = parentAt(host, pid, current, moment);
    if (parent === undefined) {
      out.push({ pid });
      break;
    }
    const name = parent.path === undefined ? parent.name : baseName(parent.path);
    const ancestor: Mutable<Ancestor> = { pid };
    if (parent.start !== undefined) ancestor.start = parent.start;
    if (name !== undefined) ancestor.name = name;
    if (parent.path !== undefined) ancestor.path = parent.path;
    if (parent.cmdline !== undefined) ancestor.cmdline = parent.cmdline;
    out.push(ancestor);
    current = parent;
  }
  // Without the room that was made for more: many are kept.
  return out.slice();
}

/** Who had the parent's pid when the child started, or when it was seen to run what it ran, where nothing tells its start. */
function parentAt(host: HostState, pid: number, child: ProcessMoment, moment: Micros): ProcessMoment | undefined {
  const { image } = child;
  if (child.startLo === undefined) {
    if (image?.table !== 'process_events') return undefined;
    return host.processes.at(pid, image.time, image.time + image.resolution - 1);
  }
  const atBirth = host.processes.at(pid, child.startLo, child.startHi ?? child.startLo);
  // A poll names the parent of that moment, who is alive: an orphan has been given another one.
  const seen = image?.table === 'processes' && image.isAdded ? image.time : undefined;
  const atPoll = seen === undefined ? undefined : host.processes.at(pid, seen, seen);
  if (atPoll?.startLo !== undefined && atPoll.startLo <= (child.startHi ?? child.startLo)) {
    if (host.progress.areProcessesLost(atPoll.startLo, seen!)) return undefined;
    if (atBirth !== undefined && atBirth.start === atPoll.start) return latestOf(host, pid, atBirth, moment);
    const now = moment < seen! ? host.processes.at(pid, moment, moment) : undefined;
    return now?.start === atPoll.start ? now : latestOf(host, pid, atPoll, moment);
  }
  if (atBirth?.startLo === undefined) return undefined;
  // Within one second of a poll the pid may have passed from the parent to this process.
  if ((atBirth.startHi ?? atBirth.startLo) >= child.startLo) return undefined;
  if (host.progress.areProcessesLost(atBirth.startLo, child.startLo)) return undefined;
  return latestOf(host, pid, atBirth, moment);
}

/**
 * The process as it was at a later moment, or at last. Where no forks are told, what ran since with another parent may be the next process of the pid:
 * an orphan's is mostly 1.
 */
function latestOf(host: HostState, pid: number, then: ProcessMoment, moment: Micros): ProcessMoment {
  const now = host.processes.at(pid, moment, moment);
  if (now === undefined || now.start !== then.start) return then;
  return now.parent === then.parent || now.parent === 1 ? now : then;
}

/** Whether `ancestor` had forked, directly or not, the process `of`. */
export function isAncestor(ancestor: Candidate, of: Candidate, context: OwnerContext): boolean {
  if (ancestor.host !== of.host) return false;
  if (!context.hasDetailsOf(ancestor.socket) || !context.hasDetailsOf(of.socket)) return false;
  const earliest = earliestMoment(of.socket, context.first);
  // Within the second of a poll a process may end; whose child it was is settled by its start.
  const child = processOf(of, context) ?? of.host.processes.at(of.socket.pid, earliest, earliest);
  if (child === undefined) return false;
  const elder = processOf(ancestor, context);
  return ancestorsOf(of.host, child, latestMoment(of.socket, context.first)).some(
    ({ pid, start }) => pid === ancestor.socket.pid && (start === undefined || elder?.start === start),
  );
}
