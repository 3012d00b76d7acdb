import type { SocketRecord } from './socket-record.js';

// What a row about a socket is found by, and for how long it serves.

/** Whether the row tells of a socket that may stand for long, rather than of a call for one connection. */
export function isStanding(record: SocketRecord): boolean {
  const { source, protocol, isDatagram } = record;
  if (source !== 'connect' && source !== 'accept') return true;
  return protocol !== 6 && !isDatagram && !isOfItsTime(record);
}

/** A call that names its peer alone is found near the first packet or not at all (`callsTo`), however long its socket stands. */
export function isOfItsTime({ localPort }: SocketRecord): boolean {
  return localPort === undefined;
}

/** Whether it is found by its local port or its peer alone. */
export function hasBlank({ localPort, remoteAddress, remotePort }: SocketRecord): boolean {
  return localPort === undefined || remoteAddress === undefined || remotePort === undefined;
}

/** A call that names a local port alone. */
export function isBind({ isEvent, remoteAddress, remotePort }: SocketRecord): boolean {
  return isEvent && (remoteAddress === undefined || remotePort === undefined);
}

export function portKey(protocol: number, port: number): number {
  return protocol * 65_536 + port;
}

/** The last of the calls that no process, with the same program, made which made one of `known`. */
export function lastOfOthers(calls: readonly SocketRecord[], known: readonly SocketRecord[]): SocketRecord | undefined {
  const programs = new Map<number, Set<string | undefined>>();
  for (const { pid, path } of known) {
    const of = programs.get(pid);
    if (of === undefined) programs.set(pid, new Set([path]));
    else of.add(path);
  }
  return calls.findLast(({ pid, path }) => programs.get(pid)?.has(path) !== true);
}
