import type { Micros } from '../../core/time.js';
import { TAKEN } from './host-columns.js';
import type { HostContext } from './host-context.js';
import { KnownPids } from './pid-knowledge.js';
import { type PidHistory, type ProcessMoment, START_SLACK } from './process-history.js';
import type { ProcessRow } from './process-record.js';
import type { StreamProgress } from './stream-progress.js';

const MAX_PID = 0x7fff_ffff;

/** The processes of one host, as far as its rows tell. */
export class HostProcesses {
  readonly #context: HostContext;
  readonly #host: number;
  readonly #progress: StreamProgress;
  /** By pid, up to when rows about it were forgotten at the bound. A sweep drops the pids of which no row is left. */
  #gone: Map<number, Micros> | undefined;
  /** What is worked out of its pids. */
  readonly pids: KnownPids;

  constructor(context: HostContext, host: number, progress: StreamProgress) {
    this.#context = context;
    this.#host = host;
    this.#progress = progress;
    this.pids = new KnownPids(context.processes, host);
  }

  /** Rows kept. */
  get rows(): number {
    return this.#context.processes.count(this.#host);
  }

  /** Pids of which rows had to be forgotten at the bound. */
  get partialPids(): number {
    return this.#gone?.size ?? 0;
  }

  /** Takes a row. Returns whether it told something new; one with a pid that none can have is ignored and counted. */
  add(row: ProcessRow): boolean {
    const { processes, counters, limits, columns } = this.#context;
    const { pid } = row.columns;
    if (pid === undefined || !Number.isInteger(pid) || pid < 0 || pid > MAX_PID) {
      counters.rowsIgnored++;
      return false;
    }
    const added = processes.add(this.#host, pid, row);
    if (added === 'known') return false;
    if (added === 'outdates') this.#outdate(pid);
    columns.increment(this.#host, TAKEN);
    if (this.rows > limits.processRows) {
      const { pid: of, hi } = processes.forgetOldest(this.#host);
      this.#gone ??= new Map();
      this.#gone.set(of, Math.max(hi, this.#gone.get(of) ?? hi));
      this.#outdate(of);
      counters.processRowsEvicted++;
    }
    return true;
  }

  /** See PidHistory.at. */
  at(pid: number, from: Micros, to: Micros, path?: string): ProcessMoment | undefined {
    const gone = this.#gone?.get(pid);
    const { watch } = this.#progress;
    const history = this.#context.processes.history(this.#host, pid, gone !== undefined);
    const found = watch.isOneRun ? history?.at(from, to, path) : history && this.#inItsRun(history, from, to, path);
    if (found === undefined) return undefined;
    // It may have begun later in that second: the poll that saw it also tells who had the pid before.
    const { startHi = -Infinity, toldAt = -Infinity } = found;
    if (startHi > from && toldAt > this.#progress.processesUntil) return undefined;
    if (gone === undefined) return found;
    // Its end, or the birth of the next process with the pid, may be among what was forgotten.
    return (found.startLo ?? -Infinity) > gone ? found : undefined;
  }

  /**
   * As PidHistory.at, by the rows of the run of the moment: who watches anew tells of every process anew, and not what became of those before. Of a
   * moment between two runs only that is known which both tell.
   */
  #inItsRun(history: PidHistory, from: Micros, to: Micros, path: string | undefined): ProcessMoment | undefined {
    const { watch } = this.#progress;
    const span = watch.spanOf(to);
    const told = history.within(span).at(from, to, path);
    if (told === undefined || span.after < to) return told;
    const before = history.within(watch.spanBefore(span)).at(from, to, path);
    return before !== undefined && isSame(before, told) ? told : undefined;
  }

  /** What rows tell of the pid, complete or not; undefined: nothing. */
  history(pid: number): PidHistory | undefined {
    return this.#context.processes.history(this.#host, pid, this.#gone?.has(pid));
  }

  /** Who the first of the pids was, of a socket that stands, was found out from rows about all of them. */
  dependOn(pids: readonly number[]): void {
    if (!this.pids.addElders(pids)) this.#context.standing.ofHost(this.#host);
  }

  /** Lets go of processes that ended before `horizon`. */
  prune(horizon: Micros): void {
    const { processes } = this.#context;
    processes.prune(this.#host, horizon, this.#progress.processesToldAnew(horizon));
    this.pids.outdateAll();
    if (this.#gone === undefined) return;
    for (const pid of this.#gone.keys()) {
      if (processes.history(this.#host, pid) === undefined) this.#gone.delete(pid);
    }
  }

  #outdate(pid: number): void {
    const { standing } = this.#context;
    this.pids.outdate(pid);
    standing.ofPid(this.#host, pid);
    if (this.pids.isElder(pid)) standing.ofHost(this.#host);
  }
}

/** Whether both tell of one process, which runs the same. */
function isSame(a: ProcessMoment, b: ProcessMoment): boolean {
  if (a.start === undefined || b.start === undefined || Math.abs(a.start - b.start) > START_SLACK) return false;
  return a.path === b.path && a.cmdline === b.cmdline && a.uid === b.uid;
}
