import type { Micros } from '../../core/time.js';

/**
 * What told of a socket: a call (`connect`, `accept`, `bind`, `listen` of socket_events; its `send`, the first datagram to
 * a peer, counts as connect) or a poll (`open` of process_open_sockets, `connecting` of it while nobody has answered a TCP
 * socket (SYN_SENT), `listening` of listening_ports).
 */
export const socketSources = ['connect', 'accept', 'bind', 'listen', 'open', 'listening', 'connecting'] as const;
export type SocketSource = (typeof socketSources)[number];

/** Its place among them: compared, which costs less than a property by a name that is not always the same. */
export function placeOfSource(source: SocketSource): number {
  const last = socketSources.length - 1;
  let place = 0;
  while (place < last && socketSources[place] !== source) place++;
  return place;
}

/**
 * One socket in the hands of one process, as rows of one source tell it, on its host's clock. One that connects is told apart from
 * what it is once it is answered. It opened somewhere in
 * [openLo, openHi] and closed in [closeLo, closeHi]; both ends belong to the interval. Nobody knows since when: openLo is
 * -Infinity. Not closed as far as rows tell: both closing bounds are Infinity. Addresses are canonical text, an IPv4-mapped
 * one is IPv4. Port 0 and an empty address are unknown, hence absent.
 */
export interface SocketInterval {
  readonly source: SocketSource;
  /** IP protocol number. */
  readonly protocol: number;
  /** Address family as Linux numbers it: 2 is IPv4, 10 is IPv6. Absent when the row has none. */
  readonly family?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  /** What told of it tells of one datagram to or from a peer, and so of closes too. */
  readonly isDatagram?: boolean;
  /** A poll first saw the socket within (openHi - resolution, openHi] and last within [closeLo, closeLo + resolution). */
  readonly resolution: Micros;
}
