import type { SensorTable } from '../tables/sensor-table.js';

/** How SQLite may get at a table's rows: through a constraint that the table itself follows, by a value, or all of them. */
export type ScanKind = 'all' | 'named' | 'like' | 'value';

export interface ScanPlan {
  readonly kind: ScanKind;
  /** Which of the offered constraints is used; absent for `all`. */
  readonly constraint?: number;
  readonly column?: number;
  /** SQLite's measure: about the number of rows that are looked at. */
  readonly cost: number;
  readonly rows: number;
}

/** A condition that SQLite could hand over. */
export interface OfferedConstraint {
  readonly column: number;
  readonly operator: 'equal' | 'like' | 'other';
  /** False when its value is not known in the order in which the tables are visited. */
  readonly usable: boolean;
  /** Whether the comparison is that of bytes. */
  readonly binary: boolean;
}

const ALL = { kind: 'all', cost: 10_000, rows: 1_000 } as const;

/** The cheapest way; undefined when the table demands a constraint that is not there. */
export function planScan(table: SensorTable, offered: readonly OfferedConstraint[]): ScanPlan | undefined {
  const names = Object.keys(table.columns);
  const find = (operator: 'equal' | 'like', accept: (column: string, binary: boolean) => boolean) =>
    offered.findIndex(
      (each) => each.usable && each.operator === operator && accept(names[each.column] ?? '', each.binary),
    );
  const plan = (kind: ScanKind, at: number, cost: number, rows: number): ScanPlan => ({
    kind,
    constraint: at,
    column: offered[at]!.column,
    cost,
    rows,
  });
  for (const column of [...table.required, ...table.keys]) {
    // A key is looked up byte by byte, which is too strict where the other side of the comparison ignores case.
    const isRequired = table.required.includes(column);
    const at = find('equal', (name, binary) => name === column && (binary || isRequired));
    if (at >= 0) return plan('named', at, 10, 10);
  }
  if (table.required.length > 0) {
    const at = find('like', (name) => table.required.includes(name));
    return at < 0 ? undefined : plan('like', at, 5_000, 500);
  }
  const at = find('equal', (name, binary) => binary && name !== '');
  return at < 0 ? ALL : plan('value', at, 20, 10);
}
