import type { SensorRow } from '../tables/sensor-table.js';

/** Rows that are read when they are first looked at, and then kept: a query with a LIMIT reads no more than it shows. */
export class RowList {
  static readonly empty = new RowList([]);

  readonly #rows: SensorRow[] = [];
  #source: Iterator<SensorRow> | undefined;

  constructor(source: Iterable<SensorRow>) {
    this.#source = source[Symbol.iterator]();
  }

  /** The row with this number; undefined beyond the last. Throws what reading throws. */
  at(index: number): SensorRow | undefined {
    while (index >= this.#rows.length && this.#source !== undefined) this.#readOne(this.#source);
    return this.#rows[index];
  }

  /** Every row. */
  all(): readonly SensorRow[] {
    while (this.#source !== undefined) this.#readOne(this.#source);
    return this.#rows;
  }

  #readOne(source: Iterator<SensorRow>): void {
    const next = source.next();
    if (next.done === true) this.#source = undefined;
    else this.#rows.push(next.value);
  }
}
