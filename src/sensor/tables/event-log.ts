import { limits } from '../../core/limits.js';
import { SECOND } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { SensorRow } from './sensor-table.js';

export type EventTable = 'process_events' | 'socket_events';

/**
 * The newest events of this machine, for the event tables. As in osquery, `time` is in whole seconds, `eid` grows by one with every event
 * and has as many digits for each, so that it sorts as text too, and events are kept for an hour and up to a count.
 */
export class EventLog {
  readonly #events: Record<EventTable, SensorRow[]> = { process_events: [], socket_events: [] };
  /** Epoch seconds of the boot, from which `uptime` is counted; absent: rows have none but their own. */
  readonly #boot: number | undefined;
  #ordinal = 0;
  /** Events that had to go before their hour was over. */
  dropped = 0;

  constructor(boot?: number) {
    this.#boot = boot;
  }

  /** Takes the events among the rows of the sensor. */
  take(rows: Iterable<AnyTableRow>): void {
    for (const row of rows) {
      if (row.action !== 'event' || (row.table !== 'process_events' && row.table !== 'socket_events')) continue;
      const time = Math.floor(row.time / SECOND);
      const events = this.#events[row.table];
      events.push({
        ...(this.#boot !== undefined && { uptime: Math.max(0, time - this.#boot) }),
        ...row.columns,
        time,
        eid: eventId(++this.#ordinal),
      });
      this.#shorten(events, time);
    }
  }

  /** The events of a table, oldest first. */
  rows(table: EventTable): readonly SensorRow[] {
    return this.#events[table];
  }

  /** Cuts in pieces, since to cut the head of a long array costs as much as the array is long. */
  #shorten(events: SensorRow[], now: number): void {
    if (events.length >= limits.sensorEvents + limits.sensorEvents / 8) {
      this.dropped += events.splice(0, events.length - limits.sensorEvents).length;
    }
    const oldest = Number(events[0]?.time);
    if (now - oldest <= limits.sensorEventSeconds * 1.1) return;
    const first = events.findIndex(({ time }) => now - Number(time) <= limits.sensorEventSeconds);
    events.splice(0, first);
  }
}

/** Ten digits, as in osquery. */
function eventId(ordinal: number): string {
  return String(ordinal).padStart(10, '0');
}
