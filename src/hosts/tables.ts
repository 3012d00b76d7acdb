import { intern } from '../core/intern.js';
import { limits } from '../core/limits.js';
import type { AnyTableRow } from '../records/host-row.js';
import type { HostTable } from '../records/host-tables.js';

/** The columns of one row. The same row is the same object for as long as it is current. */
export type TableColumns = Readonly<Record<string, unknown>>;

export interface HostTablesLimits {
  readonly hosts: number;
  readonly rows: number;
  readonly events: number;
}

const ZERO = '0'.charCodeAt(0);
const NINE = '9'.charCodeAt(0);

interface Current {
  readonly columns: TableColumns;
  /** How many queries report the row. */
  count: number;
}

interface Table {
  readonly current: Map<string, Current>;
  readonly events: EventRows;
}

/** The newest rows of an event table, as many as may be. */
interface EventRows {
  readonly rows: TableColumns[];
  /** Where the oldest row is; a new one takes its place once there are as many as may be. */
  oldest: number;
}

/**
 * The rows of each host's tables as they are now: what polls added and did not remove, and the newest rows of event
 * tables. Rows are taken in the order given; equal rows that several queries report are one row.
 */
export class HostTables {
  readonly #limits: HostTablesLimits;
  readonly #hosts = new Map<string, Map<HostTable, Table>>();
  /**
   * dropped: rows of polls beyond `limits.hostTableRows`, or of hosts beyond `limits.ruleHosts`. evicted: old event rows
   * beyond `limits.hostEventRows`. unmatched: removals of rows that were not there.
   */
  readonly counters = { dropped: 0, evicted: 0, unmatched: 0 };

  constructor(
    bounds: HostTablesLimits = { hosts: limits.ruleHosts, rows: limits.hostTableRows, events: limits.hostEventRows },
  ) {
    this.#limits = bounds;
  }

  /** Takes a row over. True when the table has changed. */
  apply(row: AnyTableRow): boolean {
    const table = this.#table(row.host, row.table);
    if (table === undefined) {
      this.counters.dropped++;
      return false;
    }
    switch (row.action) {
      case 'event':
        return this.#event(table, row.columns);
      case 'added':
        return this.#add(table, row.columns);
      case 'removed':
        return this.#remove(table, row.columns);
    }
  }

  /** The current rows of a table of a host, oldest first. */
  *rows(host: string, table: HostTable): Generator<TableColumns> {
    const found = this.#hosts.get(host)?.get(table);
    if (found === undefined) return;
    for (const { columns } of found.current.values()) yield columns;
    const { rows, oldest } = found.events;
    for (let i = 0; i < rows.length; i++) yield rows[(oldest + i) % rows.length]!;
  }

  /** The host begins anew, as after a boot. */
  forget(host: string): void {
    this.#hosts.delete(host);
  }

  /** Forgets all other tables. */
  keep(wanted: ReadonlySet<HostTable>): void {
    for (const tables of this.#hosts.values()) {
      for (const name of tables.keys()) if (!wanted.has(name)) tables.delete(name);
    }
  }

  #table(host: string, name: HostTable): Table | undefined {
    let tables = this.#hosts.get(host);
    if (tables === undefined) {
      if (this.#hosts.size >= this.#limits.hosts) return undefined;
      tables = new Map();
      this.#hosts.set(host, tables);
    }
    let table = tables.get(name);
    if (table === undefined) {
      table = { current: new Map(), events: { rows: [], oldest: 0 } };
      tables.set(name, table);
    }
    return table;
  }

  #event({ events }: Table, columns: TableColumns): boolean {
    share(columns);
    if (events.rows.length < this.#limits.events) {
      events.rows.push(columns);
      return true;
    }
    events.rows[events.oldest] = columns;
    events.oldest = (events.oldest + 1) % events.rows.length;
    this.counters.evicted++;
    return true;
  }

  #add(table: Table, columns: TableColumns): boolean {
    const key = rowKey(columns);
    const known = table.current.get(key);
    if (known !== undefined) {
      known.count++;
      return false;
    }
    if (table.current.size >= this.#limits.rows) {
      this.counters.dropped++;
      return false;
    }
    share(columns);
    table.current.set(key, { columns, count: 1 });
    return true;
  }

  #remove(table: Table, columns: TableColumns): boolean {
    const key = rowKey(columns);
    const known = table.current.get(key);
    if (known === undefined) {
      this.counters.unmatched++;
      return false;
    }
    if (--known.count > 0) return false;
    table.current.delete(key);
    return true;
  }
}

/** Equal for rows with equal columns, in whatever order they were given. */
function rowKey(columns: TableColumns): string {
  return JSON.stringify(Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Lets equal texts of all hosts be kept once, in the row itself. */
function share(columns: Record<string, unknown>): void {
  for (const name in columns) {
    const value = columns[name];
    if (typeof value === 'string' && !isNumeral(value)) columns[name] = intern(value);
  }
}

/** Numbers told as text, as those of sockets, are seldom told twice and hardly shorter than what it takes to know them again. */
function isNumeral(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
