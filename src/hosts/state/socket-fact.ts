import { canonicalAddress, isUnspecified } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';
import { hasPorts, portlessEndpoints } from './portless-endpoints.js';
import type { SocketSource } from './socket-interval.js';

/** One row about a socket as it is read: addresses canonical, unknown parts undefined, times as bounds. `SocketRecord` is what is kept of it. */
export class SocketFact {
  constructor(
    readonly row: AnyTableRow,
    readonly source: SocketSource | 'close',
    readonly pid: number,
    readonly fd: number | undefined,
    /** The kernel's number of the socket (inode or cookie), as text. */
    readonly inode: string | undefined,
    readonly protocol: number,
    readonly family: number | undefined,
    readonly localAddress: string | undefined,
    readonly localPort: number | undefined,
    readonly remoteAddress: string | undefined,
    readonly remotePort: number | undefined,
    /** Path of the process, where the row has it. */
    readonly path: string | undefined,
    /** The network namespace that it is in, where the row has it. */
    readonly namespace: string | undefined,
  ) {}

  /** It tells of one datagram to or from a peer. After a pause another is told, so that it serves connections of its time alone, however long the socket stands. */
  get isDatagram(): boolean {
    const { row } = this;
    return row.table === 'socket_events' && (row.columns.action === 'send' || row.columns.action === 'receive');
  }

  /** The row's moment lies in [lo, hi]. */
  get lo(): Micros {
    return this.row.time;
  }

  get hi(): Micros {
    const { time, resolution } = this.row;
    return time + Math.max(resolution, 1) - 1;
  }
}

/** What a call makes of its socket. The first datagram to a peer counts as a connect, the first from one as an accept. */
function callSource(action: string | undefined): SocketFact['source'] | undefined {
  switch (action) {
    case 'connect':
    case 'send':
      return 'connect';
    case 'receive':
    case 'accept':
    case 'accept4':
      return 'accept';
    case 'bind':
    case 'listen':
    case 'close':
      return action;
    default:
      return undefined;
  }
}

/** Calls that left nothing behind when they failed; a connect that failed has still sent its packet. */
const failed = new Set(['failed', 'no_client']);

type SocketRow = TableRow<'socket_events'> | TableRow<'process_open_sockets'> | TableRow<'listening_ports'>;

/** Whether the row is about sockets. */
export function isSocketRow(row: AnyTableRow): row is SocketRow & AnyTableRow {
  return row.table === 'socket_events' || row.table === 'process_open_sockets' || row.table === 'listening_ports';
}

/** The row as a fact, or undefined when it names no process or no Internet socket, or tells of a call without effect. */
export function socketFact(row: SocketRow & AnyTableRow): SocketFact | undefined {
  const told = sourceOf(row);
  const columns = row.columns;
  const { pid, family } = columns;
  const protocol = columns.protocol ?? (row.table === 'socket_events' ? 6 : undefined);
  if (pid === undefined || !isWithin(pid, 1, 0x7fff_ffff)) return undefined;
  if (protocol === undefined || !isWithin(protocol, 0, 0xff)) return undefined;
  if (family !== undefined && family !== 2 && family !== 10) return undefined;
  const isPortless = !hasPorts(protocol) && row.table !== 'listening_ports';
  const portless = isPortless ? portlessEndpoints(row, told, protocol) : undefined;
  const source = isPortless ? portless?.source : told;
  if (source === undefined) return undefined;
  const fd = columns.fd === undefined ? Number.NaN : Number(columns.fd);
  const isListing = row.table === 'listening_ports';
  const local = addressOf(isListing ? row.columns.address : row.columns.local_address);
  const remote = isListing ? undefined : addressOf(row.columns.remote_address);
  return new SocketFact(
    row,
    source,
    pid,
    isWithin(fd, 0, 0x7fff_ffff) ? fd : undefined,
    inodeOf(columns.socket),
    portless?.protocol ?? protocol,
    family,
    local,
    portless === undefined ? portOf(isListing ? row.columns.port : row.columns.local_port) : portless.localPort,
    remote !== undefined && isUnspecified(remote) ? undefined : remote,
    portless === undefined ? (isListing ? undefined : portOf(row.columns.remote_port)) : portless.remotePort,
    row.table === 'socket_events' && row.columns.path ? row.columns.path : undefined,
    namespaceOf(columns.net_namespace),
  );
}

/** The state of a TCP socket whose connect nobody has answered, in osquery's words. */
const CONNECTING = 'SYN_SENT';

function sourceOf(row: SocketRow & AnyTableRow): SocketFact['source'] | undefined {
  if (row.table === 'listening_ports') return 'listening';
  if (row.table === 'process_open_sockets') {
    const { state, protocol, remote_port: remotePort } = row.columns;
    const isIdle = protocol === 6 && !remotePort && state !== undefined && state !== '' && state !== 'LISTEN';
    if (isIdle) return undefined;
    return protocol === 6 && state === CONNECTING ? 'connecting' : 'open';
  }
  const source = callSource(row.columns.action);
  if (source === undefined || source === 'connect') return source;
  return failed.has(row.columns.status ?? '') ? undefined : source;
}

function portOf(port: number | undefined): number | undefined {
  return port !== undefined && isWithin(port, 1, 0xffff) ? port : undefined;
}

function isWithin(value: number, from: number, to: number): boolean {
  return Number.isInteger(value) && value >= from && value <= to;
}

/** Dotted text is canonical already unless it is odd; only the rest is worth parsing. */
function addressOf(text: string | undefined): string | undefined {
  if (!text) return undefined;
  return text.includes(':') || text.length > 15 ? canonicalAddress(text) : text;
}

/** osquery writes 0 for a namespace that it may not read. */
export function namespaceOf(text: string | undefined): string | undefined {
  return text === '' || text === '0' ? undefined : text;
}

function inodeOf(value: string | number | undefined): string | undefined {
  if (typeof value === 'number') return value > 0 ? String(value) : undefined;
  return value !== undefined && isDecimal(value) ? value : undefined;
}

/** Digits without a leading zero. */
function isDecimal(text: string): boolean {
  if (text === '' || text.charCodeAt(0) === ZERO) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

const ZERO = 0x30;
const NINE = 0x39;
