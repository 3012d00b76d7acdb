import { isUnspecified } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Columns, HostTable } from '../../../src/records/host-tables.js';
import { familyOf, written } from './event-observer.js';
import type { Host } from './host.js';
import { imageAt, isAlive } from './process-life.js';
import type { RowStream } from './row-stream.js';
import { isOpen, isPortless, protocolOf, type Socket } from './sockets.js';

/** Turns what a table shows at each poll into added and removed rows, each with the poll before. */
export function poll<T extends HostTable>(
  stream: RowStream<T>,
  polls: readonly Micros[],
  look: (at: Micros) => readonly Columns<T>[],
): void {
  let seen = new Map<string, Columns<T>>();
  let since: Micros | undefined;
  for (const at of polls) {
    const now = new Map(look(at).map((columns) => [JSON.stringify(columns), columns]));
    const added = [...now].filter(([key]) => !seen.has(key));
    const removed = [...seen].filter(([key]) => !now.has(key));
    for (const [, columns] of removed) stream.write('removed', at, columns, since);
    for (const [, columns] of added) stream.write('added', at, columns, since);
    seen = now;
    since = at;
  }
}

export function lookAtProcesses(host: Host): (at: Micros) => Columns<'processes'>[] {
  return (at) =>
    host.processes.all
      .filter((process) => isAlive(process, at))
      .map((process) => {
        const image = imageAt(process, at);
        return {
          pid: process.pid,
          // An orphan is given to another process at once; here it then has none.
          ...(process.parent === undefined || !isAlive(process.parent, at) ? {} : { parent: process.parent.pid }),
          path: image.path,
          name: image.path.slice(image.path.lastIndexOf('/') + 1),
          cmdline: image.cmdline,
          uid: process.uid,
          gid: process.uid,
          euid: process.uid,
          egid: process.uid,
          start_time: Math.floor(host.clock(process.start) / 1_000_000),
        };
      });
}

function stateAt({ listening, connects, answered }: Socket, at: Micros): string {
  if (listening) return 'LISTEN';
  return connects && (answered === undefined || at < answered) ? 'SYN_SENT' : 'ESTABLISHED';
}

function holdersAt(socket: Socket, at: Micros): { pid: number; fd: number; path: string }[] {
  return socket.holds
    .filter((hold) => hold.from <= at && (hold.to === undefined || at < hold.to))
    .map((hold) => ({ pid: hold.process.pid, fd: hold.fd, path: imageAt(hold.process, at).path }));
}

export function lookAtSockets(host: Host): (at: Micros) => Columns<'process_open_sockets'>[] {
  return (at) =>
    host.sockets.all
      .filter((socket) => isOpen(socket, at))
      .flatMap((socket) =>
        holdersAt(socket, at).map(({ pid, fd }) => ({
          pid,
          fd,
          socket: socket.id,
          family: familyOf(socket),
          ...(isPortless(socket.proto)
            ? { protocol: 255, local_port: protocolOf(socket.proto, socket.v6) }
            : { protocol: protocolOf(socket.proto, socket.v6), local_port: socket.local.port }),
          local_address: localAddress(socket),
          remote_address:
            socket.remote === undefined ? (socket.v6 ? '::' : '0.0.0.0') : written(socket, socket.remote.address),
          remote_port: socket.remote?.port ?? 0,
          ...(socket.proto === 'tcp' ? { state: stateAt(socket, at) } : {}),
          net_namespace: socket.netns.idAt(at),
        })),
      );
}

export function lookAtListeners(host: Host): (at: Micros) => Columns<'listening_ports'>[] {
  return (at) =>
    host.sockets.all
      .filter((socket) => isOpen(socket, at) && socket.remote === undefined && !isPortless(socket.proto))
      .flatMap((socket) =>
        holdersAt(socket, at).map(({ pid, fd }) => ({
          pid,
          fd,
          socket: socket.id,
          port: socket.local.port,
          protocol: protocolOf(socket.proto, socket.v6),
          family: familyOf(socket),
          address: localAddress(socket),
          net_namespace: socket.netns.idAt(at),
        })),
      );
}

function localAddress(socket: Socket): string {
  if (isUnspecified(socket.local.address)) return socket.v6 ? '::' : '0.0.0.0';
  return written(socket, socket.local.address);
}

/** osquery tells the addresses of its own namespace, and not which that is. */
export function lookAtAddresses(host: Host, isOsquery: boolean): (at: Micros) => Columns<'interface_addresses'>[] {
  const namespaces = isOsquery ? [host.own] : host.namespaces;
  return (at) =>
    namespaces.flatMap((netns) =>
      netns.addressesAt(at).map((address) => ({
        interface: address.startsWith('127.') || address === '::1' ? 'lo' : 'eth0',
        address,
        ...(isOsquery ? {} : { net_namespace: netns.idAt(at) }),
      })),
    );
}

export function lookAtUsers(host: Host): (at: Micros) => Columns<'users'>[] {
  // The same uid has another name on every host, so that the users of another host show.
  return () =>
    [0, 33, 1000, 1001].map((uid) => ({ uid, gid: uid, username: uid === 0 ? 'root' : `u${uid}-${host.id}` }));
}
