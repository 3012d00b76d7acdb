import type { Micros } from '../../core/time.js';
import { SECOND } from '../../core/time.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';
import type { HostTable } from '../../records/host-tables.js';
import type { HeadColumns } from './head-columns.js';
import { HEAD, type RowStore } from './row-store.js';

export type ProcessRow = (TableRow<'processes'> | TableRow<'process_events'>) & AnyTableRow;

const kinds = ['fork', 'exec', 'exit', 'seen', 'gone', 'user'] as const;
type Kind = (typeof kinds)[number];
const EXIT = kinds.indexOf('exit');

const eventKinds: Readonly<Record<string, Kind>> = {
  fork: 'fork',
  vfork: 'fork',
  clone: 'fork',
  clone3: 'fork',
  exit: 'exit',
  exit_group: 'exit',
  // The process goes on with the same program as another user.
  setuid: 'user',
  setreuid: 'user',
  setresuid: 'user',
};

/** When a process began. */
export interface Birth {
  lo: Micros;
  hi: Micros;
  readonly start: Micros;
  /** The first moment about which a row told of it. */
  toldAt: Micros;
  /** A fork tells of it: whoever had the pid next would have been told of too. */
  readonly isForked: boolean;
}

/** What records about processes have besides. */
export const PID = HEAD;
const PROCESS_HEAD = HEAD + 1;

const processColumns: HeadColumns = {
  // A row is packed by the pid that it names.
  find: (name) => (name === 'pid' ? 0 : -1),
  mayHave: (name) => name === 'pid',
  gives: () => true,
  value: (rows, handle) => rows.word(handle, PID),
};

function kindOf(row: ProcessRow): Kind {
  if (row.table === 'process_events') return eventKinds[row.columns.syscall ?? ''] ?? 'exec';
  return row.action === 'removed' ? 'gone' : 'seen';
}

export function packProcess(rows: RowStore, row: ProcessRow, pid: number, host: number): number {
  const handle = rows.pack(row, host, PROCESS_HEAD, processColumns);
  rows.setWord(handle, PID, pid);
  rows.setTag(handle, kinds.indexOf(kindOf(row)));
  return handle;
}

/** Whether the row tells that a process had ended before the moment. */
export function isEndBefore(rows: RowStore, handle: number, moment: Micros): boolean {
  const kind = kinds[rows.tag(handle)];
  if (kind !== 'exit' && kind !== 'gone') return false;
  return rows.time(handle) + Math.max(rows.shape(handle).resolution, 1) - 1 < moment;
}

/** Whether the row is the event of a process's end. */
export function isExit(rows: RowStore, handle: number): boolean {
  return rows.tag(handle) === EXIT;
}

/** One row about a process as it is kept. A view: it is made when it is asked for. Its moment lies in [lo, hi]. */
export class ProcessRecord {
  readonly kind: Kind;
  readonly time: Micros;
  readonly lo: Micros;
  readonly hi: Micros;
  /** Start of the process as a poll tells it, whole seconds. */
  readonly start: Micros | undefined;
  /** The birth of the process that a poll saw or missed, once a history of its pid has found it. */
  birth: Birth | undefined;

  constructor(
    readonly rows: RowStore,
    readonly handle: number,
  ) {
    const { resolution } = rows.shape(handle);
    const slack = Math.max(resolution, 1) - 1;
    this.kind = kinds[rows.tag(handle)]!;
    this.time = rows.time(handle);
    this.hi = this.time + slack;
    // The poll before saw the process, within the second that `since` tells where times are that coarse.
    this.lo = this.kind === 'gone' ? (this.since ?? this.time) + slack : this.time;
    const isPolled = this.kind === 'seen' || this.kind === 'gone';
    const seconds = isPolled ? rows.number(handle, 'start_time') : undefined;
    this.start = seconds !== undefined && seconds > 0 ? Math.round(seconds * SECOND) : undefined;
  }

  /** As it was given. */
  get row(): AnyTableRow {
    return this.rows.row(this.handle, this.rows.stamp(this.handle))!;
  }
  /** See RowStore.stamp. */
  get stamp(): number {
    return this.rows.stamp(this.handle);
  }
  get table(): HostTable {
    return this.rows.shape(this.handle).table;
  }
  get isAdded(): boolean {
    return this.rows.shape(this.handle).action === 'added';
  }
  get resolution(): Micros {
    return this.rows.shape(this.handle).resolution;
  }
  get seq(): number {
    return this.rows.seq(this.handle);
  }
  get since(): Micros | undefined {
    return this.rows.since(this.handle);
  }
  get path(): string | undefined {
    return this.rows.text(this.handle, 'path');
  }
  /** Only polls tell it. */
  get name(): string | undefined {
    return this.table === 'processes' ? this.rows.text(this.handle, 'name') : undefined;
  }
  get cmdline(): string | undefined {
    return this.rows.text(this.handle, 'cmdline');
  }
  get cwd(): string | undefined {
    return this.rows.text(this.handle, 'cwd');
  }
  /** The control group, where the row has it. */
  get cgroup(): string | undefined {
    return this.rows.text(this.handle, 'cgroup_path');
  }
  get uid(): number | undefined {
    return this.rows.number(this.handle, 'uid');
  }
  /** The user in effect, where the row has it: of a set-user-ID program it is another one. */
  get euid(): number | undefined {
    return this.rows.number(this.handle, 'euid');
  }
  get parent(): number | undefined {
    return this.rows.number(this.handle, 'parent');
  }
}
