const FEW = 256;
/** Links of a user: the one before it in its list and the one after, each counted from 1; 0: it is the first, or the last. */
const WIDTH = 2;
const BEFORE = 0;
const AFTER = 1;

/**
 * In which list each user is, by its number, and between which others. As objects, entries of arrays that have grown old would each be
 * a reference that the garbage collector looks at. Grows with the greatest number, which is bounded.
 */
export class UserColumns {
  links = new Int32Array(FEW * WIDTH);
  /** The kind of the list that the user is in; 0: none. */
  kinds = new Uint8Array(FEW);

  makeRoom(number: number): void {
    if (number < this.kinds.length) return;
    const kinds = new Uint8Array(2 * number);
    const links = new Int32Array(2 * number * WIDTH);
    kinds.set(this.kinds);
    links.set(this.links);
    this.kinds = kinds;
    this.links = links;
  }
}

/** Users by number in the order in which they came. A user is in one list at a time. */
export class UserList {
  readonly #columns: UserColumns;
  readonly #kind: number;
  #first = 0;
  #last = 0;

  /** `kind`, from 1 on, tells the lists apart that one user may be in. */
  constructor(columns: UserColumns, kind: number) {
    this.#columns = columns;
    this.#kind = kind;
  }

  add(user: number): void {
    const columns = this.#columns;
    columns.makeRoom(user);
    const { links } = columns;
    columns.kinds[user] = this.#kind;
    links[user * WIDTH + BEFORE] = this.#last;
    links[user * WIDTH + AFTER] = 0;
    if (this.#last === 0) this.#first = user + 1;
    else links[(this.#last - 1) * WIDTH + AFTER] = user + 1;
    this.#last = user + 1;
  }

  /** Whether the user is in a list of this kind. */
  has(user: number): boolean {
    return this.#columns.kinds[user] === this.#kind;
  }

  remove(user: number): void {
    const { links, kinds } = this.#columns;
    const before = links[user * WIDTH + BEFORE]!;
    const after = links[user * WIDTH + AFTER]!;
    kinds[user] = 0;
    if (before === 0) this.#first = after;
    else links[(before - 1) * WIDTH + AFTER] = after;
    if (after === 0) this.#last = before;
    else links[(after - 1) * WIDTH + BEFORE] = before;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let next = this.#first; next !== 0; next = this.#columns.links[(next - 1) * WIDTH + AFTER]!) yield next - 1;
  }
}
