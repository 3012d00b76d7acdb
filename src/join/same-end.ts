import { OwnedEnd } from './owned-end.js';

/** Whether a line would show the same end: the rows that decided are no part of it. */
export function isSameEnd(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const isOwned = a instanceof OwnedEnd && b instanceof OwnedEnd;
  // Mostly the details of the process have come.
  if (isOwned && a.process !== b.process && a.process.cmdline !== b.process.cmdline) return false;
  return isSame(a, b);
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (key !== 'evidence' && !isSame(left[key], right[key])) return false;
  for (const key in right) if (key !== 'evidence' && !(key in left)) return false;
  return true;
}
