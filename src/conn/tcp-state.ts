import type { WeirdDetails } from '../core/weird.js';
import type { WeirdName } from '../core/weird-table.js';
import type { ConnectionTable } from './connection-table.js';
import { FLAGS, PREVIOUS_STATE, STATE_BITS, WAS_WEIRD } from './record-layout.js';
import type { StreamContext } from './tcp-stream.js';

/** States of one TCP end, with Zeek's meaning. The order is that of Zeek's `endpoint` record. */
export const TCP_INACTIVE = 0;
/** SYN seen. */
export const TCP_SYN_SENT = 1;
/** SYN with ACK seen without a SYN before. */
export const TCP_SYN_ACK_SENT = 2;
/** Data seen without a SYN. */
export const TCP_PARTIAL = 3;
export const TCP_ESTABLISHED = 4;
/** FIN seen. */
export const TCP_CLOSED = 5;
export const TCP_RESET = 6;

export function stateOf(table: ConnectionTable, base: number, dir: number): number {
  return (table.i32[base + FLAGS]! >>> (STATE_BITS * dir)) & 7;
}

export function previousStateOf(table: ConnectionTable, base: number, dir: number): number {
  return (table.i32[base + FLAGS]! >>> (PREVIOUS_STATE + STATE_BITS * dir)) & 7;
}

/** Whether an end was reset that had begun and sent no FIN: then Zeek no longer looks whether the connection has ended. */
export function isAborted(table: ConnectionTable, base: number): boolean {
  for (let dir = 0; dir < 2; dir++) {
    const previous = previousStateOf(table, base, dir);
    const isReset = stateOf(table, base, dir) === TCP_RESET;
    if (isReset && previous !== TCP_CLOSED && previous !== TCP_INACTIVE) return true;
  }
  return false;
}

/** Counts a weird of a connection and marks its record. */
export function weirdOf(c: StreamContext, base: number, name: WeirdName, details?: WeirdDetails): void {
  c.weird.count(name, details);
  c.table.i32[base + FLAGS] = c.table.i32[base + FLAGS]! | WAS_WEIRD;
}
