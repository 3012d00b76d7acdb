import type { Database } from '@sqlite.org/sqlite-wasm';
import { CorrelateError, messageOf } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { SqlLimits, SqlResult, SqlValue } from '../../records/host-database.js';
import { CommandLineRedaction, type RedactionPatterns } from '../command-line-redaction.js';
import { ProcFiles } from '../proc-files.js';
import { parseBootTime } from '../process-table.js';
import { EventLog } from '../tables/event-log.js';
import { tables } from '../tables/registry.js';
import { installFunctions } from './sql-functions.js';
import { loadSqlite, type Pointer, type Sqlite } from './sqlite.js';
import { TableModule } from './table-module.js';
import { TableScan } from './table-scan.js';

/** Steps of SQLite's machine between two looks at the clock. */
const STEPS_AT_ONCE = 10_000;

const ONE_SELECT = 'a query must be one SELECT';

/**
 * The tables of this machine, asked with SQL in the thread of the caller, which waits. Everything is read when a query asks for it, as far
 * as it asks. A query can only read.
 */
export class LocalTables {
  /** Feeds the event tables. */
  readonly events: EventLog;
  readonly #sqlite: Sqlite;
  readonly #database: Database;
  readonly #module: TableModule;
  readonly #files = new ProcFiles();
  #deadline = 0;
  #denied = false;

  private constructor(
    sqlite: Sqlite,
    readonly redaction: CommandLineRedaction | undefined,
  ) {
    this.#sqlite = sqlite;
    this.events = new EventLog(parseBootTime(this.#files.text('/proc/stat') ?? ''));
    this.#database = new sqlite.api.oo1.DB(':memory:');
    this.#module = new TableModule(sqlite, tables, (table) => new TableScan(table, this.#source()));
    this.#module.install(this.#pointer);
    installFunctions(this.#database);
    this.#guard();
  }

  /** Without patterns command lines are shown as they are. */
  static async open(redact?: RedactionPatterns): Promise<LocalTables> {
    const redaction = redact === undefined ? undefined : new CommandLineRedaction(redact);
    return new LocalTables(await loadSqlite(), redaction);
  }

  close(): void {
    this.#database.close();
  }

  /** Throws QUERY_FAILED, QUERY_LIMIT or QUERY_TIMEOUT. */
  query(sql: string, { rows, timeoutMs }: SqlLimits): SqlResult {
    this.#deadline = performance.now() + timeoutMs;
    this.#denied = false;
    this.#module.reset();
    const statement = this.#prepare(sql);
    try {
      return this.#run(statement, rows);
    } finally {
      this.#sqlite.api.capi.sqlite3_finalize(statement);
      this.#module.reset();
    }
  }

  get #pointer(): Pointer {
    return this.#database.pointer!;
  }

  #source() {
    const { redaction, events } = this;
    const checkTime = () => this.#checkTime();
    return { files: this.#files, events, checkTime, ...(redaction !== undefined && { redaction }) };
  }

  #checkTime(): void {
    if (performance.now() > this.#deadline) throw new CorrelateError('QUERY_TIMEOUT', 'the query takes too long');
  }

  /** Takes away all but reading, and bounds time and memory. */
  #guard(): void {
    const { capi } = this.#sqlite.api;
    const { SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_OK, SQLITE_DENY } = capi;
    this.#database.exec(`PRAGMA hard_heap_limit = ${limits.sqlMemoryBytes}`);
    capi.sqlite3_limit(this.#pointer, capi.SQLITE_LIMIT_LENGTH, limits.sqlTextBytes);
    const reading: readonly number[] = [SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE];
    const authorize = (_context: unknown, action: number): number => {
      if (reading.includes(action)) return SQLITE_OK;
      this.#denied = true;
      return SQLITE_DENY;
    };
    capi.sqlite3_set_authorizer(this.#pointer, authorize, 0);
    const isLate = () => (performance.now() > this.#deadline ? 1 : 0);
    capi.sqlite3_progress_handler(this.#pointer, STEPS_AT_ONCE, isLate, 0);
  }

  /** The statement of a text that holds one SELECT, and besides it blanks, comments and semicolons alone. */
  #prepare(sql: string): Pointer {
    const { capi, wasm } = this.#sqlite.api;
    if (sql.length > limits.queryChars) throw new CorrelateError('QUERY_FAILED', 'the query is too long');
    // SQLite takes it for the end of the text.
    if (sql.includes('\0')) throw new CorrelateError('QUERY_FAILED', 'the query has a NUL character');
    const [text, length] = wasm.allocCString(sql, true);
    const results = wasm.alloc(8);
    let found: Pointer = 0;
    try {
      for (let at = text; at < text + length; at = wasm.peekPtr(results + 4)) {
        const code = capi.sqlite3_prepare_v2(this.#pointer, at, -1, results, results + 4);
        if (code !== 0) throw this.#error(code);
        const statement = wasm.peekPtr(results);
        if (statement === 0) continue;
        if (found !== 0) {
          capi.sqlite3_finalize(statement);
          throw new CorrelateError('QUERY_FAILED', ONE_SELECT);
        }
        found = statement;
      }
      if (found === 0) throw new CorrelateError('QUERY_FAILED', ONE_SELECT);
      return found;
    } catch (error) {
      capi.sqlite3_finalize(found);
      throw error;
    } finally {
      wasm.dealloc(results);
      wasm.dealloc(text);
    }
  }

  #run(statement: Pointer, most: number): SqlResult {
    const { capi } = this.#sqlite.api;
    const count = capi.sqlite3_column_count(statement);
    const ordinals = Array.from({ length: count }, (_, at) => at);
    const rows: SqlValue[][] = [];
    let bytes = 0;
    for (;;) {
      const code = capi.sqlite3_step(statement);
      if (code === capi.SQLITE_DONE) break;
      if (code !== capi.SQLITE_ROW) throw this.#error(code);
      if (rows.length >= most) throw new CorrelateError('QUERY_LIMIT', `the result has more than ${most} rows`);
      const row = ordinals.map((at) => plainValue(capi.sqlite3_column_js(statement, at)));
      for (const value of row) bytes += typeof value === 'string' ? value.length : 8;
      if (bytes > limits.sqlResultBytes) throw new CorrelateError('QUERY_LIMIT', 'the result has too much text');
      rows.push(row);
    }
    return { columns: ordinals.map((at) => capi.sqlite3_column_name(statement, at)), rows };
  }

  /** What went wrong: in our tables, with the limits, or in SQLite's words. */
  #error(code: number): CorrelateError {
    const { capi } = this.#sqlite.api;
    const { failure, unconstrained } = this.#module;
    if (failure instanceof CorrelateError) return failure;
    if (failure !== undefined) return new CorrelateError('QUERY_FAILED', messageOf(failure), { cause: failure });
    if (code === capi.SQLITE_INTERRUPT) return new CorrelateError('QUERY_TIMEOUT', 'the query takes too long');
    if (this.#denied) return new CorrelateError('QUERY_FAILED', ONE_SELECT);
    const message = capi.sqlite3_errmsg(this.#pointer);
    if (message === 'no query solution' && unconstrained !== undefined) {
      const { name, required } = unconstrained;
      return new CorrelateError(
        'QUERY_FAILED',
        `${name} needs a condition (= or LIKE) on ${required.join(' or ')} in the WHERE clause`,
      );
    }
    return new CorrelateError('QUERY_FAILED', message);
  }
}

/** Blobs come out as text in hexadecimal digits. */
function plainValue(value: unknown): SqlValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value as SqlValue;
}
