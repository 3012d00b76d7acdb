import { statSync } from 'node:fs';
import { MILLISECOND, type Micros } from '../core/time.js';
import type { AnyTableRow, HostRow, HostSeen } from '../records/host-row.js';
import type { Columns } from '../records/host-tables.js';
import type { SocketDumps } from './netlink/socket-dump.js';
import { ownNamespace } from './network-namespace.js';
import { type NetworkView, NetworkWatch } from './network-watch.js';
import { ProcFiles } from './proc-files.js';
import { parseBootTime } from './process-table.js';
import { ProcessWatch, type WatchedProcess } from './process-watch.js';
import { RowDiffer, type SeenRows } from './row-differ.js';
import { type HeldSockets, SocketOwners } from './socket-owners.js';
import { parsePasswd } from './user-table.js';

/** The tables that the sensor reports; each is a stream of its own name. */
const sensorTables = [
  'processes',
  'process_open_sockets',
  'listening_ports',
  'packet_sockets',
  'interface_addresses',
  'users',
] as const;

const PASSWD = '/etc/passwd';

/** One look at this machine after the other: what changed since the last one, as host rows. */
export class HostPoll {
  private readonly files = new ProcFiles();
  /** Something was beyond a limit in the last poll. */
  overflow = false;
  private readonly boot = this.files.text('/proc/sys/kernel/random/boot_id')?.trim();
  private readonly own = ownNamespace(this.files);
  private readonly processes = new ProcessWatch(this.files, parseBootTime(this.files.text('/proc/stat') ?? ''));
  private readonly network: NetworkWatch;
  private readonly owners = new SocketOwners(this.files);
  private readonly differs;
  private users: SeenRows<'users'> = new Map();
  private usersVersion = '';
  private announced = false;

  /**
   * `netns` self: only processes, sockets and addresses of our own network namespace. `pauseAt`: as of a stream of HostSeen, where the first
   * look, which reads all there is, took so many milliseconds.
   */
  constructor(
    private readonly host: string,
    private readonly netns: 'self' | 'all',
    private readonly pauseAt: (costMs: number) => Micros,
    private readonly otherStreams: HostSeen['streams'],
    dumps: SocketDumps | undefined,
  ) {
    this.network = new NetworkWatch(this.files, this.own, dumps);
    const { boot } = this;
    this.differs = {
      processes: new RowDiffer('processes', host, boot),
      process_open_sockets: new RowDiffer('process_open_sockets', host, boot),
      listening_ports: new RowDiffer('listening_ports', host, boot),
      packet_sockets: new RowDiffer('packet_sockets', host, boot),
      interface_addresses: new RowDiffer('interface_addresses', host, boot),
      users: new RowDiffer('users', host, boot),
    };
  }

  /** Processes whose descriptors may not be read, so that their sockets have no known owner. */
  get deniedProcesses(): number {
    return this.owners.deniedProcesses;
  }

  /**
   * Looks once. The rows are: the host at the first look, then changes, then a `complete` row per stream. The `last` look takes
   * nothing for unchanged and ends with a host_timeout: what comes after it is not watched.
   */
  look(last: boolean): HostRow[] {
    const start = nowFloor();
    const begun = performance.now();
    let processes = this.processes.poll();
    if (this.netns === 'self') processes = new Map([...processes].filter(([, each]) => each.netNamespace === this.own));
    const network = this.network.poll(start, this.netns === 'all' ? processes.values() : [], last);
    const inodes = new Set<number>();
    for (const { sockets, packetSockets } of network.namespaces) {
      for (const { inode } of sockets) inodes.add(inode);
      for (const { inode } of packetSockets) inodes.add(inode);
    }
    const held = this.owners.poll(processes, inodes);
    const users = this.readUsers();
    const moment = { start, end: nowFloor() + MILLISECOND, asOf: start };
    const socketMoment = { ...moment, asOf: network.socketsAsOf };
    this.overflow = network.overflow || this.processes.overflow > 0;
    const holders = holdersOf(held);
    const sockets = seenSockets(network, holders);
    const changes: AnyTableRow[] = [
      ...this.differs.users.take(users, moment),
      ...this.differs.interface_addresses.take(seenAddresses(network), moment),
      ...this.differs.processes.take(seenProcesses(processes), moment),
      ...this.differs.listening_ports.take(sockets.listening, socketMoment),
      ...this.differs.process_open_sockets.take(sockets.open, socketMoment),
      ...this.differs.packet_sockets.take(seenPacketSockets(network, holders), moment),
    ];
    const complete = sensorTables.map(
      (stream) => ({ kind: 'complete', host: this.host, stream, until: start }) as const,
    );
    const end: HostRow[] = last ? [{ kind: 'host_timeout', host: this.host, at: start }] : [];
    return [...this.announce(start, performance.now() - begun), ...changes, ...complete, ...end];
  }

