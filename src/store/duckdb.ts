import { CorrelateError, messageOf } from '../core/errors.js';

/**
 * What is used of DuckDB's API for Node (the package @duckdb/node-api), and the only place that loads it. It is described here, since the
 * program must also build and run where the package is not: 68 MB of native code that only a store needs.
 */
export interface DuckDb {
  readonly DuckDBInstance: { create(path: string, options: Readonly<Record<string, string>>): Promise<DuckDbInstance> };
  readonly DuckDBDataChunk: { create(types: readonly DuckDbType[], rowCount: number): DuckDbChunk };
  readonly DuckDBTimestampValue: new (micros: bigint) => DuckDbValue;
  readonly StatementType: { readonly SELECT: number; readonly EXPLAIN: number };
  listValue(items: readonly string[]): DuckDbValue;
}

/** Types and values that are only handed on. */
export interface DuckDbType {
  readonly typeId: number;
}
export type DuckDbValue = object;

export interface DuckDbInstance {
  connect(): Promise<DuckDbConnection>;
  closeSync(): void;
}

export interface DuckDbConnection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<DuckDbReader>;
  extractStatements(sql: string): Promise<{ readonly count: number; prepare(index: number): Promise<DuckDbStatement> }>;
  createAppender(table: string): Promise<DuckDbAppender>;
  interrupt(): void;
  closeSync(): void;
}

export interface DuckDbStatement {
  readonly statementType: number;
  streamAndReadUntil(rowCount: number): Promise<DuckDbReader>;
  destroySync(): void;
}

export interface DuckDbReader {
  readonly done: boolean;
  deduplicatedColumnNames(): string[];
  getRows(): unknown[][];
  /** Values as plain JavaScript has them. */
  getRowsJS(): unknown[][];
}

export interface DuckDbAppender {
  columnType(index: number): DuckDbType;
  appendDataChunk(chunk: DuckDbChunk): void;
  flushSync(): void;
  clear(): void;
}

export interface DuckDbChunk {
  setColumnValues(index: number, values: readonly (string | number | bigint | DuckDbValue | null)[]): void;
}

/** @throws CorrelateError STORE_UNAVAILABLE */
export async function loadDuckDb(): Promise<DuckDb> {
  const name = '@duckdb/node-api';
  try {
    return (await import(name)) as DuckDb;
  } catch (error) {
    const message = `DuckDB (the package ${name}) is not here or not for this machine: ${messageOf(error).split('\n')[0]}`;
    throw new CorrelateError('STORE_UNAVAILABLE', message, { cause: error });
  }
}
