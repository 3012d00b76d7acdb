import type { Micros } from '../../../core/time.js';
import type { AnyTableRow } from '../../../records/host-row.js';
import { convertRow, type RowColumns } from './columns.js';
import type { KnownQuery } from './known-queries.js';
import { keyOf } from './row-order.js';

/** Pids of which it is remembered what was told last; at the bound all are told once more. */
const MAX_TOLD = 65_536;

/** Columns of `processes` that queries join to sockets. */
const processColumns = ['name', 'path', 'cmdline', 'cwd', 'parent', 'uid', 'start_time', 'cgroup_path'] as const;
/** One of these is there when a process was joined; the others may be the socket's own. */
const shown = ['name', 'cmdline', 'path'] as const;

const socketTables: readonly string[] = ['socket_events', 'process_open_sockets', 'listening_ports'];

/** Whether the socket is one of the Internet; the path of another one is its own. */
function hasAddress({ family, address, local_address: local, remote_address: remote }: RowColumns): boolean {
  return family !== 1 && (family !== undefined || [address, local, remote].some((text) => text !== undefined));
}

/** The streams of joined rows of a query; each row of it tells of them besides. */
export const joinedStreams = (query: string) =>
  [
    { stream: `${query} (processes)`, table: 'processes' },
    { stream: `${query} (users)`, table: 'users' },
  ] as const;

/**
 * Rows about processes and users that a query of sockets tells by joining `processes` and `users`, as in
 * `SELECT s.*, p.name, p.cmdline, u.username FROM process_open_sockets s JOIN processes p USING (pid) JOIN users u USING (uid)`. A process is
 * told once until something of it changes, and never as gone: what goes is a socket.
 */
export class JoinedRows {
  private readonly told = new Map<number, string>();
  private readonly users = new Map<number, string>();
  private seq = 0;

  /** `joined` knows the shapes of what rows tell of processes. */
  constructor(
    private readonly query: string,
    private readonly joined: KnownQuery,
  ) {}

  /** Appends what a row of the query tells besides to `out`; `seen` is when the query was run. Returns whether it told anything. */
  take(row: AnyTableRow, seen: Micros, out: AnyTableRow[]): boolean {
    if (!socketTables.includes(row.table) || row.action === 'removed') return false;
    const columns = row.columns as RowColumns;
    const { pid, username } = columns;
    if (typeof pid !== 'number' || !hasAddress(columns)) return false;
    // Events of audit have the path of the process themselves.
    const isJoined = shown.some((name) => columns[name] !== undefined && !(name === 'path' && row.action === 'event'));
    if (!isJoined) return false;
    const picked: Record<string, string | number> = { pid };
    for (const name of processColumns) if (columns[name] !== undefined) picked[name] = columns[name];
    const process = convertRow(this.joined.shapeOf(picked).planFor('processes'), picked);
    if (typeof process === 'string') return false;
    const [processes, users] = joinedStreams(this.query);
    if (this.isNews(this.told, pid, keyOf(process))) this.emit(row, processes, process, seen, out);
    const { uid } = process;
    if (typeof uid === 'number' && typeof username === 'string' && this.isNews(this.users, uid, username))
      this.emit(row, users, { uid, username }, seen, out);
    return true;
  }

  private isNews(told: Map<number, string>, key: number, text: string): boolean {
    if (told.get(key) === text) return false;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(key, text);
    return true;
  }

  private emit(
    row: AnyTableRow,
    of: ReturnType<typeof joinedStreams>[number],
    columns: RowColumns,
    time: Micros,
    out: AnyTableRow[],
  ): void {
    const { host, resolution } = row;
    const seq = this.seq++;
    // The columns are those of the table, which the compiler cannot follow.
    out.push({ kind: 'row', host, ...of, action: 'added', time, resolution, seq, columns } as unknown as AnyTableRow);
  }
}
