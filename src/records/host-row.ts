import type { Micros } from '../core/time.js';
import type { Columns, HostTable } from './host-tables.js';

/**
 * One fact about a host. Rows are self-contained: what a source had to know to understand a line (the poll before it, the
 * snapshot before it) is on the row, so rows of one host may be taken in any order.
 *
 * event    something happened at `time` (process_events, socket_events); with `since`, the peer's first datagram was received between the two,
 *          by this process or by another one that shares the socket
 * added    a poll at `time` saw the row, the poll at `since` had not; `since` absent: not known since when
 * removed  a poll at `time` no longer saw the row, the poll at `since` had
 *
 * Snapshots are turned into added and removed by the source. All times are the host's own clock.
 */
export interface TableRow<T extends HostTable = HostTable> {
  readonly kind: 'row';
  /** The host's id, as its agent or log names it. */
  readonly host: string;
  /** Boot id, where the source knows it. */
  readonly boot?: string;
  /** The query or sensor stream that the row came from; watermarks are kept for each. */
  readonly stream: string;
  readonly table: T;
  readonly action: 'event' | 'added' | 'removed';
  readonly time: Micros;
  readonly since?: Micros;
  /** The true time lies in [time, time + resolution). osquery's whole seconds have 1,000,000. */
  readonly resolution: Micros;
  /** Order within (host, stream), growing; makes ties and duplicates decidable. */
  readonly seq: number;
  readonly columns: Columns<T>;
}

/** A row of any table, discriminated by `table`. */
export type AnyTableRow = { [T in HostTable]: TableRow<T> }[HostTable];

/**
 * A stream of a host. `pause`: a poll never came later than this after the one before, where the source knows and not every poll shows in
 * rows, as with snapshots of what stays the same. Of several that are told the longest counts.
 */
export interface StreamSeen {
  readonly stream: string;
  readonly table: HostTable;
  readonly pause?: Micros;
}

/** A host is known from now on: what it is called and which streams it will report. */
export interface HostSeen {
  readonly kind: 'host';
  readonly host: string;
  readonly boot?: string;
  readonly streams: readonly StreamSeen[];
  /** Watched since this time, on the host's clock. */
  readonly from: Micros;
  /** The network namespace of who watches, named as in `net_namespace` of its rows: what a capture on this host is taken in. */
  readonly net_namespace?: string;
}

/**
 * From capture time `from` on, the host's clock is ahead of the capture's by `offset`, give or take `err`. Comes before the watermarks
 * that go past it.
 */
export interface ClockSample {
  readonly kind: 'clock';
  readonly host: string;
  readonly capture: string;
  readonly offset: Micros;
  readonly err: Micros;
  readonly from: Micros;
}

/** Every row of the stream about times up to `until` (host clock) has been handed over. */
export interface Complete {
  readonly kind: 'complete';
  readonly host: string;
  readonly stream: string;
  readonly until: Micros;
}

/** Rows of the stream about (from, to] were lost on the way. */
export interface Lost {
  readonly kind: 'lost';
  readonly host: string;
  readonly stream: string;
  readonly from: Micros;
  readonly to: Micros;
}

/** The host has not been heard of; nothing is known about it after `at` (host clock) until it is seen again. */
export interface HostTimeout {
  readonly kind: 'host_timeout';
  readonly host: string;
  readonly at: Micros;
}

export type ControlRow = HostSeen | ClockSample | Complete | Lost | HostTimeout;

/** Everything that enters the join from the host side. */
export type HostRow = AnyTableRow | ControlRow;
