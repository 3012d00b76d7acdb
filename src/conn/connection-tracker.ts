import type { PacketBatch } from '../capture/packet-batch.js';
import type { Micros } from '../core/time.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Timeouts } from './timeouts.js';

/** Where packets came from: an interface or a file, and the host it was taken on where the user said so. */
export interface CaptureRef {
  readonly name: string;
  readonly host?: string;
}

export interface TrackerOptions {
  /** `verify` leaves packets with a wrong checksum out, as Zeek does; `ignore` is Zeek's `-C`. */
  readonly checksums: 'verify' | 'ignore';
  readonly timeouts?: Partial<Timeouts>;
  /** Emit an update when the first packet of a connection came. Default false. */
  readonly startRecords?: boolean;
  /** Emit an update whenever a connection that has packets is this much older. Absent: none. */
  readonly interimUs?: Micros;
  /** Four 32-bit words that key the table's hash; random by default. The output never depends on it. */
  readonly hashSecret?: readonly number[];
  readonly emit: (update: ConnectionUpdate) => void;
}

/** What the tracker has counted so far. */
export interface TrackerStats {
  /** Packets handed in. */
  packets: number;
  /** Bytes of those packets on the wire. */
  bytes: number;
  /** Packets that belong to no connection (not IP, malformed, wrong checksum). */
  skipped: number;
  /** Connections begun. */
  connections: number;
  /** Connections open now. */
  open: number;
  /** Connections ended early because the table was full, by what they were. */
  evictedAttempts: number;
  evictedOthers: number;
  /** Odd packets under Zeek's names, only those that occurred. */
  weirds: Readonly<Record<string, number>>;
}

/** Packets in, connections out, with the meaning of Zeek's conn.log. */
export class ConnectionTracker {
  constructor(_options: TrackerOptions) {}

  /** Takes every packet of a batch. `captures[link >>> 16]` names its source. The batch is not kept. */
  batch(_batch: PacketBatch, _captures: readonly CaptureRef[]): void {
    throw new Error('not yet');
  }

  /** Moves time on while the wire is idle, so that connections expire. Time never goes back. */
  advance(_nowUs: Micros): void {
    throw new Error('not yet');
  }

  /** End of input: every open connection is reported, in order of its first packet. */
  end(): void {
    throw new Error('not yet');
  }

  get stats(): TrackerStats {
    throw new Error('not yet');
  }
}
