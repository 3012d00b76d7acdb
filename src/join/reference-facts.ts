import { canonicalAddress, isUnspecified } from '../core/address.js';
import type { Micros } from '../core/time.js';
import { hasPorts, portlessEndpoints } from '../hosts/state/portless-endpoints.js';
import type { AnyTableRow } from '../records/host-row.js';

/* What the reference reads in a row about a socket. */

export interface Fact {
  readonly row: AnyTableRow;
  readonly source: 'connect' | 'accept' | 'bind' | 'listen' | 'open' | 'listening' | 'connecting' | 'close';
  readonly pid: number;
  readonly inode: string | undefined;
  readonly fd: string | undefined;
  readonly namespace: string | undefined;
  readonly protocol: number;
  readonly family: number | undefined;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly lo: Micros;
  readonly hi: Micros;
}

export interface Endpoint {
  readonly address?: string;
  readonly port?: number;
}

const calls: Readonly<Record<string, Fact['source']>> = {
  connect: 'connect',
  send: 'connect',
  receive: 'accept',
  accept: 'accept',
  accept4: 'accept',
  bind: 'bind',
  listen: 'listen',
  close: 'close',
};

export function factOf(row: AnyTableRow): Fact | undefined {
  const times = { row, namespace: spaceOf(row), lo: row.time, hi: row.time + Math.max(row.resolution, 1) - 1 };
  if (row.table === 'listening_ports') {
    const { pid, protocol, family, socket, fd, address, port } = row.columns;
    if (pid === undefined || protocol === undefined) return undefined;
    const ends = { local: endpoint(address, port), remote: {} };
    return { ...times, ...ends, source: 'listening', pid, protocol, family, inode: text(socket), fd: text(fd) };
  }
  if (row.table !== 'process_open_sockets' && row.table !== 'socket_events') return undefined;
  const { pid, family, socket, fd, local_address, local_port, remote_address, remote_port } = row.columns;
  const isAttempt = row.table === 'process_open_sockets' && row.columns.state === 'SYN_SENT';
  const source =
    row.table === 'process_open_sockets' ? (isAttempt ? 'connecting' : 'open') : calls[row.columns.action ?? ''];
  const protocol = row.columns.protocol ?? (row.table === 'socket_events' ? 6 : undefined);
  if (pid === undefined || protocol === undefined) return undefined;
  if (!hasPorts(protocol)) return portlessFact(row, source, protocol);
  if (source === undefined) return undefined;
  const isFailed = row.table === 'socket_events' && row.columns.status === 'failed';
  if (isFailed && source !== 'connect') return undefined;
  const peer = endpoint(remote_address, remote_port);
  const remote = peer.address !== undefined && isUnspecified(peer.address) ? {} : peer;
  const ends = { local: endpoint(local_address, local_port), remote };
  return { ...times, ...ends, source, pid, protocol, family, inode: text(socket), fd: text(fd) };
}

function portlessFact(
  row: Parameters<typeof portlessEndpoints>[0],
  told: Fact['source'] | undefined,
  protocol: number,
): Fact | undefined {
  const { pid, family, socket, fd, local_address, remote_address } = row.columns;
  const ends = portlessEndpoints(row, told, protocol);
  if (ends === undefined || pid === undefined || (family !== 2 && family !== 10)) return undefined;
  const { localPort, remotePort } = ends;
  return {
    ...{ row, namespace: spaceOf(row), lo: row.time, hi: row.time + Math.max(row.resolution, 1) - 1 },
    ...{ source: ends.source, pid, protocol: ends.protocol, family, inode: text(socket), fd: text(fd) },
    local: { ...endpoint(local_address, undefined), port: localPort },
    remote: remotePort === undefined ? {} : { ...endpoint(remote_address, undefined), port: remotePort },
  };
}

/** The network namespace that a row tells; osquery writes 0 for one that it may not read. */
export function spaceOf({ columns }: AnyTableRow): string | undefined {
  const space = 'net_namespace' in columns ? columns.net_namespace : undefined;
  return space === '' || space === '0' ? undefined : space;
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  const canonical = address === undefined ? undefined : canonicalAddress(address);
  return { ...(canonical !== undefined && { address: canonical }), ...(port !== undefined && port > 0 && { port }) };
}

function text(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

export function isSameTuple(a: Fact, b: Fact): boolean {
  const isSame = (x: Endpoint, y: Endpoint): boolean => x.address === y.address && x.port === y.port;
  return a.protocol === b.protocol && isSame(a.local, b.local) && isSame(a.remote, b.remote);
}

/** It tells of one datagram to or from a peer. */
export function isDatagram({ row }: Fact): boolean {
  return row.table === 'socket_events' && (row.columns.action === 'send' || row.columns.action === 'receive');
}

/** What no row places may be anywhere. */
export function isOneSpace(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}
