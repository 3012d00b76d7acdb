import { Histogram } from '../core/histogram.js';
import { limits } from '../core/limits.js';
import { type Metric, single } from '../core/metric.js';
import { type Micros, SECOND } from '../core/time.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';

/** Seconds, around what is aimed at: 0.1 and 0.5 after the first packet, 2.5 after the removal. */
const BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 2.5, 5, 10, 60] as const;

interface Timed {
  readonly first: Micros;
  removedAt: Micros | undefined;
  isOwned: boolean;
}

/**
 * How long a live run takes to name owners: from the first packet of a connection to the first line that names an owner of one of its
 * ends, and from its removal to the line on which neither end is pending. The clock is the caller's.
 */
export class AttributionDelays {
  readonly owner = new Histogram(BOUNDS);
  readonly final = new Histogram(BOUNDS);
  /** Connections that were not timed since too many were. */
  missed = 0;
  readonly #timed = new Map<string, Timed>();

  /** A connection is handed to the join at `now`. */
  update({ cause, connection: { uid, ts } }: ConnectionUpdate, now: Micros): void {
    let timed = this.#timed.get(uid);
    if (timed === undefined) {
      timed = { first: ts, removedAt: undefined, isOwned: false };
      this.#timed.set(uid, timed);
      if (this.#timed.size > limits.delayConnections) {
        this.#timed.delete(this.#timed.keys().next().value!);
        this.missed++;
      }
    }
    if (cause === 'end') timed.removedAt = now;
  }

  /** A line leaves the join at `now`. */
  line({ connection, orig, resp }: AttributedConnection, now: Micros): void {
    const timed = this.#timed.get(connection.uid);
    if (timed === undefined) return;
    if (!timed.isOwned && (orig.state === 'attributed' || resp.state === 'attributed')) {
      timed.isOwned = true;
      this.owner.observe((now - timed.first) / SECOND);
    }
    if (timed.removedAt === undefined || orig.state === 'pending' || resp.state === 'pending') return;
    this.final.observe((now - timed.removedAt) / SECOND);
    this.#timed.delete(connection.uid);
  }

  metrics(): Metric[] {
    return [
      {
        name: 'correlate_owner_delay_seconds',
        help: 'From the first packet of a connection to the first line that names an owner.',
        type: 'histogram',
        samples: [{ value: this.owner }],
      },
      {
        name: 'correlate_final_line_delay_seconds',
        help: 'From the removal of a connection to the line on which neither end is pending.',
        type: 'histogram',
        samples: [{ value: this.final }],
      },
      single('counter', 'correlate_delays_missed_total', 'Connections that were not timed.', this.missed),
    ];
  }
}
