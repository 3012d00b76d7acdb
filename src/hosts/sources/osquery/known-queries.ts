import { limits } from '../../../core/limits.js';
import type { HostTable } from '../../../records/host-tables.js';
import type { JsonObject } from '../host-source.js';
import { type RowShape, RowShapes } from './row-shapes.js';
import { isOtherTable, tableOf, tableOfName } from './table.js';

/** A query, of whichever hosts: what its name and the row that came last tell of the next one. */
export class KnownQuery {
  /** The table that the name tells. */
  readonly named: HostTable | undefined;
  /** The name is that of a table which is not understood. */
  readonly isOther: boolean;
  #shape: RowShape | undefined;

  constructor(
    name: string,
    private readonly shapes: RowShapes,
  ) {
    this.named = tableOfName(name);
    this.isOther = isOtherTable(name);
  }

  shapeOf(row: JsonObject): RowShape {
    const shape = this.shapes.of(row, this.#shape);
    if (shape.isShort) this.#shape = shape;
    return shape;
  }

  /** The table that rows of a shape are about. */
  tableOf({ told }: RowShape): HostTable | undefined {
    return this.isOther ? undefined : tableOf(this.named, told);
  }
}

/** The queries of a log, as far as they are remembered, so that what a line tells of its query is found once for most. */
export class KnownQueries {
  readonly #queries = new Map<string, KnownQuery>();
  readonly #shapes = new RowShapes();

  of(name: string): KnownQuery {
    const known = this.#queries.get(name);
    if (known !== undefined) return known;
    const query = new KnownQuery(name, this.#shapes);
    if (name.length > limits.hostNameChars) return query;
    if (this.#queries.size >= limits.hostKnownQueries) this.#queries.clear();
    this.#queries.set(name, query);
    return query;
  }
}
