import { type Micros, SECOND } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { PidKnowledge } from '../hosts/state/pid-knowledge.js';
import type { ProcessMoment } from '../hosts/state/process-history.js';
import type { Process } from '../records/attributed-connection.js';
import { shownProcess } from './end-record.js';
import type { ImageRow } from './owned-end.js';

/** Who made a call, as far as the rows about processes tell. */
export interface Caller {
  /** As lines show it; shared by all calls of it. */
  readonly process: Process;
  /** The rows tell for sure which process it was. */
  readonly isFound: boolean;
  readonly uid: number | undefined;
  readonly container: string | undefined;
  readonly image: ImageRow | undefined;
}

/** A caller with all that it was worked out from. */
interface Remembered extends Caller {
  readonly path: string | undefined;
  /** Every call of the pid between these moments has this caller, as long as nothing of that knowledge is stale. */
  readonly from: Micros;
  readonly to: Micros;
  /** After which the host had lost nothing then; see StreamProgress. */
  readonly wholeAfter: Micros;
  readonly knowledge: readonly PidKnowledge[];
}

/** A process that began so lately is mostly a short-lived one, which calls once. */
const LATELY: Micros = SECOND;

/**
 * Who made a call of `pid` within [lo, hi] (host clock); `path` is what the call says that it ran. All rows about that time must be there.
 *
 * Most calls are of processes that make many. Looking them and their ancestors up gives the same as long as no row about them comes or goes
 * and no row tells of anything between the one call and the other, hence it is done once.
 */
export function callerOf(host: HostState, pid: number, lo: Micros, hi: Micros, path: string | undefined): Caller {
  const known = host.processes.pids.ifAny(pid)?.found as Remembered | undefined;
  if (known !== undefined && known.path === path && isCalm(known, host, lo, hi)) return known;
  const found = surelyAt(host, pid, lo, hi, path);
  const asked = [pid];
  const caller: Caller = {
    process: shownProcess(host, pid, path, found, hi, asked),
    isFound: found !== undefined,
    uid: found?.uid,
    container: found?.container,
    image: found?.image && { handle: found.image.handle, stamp: found.image.stamp },
  };
  const isYoung = found?.startHi !== undefined && lo - found.startHi <= LATELY;
  if (!isYoung) remember(host, caller, asked, lo, hi, path);
  return caller;
}

/** Whether it is the caller of every call in the span. */
function isCalm({ from, to, wholeAfter, knowledge }: Remembered, { progress }: HostState, lo: Micros, hi: Micros) {
  return from < lo && hi < to && wholeAfter === progress.wholeAfter && !knowledge.some(isStale);
}

function isStale(knowledge: PidKnowledge): boolean {
  return knowledge.isStale;
}

/** The process as a call alone tells of it. */
export function toldProcess(host: HostState, pid: number, path: string | undefined): Process {
  const knowledge = host.processes.pids.ifAny(pid);
  const known = knowledge?.told as Process | undefined;
  if (known !== undefined && known.path === path) return known;
  const process = shownProcess(host, pid, path, undefined, Infinity);
  if (knowledge !== undefined) knowledge.told = process;
  return process;
}

/** Who had the pid then; undefined when the rows do not tell for sure. */
function surelyAt(host: HostState, pid: number, lo: Micros, hi: Micros, path: string | undefined) {
  const found: ProcessMoment | undefined = host.processes.at(pid, lo, hi, path);
  return found === undefined || isLost(host, found, hi) ? undefined : found;
}

/** Whether a row may be missing that tells that another process has the pid by then. */
function isLost({ progress }: HostState, { startLo, image }: ProcessMoment, by: Micros): boolean {
  return progress.areProcessesLost(startLo ?? image?.time ?? -Infinity, by);
}

function remember(
  host: HostState,
  caller: Caller,
  asked: readonly number[],
  lo: Micros,
  hi: Micros,
  path: string | undefined,
): void {
  // Ancestors are read as of the last possible moment of the call.
  const calm = calmOf(host, asked, lo, hi, hi);
  if (calm === undefined) return;
  const { process, isFound, uid, container, image } = caller;
  const knowledge = asked.map((pid) => host.processes.pids.of(pid));
  const { wholeAfter } = host.progress;
  const remembered: Remembered = { process, isFound, uid, container, image, path, ...calm, knowledge, wholeAfter };
  knowledge[0]!.found = remembered;
}

/** The span around [lo, hi] in which nothing happened to the first of the pids, nor around [ofOthers, hi] to the others. */
function calmOf(host: HostState, pids: readonly number[], lo: Micros, hi: Micros, ofOthers: Micros) {
  // A loss is asked for by the time of the call, and who watches anew tells of processes anew.
  let [from, to] = [host.progress.wholeAfter, Infinity];
  if (from >= lo) return undefined;
  for (const [place, pid] of pids.entries()) {
    const history = host.processes.history(pid);
    if (history === undefined) continue;
    const calm = history.calmAround(place === 0 ? lo : ofOthers, hi);
    // What is said of a pid may change as the streams go on past what its rows tell.
    if (calm === undefined || history.lastTold > host.progress.detailsUntil) return undefined;
    from = Math.max(from, calm.from);
    to = Math.min(to, calm.to);
  }
  return { from, to };
}

/**
 * Who had the pid at a moment, on a host that lost nothing since before `lo` and has told everything until `hi`, and so all the time from `lo` to `hi`. Undefined where something may have
 * happened to the process, or to an ancestor, in between.
 */
export function standingCaller(
  host: HostState,
  pid: number,
  moment: Micros,
  lo: Micros,
  hi: Micros,
): Caller | undefined {
  const known = host.processes.pids.of(pid).seen as Remembered | undefined;
  if (known !== undefined && isCalm(known, host, lo, hi)) return known;
  const found = host.processes.at(pid, moment, moment);
  if (found !== undefined && isLost(host, found, moment)) return undefined;
  const asked = [pid];
  const process = shownProcess(host, pid, undefined, found, moment, asked);
  const calm = calmOf(host, asked, lo, hi, lo);
  if (calm === undefined) return undefined;
  host.processes.dependOn(asked);
  const knowledge = asked.map((one) => host.processes.pids.of(one));
  const { uid, container } = found ?? {};
  const image = found?.image && { handle: found.image.handle, stamp: found.image.stamp };
  const remembered: Remembered = {
    process,
    isFound: found !== undefined,
    uid,
    container,
    image,
    path: undefined,
    ...calm,
    knowledge,
    wholeAfter: host.progress.wholeAfter,
  };
  knowledge[0]!.seen = remembered;
  return remembered;
}
