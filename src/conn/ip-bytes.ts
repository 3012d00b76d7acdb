import type { ConnectionTable } from './connection-table.js';
import { IP_BYTES, IP_BYTES_HIGH } from './record-layout.js';

/** Adds the IP-level bytes of a packet of `dir`. */
export function addIpBytes(table: ConnectionTable, base: number, dir: number, bytes: number): void {
  const { i32 } = table;
  const before = i32[base + IP_BYTES + dir]! >>> 0;
  const sum = before + bytes;
  i32[base + IP_BYTES + dir] = sum | 0;
  if (sum > 0xffff_ffff) table.u16[(base << 1) + IP_BYTES_HIGH + dir]!++;
}

/** IP-level bytes that `dir` has sent; up to 2^48. */
export function ipBytesOf(table: ConnectionTable, base: number, dir: number): number {
  return table.u16[(base << 1) + IP_BYTES_HIGH + dir]! * 0x1_0000_0000 + (table.i32[base + IP_BYTES + dir]! >>> 0);
}
