import { icmpCounterpart } from '../../core/community-id.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';
import type { SocketFact } from './socket-fact.js';

const ICMP = 1;
const ICMPV6 = 58;

/** What a row tells of a socket whose protocol has no ports, in the terms of connection records: ICMP has types as ports, all else has 0. */
export interface PortlessEndpoints {
  readonly source: SocketFact['source'];
  readonly protocol: number;
  readonly localPort: number;
  /** Absent: the socket has no peer. */
  readonly remotePort?: number;
}

/** Protocols whose raw sockets take nothing of their own: the kernel answers ICMP, TCP and UDP have sockets with ports, 255 only sends. */
const untaken = new Set([ICMP, 6, 17, 33, ICMPV6, 132, 136, 255]);

/** Whether connection records of the protocol have the ports that sockets have. */
export function hasPorts(protocol: number): boolean {
  return protocol === 6 || protocol === 17;
}

export function isIcmp(protocol: number): boolean {
  return protocol === ICMP || protocol === ICMPV6;
}

/** The message types that processes send on their own account; the kernel answers them, and sends all others itself. */
const requests4: ReadonlySet<number> = new Set([8, 13, 15, 17]);
const requests6: ReadonlySet<number> = new Set([128, 139]);

export function isIcmpRequest(protocol: number, type: number): boolean {
  return (protocol === ICMP ? requests4 : requests6).has(type);
}

/** Undefined: the row says nothing of who sends or takes packets of a protocol without ports. */
export function portlessEndpoints(
  row: AnyTableRow & (TableRow<'socket_events'> | TableRow<'process_open_sockets'>),
  source: SocketFact['source'] | undefined,
  protocol: number,
): PortlessEndpoints | undefined {
  if (row.table === 'process_open_sockets') return openRaw(row, protocol);
  const { action, icmp_type: type, icmp_code: code } = row.columns;
  if (action === 'socket' && !untaken.has(protocol)) return { source: 'bind', protocol, localPort: 0 };
  if (source === 'close') return { source, protocol, localPort: 0 };
  if (source !== 'connect' && source !== 'accept') return undefined;
  if (!isIcmp(protocol)) return { source, protocol, localPort: 0, remotePort: 0 };
  if (type === undefined || action !== 'send') return undefined;
  const counterpart = icmpCounterpart(protocol === ICMP ? 4 : 6, type);
  // Who answers does so after the first packet, as one who accepts.
  const isAnswer = counterpart !== undefined && isIcmpRequest(protocol, counterpart);
  return { source: isAnswer ? 'accept' : 'connect', protocol, localPort: type, remotePort: counterpart ?? code ?? 0 };
}

/** Raw sockets are polled with protocol 255, and their own protocol as local port. */
function openRaw({ columns }: TableRow<'process_open_sockets'>, protocol: number): PortlessEndpoints | undefined {
  const own = columns.local_port;
  if (protocol !== 255 || own === undefined || own <= 0 || untaken.has(own)) return undefined;
  const { remote_address: peer } = columns;
  const isConnected = peer !== undefined && peer !== '' && peer !== '0.0.0.0' && peer !== '::';
  return { source: 'open', protocol: own, localPort: 0, ...(isConnected && { remotePort: 0 }) };
}
