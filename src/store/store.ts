import { availableParallelism } from 'node:os';
import { CorrelateError, messageOf } from '../core/errors.js';
import type { Micros } from '../core/time.js';
import { alertLines, alertsView } from './alert-lines.js';
import { type ColumnType, createStatement, literal, quoted, type StoreValue, type Table } from './column.js';
import { connectionLines, connectionsView } from './connection-lines.js';
import {
  type DuckDb,
  type DuckDbAppender,
  type DuckDbChunk,
  type DuckDbConnection,
  type DuckDbInstance,
  type DuckDbType,
  loadDuckDb,
} from './duckdb.js';
import { hostControl, hostRowTables, watermarks } from './host-rows.js';

/** Grows when a file of an older version cannot be used any more. New columns do not count: they are added to the file. */
const FORMAT = 1;

/** Memory that DuckDB may take before it writes intermediate results to disk. */
const MEMORY = '512MB';

/** Rows that are handed to DuckDB at a time: the size of its own chunks. */
const CHUNK_ROWS = 2_048;

export const storeTables: readonly Table<never>[] = [
  connectionLines,
  alertLines,
  hostControl,
  watermarks,
  ...Object.values(hostRowTables),
];

/** Rows on their way into one table. */
interface Inlet {
  readonly appender: DuckDbAppender;
  readonly types: readonly DuckDbType[];
  /** For each column of the file the column of the batch; -1: the file has one that this version does not know. */
  readonly places: readonly number[];
  readonly columnTypes: readonly ColumnType[];
}

/**
 * A file of DuckDB with what runs saw: connections, host rows, alerts. One process at a time has it open for writing, and then no
 * other one can read it. What was appended is in the file after `flush`, and then together or not at all.
 */
export class Store {
  readonly #inlets = new Map<string, Inlet>();

  private constructor(
    private readonly api: DuckDb,
    private readonly instance: DuckDbInstance,
    private readonly connection: DuckDbConnection,
    /** Number of this run: one more than that of the last one that wrote into the file. */
    readonly run: number,
  ) {}

  /**
   * Opens a file for writing and makes it when there is none.
   * @throws CorrelateError STORE_UNAVAILABLE, STORE_LOCKED, STORE_OPEN_FAILED, STORE_VERSION
   */
  static async open(path: string): Promise<Store> {
    const { api, instance, connection } = await opened(path, {});
    try {
      await checkFormat(connection, path);
      for (const table of storeTables) await prepareTable(connection, table);
      await connection.run(connectionsView());
      await connection.run(alertsView);
      await connection.run('CREATE TABLE IF NOT EXISTS runs (run BIGINT)');
      await connection.run('INSERT INTO runs SELECT coalesce(max(run), 0) + 1 FROM runs');
      const [[run]] = (await rowsOf(connection, 'SELECT CAST(max(run) AS DOUBLE) FROM runs')) as [[number]];
      await close(connection);
      const store = new Store(api, instance, connection, run);
      for (const table of storeTables) await store.#openInlet(table);
      return store;
    } catch (error) {
      instance.closeSync();
      throw asStoreError(error, path);
    }
  }

  /** Opens a file for reading alone, with as many threads as there are cores; `run` is 0. Another file may be written if it is named. */
  static async openReadOnly(path: string, exportPath?: string): Promise<Store> {
    const threads = String(availableParallelism());
    const { api, instance, connection } = await opened(path, { access_mode: 'READ_ONLY', threads });
    try {
      await checkFormat(connection, path);
      if (exportPath !== undefined) await connection.run(`SET allowed_paths = [${literal(exportPath)}]`);
      await close(connection);
      return new Store(api, instance, connection, 0);
    } catch (error) {
      instance.closeSync();
      throw asStoreError(error, path);
    }
  }

