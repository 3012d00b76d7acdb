import type { ConnectionTable } from './connection-table.js';
import { isApart } from './forgotten-data.js';
import {
  ACKED,
  CONFIRMED,
  FLAGS,
  IN_STEP,
  LAST,
  NEXT,
  REASSEMBLED,
  SEGMENTS,
  START_SEQ,
  STREAMED,
} from './record-layout.js';

/*
 * A TCP connection is in step when both streams are whole up to the last number sent, and nothing was acknowledged that was not seen. Its
 * plain packets then need four 32-bit numbers, NEXT and CONFIRMED of both ends, which lie in the first cache line of the record; the
 * numbers relative to the start, LAST, ACKED and REASSEMBLED, are left behind until `catchUp`.
 */

/** Plain packets keep NEXT and CONFIRMED within one quarter of the number space, so that catching up can tell how far they went. */
export const QUARTER = 0xc000_0000 | 0;

/** Brings the numbers relative to the start up to date. To be called before they are read. */
export function catchUp(table: ConnectionTable, base: number): void {
  const { i32, f64 } = table;
  if ((i32[base + FLAGS]! & IN_STEP) === 0) return;
  const f = base >> 1;
  for (let dir = 0; dir < 2; dir++) {
    const start = i32[base + START_SEQ + dir]!;
    const last = f64[f + LAST + dir]!;
    const now = last + ((i32[base + NEXT + dir]! - (start + last)) | 0);
    f64[f + LAST + dir] = now;
    f64[f + REASSEMBLED + dir] = now;
    const acked = f64[f + ACKED + dir]!;
    f64[f + ACKED + dir] = acked + ((i32[base + CONFIRMED + dir]! - (start + acked)) | 0);
  }
}

/** Looks whether the connection is in step after a packet that may have changed it. */
export function findStep(table: ConnectionTable, base: number): void {
  const { i32, f64 } = table;
  const f = base >> 1;
  const flags = i32[base + FLAGS]!;
  const inStep =
    (flags & STREAMED) === 0 &&
    !isApart(table, base) &&
    (i32[base + SEGMENTS]! & i32[base + SEGMENTS + 1]!) === -1 &&
    f64[f + LAST] === f64[f + REASSEMBLED] &&
    f64[f + LAST + 1] === f64[f + REASSEMBLED + 1] &&
    f64[f + ACKED]! <= f64[f + LAST]! &&
    f64[f + ACKED + 1]! <= f64[f + LAST + 1]!;
  if (!inStep) {
    i32[base + FLAGS] = flags & ~IN_STEP;
    return;
  }
  i32[base + FLAGS] = flags | IN_STEP;
  for (let dir = 0; dir < 2; dir++) {
    const start = i32[base + START_SEQ + dir]!;
    i32[base + NEXT + dir] = (start + f64[f + LAST + dir]!) | 0;
    i32[base + CONFIRMED + dir] = (start + f64[f + ACKED + dir]!) | 0;
  }
}
