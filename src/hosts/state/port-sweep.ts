import type { Micros } from '../../core/time.js';
import { type Closings, heldSockets, isOfSame } from './held-socket.js';
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
    return (
      record.isRemoved ||
      (removals.get(keyOf(record)) ?? -Infinity) > record.hi ||
      isToldAnewBefore(record, horizon, records, closings)
    );
  });
}

/**
 * Whether a row is of no more use, as a later run of the watcher told before the horizon of all that stood: no other one tells of the socket again, or
 * both an earlier and a later one tell of it.
 */
export function isToldAnewBefore(
  record: SocketRecord,
  horizon: Micros,
  records: readonly SocketRecord[],
  closings: Closings,
): boolean {
  if (closings.goneBy(record) >= horizon) return false;
  const bootedAt = closings.bootOver(record);
  const same = records.filter((other) => isOfSame(other, record));
  if (!same.some(({ lo, hi }) => lo > record.lo && hi < bootedAt)) return true;
  const isEarlier = (other: SocketRecord): boolean => other.lo < record.lo && closings.bootOver(other) > record.hi;
  return !same.some(({ isRemoved }) => isRemoved) && same.some(isEarlier);
}

function keyOf({ stream, pid, fd }: SocketRecord): string {
  return `${stream} ${pid} ${fd}`;
}
