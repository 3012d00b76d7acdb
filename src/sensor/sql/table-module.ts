import type { SensorRow, SensorTable } from '../tables/sensor-table.js';
import { RowList } from './row-list.js';
import { type OfferedConstraint, planScan, type ScanKind } from './scan-plan.js';
import type { Pointer, Sqlite } from './sqlite.js';
import type { TableScan } from './table-scan.js';

/** What the package's types leave out of `sqlite3_index_info` and of its helpers for virtual tables. */
interface IndexInfo {
  readonly $nConstraint: number;
  readonly $colUsed: bigint;
  $idxNum: number;
  $estimatedCost: number;
  $estimatedRows: bigint;
  nthConstraint(n: number): { readonly $iColumn: number; readonly $op: number; readonly $usable: number };
  nthConstraintUsage(n: number): { $argvIndex: number };
  dispose(): void;
}
type Method = (...args: Pointer[]) => number;
interface VirtualTables {
  xIndexInfo(pointer: Pointer): IndexInfo;
  setupModule(options: { methods: Record<string, Method>; catchExceptions: false }): { readonly pointer: Pointer };
}

/** Where a scan of a table stands. */
interface Cursor {
  readonly scan: TableScan;
  rows: RowList;
  at: number;
}

/** Its place is half of the number by which SQLite hands a plan to the scan; the other half is the column. */
const kinds: readonly ScanKind[] = ['all', 'named', 'like', 'value'];

/** The last bit of `colUsed` stands for all further columns. */
const LAST_COLUMN_BIT = 63;

/**
 * Shows tables to SQLite as eponymous virtual tables: they exist without being made, and SQLite connects those that a query names. It
 * reads through `TableScan`, so that only the wanted rows and columns are made, and a table that demands a constraint gets it from
 * joins too. What is thrown while rows are read is kept in `failure`, since nothing may be thrown through SQLite.
 */
export class TableModule {
  readonly #sqlite: Sqlite;
  readonly #tables: readonly SensorTable[];
  readonly #connected = new Map<Pointer, SensorTable>();
  readonly #cursors = new Map<Pointer, Cursor>();
  readonly #columns = new Map<SensorTable, readonly string[]>();
  readonly #begin: (table: SensorTable) => TableScan;
  readonly #scans = new Map<SensorTable, TableScan>();
  readonly #rowIds = new Map<string, number>();
  /** Grows with the longest text; where a text stands for a moment on its way to SQLite. */
  #scratch: { pointer: Pointer; bytes: number };
  readonly #encoder = new TextEncoder();
  failure: unknown;
  /** A table of the query that is being prepared whose constraint is missing. */
  unconstrained: SensorTable | undefined;

  /** `begin` makes the scan of a table that a query names. */
  constructor(sqlite: Sqlite, tables: readonly SensorTable[], begin: (table: SensorTable) => TableScan) {
    this.#sqlite = sqlite;
    this.#tables = tables;
    this.#begin = begin;
    for (const table of tables) this.#columns.set(table, Object.keys(table.columns));
    this.#scratch = { pointer: sqlite.api.wasm.alloc(4096), bytes: 4096 };
  }

