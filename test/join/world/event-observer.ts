import { isUnspecified } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Columns } from '../../../src/records/host-tables.js';
import type { Fact, Host } from './host.js';
import { imageAt, isAlive, type Process } from './process-life.js';
import type { RowStream } from './row-stream.js';
import { type Endpoint, isPortless, protocolOf, type Socket } from './sockets.js';

/** How a row writes an address of a socket: IPv4 on an IPv6 socket is a mapped address. */
export function written(socket: Socket, address: string): string {
  return socket.v6 && !address.includes(':') ? `::ffff:${address}` : address;
}

export function familyOf(socket: Socket): number {
  return socket.v6 ? 10 : 2;
}

const syscalls = { fork: 'fork', exec: 'execve', exit: 'exit' } as const;

/** What an event stream can tell: everything (`full`), or what osquery's audit tables hold (`audit`). */
export type EventDetail = 'full' | 'audit';

/** Tells process facts as rows of process_events. Audit reports exec only. */
export function observeProcesses(
  host: Host,
  stream: RowStream<'process_events'>,
  detail: EventDetail,
  from: Micros,
): void {
  for (const fact of host.facts) {
    if (fact.at < from || (fact.kind !== 'fork' && fact.kind !== 'exec' && fact.kind !== 'exit')) continue;
    if (detail === 'audit' && fact.kind !== 'exec') continue;
    stream.write('event', fact.at, { ...processColumns(fact.process, fact.at, detail), syscall: syscalls[fact.kind] });
  }
}

function processColumns(process: Process, at: Micros, detail: EventDetail): Columns<'process_events'> {
  const image = imageAt(process, at);
  return {
    pid: process.pid,
    // An orphan has been given another parent, of whom the world knows nothing.
    ...(process.parent === undefined || !isAlive(process.parent, at) ? {} : { parent: process.parent.pid }),
    path: image.path,
    cmdline: image.cmdline,
    uid: process.uid,
    euid: process.uid,
    gid: process.uid,
    egid: process.uid,
    ...(detail === 'full' ? { net_namespace: process.netns.idAt(at) } : {}),
  };
}

const untoldByAudit: ReadonlySet<Fact['kind']> = new Set(['close', 'send', 'receive', 'listen']);

/** Tells socket facts as rows of socket_events. Audit knows no local end of a connect or accept, no close and no socket id. */
export function observeSockets(
  host: Host,
  stream: RowStream<'socket_events'>,
  detail: EventDetail,
  from: Micros,
): void {
  for (const fact of host.facts) {
    if (fact.at < from || !('socket' in fact)) continue;
    if (detail === 'audit' && (untoldByAudit.has(fact.kind) || isPortless(fact.socket.proto))) continue;
    stream.write('event', fact.at, socketColumns(fact, detail), 'since' in fact ? fact.since : undefined);
  }
}

type SocketFact = Extract<Fact, { readonly socket: Socket }>;

function socketColumns(fact: SocketFact, detail: EventDetail): Columns<'socket_events'> {
  const { socket, process } = fact;
  const isDatagram = fact.kind === 'send' || fact.kind === 'receive';
  const local = isDatagram ? fact.local : socket.local;
  const remote = isDatagram ? fact.remote : fact.kind === 'bind' || fact.kind === 'listen' ? undefined : socket.remote;
  const hidesLocal = detail === 'audit' && (fact.kind === 'connect' || fact.kind === 'accept');
  return {
    action: fact.kind,
    pid: process.pid,
    path: imageAt(process, fact.at).path,
    fd: String(socket.holds[0]!.fd),
    status: fact.kind === 'connect' ? fact.result : 'succeeded',
    success: fact.kind === 'connect' && fact.result === 'failed' ? 0 : 1,
    family: familyOf(socket),
    protocol: protocolOf(socket.proto, socket.v6),
    ...(hidesLocal ? {} : endpointColumns(socket, local, 'local')),
    ...(remote === undefined ? {} : endpointColumns(socket, remote, 'remote')),
    ...(fact.kind === 'send' && socket.proto === 'icmp'
      ? { icmp_type: local.port, icmp_code: 0, local_port: 4711 }
      : {}),
    ...(detail === 'full' ? { socket: String(socket.id), net_namespace: socket.netns.idAt(fact.at) } : {}),
  };
}

function endpointColumns(socket: Socket, end: Endpoint, side: 'local' | 'remote'): Columns<'socket_events'> {
  const address = isUnspecified(end.address) ? (socket.v6 ? '::' : '0.0.0.0') : written(socket, end.address);
  return side === 'local'
    ? { local_address: address, local_port: end.port }
    : { remote_address: address, remote_port: end.port };
}