  private announce(from: Micros, costMs: number): HostSeen[] {
    if (this.announced) return [];
    this.announced = true;
    const pause = this.pauseAt(costMs);
    const polled = sensorTables.map((table) => ({ stream: table, table, pause }));
    const streams = [...polled, ...this.otherStreams];
    return [
      {
        kind: 'host',
        host: this.host,
        ...(this.boot === undefined ? {} : { boot: this.boot }),
        streams,
        from,
        ...(this.own === undefined ? {} : { net_namespace: this.own }),
      },
    ];
  }

  private readUsers(): SeenRows<'users'> {
    const { mtimeMs, ino } = statSync(PASSWD, { throwIfNoEntry: false }) ?? { mtimeMs: 0, ino: 0 };
    const version = `${mtimeMs} ${ino}`;
    if (version !== this.usersVersion) {
      this.usersVersion = version;
      const rows = parsePasswd(this.files.text(PASSWD) ?? '');
      this.users = new Map(rows.map((columns) => [JSON.stringify(columns), columns]));
    }
    return this.users;
  }
}

/** The clock that packet timestamps follow too. It may be set while we run, so it is read anew, in whole milliseconds. */
function nowFloor(): Micros {
  return Date.now() * MILLISECOND;
}

function seenProcesses(processes: ReadonlyMap<number, WatchedProcess>): SeenRows<'processes'> {
  const rows = new Map<string, Columns<'processes'>>();
  for (const { key, columns } of processes.values()) rows.set(key, columns);
  return rows;
}

function seenAddresses({ namespaces }: NetworkView): SeenRows<'interface_addresses'> {
  const rows = new Map<string, Columns<'interface_addresses'>>();
  for (const { id, addresses } of namespaces) {
    for (const address of addresses) {
      const columns = id === undefined ? address : { ...address, net_namespace: id };
      rows.set(JSON.stringify(columns), columns);
    }
  }
  return rows;
}

type Holders = ReadonlyMap<number, readonly { readonly pid: number; readonly fd: number }[]>;

/** The holders of each socket. */
function holdersOf(held: ReadonlyMap<number, HeldSockets>): Holders {
  const holders = new Map<number, { pid: number; fd: number }[]>();
  for (const [pid, sockets] of held) {
    for (const [inode, fd] of sockets) {
      const others = holders.get(inode);
      if (others === undefined) holders.set(inode, [{ pid, fd }]);
      else others.push({ pid, fd });
    }
  }
  return holders;
}

function seenPacketSockets({ namespaces }: NetworkView, holders: Holders): SeenRows<'packet_sockets'> {
  const rows = new Map<string, Columns<'packet_sockets'>>();
  for (const { id, packetSockets } of namespaces) {
    for (const { inode, ...told } of packetSockets) {
      for (const { pid, fd } of holders.get(inode) ?? []) {
        const columns = { pid, fd, socket: inode, ...told, ...(id !== undefined && { net_namespace: id }) };
        rows.set(JSON.stringify(columns), columns);
      }
    }
  }
  return rows;
}

/** The socket rows, with osquery's meaning: listening are TCP listeners and UDP sockets bound and without a peer. */
function seenSockets({ namespaces }: NetworkView, holders: Holders) {
  const open = new Map<string, Columns<'process_open_sockets'>>();
  const listening = new Map<string, Columns<'listening_ports'>>();
  for (const { id, sockets } of namespaces) {
    const namespace = id === undefined ? {} : { net_namespace: id };
    for (const { inode, state, ...tuple } of sockets) {
      const { family, protocol, local_address: address, local_port: port } = tuple;
      const listens = state === 'LISTEN' || (protocol === 17 && port !== 0 && tuple.remote_port === 0);
      for (const { pid, fd } of holders.get(inode) ?? []) {
        const name = `${pid} ${fd} ${inode} ${protocol} ${address} ${port}`;
        open.set(`${name} ${tuple.remote_address} ${tuple.remote_port} ${state}`, {
          pid,
          fd,
          socket: inode,
          ...tuple,
          ...(state === undefined ? {} : { state }),
          ...namespace,
        });
        if (listens) listening.set(name, { pid, port, protocol, family, address, fd, socket: inode, ...namespace });
      }
    }
  }
  return { open, listening };
}
