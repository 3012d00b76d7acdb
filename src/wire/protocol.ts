/**
 * Versions of the agent protocol that this program speaks, best first. A version fixes every message to its last member; a change makes
 * a new version, and the one before stays in this list for a release, so that neighbours understand each other.
 *
 * 2: a host tells the network namespace of who watches it, and which connections it translates.
 * 3: a host tells how often it is polled.
 *
 * `older-version.ts` leaves out what an engine does not know.
 */
export const wireVersions = [3, 2, 1] as const;
export type WireVersion = (typeof wireVersions)[number];

const prefix = 'correlate.agent.v';

/** The WebSocket sub-protocols that an agent offers and an engine chooses from (RFC 6455 1.9). */
export const subprotocols: readonly string[] = wireVersions.map((version) => `${prefix}${version}`);

/** The best sub-protocol that both sides speak; undefined when there is none. */
export function chooseSubprotocol(offered: Iterable<string>): string | undefined {
  const theirs = new Set(offered);
  return subprotocols.find((each) => theirs.has(each));
}

/** The version that a connection speaks, by its sub-protocol. */
export function versionOf(subprotocol: string): WireVersion {
  return wireVersions.find((version) => subprotocol === `${prefix}${version}`) ?? wireVersions[0];
}

/** Versions out of sub-protocol names, for a message to a person. */
export function versionsIn(offered: Iterable<string>): string {
  const versions = [...offered].filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
  return versions.length === 0 ? 'none' : versions.join(', ');
}

/** Path of the engine's WebSocket endpoint for agents. */
export const agentPath = '/agent';
