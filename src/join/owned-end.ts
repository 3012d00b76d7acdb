import type { Micros } from '../core/time.js';
import type { RowStore } from '../hosts/state/row-store.js';
import type { AttributedEnd, Method } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';

export type User = NonNullable<AttributedEnd['user']>;

/** A row that is kept, by what it is found with. */
export interface KeptRow {
  readonly store: RowStore;
  readonly handle: number;
  readonly time: Micros;
}

/** An end with its owner. What it does not have it has no property for. */
export class OwnedEnd implements AttributedEnd {
  readonly state = 'attributed';
  readonly method: Method;
  readonly host: AttributedEnd['host'];
  declare readonly clock?: NonNullable<AttributedEnd['clock']>;
  readonly process: AttributedEnd['process'];
  declare readonly user?: User;
  declare readonly sharers?: NonNullable<AttributedEnd['sharers']>;
  readonly #rows: readonly KeptRow[];

  constructor(
    method: Method,
    host: AttributedEnd['host'],
    clock: AttributedEnd['clock'],
    process: AttributedEnd['process'],
    user: User | undefined,
    sharers: NonNullable<AttributedEnd['sharers']>,
    rows: readonly KeptRow[],
  ) {
    // In the order of the schema, which lines follow.
    this.method = method;
    this.host = host;
    if (clock !== undefined) this.clock = clock;
    this.process = process;
    if (user !== undefined) this.user = user;
    if (sharers.length > 0) this.sharers = sharers;
    this.#rows = rows;
  }

  /** Read from the store when it is asked for; a row that was let go since is missing. */
  get evidence(): AnyTableRow[] {
    return this.#rows.flatMap(({ store, handle, time }) => store.row(handle, time) ?? []);
  }
}
