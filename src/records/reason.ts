/** Why an end has no owner, each with its meaning. */
export const reasonMeanings = {
  no_agent:
    'The address belongs to no watched host, or to more than 64, of which neither the place of the packets nor a call between these endpoints tells one.',
  agent_offline: 'The host was not watched then.',
  agent_late:
    'The host could still tell of that time when the line was written: it had not reported so far, or the connection was let go early to keep within the limits.',
  events_lost: 'Rows of that time were lost.',
  no_socket_seen: 'Every stream that could answer is complete, and none knows a socket.',
  nat: 'The address is translated (`host` says by whom), and the one behind it is no watched host’s or not known for sure.',
  group: 'The address is that of a multicast group or a broadcast, which many hosts may hear.',
  not_local: 'The address is no host’s at all: 0.0.0.0 or ::, of who has none yet.',
  kernel:
    'No socket was seen and none is needed: the kernel itself sends or answers this (ICMP other than requests, IPsec).',
  unsupported_proto: 'No stream of the host reports this protocol.',
} as const;
export type Reason = keyof typeof reasonMeanings;
export const reasons = Object.keys(reasonMeanings) as Reason[];
