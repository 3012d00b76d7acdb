import type { ConnectionTable } from './connection-table.js';
import { ACKED, FORGOTTEN_APART, REASSEMBLED, RECORD_WORDS } from './record-layout.js';

/*
 * Up to where an end's data is forgotten, since the peer acknowledged it. That is nearly always what the peer is known to have acknowledged of what
 * was delivered, and then it is kept nowhere. But a RST's acknowledgement forgets though it is not believed otherwise, one of what lies behind a
 * FIN forgets up to the FIN only, and a SYN that begins the numbers anew forgets nothing.
 */

/** What the numbers of the record say. */
function usual(table: ConnectionTable, base: number, dir: number): number {
  const f = (base >> 1) + dir;
  return Math.max(1, Math.min(table.f64[f + ACKED]!, table.f64[f + REASSEMBLED]!));
}

/** The relative sequence number up to which data of `dir` is forgotten. */
export function forgottenUpTo(table: ConnectionTable, base: number, dir: number): number {
  const kept = isApart(table, base) ? table.forgotten.get(base / RECORD_WORDS)?.[dir] : undefined;
  return kept ?? usual(table, base, dir);
}

/** Keeps that number where those of the record, which may just have changed, do not say it. */
export function keepForgotten(table: ConnectionTable, base: number, dir: number, upTo: number): void {
  const isUsual = upTo === usual(table, base, dir);
  if (isUsual && !isApart(table, base)) return;
  const slot = base / RECORD_WORDS;
  const kept = table.forgotten.get(slot) ?? [undefined, undefined];
  kept[dir] = isUsual ? undefined : upTo;
  const isNeeded = kept[0] !== undefined || kept[1] !== undefined;
  table.u16[(base << 1) + FORGOTTEN_APART] = isNeeded ? 1 : 0;
  if (isNeeded) table.forgotten.set(slot, kept);
  else table.forgotten.delete(slot);
}

/** Whether the numbers of the record do not say it of one of its ends. */
export function isApart(table: ConnectionTable, base: number): boolean {
  return table.u16[(base << 1) + FORGOTTEN_APART] !== 0;
}

/** The ends have changed places. */
export function flipForgotten(table: ConnectionTable, base: number): void {
  if (isApart(table, base)) table.forgotten.get(base / RECORD_WORDS)?.reverse();
}
