/** A value of an SQL result; integers beyond 2^53 are bigint. null is SQL's NULL. */
export type SqlValue = string | number | bigint | null;

/** The whole result of one SQL statement on one host. */
export interface SqlResult {
  readonly columns: readonly string[];
  /** Each row has one value per column. */
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Bounds of one query. At either the query fails; a result is never cut in silence. */
export interface SqlLimits {
  /** Most rows of the result. Beyond: QUERY_LIMIT. */
  readonly rows: number;
  /** Longest evaluation, milliseconds. Beyond: QUERY_TIMEOUT. */
  readonly timeoutMs: number;
}

/** The tables of one host, asked with SQL: on an agent what the machine itself says. */
export interface HostDatabase {
  /** Runs one SELECT. Rejects with QUERY_FAILED and SQLite's own words, QUERY_LIMIT or QUERY_TIMEOUT. */
  query(sql: string, limits: SqlLimits): Promise<SqlResult>;
}
