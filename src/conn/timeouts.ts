import { type Micros, SECOND } from '../core/time.js';

/**
 * Zeek's timers under Zeek's names: default (`scripts/base/init-bare.zeek`) in seconds, and meaning. Zeek's tcp_partial_close_delay
 * is not among them: its default scripts never start that timer.
 */
export const timeoutTable = {
  tcp_attempt_delay: { seconds: 5, meaning: 'A SYN that nobody answered.' },
  tcp_close_delay: { seconds: 5, meaning: 'After both ends have closed or one was reset, to see stray packets.' },
  tcp_reset_delay: { seconds: 5, meaning: 'After an end sent a RST behind its FIN, although the other end goes on.' },
  tcp_connection_linger: {
    seconds: 5,
    meaning: 'A TCP connection without a valid packet is not ended before this; a reuse of its ends before it is odd.',
  },
  tcp_SYN_timeout: { seconds: 5, meaning: 'When a TCP connection is first looked at for that.' },
  tcp_session_timer: { seconds: 6, meaning: 'How long after each look it is looked at again.' },
  tcp_inactivity_timeout: { seconds: 300, meaning: 'TCP without a packet, once its handshake is over.' },
  udp_inactivity_timeout: { seconds: 60, meaning: 'UDP without a packet; also TCP before its handshake is over.' },
  icmp_inactivity_timeout: { seconds: 60, meaning: 'ICMP without a packet.' },
  unknown_ip_inactivity_timeout: { seconds: 60, meaning: 'Other protocols without a packet.' },
  dns_session_timeout: {
    seconds: 10,
    meaning:
      'UDP to port 53, 137, 5353 or 5355: looked at this long after its first packet and after each look, and ended when nothing came for this long less a second.',
  },
} as const satisfies Readonly<Record<string, { readonly seconds: number; readonly meaning: string }>>;

export type TimeoutName = keyof typeof timeoutTable;

/** When connections end. Every value is above zero. */
export type Timeouts = Readonly<Record<TimeoutName, Micros>> & {
  /** In place of tcp_inactivity_timeout where a SYN was answered from one of these ports (Zeek's Conn::port_inactivity_timeouts). */
  readonly port_inactivity_timeouts: Readonly<Record<number, Micros>>;
};

const byName = Object.fromEntries(
  Object.entries(timeoutTable).map(([name, { seconds }]) => [name, seconds * SECOND]),
) as Record<TimeoutName, Micros>;

/** Zeek's own defaults. */
export const defaultTimeouts: Timeouts = {
  ...byName,
  port_inactivity_timeouts: { 21: 3600 * SECOND, 22: 3600 * SECOND, 23: 3600 * SECOND, 513: 3600 * SECOND },
};

/** Ports on which Zeek expects DNS over UDP. */
export function isDnsPort(port: number): boolean {
  return port === 53 || port === 137 || port === 5353 || port === 5355;
}
