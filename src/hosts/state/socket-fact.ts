import { canonicalAddress, isUnspecified } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';
import type { SocketSource } from './socket-interval.js';

/** One row about a socket, read: addresses canonical, unknown parts absent, times as bounds. */
export interface SocketFact {
  readonly row: AnyTableRow;
  readonly source: SocketSource | 'close';
  readonly pid: number;
  readonly fd?: number;
  /** The kernel's number of the socket (inode or cookie), as text. */
  readonly inode?: string;
  readonly protocol: number;
  readonly family?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** The row's moment lies in [lo, hi]. */
  readonly lo: Micros;
  readonly hi: Micros;
  /** Path of the process, where the row has it. */
  readonly path?: string;
}

const callSources: Readonly<Record<string, SocketFact['source']>> = {
  connect: 'connect',
  send: 'connect',
  accept: 'accept',
  accept4: 'accept',
  bind: 'bind',
  listen: 'listen',
  close: 'close',
};

/** Calls that left nothing behind when they failed; a connect that failed has still sent its packet. */
const failed = new Set(['failed', 'no_client']);

type SocketRow = TableRow<'socket_events'> | TableRow<'process_open_sockets'> | TableRow<'listening_ports'>;

/** Whether the row is about sockets. */
export function isSocketRow(row: AnyTableRow): row is SocketRow & AnyTableRow {
  return row.table === 'socket_events' || row.table === 'process_open_sockets' || row.table === 'listening_ports';
}

/** The row as a fact, or undefined when it names no process or no Internet socket, or tells of a call without effect. */
export function socketFact(row: SocketRow & AnyTableRow): SocketFact | undefined {
  const source = sourceOf(row);
  if (source === undefined) return undefined;
  const columns = row.columns;
  const { pid, family } = columns;
  const protocol = columns.protocol ?? (row.table === 'socket_events' ? 6 : undefined);
  if (pid === undefined || pid <= 0 || protocol === undefined) return undefined;
  if (family !== undefined && family !== 2 && family !== 10) return undefined;
  const ends = endsOf(row);
  const fd = columns.fd === undefined ? Number.NaN : Number(columns.fd);
  const inode = inodeOf(columns.socket);
  return {
    row,
    source,
    pid,
    protocol,
    lo: row.time,
    hi: row.time + Math.max(row.resolution, 1) - 1,
    ...(Number.isInteger(fd) && { fd }),
    ...(inode !== undefined && { inode }),
    ...(family !== undefined && { family }),
    ...ends,
    ...(row.table === 'socket_events' && row.columns.path && { path: row.columns.path }),
  };
}

function sourceOf(row: SocketRow & AnyTableRow): SocketFact['source'] | undefined {
  if (row.table === 'listening_ports') return 'listening';
  if (row.table === 'process_open_sockets') {
    const { state, protocol, remote_port: remotePort } = row.columns;
    const isIdle = protocol === 6 && !remotePort && state !== undefined && state !== '' && state !== 'LISTEN';
    return isIdle ? undefined : 'open';
  }
  const source = callSources[row.columns.action ?? ''];
  if (source === undefined || source === 'connect') return source;
  return failed.has(row.columns.status ?? '') ? undefined : source;
}

type Ends = Pick<SocketFact, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

function endsOf(row: SocketRow & AnyTableRow): Ends {
  if (row.table === 'listening_ports') return endOf('local', row.columns.address, row.columns.port);
  const { local_address, local_port, remote_address, remote_port } = row.columns;
  return { ...endOf('local', local_address, local_port), ...endOf('remote', remote_address, remote_port) };
}

function endOf(side: 'local' | 'remote', text: string | undefined, port: number | undefined): Ends {
  const address = text ? addressOf(text) : undefined;
  const hasPort = port !== undefined && port > 0;
  if (side === 'local') {
    return { ...(address !== undefined && { localAddress: address }), ...(hasPort && { localPort: port }) };
  }
  const isPeer = address !== undefined && !isUnspecified(address);
  return { ...(isPeer && { remoteAddress: address }), ...(hasPort && { remotePort: port }) };
}

/** Dotted text is canonical already unless it is odd; only the rest is worth parsing. */
function addressOf(text: string): string | undefined {
  return text.includes(':') || text.length > 15 ? canonicalAddress(text) : text;
}

function inodeOf(value: string | number | undefined): string | undefined {
  if (typeof value === 'number') return value > 0 ? String(value) : undefined;
  return value !== undefined && /^[1-9]\d*$/.test(value) ? value : undefined;
}