  install(database: Pointer): void {
    const { api } = this.#sqlite;
    const module = (api.vtab as unknown as VirtualTables).setupModule({
      methods: this.#methods(),
      catchExceptions: false,
    });
    this.#tables.forEach((table, at) => {
      // The number that comes back to xConnect.
      const code = api.capi.sqlite3_create_module(database, table.name, module.pointer, at + 1);
      if (code !== 0) throw new Error(`${table.name} could not be installed: ${code}`);
    });
  }

  /** Forgets what the query before has read. */
  reset(): void {
    this.#scans.clear();
    this.#rowIds.clear();
    this.failure = undefined;
    this.unconstrained = undefined;
  }

  #methods(): Record<string, Method> {
    const { api, raw } = this.#sqlite;
    const { SQLITE_OK, SQLITE_ERROR } = api.capi;
    const guarded =
      (method: Method): Method =>
      (...args) => {
        try {
          return method(...args);
        } catch (error) {
          this.failure ??= error;
          return SQLITE_ERROR;
        }
      };
    return {
      xConnect: guarded((database, ordinal, _argc, _argv, result) => this.#connect(database!, ordinal!, result!)),
      xDisconnect: guarded((table) => {
        this.#connected.delete(table!);
        api.wasm.dealloc(table!);
        return SQLITE_OK;
      }),
      xBestIndex: guarded((table, info) => this.#bestIndex(this.#connected.get(table!)!, info!)),
      xOpen: guarded((table, result) => {
        const pointer = this.#allocate();
        this.#cursors.set(pointer, { scan: this.#scanOf(this.#connected.get(table!)!), rows: RowList.empty, at: 0 });
        api.wasm.pokePtr(result!, pointer);
        return SQLITE_OK;
      }),
      xClose: guarded((cursor) => {
        this.#cursors.delete(cursor!);
        api.wasm.dealloc(cursor!);
        return SQLITE_OK;
      }),
      xFilter: guarded((pointer, plan, _text, count, values) => {
        const cursor = this.#cursors.get(pointer!)!;
        cursor.at = 0;
        cursor.rows = this.#rowsOf(cursor.scan, plan!, count === 0 ? 0 : api.wasm.peekPtr(values!));
        cursor.rows.at(0);
        return SQLITE_OK;
      }),
      xNext: guarded((pointer) => {
        const cursor = this.#cursors.get(pointer!)!;
        cursor.rows.at(++cursor.at);
        return SQLITE_OK;
      }),
      // The row was read by xFilter or xNext, which can tell of a failure.
      xEof: (pointer) => {
        const { at, rows } = this.#cursors.get(pointer!)!;
        return rows.at(at) === undefined ? 1 : 0;
      },
      xColumn: guarded((pointer, context, column) => {
        const { scan, rows, at } = this.#cursors.get(pointer!)!;
        const value = rows.at(at)![this.#columns.get(scan.table)![column!]!];
        if (typeof value === 'string') this.#giveText(context!, value);
        else if (value === undefined) raw.sqlite3_result_null(context!);
        else if ((value | 0) === value) raw.sqlite3_result_int(context!, value);
        else if (Number.isSafeInteger(value)) raw.sqlite3_result_int64(context!, BigInt(value));
        else raw.sqlite3_result_double(context!, value);
        return SQLITE_OK;
      }),
      xRowid: guarded((pointer, result) => {
        const { rows, at } = this.#cursors.get(pointer!)!;
        api.wasm.poke64(result!, BigInt(this.#rowId(rows.at(at)!)));
        return SQLITE_OK;
      }),
    };
  }

  #connect(database: Pointer, ordinal: number, result: Pointer): number {
    const table = this.#tables[ordinal - 1]!;
    const code = this.#sqlite.api.capi.sqlite3_declare_vtab(database, declaration(table));
    if (code !== 0) return code;
    const pointer = this.#allocate();
    this.#connected.set(pointer, table);
    this.#sqlite.api.wasm.pokePtr(result, pointer);
    return code;
  }

  /** Room for `sqlite3_vtab` or `sqlite3_vtab_cursor`, zeroed. */
  #allocate(): Pointer {
    const { wasm } = this.#sqlite.api;
    const pointer = wasm.alloc(16);
    wasm.heap8u().fill(0, pointer, pointer + 16);
    return pointer;
  }

  #bestIndex(table: SensorTable, pointer: Pointer): number {
    const { capi, vtab } = this.#sqlite.api;
    const info = (vtab as unknown as VirtualTables).xIndexInfo(pointer);
    try {
      const offered: OfferedConstraint[] = [];
      for (let at = 0; at < info.$nConstraint; at++) {
        const { $iColumn, $op, $usable } = info.nthConstraint(at);
        const operator =
          $op === capi.SQLITE_INDEX_CONSTRAINT_EQ
            ? 'equal'
            : $op === capi.SQLITE_INDEX_CONSTRAINT_LIKE
              ? 'like'
              : 'other';
        const binary = operator === 'equal' && capi.sqlite3_vtab_collation(pointer, at) === 'BINARY';
        offered.push({ column: $iColumn, operator, usable: $usable !== 0, binary });
      }
      const plan = planScan(table, offered);
      if (plan === undefined) {
        this.unconstrained = table;
        return capi.SQLITE_CONSTRAINT;
      }
      const { wanted } = this.#scanOf(table);
      for (const [at, column] of this.#columns.get(table)!.entries()) {
        if ((info.$colUsed >> BigInt(Math.min(at, LAST_COLUMN_BIT))) & 1n) wanted.add(column);
      }
      if (plan.constraint !== undefined) info.nthConstraintUsage(plan.constraint).$argvIndex = 1;
      info.$idxNum = (plan.column ?? 0) * kinds.length + kinds.indexOf(plan.kind);
      info.$estimatedCost = plan.cost;
      info.$estimatedRows = BigInt(plan.rows);
      return capi.SQLITE_OK;
    } finally {
      info.dispose();
    }
  }

  /** What a table is read through in the query that runs. */
  #scanOf(table: SensorTable): TableScan {
    let scan = this.#scans.get(table);
    if (scan === undefined) {
      scan = this.#begin(table);
      this.#scans.set(table, scan);
    }
    return scan;
  }

  #rowsOf(scan: TableScan, plan: number, value: Pointer): RowList {
    const kind = kinds[plan % kinds.length]!;
    const column = this.#columns.get(scan.table)![Math.floor(plan / kinds.length)]!;
    if (kind === 'all') return scan.all();
    const wanted = this.#comparable(value, scan.table.columns[column] === 'TEXT');
    // Nothing equals NULL; what cannot be looked up is compared by SQLite.
    if (wanted === undefined) return RowList.empty;
    if (wanted === 'other') return scan.table.required.length > 0 ? RowList.empty : scan.all();
    if (kind === 'value') return scan.equal(column, wanted.value);
    return scan.named({ column, operator: kind === 'like' ? 'like' : 'equal', value: wanted.value });
  }

  /**
   * A value in the form that rows have it in, as far as SQL's comparison is that of these forms: a text column also equals numbers written
   * otherwise, which is left to SQLite ('other'); a text that is no number equals no number.
   */
  #comparable(value: Pointer, isText: boolean): { readonly value: string | number } | 'other' | undefined {
    const { capi } = this.#sqlite.api;
    const type = capi.sqlite3_value_type(value);
    if (type === capi.SQLITE_NULL) return undefined;
    if (type === capi.SQLITE_BLOB) return 'other';
    const text = capi.sqlite3_value_text(value);
    if (isText) return type === capi.SQLITE_TEXT ? { value: text } : 'other';
    const number = Number(text);
    return Number.isNaN(number) ? undefined : { value: number };
  }

  #giveText(context: Pointer, text: string): void {
    const { api, raw } = this.#sqlite;
    const needed = text.length * 3;
    if (needed > this.#scratch.bytes) {
      api.wasm.dealloc(this.#scratch.pointer);
      this.#scratch = { pointer: 0, bytes: 0 };
      this.#scratch = { pointer: api.wasm.alloc(needed), bytes: needed };
    }
    const { pointer, bytes } = this.#scratch;
    const { written } = this.#encoder.encodeInto(text, api.wasm.heap8u().subarray(pointer, pointer + bytes));
    // -1: SQLite makes a copy.
    raw.sqlite3_result_text(context, pointer, written, -1);
  }

  /** Equal for equal rows, by which SQLite tells which rows it has had when several conditions are joined by OR. */
  #rowId(row: SensorRow): number {
    const text = JSON.stringify(row);
    let id = this.#rowIds.get(text);
    if (id === undefined) {
      id = this.#rowIds.size + 1;
      this.#rowIds.set(text, id);
    }
    return id;
  }
}

function declaration(table: SensorTable): string {
  const columns = Object.entries(table.columns).map(([name, type]) => {
    const collation = table.nocase.includes(name) ? ' COLLATE NOCASE' : '';
    return `"${name}" ${type}${collation}${table.hidden.includes(name) ? ' HIDDEN' : ''}`;
  });
  return `CREATE TABLE x(${columns.join(', ')})`;
}
