import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import { type ProcessMoment, START_SLACK } from '../hosts/state/process-history.js';
import type { AttributedEnd, End, Method, Process, Reason } from '../records/attributed-connection.js';
import type { Candidate } from './candidate.js';
import type { HostClock } from './host-clocks.js';
import type { OwnerChoice, Tied } from './owner-choice.js';

/** Ancestors told at most; a chain this long is a loop of reused pids rather than a family. */
const MAX_ANCESTORS = 16;

export const pending: End = Object.freeze({ state: 'pending' });
/** Ends without an owner and without a host are shared: most connections of a network without watched hosts have them. */
export const noAgent: End = Object.freeze({ state: 'unattributed', reason: 'no_agent' });
export const group: End = Object.freeze({ state: 'unattributed', reason: 'group' });
export const notLocal: End = Object.freeze({ state: 'unattributed', reason: 'not_local' });

export function unattributed(reason: Reason, host: HostState): End {
  return { state: 'unattributed', reason, host: { id: host.id } };
}

/** What an owner is looked up with. */
export interface OwnerContext {
  readonly clock: HostClock;
  /** First packet, host clock. */
  readonly first: Micros;
  /** Last moment that may belong to the connection, host clock. */
  readonly lastLatest: Micros;
  /** Rows about the processes of that time are all there; else only what the socket's row says is told. */
  readonly hasDetails: boolean;
}

/**
 * The last possible moment at which to read who a socket's process was: the call where an event tells of one, else the first packet,
 * but not before the socket was seen nor after.
 */
export function latestMoment(socket: HeldSocket, first: Micros): Micros {
  const { openHi, closeLo, row } = socket;
  if (row.action === 'event' || first < openHi) return openHi;
  return first <= closeLo ? first : closeLo + Math.max(socket.resolution, 1) - 1;
}

/** The first possible such moment. */
export function earliestMoment(socket: HeldSocket, first: Micros): Micros {
  const { openHi, closeLo, row } = socket;
  if (row.action === 'event') return socket.openLo;
  if (first < openHi) return openHi - Math.max(socket.resolution, 1) + 1;
  return first <= closeLo ? first : closeLo;
}

/** Who had the socket's pid then; undefined when the rows do not tell for sure. */
export function processOf({ host, socket }: Candidate, context: OwnerContext): ProcessMoment | undefined {
  if (!context.hasDetails) return undefined;
  const latest = latestMoment(socket, context.first);
  const found = host.processAt(socket.pid, earliestMoment(socket, context.first), latest, socket.path);
  if (found === undefined) return undefined;
  if (isBornAfter(found, socket)) return undefined;
  const since = found.startLo ?? found.rows[0]?.time ?? -Infinity;
  return host.progress.areProcessesLost(since, latest) ? undefined : found;
}

/** Whether a poll had seen the socket in the hands of its pid before this process was born, so that another one held it. */
function isBornAfter({ startLo, startHi }: ProcessMoment, { row, openHi }: HeldSocket): boolean {
  if (startLo === undefined || row.action === 'event') return false;
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
    return other?.start === found?.start && other?.rows[0] === found?.rows[0];
  });
  return isOne ? found : undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The end of an owner that was chosen; `found` is its process, where that was looked up already. */
export function attributed(
  { owner, method, sharers, calls = [] }: OwnerChoice,
  context: OwnerContext,
  found = processOfAll(owner, calls, context),
): AttributedEnd {
  return ownedBy(owner, method, sharers, context, found);
}

function ownedBy(
  candidate: Candidate,
  method: Method,
  sharers: readonly Candidate[],
  context: OwnerContext,
  found: ProcessMoment | undefined,
): AttributedEnd {
  const { host, socket } = candidate;
  const { clock } = context;
  const end: Partial<Mutable<AttributedEnd>> = {
    state: 'attributed',
    method,
    host: host.shown,
  };
  if (clock.measured) end.clock = clock.shown;
  end.process = processRecord(candidate, found, context);
  const uid = socket.uid ?? found?.uid;
  if (uid !== undefined) {
    const name = host.userName(uid);
    end.user = name === undefined ? { uid } : { uid, name };
  }
  if (sharers.length > 0) end.sharers = sharers.map((sharer) => sharerRecord(sharer, context));
  end.evidence = found === undefined ? socket.rows : [...socket.rows, ...found.rows];
  return end as AttributedEnd;
}

