import type { ColumnType } from '../../records/host-tables.js';
import type { ProcFiles } from '../proc-files.js';
import type { EventLog } from './event-log.js';

type Value<T extends ColumnType> = T extends 'TEXT' ? string : number;

/** The columns of one row by name; what is not known is absent and reads as NULL. */
export type SensorRow = Readonly<Record<string, string | number | undefined>>;

/** A condition of the query that the rows of a scan have to fulfil. The query checks it again. */
export interface Constraint {
  readonly column: string;
  readonly operator: 'equal' | 'like';
  /** For `equal` of the column's own type, for `like` a pattern. */
  readonly value: string | number;
}

/** What a query wants of a table, and where to read it. */
export interface Scan<Column extends string = string> {
  readonly files: ProcFiles;
  /** Empty when nothing feeds events. */
  readonly events: EventLog;
  /** Set only for a column of the table's `keys` or `required`. */
  readonly constraint: Constraint | undefined;
  /** Whether the query looks at one of the columns; others need not be filled in. */
  wants(...columns: Column[]): boolean;
}

/** A table of this machine with osquery's name, columns and types. */
export interface SensorTable {
  readonly name: string;
  /** In osquery's order, which is that of `SELECT *`. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns that `SELECT *` leaves out. */
  readonly hidden: readonly string[];
  /** Text columns that compare without regard to case. */
  readonly nocase: readonly string[];
  /** Columns by whose value single rows are found without reading the others. */
  readonly keys: readonly string[];
  /** One of these must be constrained by the query, as osquery demands; empty when the table can be read as a whole. */
  readonly required: readonly string[];
  /** Reads the rows, at the moment of the call. What is gone or may not be read is left out. */
  rows(scan: Scan): Iterable<SensorRow>;
}

interface TableDefinition<Columns extends Readonly<Record<string, ColumnType>>> {
  readonly name: string;
  readonly columns: Columns;
  readonly hidden?: readonly (keyof Columns & string)[];
  readonly nocase?: readonly (keyof Columns & string)[];
  readonly keys?: readonly (keyof Columns & string)[];
  readonly required?: readonly (keyof Columns & string)[];
  rows(
    scan: Scan<keyof Columns & string>,
  ): Iterable<{ readonly [Name in keyof Columns]?: Value<Columns[Name]> | undefined }>;
}

/** A table whose rows are checked against its columns by the compiler. */
export function defineTable<const Columns extends Readonly<Record<string, ColumnType>>>(
  table: TableDefinition<Columns>,
): SensorTable {
  const { name, columns, hidden = [], nocase = [], keys = [], required = [] } = table;
  return { name, columns, hidden, nocase, keys, required, rows: (scan) => table.rows(scan) as Iterable<SensorRow> };
}
