/** Bounds of one host's state. At each the oldest entry goes, counted; ends that then miss rows say `events_lost`. */
export interface HostLimits {
  /** Rows about sockets. Of a call that names a local port alone ends at that port miss it, of all else any that it may be of. */
  readonly socketRows: number;
  /**
   * Those that name the same two endpoints, in one direction, accepts that name the same peer alone, and calls that name the same local port
   * alone. The earliest is found no more, which ends between the two, of that peer, or at that port, alone miss.
   */
  readonly socketRowsOfTuple: number;
  /** Rows about processes. */
  readonly processRows: number;
  /** Rows about translated connections. */
  readonly translationRows: number;
  /** Translated connections that have the same packets on one side, each in turn with two rows. */
  readonly translationsOfDirection: number;
  /** Users, and addresses, of interfaces and of sockets: more are not taken, which is counted. */
  readonly users: number;
  readonly addresses: number;
}

export const defaultHostLimits: HostLimits = {
  socketRows: 262_144,
  socketRowsOfTuple: 256,
  processRows: 262_144,
  translationRows: 262_144,
  translationsOfDirection: 64,
  users: 65_536,
  addresses: 4_096,
};
