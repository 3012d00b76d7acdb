/**
 * Why an end has no owner. no_agent: its address belongs to no watched host. agent_offline: the host was not watched then.
 * agent_late: the host had not reported up to that time when the record was written. events_lost: rows of that time were
 * lost. no_socket_seen: every stream that could answer is complete and none knows a socket. nat: the address is
 * translated (`host` tells by whom), and the one behind it is no watched host's or not known for sure. group: it is that of a multicast
 * group or a broadcast, which many hosts may hear. not_local: it is no host's at all (0.0.0.0
 * or ::, of who has no address yet). kernel: no socket was seen, and none is needed, since the kernel itself sends or answers this (ICMP but
 * requests, IPsec). unsupported_proto: no stream of the host reports this protocol.
 */
export const reasons = [
  'no_agent',
  'agent_offline',
  'agent_late',
  'events_lost',
  'no_socket_seen',
  'nat',
  'group',
  'not_local',
  'kernel',
  'unsupported_proto',
] as const;
export type Reason = (typeof reasons)[number];
