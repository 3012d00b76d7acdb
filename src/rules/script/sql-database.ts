import sqlite3InitModule, { type Database, type PreparedStatement, type Sqlite3Static } from '@sqlite.org/sqlite-wasm';
import { limits } from '../../core/limits.js';
import { type HostTable, hostTables } from '../../records/host-tables.js';

/** A row of a query's result. */
export type SqlRow = Readonly<Record<string, string | number | null>>;

/** A query that was checked against the host tables. */
export interface SqlQuery {
  readonly sql: string;
  /** The host tables it reads. */
  readonly tables: readonly HostTable[];
}

const tableNames = Object.keys(hostTables).sort() as HostTable[];

/** How often SQLite lets its steps be counted. */
const stepsAtOnce = 1_000;

const unrepeatable: readonly string[] = ['random', 'randomblob', 'current_date', 'current_time', 'current_timestamp'];

/** Date functions know 'now', which is also what they take for granted. */
const asksForNow = /'now'|\b(date|time|datetime|julianday|unixepoch)\s*\(\s*\)/i;

const oneSelect = 'a query must be one SELECT over host tables';

/** Current rows of a host's table; the same row is the same object from call to call. */
export type RowsOf = (table: HostTable) => Iterable<Readonly<Record<string, unknown>>>;

interface HostDatabase {
  readonly database: Database;
  readonly statements: Map<string, PreparedStatement>;
  readonly tables: Map<HostTable, LoadedTable>;
}

interface LoadedTable {
  readonly insert: PreparedStatement;
  readonly remove: PreparedStatement;
  readonly rowIds: Map<object, number>;
  next: number;
}

/**
 * Evaluates queries over host tables in SQLite, in memory. Each host has a database of its own, brought up to date
 * before a query by what changed since the last; the longest unused goes at `limits.queryDatabases` and is filled again.
 */
