import { SECOND } from '../core/time.js';
import type { AnyTableRow, TableRow } from '../records/host-row.js';
import type { Columns } from '../records/host-tables.js';
import type { ProcessImages } from './process-images.js';
import type { ProcessRecord, RingRecord, SocketRecord } from './ring-record.js';

/** The tables of the sensor's events; each is a stream of its own name. */
export const eventTables = ['socket_events', 'process_events'] as const;
export type EventTable = (typeof eventTables)[number];

const syscalls = { exec: 'execve', fork: 'fork', exit: 'exit', user: 'setresuid' } as const;

/** Turns records of the ring into rows of osquery's event tables. */
export class EventRows {
  private readonly seq = { socket_events: 0, process_events: 0 };

  constructor(
    private readonly host: string,
    private readonly boot: string | undefined,
    private readonly images: ProcessImages,
  ) {}

  /** The row of a record. Records must come in order, since what a process runs is known from those before. */
  row(record: RingRecord): AnyTableRow {
    if ('euid' in record) return this.make('process_events', record, this.process(record));
    const row = this.make('socket_events', record, socketColumns(record, this.pathOf(record.pid)));
    return record.since === undefined ? row : { ...row, since: Math.min(record.since, record.time - 1) };
  }

  private pathOf(pid: number | undefined): string | undefined {
    return pid === undefined ? undefined : this.images.get(pid)?.path;
  }

  private make<T extends EventTable>(table: T, { time }: RingRecord, columns: Columns<T>): TableRow<T> & AnyTableRow {
    return {
      kind: 'row',
      host: this.host,
      ...(this.boot !== undefined && { boot: this.boot }),
      stream: table,
      table,
      action: 'event',
      time,
      resolution: 1,
      seq: this.seq[table]++,
      columns: { ...columns, time: Math.floor(time / SECOND) },
    } as TableRow<T> & AnyTableRow;
  }

  private process(record: ProcessRecord): Columns<'process_events'> {
    const { kind, pid, parent, loginUid, netns } = record;
    this.follow(record);
    const image = pid === undefined ? undefined : this.images.get(pid);
    if (kind === 'exit' && pid !== undefined) this.images.delete(pid);
    return {
      ...(pid !== undefined && { pid }),
      ...(parent !== undefined && { parent }),
      ...image,
      ...(loginUid !== undefined && { auid: loginUid }),
      uid: record.uid,
      euid: record.euid,
      gid: record.gid,
      egid: record.egid,
      syscall: syscalls[kind],
      ...(kind === 'exit' && { status: record.exitCode }),
      ...(netns !== undefined && { net_namespace: String(netns) }),
    };
  }

  /** Keeps the images: a child begins with its parent's. */
  private follow({ kind, pid, parent, path, args, cwd, cgroup }: ProcessRecord): void {
    if (pid === undefined) return;
    if (kind === 'exec') {
      this.images.set(pid, {
        ...(path !== undefined && { path }),
        ...(args !== undefined && { cmdline: args }),
        ...(cwd !== undefined && { cwd }),
        ...(cgroup !== undefined && { cgroup_path: cgroup }),
      });
      return;
    }
    const inherited = parent === undefined ? undefined : this.images.get(parent);
    if (kind === 'fork' && inherited !== undefined) this.images.set(pid, inherited);
  }
}

function socketColumns(record: SocketRecord, path: string | undefined): Columns<'socket_events'> {
  const { kind, pid, loginUid, netns, inode, fd, local, remote, icmp, bytes } = record;
  return {
    action: kind,
    ...(pid !== undefined && { pid }),
    ...(path !== undefined && { path }),
    ...(fd !== undefined && { fd: String(fd) }),
    ...(loginUid !== undefined && { auid: loginUid }),
    uid: record.uid,
    // A connect is told before its packet leaves, so that its outcome is open.
    ...(kind === 'connect' ? { status: 'in_progress' } : { status: 'succeeded', success: 1 }),
    family: record.family,
    protocol: record.protocol,
    ...(local !== undefined && { local_address: local.address, local_port: local.port }),
    ...(remote !== undefined && { remote_address: remote.address, remote_port: remote.port }),
    ...(icmp !== undefined && { icmp_type: icmp.type, icmp_code: icmp.code }),
    ...(inode !== undefined && { socket: String(inode) }),
    ...(bytes !== undefined && { bytes_sent: bytes.sent, bytes_received: bytes.received }),
    ...(netns !== undefined && { net_namespace: String(netns) }),
  };
}
