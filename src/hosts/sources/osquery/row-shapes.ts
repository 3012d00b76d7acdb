import { limits } from '../../../core/limits.js';
import type { HostTable } from '../../../records/host-tables.js';
import type { JsonObject } from '../host-source.js';
import { planRow, type RowPlan } from './columns.js';
import { tableOfColumns } from './table.js';

/** What the names of a row's columns tell, in its order, found once for all rows that have them. */
export class RowShape {
  /** The table that they alone tell. */
  readonly told: HostTable | undefined;
  /** The names are few and short enough to be kept. */
  readonly isShort: boolean;
  readonly #plans = new Map<HostTable, RowPlan>();

  constructor(readonly names: readonly string[]) {
    this.told = tableOfColumns(names);
    this.isShort = names.reduce((chars, name) => chars + name.length, names.length) <= limits.hostShapeChars;
  }

  /** Whether a row has it. */
  isOf(row: JsonObject): boolean {
    const { names } = this;
    let at = 0;
    for (const name in row) if (names[at++] !== name) return false;
    return at === names.length;
  }

  /** How its rows are converted as ones of the table. */
  planFor(table: HostTable): RowPlan {
    const known = this.#plans.get(table);
    if (known !== undefined) return known;
    const plan = planRow(table, this.names);
    this.#plans.set(table, plan);
    return plan;
  }
}

/** The shapes of the rows of a log, as far as they are remembered. */
export class RowShapes {
  readonly #shapes = new Map<string, RowShape>();

  /** That of a row, which is likely that of the one before. */
  of(row: JsonObject, likely: RowShape | undefined): RowShape {
    if (likely?.isOf(row) === true) return likely;
    const names = Object.keys(row);
    const key = JSON.stringify(names);
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    const shape = new RowShape(names);
    if (!shape.isShort) return shape;
    if (this.#shapes.size >= limits.hostRowShapes) this.#shapes.clear();
    this.#shapes.set(key, shape);
    return shape;
  }
}
