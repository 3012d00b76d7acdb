/**
 * Why one side ends a connection: WebSocket close codes of the private range (RFC 6455 7.4.2), each with a name that stays the
 * same between versions. The reason text of the close frame is for people.
 */
export const closeCodes = {
  /** A message is not what the protocol's version says. */
  BAD_MESSAGE: 4000,
  /** Neither side speaks a version of the other. */
  UNSUPPORTED_VERSION: 4001,
  /** The host id is enrolled and the agent has not shown the token that it was given then. */
  NOT_ENROLLED: 4002,
  /** Another agent with this host id is connected and answers. */
  HOST_IN_USE: 4003,
  /** More rows than the engine allowed. */
  TOO_MANY_ROWS: 4004,
  /** The host's clock, or the time of a row, is beyond belief. */
  BAD_CLOCK: 4005,
  /** Nothing was heard, or no hello or welcome came in time. */
  SILENT: 4006,
  /** The same agent has connected anew. */
  REPLACED: 4007,
  /** The engine watches as many hosts as it may. */
  TOO_MANY_HOSTS: 4008,
  /** The other side takes nothing more off the connection. */
  TOO_SLOW: 4009,
  /** The side that closes ends its run. */
  GOING: 1001,
  /** A message is longer than allowed (RFC 6455 7.4.1). */
  TOO_BIG: 1009,
} as const;

export type CloseName = keyof typeof closeCodes;

const names = new Map<number, string>(Object.entries(closeCodes).map(([name, code]) => [code, name]));

/** The name of a close code; the number as text when it is none of ours. */
export function closeName(code: number): string {
  return names.get(code) ?? (code === 1006 ? 'CONNECTION_LOST' : String(code));
}

/**
 * Whether trying again soon is of no use, since a person has to change something first. The agent still tries, as slowly as its
 * back-off allows.
 */
export function isRefusal(code: number): boolean {
  return code >= closeCodes.BAD_MESSAGE && code <= closeCodes.BAD_CLOCK;
}
