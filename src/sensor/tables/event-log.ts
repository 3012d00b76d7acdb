import { limits } from '../../core/limits.js';
import { SECOND } from '../../core/time.js';
import type { HostRow, TableRow } from '../../records/host-row.js';
import type { SensorRow } from './sensor-table.js';

export type EventTable = 'process_events' | 'socket_events';

/** An event with its number among all of this machine. */
export interface LoggedEvent {
  readonly ordinal: number;
  readonly table: EventTable;
  readonly row: SensorRow;
}

/**
 * The newest events of this machine, for the event tables. As in osquery, `time` is in whole seconds, `eid` grows by one with every event
 * and has as many digits for each, so that it sorts as text too, and events are kept for an hour and up to a count.
 */
export class EventLog {
  readonly #events: Record<EventTable, LoggedEvent[]> = { process_events: [], socket_events: [] };
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
      this.#put({ ordinal, table: row.table, row: { ...uptime, ...columns, time, eid: eventId(ordinal) } });
    }
  }

  /** Takes events of another log over. */
  add(events: Iterable<LoggedEvent>): void {
    for (const event of events) this.#put(event);
  }

  /** The events of a table, oldest first. */
  *rows(table: EventTable): Generator<SensorRow> {
    for (const { row } of this.#events[table]) yield row;
  }

  /** The events of all tables after one, oldest first. */
  after(ordinal: number): LoggedEvent[] {
    const all = Object.values(this.#events).flatMap((events) => events.slice(firstAfter(events, ordinal)));
    return all.sort((a, b) => a.ordinal - b.ordinal);
  }

  /** Cuts in pieces, since to cut the head of a long array costs as much as the array is long. */
  #put(event: LoggedEvent): void {
    const events = this.#events[event.table];
    events.push(event);
    if (events.length >= limits.sensorEvents + limits.sensorEvents / 8) {
      this.dropped += events.splice(0, events.length - limits.sensorEvents).length;
    }
    const now = Number(event.row.time);
    if (now - Number(events[0]!.row.time) <= limits.sensorEventSeconds * 1.1) return;
    const first = events.findIndex(({ row }) => now - Number(row.time) <= limits.sensorEventSeconds);
    events.splice(0, first);
  }
}

/** osquery's event tables hold executed programs and the calls that begin with a socket, not all that the sensor tells. */
function isTold(row: HostRow): row is TableRow<'process_events'> | TableRow<'socket_events'> {
  if (row.kind !== 'row' || row.action !== 'event') return false;
  if (row.table === 'process_events') return row.columns.syscall?.startsWith('exec') !== false;
  return row.table === 'socket_events' && socketActions.has(row.columns.action ?? '');
}

const socketActions: ReadonlySet<string> = new Set(['bind', 'connect', 'accept', 'accept4']);

function firstAfter(events: readonly LoggedEvent[], ordinal: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (events[middle]!.ordinal <= ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ten digits, as in osquery. */
function eventId(ordinal: number): string {
  return String(ordinal).padStart(10, '0');
}
