import { CorrelateError } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { CommandLineRedaction } from '../command-line-redaction.js';
import type { ProcFiles } from '../proc-files.js';
import type { EventLog } from '../tables/event-log.js';
import type { Constraint, SensorRow, SensorTable } from '../tables/sensor-table.js';
import { RowList } from './row-list.js';

/** What tables are read from, and when it is too late to. */
export interface ScanSource {
  readonly files: ProcFiles;
  readonly events: EventLog;
  /** Takes secrets out of command lines before a query can see them. */
  readonly redaction?: CommandLineRedaction;
  /** Throws QUERY_TIMEOUT when the query's time is over. */
  checkTime(): void;
}

/** Rows between two looks at the clock. */
const ROWS_AT_ONCE = 32;

/**
 * What one query has read of one table. Rows are read when they are first needed and kept until the query ends, so that every place
 * of the query sees the same; whoever looks for a value finds its rows through a map that is made then.
 */
export class TableScan {
  /** Columns that the query looks at; to be complete before the first row is read. */
  readonly wanted = new Set<string>();
  readonly #named = new Map<string, RowList>();
  readonly #byValue = new Map<string, Map<string | number, SensorRow[]>>();
  #all: RowList | undefined;
  #count = 0;

  constructor(
    readonly table: SensorTable,
    private readonly source: ScanSource,
  ) {}

  all(): RowList {
    this.#all ??= new RowList(this.#read(undefined));
    return this.#all;
  }

  /** The rows that a constraint on a key or required column names, without reading the others when they are not yet read. */
  named(constraint: Constraint): RowList {
    const { operator, column, value } = constraint;
    if (this.#all !== undefined && operator === 'equal') return this.equal(column, value);
    const name = `${operator} ${column} ${value}`;
    let rows = this.#named.get(name);
    if (rows === undefined) {
      rows = new RowList(this.#read(constraint));
      this.#named.set(name, rows);
    }
    return rows;
  }

  /** The rows of all with a value in a column. */
  equal(column: string, value: string | number): RowList {
    let index = this.#byValue.get(column);
    if (index === undefined) {
      index = new Map();
      for (const row of this.all().all()) {
        const own = row[column];
        if (own === undefined) continue;
        const rows = index.get(own);
        if (rows === undefined) index.set(own, [row]);
        else rows.push(row);
      }
      this.#byValue.set(column, index);
    }
    const rows = index.get(value);
    return rows === undefined ? RowList.empty : new RowList(rows);
  }

  *#read(constraint: Constraint | undefined): Generator<SensorRow> {
    const { files, events, redaction } = this.source;
    const isRedacted = redaction !== undefined && this.wanted.has('cmdline');
    const wants = (...columns: string[]) => columns.some((column) => this.wanted.has(column));
    this.source.checkTime();
    for (const row of this.table.rows({ files, events, constraint, wants })) {
      if (++this.#count % ROWS_AT_ONCE === 0) this.source.checkTime();
      if (this.#count > limits.sensorScanRows) {
        throw new CorrelateError(
          'QUERY_LIMIT',
          `the query reads more than ${limits.sensorScanRows} rows of ${this.table.name}`,
        );
      }
      yield isRedacted ? clean(row, redaction) : row;
    }
  }
}

function clean(row: SensorRow, redaction: CommandLineRedaction): SensorRow {
  const { cmdline } = row;
  return typeof cmdline === 'string' ? { ...row, cmdline: redaction.clean(cmdline) } : row;
}
