import type { RowStore } from './row-store.js';

// Where a row about a socket is among those of its tuple, which are linked from the latest to the earliest.

/** Bits of a row's tag; above them is how many rows are behind it among those of its tuple, as far as that fits. */
const FORWARD = 1;
const LOOSE = 2;
const BEHIND_SHIFT = 2;
/** So many rows behind a row, or more. */
export const MANY_BEHIND = 3;

/** Tells which end of its tuple is the local one, and how many earlier rows are linked behind it. */
export function setForward(rows: RowStore, handle: number, isForward: boolean, behind: number): void {
  rows.setTag(handle, (isForward ? FORWARD : 0) | (Math.min(behind, MANY_BEHIND) << BEHIND_SHIFT));
}

export function isForward(rows: RowStore, handle: number): boolean {
  return (rows.tag(handle) & FORWARD) !== 0;
}

/** At least so many rows are linked behind it as far as that is known without walking over them; MANY_BEHIND: or more. */
export function behind(rows: RowStore, handle: number): number {
  return rows.tag(handle) >>> BEHIND_SHIFT;
}

/** Its tuple does not know it any more. */
export function setLoose(rows: RowStore, handle: number): void {
  rows.setTag(handle, rows.tag(handle) | LOOSE);
}

export function isLoose(rows: RowStore, handle: number): boolean {
  return (rows.tag(handle) & LOOSE) !== 0;
}
