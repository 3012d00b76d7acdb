import { type Micros, SECOND } from '../core/time.js';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import { isParsedAsDns } from './dns-message.js';
import {
  FLAGS,
  HANDSHAKE_DONE,
  LAST_TIME,
  META,
  NEXT_LOOK,
  PORTS,
  RECORD_WORDS,
  START_TIME,
  SYN_ANSWERED,
} from './record-layout.js';
import { isAborted, stateOf, TCP_INACTIVE, TCP_SYN_ACK_SENT } from './tcp-state.js';
import type { Timeouts } from './timeouts.js';

/**
 * When the connection at `base`, which is not closing, ends if no packet comes, or is to be looked at again before that. It has ended where
 * that is not after `now`.
 */
export function expiryOf(table: ConnectionTable, base: number, timeouts: Timeouts, now: Micros): Micros {
  const last = table.f64[(base >> 1) + LAST_TIME]!;
  switch (table.i32[base + META]! & 0xff) {
    case PROTO_TCP:
      return Math.min(tcpExpiry(table, base, timeouts, last, now), resetExpiry(table, base, timeouts));
    case PROTO_UDP:
      return udpExpiry(table, base, timeouts, last, now);
    case PROTO_ICMP:
    case PROTO_ICMPV6:
      return last + timeouts.icmp_inactivity_timeout;
    default:
      return last + timeouts.unknown_ip_inactivity_timeout;
  }
}

/**
 * The next look at a connection, `delay` after its start and `period` after each look before. As in Zeek a look happens at the packet, of
 * whichever connection, that lets its time come, and finds it to have ended where nothing came for `quiet`.
 */
function lookedAt(
  table: ConnectionTable,
  base: number,
  delay: Micros,
  period: Micros,
  quiet: Micros,
  now: Micros,
): Micros {
  const { f64 } = table;
  const f = base >> 1;
  const look = f64[f + NEXT_LOOK]! || f64[f + START_TIME]! + delay;
  const next = look > now || now - f64[f + LAST_TIME]! >= quiet ? look : now + period;
  f64[f + NEXT_LOOK] = next;
  return next;
}

function tcpExpiry(table: ConnectionTable, base: number, t: Timeouts, last: Micros, now: Micros): Micros {
  const start = table.f64[(base >> 1) + START_TIME]!;
  const flags = table.i32[base + FLAGS]!;
  if (stateOf(table, base, 1) === TCP_INACTIVE) {
    const orig = stateOf(table, base, 0);
    if (orig === TCP_INACTIVE) {
      const look = lookedAt(table, base, t.tcp_SYN_timeout, t.tcp_session_timer, t.tcp_connection_linger + 1, now);
      return Math.min(look, last + t.udp_inactivity_timeout);
    }
    // Not of one that was partial before its SYN. No packet comes before the SYN of another: it would be of a connection of its own.
    if (orig <= TCP_SYN_ACK_SENT && (flags & HANDSHAKE_DONE) === 0) return start + t.tcp_attempt_delay;
  }
  // Until the handshake is over Zeek applies the timeout of UDP.
  if ((flags & HANDSHAKE_DONE) === 0) return last + t.udp_inactivity_timeout;
  const ofPort = t.port_inactivity_timeouts[table.i32[base + PORTS]! & 0xffff];
  return last + ((flags & SYN_ANSWERED) !== 0 && ofPort !== undefined ? ofPort : t.tcp_inactivity_timeout);
}

/** When the connection ends for a RST behind a FIN. */
function resetExpiry(table: ConnectionTable, base: number, t: Timeouts): Micros {
  const reset = table.resets.size === 0 ? undefined : table.resets.get(base / RECORD_WORDS);
  return reset === undefined || isAborted(table, base) ? Number.POSITIVE_INFINITY : reset + t.tcp_reset_delay;
}

function udpExpiry(table: ConnectionTable, base: number, t: Timeouts, last: Micros, now: Micros): Micros {
  if (!isParsedAsDns(table, base)) return last + t.udp_inactivity_timeout;
  // Zeek's DNS parser looks every dns_session_timeout, and ends it when nothing came for that long less a second.
  const period = t.dns_session_timeout;
  return Math.min(lookedAt(table, base, period, period, period - SECOND, now), last + t.udp_inactivity_timeout);
}
