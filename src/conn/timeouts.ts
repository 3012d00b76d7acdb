import { MILLISECOND, type Micros, SECOND } from '../core/time.js';

/** How long Zeek keeps connections of each kind, under Zeek's names. Every value is above zero. */
export interface Timeouts {
  /** A SYN that nobody answered. */
  readonly tcp_attempt_delay: Micros;
  /** After both ends closed, to see stray packets. */
  readonly tcp_close_delay: Micros;
  /** After a RST. */
  readonly tcp_reset_delay: Micros;
  /** One end closed and the other half is empty: how long the first one may stay alone. */
  readonly tcp_partial_close_delay: Micros;
  /** Neither end was seen to open: how long a close is waited for. */
  readonly tcp_connection_linger: Micros;
  readonly tcp_SYN_timeout: Micros;
  readonly tcp_session_timer: Micros;
  readonly tcp_inactivity_timeout: Micros;
  readonly udp_inactivity_timeout: Micros;
  readonly icmp_inactivity_timeout: Micros;
  readonly unknown_ip_inactivity_timeout: Micros;
}

/** Zeek's own defaults (`scripts/base/init-bare.zeek`). */
export const defaultTimeouts: Timeouts = {
  tcp_attempt_delay: 5 * SECOND,
  tcp_close_delay: 5 * SECOND,
  tcp_reset_delay: 100 * MILLISECOND,
  tcp_partial_close_delay: 3 * SECOND,
  tcp_connection_linger: 5 * SECOND,
  tcp_SYN_timeout: 5 * SECOND,
  tcp_session_timer: 6 * SECOND,
  tcp_inactivity_timeout: 300 * SECOND,
  udp_inactivity_timeout: 60 * SECOND,
  icmp_inactivity_timeout: 60 * SECOND,
  unknown_ip_inactivity_timeout: 60 * SECOND,
};
