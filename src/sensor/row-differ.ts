import type { Micros } from '../core/time.js';
import type { TableRow } from '../records/host-row.js';
import type { Columns, HostTable } from '../records/host-tables.js';

/** What one poll saw of a table: rows by a key that names the thing and all that the row says of it. */
export type SeenRows<T extends HostTable> = ReadonlyMap<string, Columns<T>>;

/** When a poll looked: at some moment from `start` to `end`, on the host's clock. */
export interface PollMoment {
  readonly start: Micros;
  readonly end: Micros;
  /** What it saw is surely not older than this: `start`, or earlier where it took something for unchanged. */
  readonly asOf: Micros;
}

/**
 * Compares what successive polls saw of one table. A thing seen in this poll and not in the one before came between the
 * start of that one (it may have come just after the look) and the end of this one: `since` is the start (`asOf`) of the poll
 * before, `time` the start of this one and `resolution` its length. The same bounds hold for a thing that went. The first
 * poll's rows have no `since`, nor have those after a clock that was set back.
 */
export class RowDiffer<T extends HostTable> {
  private known: SeenRows<T> = new Map();
  private before: PollMoment | undefined;
  private seq = 0;

  constructor(
    private readonly table: T,
    private readonly host: string,
    private readonly boot: string | undefined,
  ) {}

  take(seen: SeenRows<T>, moment: PollMoment): TableRow<T>[] {
    const rows: TableRow<T>[] = [];
    for (const [key, columns] of this.known) if (!seen.has(key)) rows.push(this.row('removed', columns, moment));
    for (const [key, columns] of seen) if (!this.known.has(key)) rows.push(this.row('added', columns, moment));
    this.known = seen;
    this.before = moment;
    return rows;
  }

  private row(action: 'added' | 'removed', columns: Columns<T>, moment: PollMoment): TableRow<T> {
    const { before } = this;
    return {
      kind: 'row',
      host: this.host,
      ...(this.boot === undefined ? {} : { boot: this.boot }),
      stream: this.table,
      table: this.table,
      action,
      time: moment.start,
      ...(before !== undefined && before.asOf <= moment.start ? { since: before.asOf } : {}),
      resolution: moment.end - moment.start,
      seq: this.seq++,
      columns,
    };
  }
}
