import type { SqlValue } from '../records/host-database.js';
import type { WireValue } from './message.js';

/** A value of an SQL result as JSON has it: an integer beyond 2^53 is its decimal text within an object. */
export function toWireValue(value: SqlValue): WireValue {
  if (typeof value === 'bigint') return { integer: value.toString() };
  // SQLite's infinities have no form in JSON.
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}
