import sqlite3InitModule, { type Sqlite3Static } from '@sqlite.org/sqlite-wasm';

/** An address in SQLite's memory. */
export type Pointer = number;

/** SQLite, and of its C functions those that are called for every cell: through the package's own wrappers a cell takes ten times as long. */
export interface Sqlite {
  readonly api: Sqlite3Static;
  readonly raw: RawFunctions;
}

export interface RawFunctions {
  sqlite3_result_null(context: Pointer): void;
  sqlite3_result_int64(context: Pointer, value: bigint): void;
  sqlite3_result_int(context: Pointer, value: number): void;
  sqlite3_result_double(context: Pointer, value: number): void;
  sqlite3_result_text(context: Pointer, text: Pointer, bytes: number, destructor: number): void;
}

/** Loads SQLite. It reports failed statements on the console by itself, besides saying so; that is turned off. */
export async function loadSqlite(): Promise<Sqlite> {
  const api = await sqlite3InitModule();
  api.config.warn = () => {};
  api.config.error = () => {};
  return { api, raw: api.wasm.exports as RawFunctions };
}
