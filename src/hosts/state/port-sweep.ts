import type { Micros } from '../../core/time.js';
import { type Closings, heldSockets } from './held-socket.js';
import type { SocketRecord } from './socket-record.js';

/**
 * Tells which of the rows that name one local port alone tell of sockets that were over before the horizon. What ended a socket is another of these
 * rows, so they are gone through once for all.
 */
export function overBefore(records: readonly SocketRecord[], horizon: Micros, closings: Closings): boolean[] {
  const over = new Set<SocketRecord>();
  for (const { record, closeHi } of heldSockets(
    records.filter(({ isEvent }) => isEvent),
    closings,
  )) {
    if (closeHi < horizon) over.add(record);
  }
  const removals = new Map<string, Micros>();
  for (const record of records) {
    if (!record.isRemoved || record.hi >= horizon) continue;
    const key = keyOf(record);
    removals.set(key, Math.max(record.hi, removals.get(key) ?? -Infinity));
  }
  return records.map((record) => {
    if (record.hi >= horizon) return false;
    if (record.isEvent) return over.has(record);
    return record.isRemoved || (removals.get(keyOf(record)) ?? -Infinity) > record.hi;
  });
}

function keyOf({ stream, pid, fd }: SocketRecord): string {
  return `${stream} ${pid} ${fd}`;
}