  async #openInlet<T>({ name, columns }: Table<T>): Promise<void> {
    const names = await columnNames(this.connection, name);
    const places = names.map((column) => columns.findIndex((one) => one.name === column));
    const appender = await this.connection.createAppender(name);
    const types = names.map((_, i) => appender.columnType(i));
    this.#inlets.set(name, { appender, types, places, columnTypes: columns.map(({ type }) => type) });
  }

  /**
   * Takes rows of a table, column by column as `columnsOf` gives them. They come with the next `flush`.
   * @throws CorrelateError STORE_WRITE_FAILED; the store is of no use then
   */
  append(table: string, columns: readonly (readonly StoreValue[])[]): void {
    const { appender, types, places, columnTypes } = this.#inlets.get(table)!;
    const count = columns[0]?.length ?? 0;
    for (let from = 0; from < count; from += CHUNK_ROWS) {
      const size = Math.min(CHUNK_ROWS, count - from);
      const chunk = this.api.DuckDBDataChunk.create(types, size);
      places.forEach((place, at) => {
        const values = place < 0 ? undefined : columns[place]?.slice(from, from + size);
        this.#setColumn(chunk, at, values ?? new Array<StoreValue>(size).fill(null), columnTypes[place] ?? 'VARCHAR');
      });
      writing(() => appender.appendDataChunk(chunk));
    }
  }

  #setColumn(chunk: DuckDbChunk, at: number, values: readonly StoreValue[], type: ColumnType): void {
    const { DuckDBTimestampValue, listValue } = this.api;
    switch (type) {
      case 'BIGINT':
        chunk.setColumnValues(
          at,
          values.map((value) => (Number.isSafeInteger(value) ? BigInt(value as number) : null)),
        );
        break;
      case 'TIMESTAMP':
        chunk.setColumnValues(
          at,
          values.map((value) =>
            Number.isSafeInteger(value) ? new DuckDBTimestampValue(BigInt(value as number)) : null,
          ),
        );
        break;
      case 'VARCHAR[]':
        chunk.setColumnValues(
          at,
          values.map((value) => (Array.isArray(value) ? listValue(value as string[]) : null)),
        );
        break;
      case 'DOUBLE':
        chunk.setColumnValues(
          at,
          values.map((value) => (typeof value === 'number' ? value : null)),
        );
        break;
      default:
        chunk.setColumnValues(
          at,
          values.map((value) => (typeof value === 'string' ? value : null)),
        );
    }
  }

  /**
   * What was appended is in the file from here on.
   * @throws CorrelateError STORE_WRITE_FAILED; the store is of no use then
   */
  flush(): void {
    writing(() => {
      for (const { appender } of this.#inlets.values()) appender.flushSync();
    });
  }

  /** The rows of a query of this program's own; lists as arrays. */
  rows(sql: string): Promise<StoreValue[][]> {
    return rowsOf(this.connection, sql);
  }

  /** Runs statements that give nothing. */
  async command(sql: string): Promise<void> {
    try {
      await this.connection.run(sql);
    } catch (error) {
      throw new CorrelateError('STORE_WRITE_FAILED', `the store: ${messageOf(error)}`, { cause: error });
    }
  }

  /** A connection of its own, for queries of others that may be interrupted. */
  connect(): Promise<DuckDbConnection> {
    return this.instance.connect();
  }

  get duckdb(): DuckDb {
    return this.api;
  }

  /** Begin and end of the connections of earlier runs; undefined when there are none. */
  async span(): Promise<{ readonly from: Micros; readonly until: Micros } | undefined> {
    const sql = `SELECT CAST(epoch_us(min(ts)) AS DOUBLE),
      CAST(max(epoch_us(ts) + CAST(coalesce(duration, 0) * 1000000 AS BIGINT)) AS DOUBLE) FROM connection_lines`;
    const [[from, until]] = (await this.rows(sql)) as [[number | null, number | null]];
    return from === null || until === null ? undefined : { from, until };
  }

  /** Bytes of the file in use. */
  async usedBytes(): Promise<number> {
    const sql = 'SELECT CAST(sum(used_blocks * block_size) AS DOUBLE) FROM pragma_database_size()';
    const [[bytes]] = (await this.rows(sql)) as [[number]];
    return bytes;
  }

  /** Closes the file; what was not flushed is lost. */
  close(): void {
    for (const { appender } of this.#inlets.values()) appender.clear();
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

/** Files of the network and of this machine are none of a query's business. */
async function close(connection: DuckDbConnection): Promise<void> {
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

async function opened(path: string, options: Record<string, string>) {
  const api = await loadDuckDb();
  try {
    const instance = await api.DuckDBInstance.create(path, {
      memory_limit: MEMORY,
      threads: '1',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...options,
    });
    return { api, instance, connection: await instance.connect() };
  } catch (error) {
    throw asStoreError(error, path);
  }
}

function asStoreError(error: unknown, path: string): Error {
  if (error instanceof CorrelateError) return error;
  const message = messageOf(error);
  if (/Could not set lock/i.test(message)) {
    const who = /\(PID (\d+)\)/.exec(message)?.[1];
    return new CorrelateError('STORE_LOCKED', `${path}: process ${who ?? ''} has it open`.replace('  ', ' '), {
      cause: error,
    });
  }
  return new CorrelateError('STORE_OPEN_FAILED', `${path}: ${message.split('\n')[0]}`, { cause: error });
}

async function checkFormat(connection: DuckDbConnection, path: string): Promise<void> {
  const found = await rowsOf(connection, `SELECT table_name FROM information_schema.tables`);
  const names = found.map(([name]) => name);
  if (names.length === 0) {
    await connection.run(`CREATE TABLE format AS SELECT ${FORMAT} AS version`);
    return;
  }
  if (!names.includes('format')) throw new CorrelateError('STORE_VERSION', `${path} is no store of this program`);
  const [[version]] = (await rowsOf(connection, 'SELECT CAST(max(version) AS DOUBLE) FROM format')) as [[number]];
  if (version !== FORMAT) {
    throw new CorrelateError('STORE_VERSION', `${path} has format ${version}, this version reads and writes ${FORMAT}`);
  }
}

async function prepareTable<T>(connection: DuckDbConnection, table: Table<T>): Promise<void> {
  await connection.run(createStatement(table));
  const known = await columnNames(connection, table.name);
  for (const { name, type } of table.columns) {
    if (known.includes(name)) continue;
    await connection.run(`ALTER TABLE ${quoted(table.name)} ADD COLUMN ${quoted(name)} ${type}`);
  }
}

async function columnNames(connection: DuckDbConnection, table: string): Promise<string[]> {
  const found = await rowsOf(connection, `SELECT column_name FROM (DESCRIBE ${quoted(table)})`);
  return found.map(([column]) => column as string);
}

async function rowsOf(connection: DuckDbConnection, sql: string): Promise<StoreValue[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowsJS() as StoreValue[][];
}

function writing(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new CorrelateError('STORE_WRITE_FAILED', `the store: ${messageOf(error).split('\n')[0]}`, { cause: error });
  }
}
