import type { HeldSocket } from './held-socket.js';

/**
 * Puts calls that name no network namespace, as osquery's binds, in the one in which a poll saw the socket: with the same process, descriptor
 * and address, opened when the call may have been. `sockets` have one local port and no peer.
 */
export function inNamespaces(sockets: readonly HeldSocket[]): readonly HeldSocket[] {
  if (!sockets.some(isUnplaced)) return sockets;
  const polled = new Map<string, HeldSocket[]>();
  for (const socket of sockets) {
    if (socket.isCall || socket.namespace === undefined || socket.fd === undefined) continue;
    const of = polled.get(keyOf(socket));
    if (of === undefined) polled.set(keyOf(socket), [socket]);
    else of.push(socket);
  }
  if (polled.size === 0) return sockets;
  return sockets.map((socket) => {
    const namespace = isUnplaced(socket) ? namespaceAmong(polled.get(keyOf(socket)), socket) : undefined;
    return namespace === undefined ? socket : socket.inNamespace(namespace);
  });
}

function isUnplaced({ isCall, namespace, fd }: HeldSocket): boolean {
  return isCall && namespace === undefined && fd !== undefined;
}

function keyOf({ pid, fd, localAddress }: HeldSocket): string {
  return [pid, fd, localAddress].join(' ');
}

/** undefined: that of no socket, or of several that differ. */
function namespaceAmong(polled: readonly HeldSocket[] = [], { openLo, openHi }: HeldSocket): string | undefined {
  let found: string | undefined;
  for (const { namespace, openLo: lo, openHi: hi } of polled) {
    if (lo > openHi || hi < openLo) continue;
    if (found !== undefined && found !== namespace) return undefined;
    found = namespace;
  }
  return found;
}
