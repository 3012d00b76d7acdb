import { limits } from '../core/limits.js';
import type { Columns } from '../records/host-tables.js';
import { namespaceId } from './network-namespace.js';
import type { ProcFiles } from './proc-files.js';
import { processPaths } from './process-paths.js';
import { type ProcStat, parseCgroup, parseCmdline, parseIds, parseStat } from './process-table.js';

/** A process that is alive. */
export interface WatchedProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** Inode of its network namespace; absent when it may not be read. */
  readonly netNamespace: string | undefined;
  readonly columns: Columns<'processes'>;
  /** Names the process and all that `columns` says. */
  readonly key: string;
  /** True in the polls in which its files may have changed hands: the first two, and those after an exec. */
  readonly isFresh: boolean;
}

interface Entry {
  process: WatchedProcess;
  stat: ProcStat;
  /** Polls in which it is still looked at closely: programs change user and namespace soon after they begin. */
  freshPolls: number;
}

const FRESH_POLLS = 2;
/** One in so many processes is asked in each poll whether it has become another user. */
const USER_POLLS = 16;
const TICKS_PER_SECOND = 100;

/**
 * Follows the processes of this machine. A poll reads one small file for every process; the others only for a process
 * that is new or has a new image, and in every sixteenth poll that which tells its user. Parent and working directory are those of that moment. Processes that have ended but are
 * not yet reaped are gone already.
 */
export class ProcessWatch {
  private entries = new Map<number, Entry>();
  private polls = 0;
  /** Processes beyond the limit, in the last poll. */
  overflow = 0;

  /** `bootTime` in epoch seconds; without it rows have no start time. */
  constructor(
    private readonly files: ProcFiles,
    private readonly bootTime: number | undefined,
  ) {}

  poll(): ReadonlyMap<number, WatchedProcess> {
    const alive = new Map<number, Entry>();
    const found = new Map<number, WatchedProcess>();
    this.overflow = 0;
    this.polls++;
    for (const name of this.files.names('/proc') ?? []) {
      const pid = Number(name);
      if (!Number.isSafeInteger(pid)) continue;
      if (alive.size === limits.sensorProcesses) {
        this.overflow++;
        continue;
      }
      const entry = this.look(pid);
      if (entry === undefined) continue;
      alive.set(pid, entry);
      found.set(pid, entry.process);
    }
    this.entries = alive;
    return found;
  }

  private look(pid: number): Entry | undefined {
    const text = this.files.text(`/proc/${pid}/stat`);
    const stat = text === undefined ? undefined : parseStat(text);
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
    const known = this.entries.get(pid);
    if (known === undefined || known.stat.startTicks !== stat.startTicks || hasNewImage(known, stat)) {
      return { process: this.read(pid, stat), stat, freshPolls: FRESH_POLLS - 1 };
    }
    if (known.freshPolls > 0) {
      known.freshPolls--;
      known.process = this.read(pid, stat);
    } else if (known.process.isFresh) {
      known.process = { ...known.process, isFresh: false };
    } else if ((pid + this.polls) % USER_POLLS === 0) {
      known.process = this.withUser(known.process);
    }
    return known;
  }

  /** The process as who it is now: servers give root up without an exec. */
  private withUser(process: WatchedProcess): WatchedProcess {
    const ids = parseIds(this.files.text(`/proc/${process.pid}/status`) ?? '');
    if (ids === undefined || (ids.uid === process.columns.uid && ids.euid === process.columns.euid)) return process;
    const columns = { ...process.columns, ...ids };
    return { ...process, columns, key: keyOf(process.startTicks, columns) };
  }

  private read(pid: number, stat: ProcStat): WatchedProcess {
    const folder = `/proc/${pid}`;
    const { files } = this;
    const { path, isOnDisk, cwd } = processPaths(files, pid);
    const cmdline = parseCmdline(files.text(`${folder}/cmdline`) ?? '');
    const ids = parseIds(files.text(`${folder}/status`) ?? '');
    const namespace = namespaceId(files.link(`${folder}/ns/net`));
    const cgroup = parseCgroup(files.text(`${folder}/cgroup`) ?? '');
    const start =
      this.bootTime === undefined ? undefined : this.bootTime + Math.floor(stat.startTicks / TICKS_PER_SECOND);
    const columns: Columns<'processes'> = {
      pid,
      name: stat.name,
      ...(path === undefined ? {} : { path, on_disk: isOnDisk ? 1 : 0 }),
      ...(cmdline === '' ? {} : { cmdline }),
      ...(cwd === undefined ? {} : { cwd }),
      ...ids,
      ...(start === undefined ? {} : { start_time: start }),
      parent: stat.parent,
      pgroup: stat.pgroup,
      ...(cgroup === undefined ? {} : { cgroup_path: cgroup }),
      ...(namespace === undefined ? {} : { net_namespace: namespace }),
    };
    const { startTicks } = stat;
    return {
      pid,
      startTicks,
      netNamespace: namespace,
      columns,
      key: keyOf(startTicks, columns),
      isFresh: true,
    };
  }
}

function keyOf(startTicks: number, columns: Columns<'processes'>): string {
  return `${startTicks} ${JSON.stringify(columns)}`;
}

/** An exec shows in the layout of the image. Threads of the kernel have none, and change their names all the time. */
function hasNewImage({ stat: known, process }: Entry, stat: ProcStat): boolean {
  return known.image !== stat.image || (known.name !== stat.name && process.columns.path !== undefined);
}
