import type { Micros } from '../core/time.js';

/** Which end of a connection is asked for. It ranks evidence; Zeek may have the two ends the wrong way round. */
export type Role = 'orig' | 'resp';

/** From when to when a connection may have gone on. */
export interface Going {
  readonly from: Micros;
  /** Infinity: as far as is known it goes on. */
  readonly to: Micros;
}

/** One end of a connection, in the clock of the host whose sockets are tried. */
export interface EndQuery {
  readonly role: Role;
  /** IP protocol number. */
  readonly protocol: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** First packet. */
  readonly first: Micros;
  /** Last packet known so far. */
  readonly last: Micros;
  /** `last` is the last packet for good. Absent: the connection may go on. */
  readonly isOver?: boolean;
  /** The host's clock may be this far off either way. */
  readonly err: Micros;
  /** The handshake was seen, so a TCP socket of this connection cannot be older than it. Always false for UDP. */
  readonly opening: boolean;
  /** Somebody took the connection, or for all that is known so far may have. */
  readonly answered: boolean;
  /** Somebody refused it, so that nobody waits for an answer any more. Absent: no. */
  readonly isRefused?: boolean;
  /** First packet of the connection before this one with the same tuple in the same capture, else -Infinity. */
  readonly aloneSince: Micros;
  /**
   * Last packet of that one so far, or of one over another capture of the same host that was over before, but for the error of that capture's
   * clock. Absent: there is none.
   */
  readonly previousLast?: Micros;
  /**
   * No later connection with the same tuple in the same capture began before this moment; Infinity: none ever. Nor one over another capture
   * of the same host once this one was over, but for the error of that capture's clock.
   */
  readonly aloneUntil: Micros;
  /** First packet of the connection after this one with the same tuple in the same capture, as far as it is known; Infinity: none. */
  readonly nextFirst: Micros;
  /** Another connection with the same tuple may have begun before this one over another capture of the same host. Absent: no. */
  readonly hasElsewhereBefore?: boolean;
  /** So may it have before this one was over. Absent: no. */
  readonly hasElsewhere?: boolean;
  /**
   * When connections with the same tuple over other captures of the same host may have gone on, which may be this one, captured twice. Not those
   * that surely began once this one was over. Absent: none.
   */
  readonly beside?: readonly Going[];
  /** After this moment, at which this one was over, such a connection may have gone on. Absent: none. */
  readonly ownUntil?: Micros;
  /** The capture began here: a connection with this tuple that was over by then is not known. Absent: long ago. */
  readonly capturedSince?: Micros;
  /** Connections with this tuple may have begun before this one and not be known yet. Absent: no. */
  readonly mayHaveEarlier?: boolean;
}