export function ambiguous(tied: readonly Tied[], contextOf: (candidate: Candidate) => OwnerContext): End {
  return {
    state: 'ambiguous',
    candidates: tied.map(({ candidate, tie }) => {
      const context = contextOf(candidate);
      const { openLo, closeHi } = candidate.socket;
      const { state: _, ...owner } = ownedBy(
        candidate,
        candidate.match.method,
        [],
        context,
        processOf(candidate, context),
      );
      return {
        ...owner,
        ...(openLo !== -Infinity && { from: openLo - context.clock.offset }),
        // Whether it closed after the connection changes nothing, and may not be known yet.
        ...(closeHi <= context.lastLatest && { to: closeHi - context.clock.offset }),
        tie,
      };
    }),
  };
}

function processRecord(candidate: Candidate, found: ProcessMoment | undefined, context: OwnerContext): Process {
  const { host, socket } = candidate;
  const path = socket.path ?? found?.path;
  const process: Mutable<Process> = { pid: socket.pid };
  const name = path === undefined ? found?.name : baseName(path);
  if (found?.start !== undefined) process.start = found.start;
  if (name !== undefined) process.name = name;
  if (path !== undefined) process.path = path;
  if (found === undefined) return process;
  if (found.cmdline !== undefined) process.cmdline = found.cmdline;
  if (found.cwd !== undefined) process.cwd = found.cwd;
  const ancestors = ancestorsOf(host, found, latestMoment(socket, context.first));
  if (ancestors.length > 0) process.ancestors = ancestors;
  return process;
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
function ancestorsOf(host: HostState, child: ProcessMoment, moment: Micros): Ancestor[] {
  const out: Ancestor[] = [];
  let current = child;
  while (out.length < MAX_ANCESTORS && current.parent !== undefined && current.parent !== current.pid) {
    const { parent: pid } = current;
    // A loop shows that a pid passed on unseen, at whichever link: only what the owner's own row tells is left.
    if (pid === child.pid || out.some((known) => known.pid === pid)) return [{ pid: child.parent! }];
    const parent = parentAt(host, pid, current, moment);
    if (parent === undefined) {
      out.push({ pid });
      break;
    }
    const name = parent.path === undefined ? parent.name : baseName(parent.path);
    out.push({
      pid,
      ...(parent.start !== undefined && { start: parent.start }),
      ...(name !== undefined && { name }),
      ...(parent.path !== undefined && { path: parent.path }),
      ...(parent.cmdline !== undefined && { cmdline: parent.cmdline }),
    });
    current = parent;
  }
  return out;
}

/** Who had the parent's pid when the child started, or when it was seen to run what it ran, where nothing tells its start. */
function parentAt(host: HostState, pid: number, child: ProcessMoment, moment: Micros): ProcessMoment | undefined {
  const row = child.rows[0];
  if (child.startLo === undefined) {
    return row?.table === 'process_events' ? host.processAt(pid, row.time, row.time + row.resolution - 1) : undefined;
  }
  // A poll names the parent of that moment, who is alive: an orphan has been given another one.
  const seen = row?.table === 'processes' && row.action === 'added' ? row.time : undefined;
  const atPoll = seen === undefined ? undefined : host.processAt(pid, seen, seen);
  if (atPoll?.startLo !== undefined && atPoll.startLo <= (child.startHi ?? child.startLo)) {
    if (host.progress.areProcessesLost(atPoll.startLo, seen!)) return undefined;
    const now = host.processAt(pid, moment, moment);
    return now?.start === atPoll.start ? now : atPoll;
  }
  const atBirth = host.processAt(pid, child.startLo, child.startHi ?? child.startLo);
  if (atBirth?.startLo === undefined) return undefined;
  // Within one second of a poll the pid may have passed from the parent to this process.
  if ((atBirth.startHi ?? atBirth.startLo) >= child.startLo) return undefined;
  if (host.progress.areProcessesLost(atBirth.startLo, child.startLo)) return undefined;
  const now = host.processAt(pid, moment, moment);
  return now?.start === atBirth.start ? now : atBirth;
}

/** Whether `ancestor` had forked, directly or not, the process `of`. */
export function isAncestor(ancestor: Candidate, of: Candidate, context: OwnerContext): boolean {
  if (ancestor.host !== of.host) return false;
  if (!context.hasDetails) return false;
  const earliest = earliestMoment(of.socket, context.first);
  // Within the second of a poll a process may end; whose child it was is settled by its start.
  const child = processOf(of, context) ?? of.host.processAt(of.socket.pid, earliest, earliest);
  if (child === undefined) return false;
  const elder = processOf(ancestor, context);
  return ancestorsOf(of.host, child, latestMoment(of.socket, context.first)).some(
    ({ pid, start }) => pid === ancestor.socket.pid && (start === undefined || elder?.start === start),
  );
}