export class SqlDatabase {
  readonly #sqlite: Sqlite3Static;
  /** Holds every table and allows reading alone. */
  readonly #schema: Database;
  /** Holds every table and allows everything. */
  readonly #scratch: Database;
  readonly #hosts = new Map<string, HostDatabase>();
  /** Why the query that is being checked is not allowed. */
  #denied: string | undefined;
  /** What the evaluation that is going on has taken. */
  #steps = 0;
  readonly #onSteps = (): number => {
    this.#steps += stepsAtOnce;
    return this.#steps > limits.querySteps ? 1 : 0;
  };

  private constructor(sqlite: Sqlite3Static) {
    this.#sqlite = sqlite;
    // It reports each failed statement on the console, besides throwing.
    sqlite.config.warn = () => {};
    sqlite.config.error = () => {};
    this.#schema = new sqlite.oo1.DB(':memory:');
    this.#scratch = new sqlite.oo1.DB(':memory:');
    for (const table of tableNames) {
      this.#schema.exec(createTable(table));
      this.#scratch.exec(createTable(table));
    }
    const { SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_OK, SQLITE_DENY } = sqlite.capi;
    const reading: readonly number[] = [SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE];
    const authorize = (_context: unknown, action: number, _name: string | 0, called: string | 0): number => {
      if (action === SQLITE_FUNCTION && typeof called === 'string' && unrepeatable.includes(called.toLowerCase())) {
        this.#denied = `a query may not call ${called}: a second run must give the same result`;
        return SQLITE_DENY;
      }
      if (reading.includes(action)) return SQLITE_OK;
      this.#denied = oneSelect;
      return SQLITE_DENY;
    };
    sqlite.capi.sqlite3_set_authorizer(this.#schema.pointer!, authorize, 0);
  }

  /** Loads SQLite. */
  static async open(): Promise<SqlDatabase> {
    return new SqlDatabase(await sqlite3InitModule());
  }

  /** Checks a query. Throws an Error with SQLite's message when it is not one SELECT over host tables. */
  prepare(sql: string): SqlQuery {
    const text = sql.replace(/[\s;]+$/, '');
    this.#denied = undefined;
    if (asksForNow.test(text)) throw new Error("a query may not ask for 'now': time is that of the hosts");
    try {
      this.#schema.prepare(text).finalize();
    } catch (error) {
      throw new Error(this.#denied ?? sqliteMessage(error));
    }
    // SQLite compiles the first statement and leaves the rest unread; within parentheses nothing is left.
    if (text.includes(';') && !compiles(this.#schema, `SELECT * FROM (${text}\n)`)) throw new Error(oneSelect);
    const tables = tableNames.filter((table) => this.#names(text, table));
    // Without a table there is nothing to wait for.
    if (tables.length === 0) throw new Error('the query reads no host table');
    return { sql: text, tables };
  }

  /** Whether a query names a table: it does not compile without. (SQLite announces not every table that it reads.) */
  #names(sql: string, table: HostTable): boolean {
    this.#scratch.exec(`BEGIN; DROP TABLE "${table}"`);
    const named = !compiles(this.#scratch, sql);
    this.#scratch.exec('ROLLBACK');
    return named;
  }

  /**
   * The result of a query on one host, at most `limits.queryResultRows`; `cut` tells that there were more. Throws when
   * evaluation fails or takes more than `limits.querySteps`.
   */
  evaluate(query: SqlQuery, host: string, rowsOf: RowsOf): { readonly rows: SqlRow[]; readonly cut: boolean } {
    const { database, statements, tables } = this.#hostDatabase(host);
    database.exec('BEGIN');
    try {
      for (const table of query.tables) fill(database, tables, table, rowsOf(table));
    } finally {
      database.exec('COMMIT');
    }
    const statement = statements.get(query.sql) ?? database.prepare(query.sql);
    statements.set(query.sql, statement);
    const rows: SqlRow[] = [];
    this.#steps = 0;
    try {
      while (statement.step()) {
        if (rows.length >= limits.queryResultRows) return { rows, cut: true };
        rows.push(plainRow(statement.get({}) as Record<string, unknown>));
      }
      return { rows, cut: false };
    } catch (error) {
      const slow = this.#steps > limits.querySteps;
      throw new Error(slow ? 'the query takes too many steps' : sqliteMessage(error));
    } finally {
      // Unlike statement.reset() it does not throw the error of the last step again.
      this.#sqlite.capi.sqlite3_reset(statement.pointer!);
    }
  }

  #hostDatabase(host: string): HostDatabase {
    let found = this.#hosts.get(host);
    if (found === undefined) {
      const [oldest] = this.#hosts.keys();
      if (this.#hosts.size >= limits.queryDatabases && oldest !== undefined) this.#close(oldest);
      const database = new this.#sqlite.oo1.DB(':memory:');
      this.#sqlite.capi.sqlite3_progress_handler(database.pointer!, stepsAtOnce, this.#onSteps, 0);
      found = { database, statements: new Map(), tables: new Map() };
    } else {
      this.#hosts.delete(host);
    }
    this.#hosts.set(host, found);
    return found;
  }

  #close(host: string): void {
    const { database, statements, tables } = this.#hosts.get(host)!;
    for (const statement of statements.values()) statement.finalize();
    for (const { insert, remove } of tables.values()) {
      insert.finalize();
      remove.finalize();
    }
    database.close();
    this.#hosts.delete(host);
  }
}

function compiles(database: Database, sql: string): boolean {
  try {
    database.prepare(sql).finalize();
    return true;
  } catch {
    return false;
  }
}

function createTable(table: HostTable): string {
  const columns = Object.entries(hostTables[table]).map(([column, type]) => `"${column}" ${type}`);
  return `CREATE TABLE "${table}" (${columns.join(', ')})`;
}

/** Brings a table up to date: rows are told apart by the object that holds them. */
function fill(
  database: Database,
  tables: Map<HostTable, LoadedTable>,
  table: HostTable,
  rows: Iterable<Readonly<Record<string, unknown>>>,
): void {
  const columns = Object.keys(hostTables[table]);
  let loaded = tables.get(table);
  if (loaded === undefined) {
    database.exec(createTable(table));
    const names = ['rowid', ...columns].map((column) => `"${column}"`).join(', ');
    loaded = {
      insert: database.prepare(`INSERT INTO "${table}" (${names}) VALUES (?${', ?'.repeat(columns.length)})`),
      remove: database.prepare(`DELETE FROM "${table}" WHERE rowid = ?`),
      rowIds: new Map(),
      next: 1,
    };
    tables.set(table, loaded);
  }
  const current = new Set<object>();
  for (const row of rows) {
    current.add(row);
    if (loaded.rowIds.has(row)) continue;
    loaded.insert.bind([loaded.next, ...columns.map((column) => sqlValue(row[column]))]).stepReset();
    loaded.rowIds.set(row, loaded.next++);
  }
  if (current.size === loaded.rowIds.size) return;
  for (const [row, rowId] of loaded.rowIds) {
    if (current.has(row)) continue;
    loaded.remove.bind([rowId]).stepReset();
    loaded.rowIds.delete(row);
  }
}

function sqlValue(value: unknown): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

/** Integers beyond the exact range of a double become text. */
function plainRow(row: Record<string, unknown>): SqlRow {
  const plain: Record<string, string | number | null> = {};
  for (const [column, value] of Object.entries(row)) {
    plain[column] = value === null || typeof value === 'number' ? value : String(value);
  }
  return plain;
}

function sqliteMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^SQLITE_\w+: sqlite3 result code \d+: /, '');
}
