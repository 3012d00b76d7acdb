import type { RowStore } from '../hosts/state/row-store.js';
import type { AttributedEnd, Method, Nat } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';

export type User = NonNullable<AttributedEnd['user']>;

/** Names the row that tells what the owner ran. */
export interface ImageRow {
  readonly handle: number;
  readonly stamp: number;
}

/** An end with its owner. What it does not have it has no property for. */
export class OwnedEnd implements AttributedEnd {
  readonly state = 'attributed';
  readonly method: Method;
  readonly host: AttributedEnd['host'];
  declare readonly clock?: NonNullable<AttributedEnd['clock']>;
  readonly process: AttributedEnd['process'];
  declare readonly user?: User;
  declare readonly container?: NonNullable<AttributedEnd['container']>;
  declare readonly sharers?: NonNullable<AttributedEnd['sharers']>;
  declare nat?: Nat;
  readonly #store: RowStore;
  /** Handles of the rows that decided, and a stamp of each. */
  readonly #row: number;
  readonly #stamp: number;
  readonly #imageRow: number;
  readonly #imageStamp: number;
  readonly #others: readonly number[] | undefined;

  /** `row` and its stamp name the row that decided, `others` in turn further ones with their stamps. */
  constructor(
    method: Method,
    host: AttributedEnd['host'],
    clock: AttributedEnd['clock'],
    process: AttributedEnd['process'],
    user: User | undefined,
    container: string | undefined,
    sharers: NonNullable<AttributedEnd['sharers']>,
    rows: RowStore,
    row: number,
    stamp: number,
    image: ImageRow | undefined,
    others: readonly number[] | undefined = undefined,
  ) {
    // In the order of the schema, which lines follow.
    this.method = method;
    this.host = host;
    if (clock !== undefined) this.clock = clock;
    this.process = process;
    if (user !== undefined) this.user = user;
    if (container !== undefined) this.container = { id: container };
    if (sharers.length > 0) this.sharers = sharers;
    this.#store = rows;
    this.#row = row;
    this.#stamp = stamp;
    this.#imageRow = image?.handle ?? 0;
    this.#imageStamp = image?.stamp ?? 0;
    this.#others = others;
  }

  /** Whether the same rows decided. */
  isOfRowsOf(other: OwnedEnd): boolean {
    if (this.#row !== other.#row || this.#stamp !== other.#stamp) return false;
    if (this.#imageRow !== other.#imageRow || this.#imageStamp !== other.#imageStamp) return false;
    const [own = [], others = []] = [this.#others, other.#others];
    return own.length === others.length && own.every((word, at) => word === others[at]);
  }

  /** Whether another one, of no translation, has the same owner alone, found by the same rows. */
  isOf(other: OwnedEnd): boolean {
    return (
      this.isOfRowsOf(other) &&
      this.method === other.method &&
      this.host === other.host &&
      this.clock === other.clock &&
      this.process === other.process &&
      this.user === other.user &&
      this.container?.id === other.container?.id &&
      other.sharers === undefined &&
      other.nat === undefined
    );
  }

  /** Read from the store when it is asked for; a row that was let go since is missing. */
  get evidence(): AnyTableRow[] {
    const found = [this.#store.row(this.#row, this.#stamp)];
    const others = this.#others ?? [];
    for (let i = 0; i < others.length; i += 2) found.push(this.#store.row(others[i]!, others[i + 1]!));
    if (this.#imageRow !== 0) found.push(this.#store.row(this.#imageRow, this.#imageStamp));
    return found.filter((row) => row !== undefined);
  }
}
