/**
 * How this machine is watched: ebpf: by programs in the kernel. netlink: by what the kernel tells of processes, and quick looks at their
 * sockets. poll: by reading /proc again and again.
 */
export type SensorMethod = 'ebpf' | 'netlink' | 'poll';
/** The method in words, after "this host is watched". */
export const sensorMethods: Readonly<Record<SensorMethod, string>> = {
  ebpf: 'with eBPF',
  netlink: 'by process events and polling',
  poll: 'by polling /proc',
};
/** auto: eBPF where it can be had, else as with poll. poll: netlink where it can be had, else /proc alone. */
export const sensorChoices = ['auto', 'ebpf', 'poll'] as const;
export type SensorChoice = (typeof sensorChoices)[number];
