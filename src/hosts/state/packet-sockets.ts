import { limits } from '../../core/limits.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { StreamProgress } from './stream-progress.js';

/** What rows tell of a packet socket in the hands of one process. */
interface Held {
  readonly pid: number;
  readonly rows: AnyTableRow[];
}

/** AF_PACKET. */
const PACKET = 17;

/** The packet socket that a row tells of; undefined: it tells of none. */
function subject(row: AnyTableRow): { pid: number; socket: string } | undefined {
  if (row.table === 'packet_sockets') {
    const { pid, socket } = row.columns;
    return pid === undefined || socket === undefined ? undefined : { pid, socket: String(socket) };
  }
  if (row.table !== 'socket_events') return undefined;
  if (row.columns.family !== PACKET) return undefined;
  const { pid, socket, action } = row.columns;
  return action !== 'socket' || pid === undefined ? undefined : { pid, socket: socket ?? '' };
}

/**
 * Who held packet sockets (AF_PACKET) when: what such a socket sends leaves the host past all others, as if nobody had sent it. Rows are
 * facts, in any order. Bound: `limits.packetSockets` sockets of a host; beyond it that known for longest is forgotten.
 */
export class PacketSockets {
  #held: Map<string, Held> | undefined;
  readonly #progress: StreamProgress;

  constructor(progress: StreamProgress) {
    this.#progress = progress;
  }

  get isEmpty(): boolean {
    return this.#held === undefined || this.#held.size === 0;
  }

  /** Takes a row over; false when it is about something else. */
  add(row: AnyTableRow): boolean {
    const named = subject(row);
    if (named === undefined) return false;
    this.#held ??= new Map();
    const key = `${named.pid} ${named.socket}`;
    const known = this.#held.get(key);
    if (known !== undefined) {
      if (!known.rows.some(({ seq, stream, time }) => seq === row.seq && time === row.time && stream === row.stream))
        known.rows.push(row);
    } else this.#held.set(key, { pid: named.pid, rows: [row] });
    if (this.#held.size > limits.packetSockets) this.#held.delete(this.#held.keys().next().value!);
    return true;
  }

  /** The processes that may have held one in [from, to], host clock; each with the moment at which it surely had it, least pid first. */
  holders(from: Micros, to: Micros): { readonly pid: number; readonly seen: Micros }[] {
    const found = new Map<number, Micros>();
    for (const { pid, rows } of this.#held?.values() ?? []) {
      const { opened, seen, closed } = this.#span(rows);
      if (opened <= to && closed >= from) found.set(pid, Math.min(seen, found.get(pid) ?? Infinity));
    }
    return [...found].map(([pid, seen]) => ({ pid, seen })).sort((a, b) => a.pid - b.pid);
  }

  /** Forgets what was closed before the horizon. */
  prune(horizon: Micros): void {
    if (this.#held === undefined) return;
    for (const [key, { rows }] of this.#held) if (this.#span(rows).closed < horizon) this.#held.delete(key);
  }

  #span(rows: readonly AnyTableRow[]): { opened: Micros; seen: Micros; closed: Micros } {
    let [opened, seen, closed] = [Infinity, Infinity, -Infinity];
    let last: AnyTableRow | undefined;
    for (const row of rows) {
      const { action, time, since, resolution } = row;
      const end = time + Math.max(resolution, 1) - 1;
      if (action === 'removed') {
        closed = Math.max(closed, end);
        if (since !== undefined) seen = Math.min(seen, since);
        continue;
      }
      opened = Math.min(opened, action === 'event' ? time : (since ?? -Infinity));
      seen = Math.min(seen, end);
      if (last === undefined || time > last.time) last = row;
    }
    if (opened === Infinity) opened = -Infinity;
    if (last !== undefined && closed <= last.time) closed = this.#goneBy(last);
    return { opened, seen, closed };
  }

  /** By when it had gone, as a later run of the watcher does not tell of it. */
  #goneBy({ stream, action, time, boot }: AnyTableRow): Micros {
    if (this.#progress.watch.isOneRun) return Infinity;
    if (action === 'event') return this.#progress.callGoneBy(time, boot, 'packet_sockets');
    return this.#progress.goneBy(stream, time, boot);
  }
}
