/** What the join did and holds, for the summary and metrics. */
export interface JoinStats {
  readonly connections: number;
  readonly lines: number;
  /** Lines that told of new evidence about a connection already told of. */
  readonly revisions: number;
  /** Connections known now, and how many of them are not settled. */
  readonly kept: number;
  readonly unsettled: number;
  /** How often an end of a connection was looked at. */
  readonly looks: number;
  /** Connections decided early because too many were known. */
  readonly connectionsEvicted: number;
  readonly hosts: number;
  readonly hostsRefused: number;
  readonly socketRowsEvicted: number;
  readonly processRowsEvicted: number;
  readonly translationsEvicted: number;
  /** Rows about sockets or processes that could not be used: no process, no endpoint, not about the Internet. */
  readonly rowsIgnored: number;
  /** Rows about addresses and users beyond a host's bounds, which were not taken. */
  readonly addressRowsRefused: number;
  readonly userRowsRefused: number;
}
