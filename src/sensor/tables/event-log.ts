import { limits } from '../../core/limits.js';
import { SECOND } from '../../core/time.js';
import type { HostRow, TableRow } from '../../records/host-row.js';
import { type LoggedEvent, PackedEvents } from './packed-events.js';
import type { SensorRow } from './sensor-table.js';

export type EventTable = 'process_events' | 'socket_events';

/** An event and its table. */
export interface TableEvent extends LoggedEvent {
  readonly table: EventTable;
}

/**
 * The newest events of this machine, for the event tables. As in osquery, `time` is in whole seconds, `eid` grows by one with every event
 * and has as many digits for each, so that it sorts as text too, and events are kept for an hour and up to a count.
 */
export class EventLog {
  readonly #events: Record<EventTable, PackedEvents> = {
    process_events: new PackedEvents(),
    socket_events: new PackedEvents(),
  };
  /** Epoch seconds of the boot, from which `uptime` is counted; absent: rows have none but their own. */
  readonly #boot: number | undefined;
  #ordinal = 0;
  /** Events that had to go before their hour was over. */
  dropped = 0;

  constructor(boot?: number) {
    this.#boot = boot;
  }

  /** Takes the events among the rows of the sensor. */
  take(rows: Iterable<HostRow>): void {
    for (const row of rows) {
      if (!isTold(row)) continue;
      const ordinal = ++this.#ordinal;
      const time = Math.floor(row.time / SECOND);
      const uptime = this.#boot === undefined ? {} : { uptime: Math.max(0, time - this.#boot) };
      // What the sensor calls `socket` is an inode; in osquery it is the path of a UNIX socket.
      const { socket: _, ...columns } = row.columns as SensorRow;
      const told = { ...uptime, ...columns, time, eid: eventId(ordinal) };
      this.#put({ ordinal, table: row.table, time, text: JSON.stringify(told) });
    }
  }

  /** Takes events of another log over. */
  add(events: Iterable<TableEvent>): void {
    for (const event of events) this.#put(event);
  }

  /** The events of a table, oldest first. */
  *rows(table: EventTable): Generator<SensorRow> {
    for (const { text } of this.#events[table].after(0)) yield JSON.parse(text) as SensorRow;
  }

  /** The events of all tables after one, oldest first. */
  after(ordinal: number): TableEvent[] {
    const all: TableEvent[] = [];
    for (const table of ['process_events', 'socket_events'] as const) {
      for (const event of this.#events[table].after(ordinal)) all.push({ ...event, table });
    }
    return all.sort((a, b) => a.ordinal - b.ordinal);
  }

  #put({ table, ordinal, time, text }: TableEvent): void {
    const events = this.#events[table];
    events.add({ ordinal, time, text });
    this.dropped += events.shrink(limits.sensorEvents);
    events.forget(time - limits.sensorEventSeconds);
  }
}

/** osquery's event tables hold executed programs and the calls that begin with a socket, not all that the sensor tells. */
function isTold(row: HostRow): row is TableRow<'process_events'> | TableRow<'socket_events'> {
  if (row.kind !== 'row' || row.action !== 'event') return false;
  if (row.table === 'process_events') return row.columns.syscall?.startsWith('exec') !== false;
  return row.table === 'socket_events' && socketActions.has(row.columns.action ?? '');
}

const socketActions: ReadonlySet<string> = new Set(['bind', 'connect', 'accept', 'accept4']);

/** Ten digits, as in osquery. */
function eventId(ordinal: number): string {
  return String(ordinal).padStart(10, '0');
}
