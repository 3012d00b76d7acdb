/** Types of DuckDB that the store uses. A TIMESTAMP is UTC. JSON is text of which DuckDB knows that it is JSON. */
export type ColumnType = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'TIMESTAMP' | 'JSON' | 'VARCHAR[]';

/** A value on its way into the store or out of it: a TIMESTAMP is integer microseconds, JSON its text. Null: absent. */
export type StoreValue = string | number | readonly string[] | null;

/** A column of a table: its name, its type, and its value in a record. */
export interface Column<T> {
  readonly name: string;
  readonly type: ColumnType;
  readonly of: (record: T) => StoreValue | undefined;
}

/** A table of records that are only ever appended. */
export interface Table<T> {
  readonly name: string;
  readonly columns: readonly Column<T>[];
  /** The column that says when a record was true, by which old ones are deleted. Absent: they are kept. */
  readonly time?: string;
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL takes it. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Texts as SQL takes them after IN; never empty, since SQL knows no empty list. */
export function list(texts: readonly string[]): string {
  return texts.length === 0 ? 'NULL' : texts.map(literal).join(', ');
}

/** A moment as SQL takes it. */
export function timeLiteral(us: number): string {
  return `make_timestamp(${Math.max(Math.round(us), FIRST_TIME)})`;
}

/** Earlier moments than the year 1 are of no use and SQL might not take them. */
const FIRST_TIME = -62_135_596_800_000_000;

export function createStatement<T>({ name, columns }: Table<T>): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted(name)} (${columns.map((c) => `${quoted(c.name)} ${c.type}`).join(', ')})`;
}

/** What to select so that a value comes out as it went in. */
export function selected<T>({ name, type }: Column<T>): string {
  if (type === 'TIMESTAMP') return `CAST(epoch_us(${quoted(name)}) AS DOUBLE)`;
  return type === 'BIGINT' ? `CAST(${quoted(name)} AS DOUBLE)` : quoted(name);
}

/** The values of records, column by column, as batches travel. */
export function columnsOf<T>({ columns }: Table<T>, records: readonly T[]): StoreValue[][] {
  return columns.map(({ of }) => records.map((record) => of(record) ?? null));
}
