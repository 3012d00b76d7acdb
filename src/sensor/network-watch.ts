import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import {
  type InterfaceAddress,
  ownInterfaceAddresses,
  parseIpv4Addresses,
  parseIpv6Addresses,
} from './interface-table.js';
import type { SocketDumps } from './netlink/socket-dump.js';
import { type ProcPacketSocket, parsePacketSockets } from './packet-table.js';
import type { ProcFiles } from './proc-files.js';
import type { WatchedProcess } from './process-watch.js';
import { type ProcSocket, parseSocketTable, type SocketFile, type SocketTable, socketFiles } from './socket-table.js';

/** The sockets and addresses of one network namespace. */
export interface NamespaceView {
  /** Inode of the namespace; absent for our own when it may not be read. */
  readonly id: string | undefined;
  readonly sockets: readonly ProcSocket[];
  readonly packetSockets: readonly ProcPacketSocket[];
  readonly addresses: readonly InterfaceAddress[];
}

/** What one poll saw of the network. */
export interface NetworkView {
  readonly namespaces: readonly NamespaceView[];
  /** The sockets are surely those of this time or later; see `NetworkWatch`. */
  readonly socketsAsOf: Micros;
  /** There was more than the limits allow. */
  readonly overflow: boolean;
}

/** A TCP table as it was read. */
interface HeldTable extends SocketTable {
  readonly readAt: Micros;
  readonly traffic: string;
}

/** How long a TCP table may be taken for unchanged. */
const TRUST_US = SECOND;

/**
 * Reads our own network namespace, and through /proc/PID/net those of other processes, so that programs and addresses in
 * containers and `ip netns` count as this host's. A namespace without a process cannot be seen, and has no sockets.
 *
 * The kernel walks its whole hash table for every read of /proc/net/tcp and tcp6, however few sockets there are (4 ms each
 * with 262,144 buckets, measured on kernel 6.18, 2026). So a table that sockstat calls empty is not read, and one is taken for
 * unchanged, for a second at most, when the namespace neither sent nor received a TCP segment, the number of sockets is the
 * same and none waits to be accepted. What can be missed in that second is a listener that closed while another opened;
 * `socketsAsOf` is therefore the time of the last read.
 */
export class NetworkWatch {
  private tables = new Map<string, HeldTable>();

  constructor(
    private readonly files: ProcFiles,
    private readonly own: string | undefined,
    private readonly dumps?: SocketDumps,
  ) {}

  /** `now` is the start of the poll, `others` the processes whose namespaces are read too; `exact`: read every table. */
  poll(now: Micros, others: Iterable<WatchedProcess>, exact: boolean): NetworkView {
    const tables = new Map<string, HeldTable>();
    let room: number = limits.sensorSockets;
    let asOf = now;
    const view = (folder: string, pid: number, id: string | undefined): NamespaceView => {
      const counts = this.counts(folder);
      const sockets: ProcSocket[] = [];
      for (const file of socketFiles) {
        const count = counts.inUse.get(file.counter);
        if (count === '0') continue;
        const key = `${id} ${file.name}`;
        let table = this.tables.get(key);
        const traffic = `${count} ${counts.traffic}`;
        if (exact || file.protocol !== 6 || table === undefined || !isUnchanged(table, traffic, now)) {
          table = { ...this.read(folder, pid, file, room - sockets.length, table), readAt: now, traffic };
        }
        tables.set(key, table);
        asOf = Math.min(asOf, table.readAt);
        for (const socket of table.sockets) sockets.push(socket);
      }
      room = Math.max(0, room - sockets.length);
      const packetSockets = parsePacketSockets(this.files.text(`${folder}/packet`) ?? '', room);
      return { id, sockets, packetSockets, addresses: this.addresses(folder, id) };
    };
    const namespaces = [view('/proc/self/net', 0, this.own)];
    const seen = new Set([this.own]);
    let overflow = false;
    for (const { pid, netNamespace } of others) {
      if (netNamespace === undefined || seen.has(netNamespace)) continue;
      overflow ||= namespaces.length === limits.sensorNamespaces;
      // When the process just ended, another one of the namespace shows it.
      if (overflow || this.files.text(`/proc/${pid}/net/sockstat`) === undefined) continue;
      seen.add(netNamespace);
      namespaces.push(view(`/proc/${pid}/net`, pid, netNamespace));
    }
    this.tables = tables;
    return { namespaces, socketsAsOf: asOf, overflow: overflow || room === 0 };
  }

  private read(
    folder: string,
    pid: number,
    file: SocketFile,
    room: number,
    before: SocketTable | undefined,
  ): SocketTable {
    const dump = this.dumps?.read(pid, file, room);
    return dump ?? parseSocketTable(this.files.text(`${folder}/${file.name}`) ?? '', file, room, before);
  }

  /** Sockets in use by the names of sockstat and sockstat6, and a text that changes with every TCP segment. */
  private counts(folder: string): { inUse: ReadonlyMap<string, string>; traffic: string } {
    const inUse = new Map<string, string>();
    for (const file of ['sockstat', 'sockstat6']) {
      for (const [, name, count] of (this.files.text(`${folder}/${file}`) ?? '').matchAll(/^(\w+): inuse (\d+)/gm)) {
        inUse.set(name!, count!);
      }
    }
    const traffic = /^Tcp: \d.*$/m.exec(this.files.text(`${folder}/snmp`) ?? '')?.[0] ?? '';
    return { inUse, traffic };
  }

  private addresses(folder: string, id: string | undefined): InterfaceAddress[] {
    if (id === this.own) return ownInterfaceAddresses();
    const read = (name: string) => this.files.text(`${folder}/${name}`) ?? '';
    return [...parseIpv4Addresses(read('fib_trie'), read('route')), ...parseIpv6Addresses(read('if_inet6'))];
  }
}

function isUnchanged(table: HeldTable, traffic: string, now: Micros): boolean {
  const age = now - table.readAt;
  return !table.hasUnaccepted && table.traffic === traffic && age >= 0 && age < TRUST_US;
}
