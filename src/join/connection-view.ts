import type { Micros } from '../core/time.js';
import type { KnownAddress } from '../hosts/state/address-table.js';
import type { Tuple } from '../hosts/state/tuple-table.js';
import type { Connection } from '../records/connection.js';
import type { Elsewhere } from './elsewhere.js';
import type { Role } from './end-query.js';
import type { Stitch } from './stitch.js';

/** One end's endpoints, as it sees them. */
export interface EndView {
  readonly local: KnownAddress;
  readonly localPort: number;
  readonly remote: KnownAddress;
  readonly remotePort: number;
  /** Id of the host on which its packets were captured, where it is known. */
  readonly seenOn: string | undefined;
  /** Both its endpoints: those of the connection, or of a translated one as the end itself has them. */
  readonly tuple: Tuple;
  /** Its local endpoint is the tuple's first. */
  readonly isForward: boolean;
  /** How its packets are translated; undefined: they are not, as far as it is known. */
  readonly stitch: Stitch | undefined;
  /** Ends on the same host, of connections with the same remote endpoint and another local one. */
  readonly rivals: readonly Rival[];
  /** There are more of them than are remembered. */
  readonly isCrowded: boolean;
}

/** An end of another connection. */
export interface Rival {
  readonly tracked: ConnectionView;
  readonly role: Role;
}

/** What the join asks of a connection, on the capture's clock. */
export interface ConnectionView {
  readonly connection: Connection;
  readonly tuple: Tuple;
  readonly orig: EndView;
  readonly resp: EndView;
  readonly capture: string;
  readonly captureHost: string | undefined;
  readonly first: Micros;
  readonly last: Micros;
  /** The connection is over: `last` is its last packet. */
  readonly ended: boolean;
  /** Nothing more will come: end of input, or past the lateness. */
  readonly closed: boolean;
  /** It is closed for want of room, while rows about its time may still come. */
  readonly isEvicted: boolean;
  /** Every connection of this capture that began before this one is known, but for those over before `capturedSince`. */
  readonly knowsEarlier: boolean;
  /** See EndQuery. */
  readonly capturedSince: Micros;
  /** See EndQuery. */
  readonly aloneSince: Micros;
  /** See EndQuery; -Infinity: there is none. */
  readonly previousLast: Micros;
  readonly aloneUntil: Micros;
  /** See EndQuery. */
  readonly nextFirst: Micros;
  /** Connections of its tuple over other captures of the host that it was captured on; undefined: there are none. */
  readonly elsewhere: Elsewhere | undefined;
}

/** The end of this role. A property by a name that is not always the same costs V8 a look-up, and what it gives a check wherever it is read. */
export function endViewOf(view: ConnectionView, role: Role): EndView {
  return role === 'orig' ? view.orig : view.resp;
}

/** The IP protocol number. */
export function socketProtocol({ proto, ip_proto: number }: Connection): number {
  return proto === 'tcp' ? 6 : proto === 'udp' ? 17 : number;
}

/** Whether the handshake was seen, so that the socket cannot be older than the connection. */
export function isOpening({ proto, history }: Connection): boolean {
  return proto === 'tcp' && (history === undefined || history === '' || history[0] === 'S' || /[sHh]/.test(history));
}

/** Whether orig and resp may be the wrong way round. */
export function mayBeFlipped({ proto, history }: Connection): boolean {
  return proto === 'tcp' && history !== undefined && history !== '' && history[0] !== 'S';
}

/** Whether the responder took the connection, or may still: it sent something other than a refusal, or was acknowledged. */
export function mayBeAnswered({
  connection,
  ended,
  closed,
}: Pick<ConnectionView, 'connection' | 'ended' | 'closed'>): boolean {
  const { proto, history = '', resp_pkts: packets, conn_state: state } = connection;
  if (!(ended || closed)) return true;
  // Zeek counts an answer that came first, and turned the connection, for the originator.
  if (proto !== 'tcp') return packets > 0 || /.\^/.test(history);
  return state !== 'REJ' && (packets > 0 || /[AD]/.test(history));
}
