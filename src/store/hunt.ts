import { CorrelateError, messageOf } from '../core/errors.js';
import { literal } from './column.js';
import type { DuckDbConnection } from './duckdb.js';
import type { Store } from './store.js';

/** A value of a result: structures are objects, lists arrays, moments text, and so are integers beyond 2^53. */
export type HuntValue =
  | string
  | number
  | boolean
  | null
  | readonly HuntValue[]
  | { readonly [name: string]: HuntValue };

export interface HuntResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly HuntValue[])[];
}

export interface HuntBounds {
  /** Most rows; a result with more is an error rather than a part. */
  readonly rows: number;
  readonly timeoutMs: number;
}

/**
 * Evaluates one SELECT over a store. It can neither write nor read other files, and is interrupted when its time is over.
 * @throws CorrelateError QUERY_FAILED, QUERY_LIMIT, QUERY_TIMEOUT
 */
export async function hunt(store: Store, sql: string, { rows, timeoutMs }: HuntBounds): Promise<HuntResult> {
  return withConnection(store, timeoutMs, async (connection) => {
    const statement = await selectOf(store, connection, sql);
    const reader = await statement.streamAndReadUntil(rows + 1);
    const found = reader.getRows();
    if (found.length > rows || !reader.done) {
      throw new CorrelateError('QUERY_LIMIT', `the result has more than ${rows} rows`);
    }
    return { columns: reader.deduplicatedColumnNames(), rows: found.map((row) => row.map(plain)) };
  });
}

/**
 * Writes the result of one SELECT into a Parquet file; `store` must have been opened for it, see `Store.openReadOnly`.
 * @throws CorrelateError QUERY_FAILED, QUERY_TIMEOUT
 */
export async function exportParquet(store: Store, sql: string, path: string, timeoutMs: number): Promise<void> {
  await withConnection(store, timeoutMs, async (connection) => {
    (await selectOf(store, connection, sql)).destroySync();
    const query = sql.trim().replace(/;$/, '');
    await connection.run(`COPY (${query}\n) TO ${literal(path)} (FORMAT parquet)`);
  });
}

async function withConnection<T>(
  store: Store,
  timeoutMs: number,
  work: (connection: DuckDbConnection) => Promise<T>,
): Promise<T> {
  const connection = await store.connect();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection.interrupt();
  }, timeoutMs);
  try {
    return await work(connection);
  } catch (error) {
    if (isLate) throw new CorrelateError('QUERY_TIMEOUT', `the query took longer than ${timeoutMs / 1000} s`);
    if (error instanceof CorrelateError) throw error;
    throw new CorrelateError('QUERY_FAILED', messageOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    connection.closeSync();
  }
}

async function selectOf(store: Store, connection: DuckDbConnection, sql: string) {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new CorrelateError('QUERY_FAILED', 'one SELECT is wanted');
  const statement = await statements.prepare(0);
  const { SELECT, EXPLAIN } = store.duckdb.StatementType;
  if (statement.statementType === SELECT || statement.statementType === EXPLAIN) return statement;
  throw new CorrelateError('QUERY_FAILED', 'a store is only read: one SELECT is wanted');
}

/** DuckDB's own values are classes with what they hold in `items` or `entries`, and a text of the rest. */
function plain(value: unknown): HuntValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'object':
      break;
    default:
      return null;
  }
  if (value === null) return null;
  if ('items' in value && Array.isArray(value.items)) return value.items.map(plain);
  if ('entries' in value && typeof value.entries === 'object' && !Array.isArray(value.entries)) {
    return Object.fromEntries(Object.entries(value.entries ?? {}).map(([name, member]) => [name, plain(member)]));
  }
  return String(value);
}
