import type { HashKey } from '../core/hash.js';
import type { Micros } from '../core/time.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { EndedRecords } from './ended-records.js';
import type { OpenStream } from './stream/stream-consumer.js';
import type { Timeouts } from './timeouts.js';

/** What is asked of a ConnectionTracker. */
export interface TrackerOptions {
  /** `verify` leaves packets with a wrong checksum out, as Zeek does; `ignore` is Zeek's `-C`. */
  readonly checksums: 'verify' | 'ignore';
  readonly timeouts?: Partial<Timeouts>;
  /** Emit an update when the first packet of a connection came. Default false. */
  readonly startRecords?: boolean;
  /** Emit an update of every open connection whenever it is this much older. Absent: none. */
  readonly interimUs?: Micros;
  /** Keys the table's hash; random by default. The output never depends on it. */
  readonly key?: HashKey;
  /** Bytes at `ConnectionTracker.room`; those of one decoded batch by default. */
  readonly roomBytes?: number;
  /** Connections open at once; `limits.connections` by default. */
  readonly maxConnections?: number;
  /** Asked for a consumer when the first bytes of a TCP connection come. Absent: no bytes are kept, and nothing is paid for it. */
  readonly openStream?: OpenStream;
  readonly emit: (update: ConnectionUpdate) => void;
  /** The connection of an update is only lent, for the call of `emit`: a ConnectionView instead of an object. Default false. */
  readonly lends?: boolean;
  /**
   * Gets connections that ended many at once, some time after they did but in order, where their records say all of them and lie in a memory of
   * WebAssembly; `emit` gets the others. They are lent for the call.
   */
  readonly emitEnded?: (records: EndedRecords) => void;
  /** Gets weirds one by one, repeated ones left out as `WeirdReports` says. Absent: they are only counted. */
  readonly onWeird?: (weird: Weird) => void;
}

/** What the tracker has counted so far. */
export interface TrackerStats {
  /** Packets handed in. */
  packets: number;
  /** Bytes of those packets on the wire. */
  bytes: number;
  /** Packets that belong to no connection: not IP, malformed, a fragment that completed nothing. */
  skipped: number;
  /** Connections begun. */
  connections: number;
  /** Connections open now. */
  open: number;
  /** Connections ended early because the table was full: attempts that nobody answered, and others. */
  evictedAttempts: number;
  evictedOthers: number;
  /** Odd packets under Zeek's names, only those that occurred. */
  weirds: Readonly<Record<string, number>>;
}
