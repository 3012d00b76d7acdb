import type { HostTable } from '../../records/host-tables.js';

/** A row of a query's result. */
export type SqlRow = Readonly<Record<string, string | number | null>>;

/** A query that was checked against the host tables. */
export interface SqlQuery {
  readonly sql: string;
  /** The host tables it reads. */
  readonly tables: readonly HostTable[];
}

/** Evaluates queries over host tables in SQLite, in memory. */
export interface SqlDatabase {
  /** Throws an Error with SQLite's message when the text is not one SELECT over host tables. */
  prepare(sql: string): SqlQuery;
  evaluate(query: SqlQuery, rows: (table: HostTable) => Iterable<object>): SqlRow[];
}
