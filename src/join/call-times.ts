import { MILLISECOND, type Micros, SECOND } from '../core/time.js';

/* How far calls may be from the packets that they are about. */

/** A connect is called at most this long before the first packet that the capture saw (lost or held-back SYNs). */
export const CONNECT_LEAD: Micros = 3 * SECOND;
/** As CONNECT_LEAD where only the remote end is known, since nothing but nearness tells connects apart there. */
export const NEAR_LEAD: Micros = SECOND;
/** A first packet normally leaves within this time of the call. */
export const PROMPT: Micros = 50 * MILLISECOND;
/** A connection that may go on waits at most this long to be accepted. */
export const ACCEPT_LAG: Micros = 60 * SECOND;
/** Who shares a UDP socket mostly reads again within this time of the last datagram, which is when it is told what that one took. */
export const NEXT_READ: Micros = SECOND;
/** A sensor may not tell of a peer's first datagram at an address where the same socket took or sent another of it at most this long before. */
export const PEER_KNOWN: Micros = 30 * SECOND;
/** What a host passes on to a container is captured behind it at most this long after. */
export const PASSED_ON: Micros = 10 * MILLISECOND;
