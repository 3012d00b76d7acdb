import { CorrelateError } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { CommandLineRedaction } from '../command-line-redaction.js';
import type { ProcFiles } from '../proc-files.js';
import type { EventLog } from '../tables/event-log.js';
import type { Constraint, SensorRow, SensorTable } from '../tables/sensor-table.js';

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
  readonly #known = new Map<string, readonly SensorRow[]>();
  readonly #byValue = new Map<string, Map<string | number, SensorRow[]>>();
  #all: readonly SensorRow[] | undefined;
  #count = 0;

  constructor(
    readonly table: SensorTable,
    private readonly source: ScanSource,
  ) {}

  all(): readonly SensorRow[] {
    this.#all ??= this.#read(undefined);
    return this.#all;
  }

  /** The rows that a constraint on a key or required column names, without reading the others when they are not yet read. */
  named(constraint: Constraint): readonly SensorRow[] {
    if (this.#all !== undefined && constraint.operator === 'equal')
      return this.equal(constraint.column, constraint.value);
    const name = `${constraint.operator} ${constraint.column} ${constraint.value}`;
    let rows = this.#known.get(name);
    if (rows === undefined) {
      rows = this.#read(constraint);
      this.#known.set(name, rows);
    }
    return rows;
  }

  /** The rows of all with a value in a column. */
  equal(column: string, value: string | number): readonly SensorRow[] {
    let index = this.#byValue.get(column);
    if (index === undefined) {
      index = new Map();
      for (const row of this.all()) {
        const own = row[column];
        if (own === undefined) continue;
        const rows = index.get(own);
        if (rows === undefined) index.set(own, [row]);
        else rows.push(row);
      }
      this.#byValue.set(column, index);
    }
    return index.get(value) ?? [];
  }

  #read(constraint: Constraint | undefined): SensorRow[] {
    const { files, events, redaction } = this.source;
    const isRedacted = redaction !== undefined && this.wanted.has('cmdline');
    const rows: SensorRow[] = [];
    const wants = (...columns: string[]) => columns.some((column) => this.wanted.has(column));
    this.source.checkTime();
    for (const row of this.table.rows({ files, events, constraint, wants })) {
      rows.push(isRedacted ? clean(row, redaction) : row);
      if (rows.length % ROWS_AT_ONCE === 0) this.source.checkTime();
      if (++this.#count > limits.sensorScanRows) {
        throw new CorrelateError('QUERY_LIMIT', `${this.table.name} has more than ${limits.sensorScanRows} rows`);
      }
    }
    return rows;
  }
}

function clean(row: SensorRow, redaction: CommandLineRedaction): SensorRow {
  const { cmdline } = row;
  return typeof cmdline === 'string' ? { ...row, cmdline: redaction.clean(cmdline) } : row;
}
