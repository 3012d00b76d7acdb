import { Subject } from 'rxjs';
import type { Micros } from '../../core/time.js';
import type { HostTable } from '../../records/host-tables.js';
import type { HostResult, HostResults, Subscription } from './define-rule.js';
import type { RuleGuard } from './rule-guard.js';
import { RuleStream } from './rule-stream.js';
import type { RowsOf, SqlDatabase, SqlQuery, SqlRow } from './sql-database.js';

/** Equal rows of a result, and how many of them there are. */
interface Equals {
  readonly row: SqlRow;
  count: number;
}

type Result = Map<string, Equals>;

/** One query of a rule: its last result on every host, and the streams of what changed. */
export class SqlSubscription {
  readonly query: SqlQuery;
  /** How alerts name rows of the result. */
  readonly label: string;
  readonly streams: Subscription<SqlRow>;
  readonly #sql: SqlDatabase;
  readonly #guard: RuleGuard;
  readonly #results = new Map<string, Result>();
  readonly #added = new Subject<HostResult<SqlRow>>();
  readonly #removed = new Subject<HostResult<SqlRow>>();
  readonly #rows = new Subject<HostResults<SqlRow>>();
  readonly #onCut: () => void;

  constructor(sql: SqlDatabase, query: SqlQuery, guard: RuleGuard, onCut: () => void) {
    this.#sql = sql;
    this.query = query;
    this.label = query.tables.join(',');
    this.#guard = guard;
    this.#onCut = onCut;
    this.streams = {
      added$: new RuleStream(guard, this.#added),
      removed$: new RuleStream(guard, this.#removed),
      rows$: new RuleStream(guard, this.#rows),
    };
  }

  readsAny(tables: ReadonlySet<HostTable>): boolean {
    return this.query.tables.some((table) => tables.has(table));
  }

  /** Evaluates the query on a host anew and hands the differences on: first what went, then what came. */
  evaluate(host: string, time: Micros, rowsOf: RowsOf, onRow: (row: SqlRow) => void): void {
    const { rows, cut } = this.#sql.evaluate(this.query, host, rowsOf);
    if (cut) this.#onCut();
    const before = this.#results.get(host) ?? new Map<string, Equals>();
    const now: Result = new Map();
    for (const row of rows) {
      const key = JSON.stringify(row);
      const equals = now.get(key);
      if (equals !== undefined) equals.count++;
      else now.set(key, { row: before.get(key)?.row ?? row, count: 1 });
    }
    if (now.size > 0) this.#results.set(host, now);
    else this.#results.delete(host);
    const removed = difference(before, now);
    const added = difference(now, before);
    for (const row of added) onRow(row);
    for (const row of removed) if (!this.#guard.stopped) this.#removed.next({ host, row, time });
    for (const row of added) if (!this.#guard.stopped) this.#added.next({ host, row, time });
    if ((added.length > 0 || removed.length > 0) && !this.#guard.stopped && this.#rows.observed) {
      this.#rows.next({ host, rows: rows.map((row) => now.get(JSON.stringify(row))!.row), time });
    }
  }

  forget(host: string): void {
    this.#results.delete(host);
  }

  complete(): void {
    for (const subject of [this.#removed, this.#added, this.#rows]) subject.complete();
  }
}

/** Rows of `one` beyond those of `other`, as a multiset; in an order that does not depend on that of the host's rows. */
function difference(one: Result, other: Result): SqlRow[] {
  const rows: SqlRow[] = [];
  for (const key of [...one.keys()].sort()) {
    const { row, count } = one.get(key)!;
    for (let i = other.get(key)?.count ?? 0; i < count; i++) rows.push(row);
  }
  return rows;
}
