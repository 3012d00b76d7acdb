import { type Micros, SECOND } from '../core/time.js';

/**
 * How long Zeek keeps connections of each kind, under Zeek's names. Every value is above zero. Zeek's tcp_reset_delay and
 * tcp_partial_close_delay are not among them: its default scripts never start those timers.
 */
export interface Timeouts {
  /** A SYN that nobody answered. */
  readonly tcp_attempt_delay: Micros;
  /** After both ends closed, to see stray packets. */
  readonly tcp_close_delay: Micros;
  /** A connection without a valid packet is not ended before this; a reuse of its ends before it is odd. */
  readonly tcp_connection_linger: Micros;
  /** When a connection is first looked at for that, and how often after. */
  readonly tcp_SYN_timeout: Micros;
  readonly tcp_session_timer: Micros;
  /** Without a packet, once the handshake is over. */
  readonly tcp_inactivity_timeout: Micros;
  /** Without a packet; also TCP before its handshake is over. */
  readonly udp_inactivity_timeout: Micros;
  readonly icmp_inactivity_timeout: Micros;
  /** The same for protocols that are not looked into. */
  readonly unknown_ip_inactivity_timeout: Micros;
  /** UDP to a port of DNS: looked at this often after its first packet, and ended when nothing came for this long less a second. */
  readonly dns_session_timeout: Micros;
  /** In place of tcp_inactivity_timeout where a SYN was answered from one of these ports (Conn::port_inactivity_timeouts). */
  readonly port_inactivity_timeouts: Readonly<Record<number, Micros>>;
}

/** Zeek's own defaults (`scripts/base/init-bare.zeek`, `base/protocols/conn/inactivity.zeek`). */
export const defaultTimeouts: Timeouts = {
  tcp_attempt_delay: 5 * SECOND,
  tcp_close_delay: 5 * SECOND,
  tcp_connection_linger: 5 * SECOND,
  tcp_SYN_timeout: 5 * SECOND,
  tcp_session_timer: 6 * SECOND,
  tcp_inactivity_timeout: 300 * SECOND,
  udp_inactivity_timeout: 60 * SECOND,
  icmp_inactivity_timeout: 60 * SECOND,
  unknown_ip_inactivity_timeout: 60 * SECOND,
  dns_session_timeout: 10 * SECOND,
  port_inactivity_timeouts: { 21: 3600 * SECOND, 22: 3600 * SECOND, 23: 3600 * SECOND, 513: 3600 * SECOND },
};

/** Ports on which Zeek expects DNS over UDP. */
export function isDnsPort(port: number): boolean {
  return port === 53 || port === 137 || port === 5353 || port === 5355;
}
