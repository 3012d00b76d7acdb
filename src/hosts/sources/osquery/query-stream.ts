import { type Micros, SECOND } from '../../../core/time.js';
import type { AnyTableRow } from '../../../records/host-row.js';
import type { HostTable } from '../../../records/host-tables.js';
import type { RowColumns } from './columns.js';
import { isEventTable } from './line.js';
import { compare, compareRows, keyOf, sortedOnce } from './row-order.js';
import { isSameRun, markOf, type QueryRun, type RunMark } from './runs.js';

/** Counts over all streams of a log, with the room that is left for remembered rows. */
export interface StreamCounters {
  /** Rows of differential queries that may still be remembered. */
  room: number;
  /** Rows that were not remembered. */
  forgotten: number;
  /** Lines that came after later ones had been handed over, and were dropped. */
  late: number;
}

/**
 * One query of one host: turns its runs, taken in order, into rows. A row that comes twice in a run counts once, since
 * osquery delivers at least once.
 *
 * Event tables: every row is an event at its `time` column, or else at the time of the line. Other tables: a run with
 * counter 0, the first run of another epoch and a snapshot are full sets and are compared with what is known; other runs
 * are changes. `since` of a change is the time of the query's last run before it in the log. osquery writes nothing when
 * nothing changed, so the poll before may in truth have been later: the interval is wide, never wrong. It is absent where
 * not all was known before: on first sight.
 */
export class QueryStream {
  private readonly known = new Map<string, RowColumns>();
  private knowsAll = false;
  private last: RunMark | undefined;
  /** The last run of the hand-over before: what belongs before it came too late. */
  private handedOver: RunMark | undefined;
  /** Rows of the last run, of which more lines may come with a later hand-over. */
  private seen = noneSeen();
  private seq = 0;
  private lastSnapshot: Micros | undefined;
  /** The longest time between two snapshots. */
  private longestPause: Micros | undefined;

  constructor(
    private readonly host: string,
    private readonly query: string,
    private readonly counters: StreamCounters,
  ) {}

  /** Within what time another snapshot came, up to `until`; undefined unless two came. */
  pause(until: Micros): Micros | undefined {
    const { lastSnapshot, longestPause } = this;
    return longestPause === undefined ? undefined : Math.max(longestPause, until - lastSnapshot!);
  }

  /** The runs that follow were put in order together. */
  beginHandOver(): void {
    this.handedOver = this.last;
  }

  /** Takes the next run of the query, which is about `table`, and appends what it tells to `out`. */
  take(run: QueryRun, table: HostTable, out: AnyTableRow[]): void {
    const { last } = this;
    const goesOn = last !== undefined && isSameRun(last, run);
    if (!goesOn) this.seen = noneSeen();
    if (isEventTable(table)) {
      this.takeEvents(run, table, out);
    } else if (this.isLate(run)) {
      this.counters.late += run.lines.length;
      return;
    } else if (goesOn) {
      this.takeChanges(run, table, undefined, out);
    } else if (run.kind === 'snapshot') {
      this.paused(run.time);
      this.takeFullSet(run, table, last?.time, out);
    } else if (run.counter === 0 || (last !== undefined && last.epoch !== run.epoch)) {
      this.takeFullSet(run, table, last?.time, out);
    } else {
      this.takeChanges(run, table, last?.time, out);
    }
    this.last = markOf(run);
  }

  private paused(time: Micros): void {
    if (this.lastSnapshot !== undefined) this.longestPause = Math.max(this.longestPause ?? 0, time - this.lastSnapshot);
    this.lastSnapshot = time;
  }

  /** Whether the run belongs before one that an earlier hand-over took, so that the known set has gone past it. */
  private isLate(run: QueryRun): boolean {
    const last = this.handedOver;
    if (last === undefined || run.time >= last.time) return false;
    return run.epoch !== last.epoch || run.counter === undefined || run.counter <= (last.counter ?? run.counter);
  }

  private takeEvents(run: QueryRun, table: HostTable, out: AnyTableRow[]): void {
    const timeOf = ({ time }: RowColumns) => (typeof time === 'number' && time > 0 ? time * SECOND : run.time);
    const inTime = (a: RowColumns, b: RowColumns) => timeOf(a) - timeOf(b) || compareRows(a, b);
    for (const row of this.news(run, 'added', inTime)) this.emit(table, 'event', row, timeOf(row), undefined, out);
  }

  private takeFullSet(run: QueryRun, table: HostTable, before: Micros | undefined, out: AnyTableRow[]): void {
    const now = new Map(this.news(run, 'added').map((row) => [keyOf(row), row]));
    const gone = [...this.known].filter(([key]) => !now.has(key)).sort(([a], [b]) => compare(a, b));
    for (const [key, row] of gone) {
      this.forget(key);
      this.emit(table, 'removed', row, run.time, before, out);
    }
    const since = this.knowsAll ? before : undefined;
    for (const [key, row] of now) {
      if (this.known.has(key)) continue;
      this.remember(key, row);
      this.emit(table, 'added', row, run.time, since, out);
    }
    this.knowsAll = true;
  }

  private takeChanges(run: QueryRun, table: HostTable, since: Micros | undefined, out: AnyTableRow[]): void {
    for (const row of this.news(run, 'removed')) {
      this.forget(keyOf(row));
      this.emit(table, 'removed', row, run.time, since, out);
    }
    for (const row of this.news(run, 'added')) {
      this.remember(keyOf(row), row);
      this.emit(table, 'added', row, run.time, since, out);
    }
  }

  /** The run's rows that were not in it before, in an order that does not depend on that of its lines. */
  private news(run: QueryRun, action: 'added' | 'removed', order = compareRows): readonly RowColumns[] {
    const rows = sortedOnce(rowsOf(run, action), order);
    const before = this.seen[action];
    if (before.length === 0) {
      this.seen[action] = rows;
      return rows;
    }
    const keys = new Set(before.map(keyOf));
    const news = rows.filter((row) => !keys.has(keyOf(row)));
    this.seen[action] = [...before, ...news];
    return news;
  }

  private remember(key: string, row: RowColumns): void {
    if (this.known.has(key)) return;
    if (this.counters.room === 0) {
      this.counters.forgotten++;
      return;
    }
    this.counters.room--;
    this.known.set(key, row);
  }

  private forget(key: string): void {
    if (this.known.delete(key)) this.counters.room++;
  }

  private emit(
    table: HostTable,
    action: AnyTableRow['action'],
    columns: RowColumns,
    time: Micros,
    since: Micros | undefined,
    out: AnyTableRow[],
  ): void {
    const { host, query: stream } = this;
    const resolution = SECOND;
    const seq = this.seq++;
    // A clock that was set back between the two polls leaves the earlier bound unknown.
    const row =
      since !== undefined && since <= time
        ? { kind: 'row', host, stream, table, action, time, since, resolution, seq, columns }
        : { kind: 'row', host, stream, table, action, time, resolution, seq, columns };
    // The columns were converted by the types of the very table, which the compiler cannot follow.
    out.push(row as unknown as AnyTableRow);
  }
}

function rowsOf({ lines }: QueryRun, action: 'added' | 'removed'): readonly RowColumns[] {
  if (lines.length === 1) return lines[0]![action];
  const rows: RowColumns[] = [];
  for (const line of lines) for (const row of line[action]) rows.push(row);
  return rows;
}

/** Rows of a run that were taken, by what became of them. */
function noneSeen(): Record<'added' | 'removed', readonly RowColumns[]> {
  return { added: [], removed: [] };
}
