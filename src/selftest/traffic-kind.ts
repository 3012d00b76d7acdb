/** Where the programs of a kind run: `apart` on two hosts, `container` with the client in namespaces of its own, `alone` on one host over its loopback. */
export type Place = 'apart' | 'container' | 'alone';

/** A command of the traffic program: what it does, and its options. */
export interface TrafficCommand {
  readonly what: string;
  readonly options?: Readonly<Record<string, string | number>>;
}

/** One way of using the network, made with known owners. */
export interface TrafficKind {
  readonly name: string;
  /** What happens, for a person. */
  readonly title: string;
  readonly client: TrafficCommand;
  /** Absent: nobody listens. */
  readonly server?: TrafficCommand;
  /** `apart` unless given. */
  readonly place?: Place;
  /** Of the addresses; 4 unless given. */
  readonly family?: 4 | 6;
  /** Port of the server where it matters. */
  readonly port?: number;
  /** Address of the server instead of its host's. */
  readonly target?: string;
  /** Address that the server listens on instead of its host's. */
  readonly listen?: string;
  /** `before`: begun before the host is watched; `along`: runs beside all others. */
  readonly when?: 'before' | 'along';
  /** The programs keep their user, since they need its rights. */
  readonly keepsUser?: true;
}

const MEBIBYTE = 1 << 20;
/** Below the ports that Linux gives to clients of itself (32768 to 60999), one of which may be taken at any time. */
const FIRST_PORT = 28_000;
const tcp = { what: 'stream' } as const;
const udp = { what: 'datagram' } as const;
const stream = (options: TrafficCommand['options']): TrafficCommand => ({ what: 'stream', options: options ?? {} });
const datagrams = (options: TrafficCommand['options']): TrafficCommand => ({
  what: 'datagram',
  options: options ?? {},
});

/** Every kind of traffic that the selftest makes, one line of its result each. */
export const trafficKinds: readonly TrafficKind[] = [
  { name: 'tcp-down', title: 'download over TCP', client: stream({ down: 2 * MEBIBYTE }), server: tcp },
  { name: 'tcp-up', title: 'upload over TCP', client: stream({ up: 2 * MEBIBYTE }), server: tcp },
  { name: 'tcp-both', title: 'TCP both ways', client: stream({ up: MEBIBYTE, down: MEBIBYTE }), server: tcp },
  { name: 'tcp-ipv6', title: 'TCP over IPv6', family: 6, client: stream({ up: 50_000, down: 50_000 }), server: tcp },
  {
    name: 'udp-down',
    title: 'download over UDP',
    client: datagrams({ datagrams: 40, answers: 10, answer_size: 1000 }),
    server: udp,
  },
  {
    name: 'udp-up',
    title: 'upload over UDP',
    client: datagrams({ datagrams: 400, answers: 0, size: 1000 }),
    server: udp,
  },
  { name: 'udp-ipv6', title: 'UDP over IPv6', family: 6, client: datagrams({ datagrams: 50 }), server: udp },
  {
    name: 'udp-443',
    title: 'UDP to port 443, connected',
    port: 443,
    client: datagrams({ datagrams: 50, connected: 1, size: 1200, answer_size: 1200 }),
    server: udp,
  },
  {
    name: 'udp-53-flood',
    title: '300 sockets to port 53 in a row',
    port: 53,
    client: datagrams({ connections: 300, size: 40 }),
    server: udp,
  },
  {
    name: 'icmp-echo',
    title: 'ping by a raw socket',
    keepsUser: true,
    client: { what: 'echo', options: { datagrams: 10, pause: 20 } },
  },
  {
    name: 'sctp',
    title: 'SCTP in its one-to-one style',
    client: stream({ proto: 'sctp', up: 10_000, down: 10_000 }),
    server: stream({ proto: 'sctp' }),
  },
  {
    name: 'raw-253',
    title: 'protocol 253 of IP by raw sockets',
    keepsUser: true,
    client: { what: 'raw', options: { datagrams: 50, pause: 2 } },
    server: { what: 'raw' },
  },
  {
    name: 'af-packet',
    title: 'UDP datagrams injected as whole frames',
    keepsUser: true,
    client: { what: 'inject', options: { datagrams: 50, pause: 2, bind: FIRST_PORT - 1 } },
    server: udp,
  },
  {
    name: 'short-lived',
    title: '20 processes, one connection each',
    client: stream({ processes: 20, gap: 5, life: 5 }),
    server: tcp,
  },
  { name: 'sixty-small', title: '60 small connections in a row', client: stream({ connections: 60 }), server: tcp },
  { name: 'thirty-at-once', title: '30 connections open at once', client: stream({ at_once: 30 }), server: tcp },
  {
    name: 'low-and-slow',
    title: '2 MiB in 16 s',
    when: 'along',
    client: stream({ up: 2 * MEBIBYTE, pause: 125 }),
    server: tcp,
  },
  {
    name: 'io-uring-down',
    title: 'connect and receive by io_uring',
    client: stream({ how: 'ring', down: MEBIBYTE }),
    server: stream({ how: 'ring' }),
  },
  {
    name: 'io-uring-up',
    title: 'send and accept by io_uring',
    client: stream({ how: 'ring', up: MEBIBYTE }),
    server: stream({ how: 'ring' }),
  },
  { name: 'sendfile', title: 'sendfile', client: stream({ how: 'sendfile', up: MEBIBYTE }), server: tcp },
  {
    name: 'splice',
    title: 'splice both ways',
    client: stream({ how: 'splice', up: MEBIBYTE, down: MEBIBYTE }),
    server: stream({ how: 'splice' }),
  },
  {
    name: 'sendmmsg',
    title: 'sendmmsg',
    client: datagrams({ how: 'sendmmsg', datagrams: 320, size: 500 }),
    server: udp,
  },
  {
    name: 'recvmmsg',
    title: 'recvmmsg',
    client: datagrams({ how: 'sendmmsg', datagrams: 320, size: 500 }),
    server: datagrams({ how: 'recvmmsg' }),
  },
  { name: 'loopback', title: 'TCP over loopback', place: 'alone', client: stream({ up: 50_000 }), server: tcp },
  {
    name: 'container',
    title: 'a client in pid, mount and network namespaces of its own',
    place: 'container',
    keepsUser: true,
    client: stream({ how: 'container', up: 50_000, down: 50_000 }),
    server: tcp,
  },
  {
    name: 'prefork',
    title: 'workers that share one listener',
    client: stream({ processes: 20, gap: 2, life: 5 }),
    server: stream({ how: 'prefork' }),
  },
  {
    name: 'reuseport',
    title: 'workers with a listener each on one port',
    client: stream({ processes: 20, gap: 2, life: 5 }),
    server: stream({ how: 'reuseport' }),
  },
  {
    name: 'accept-then-fork',
    title: 'a child serves what its parent accepted',
    client: stream({ connections: 10 }),
    server: stream({ how: 'fork' }),
  },
  {
    name: 'passed-on',
    title: 'accepted sockets passed over a UNIX socket',
    client: stream({ connections: 10 }),
    server: stream({ how: 'pass' }),
  },
  {
    name: 'many-peers',
    title: 'one UDP socket for 40 peers',
    listen: '0.0.0.0',
    client: datagrams({ processes: 8, connections: 5 }),
    server: udp,
  },
  { name: 'dual-stack', title: 'IPv4 to a listener on ::', listen: '::', client: stream({}), server: tcp },
  {
    name: 'fork-after-connect',
    title: 'a child uses what its parent connected',
    client: stream({ how: 'fork', connections: 5, up: 10_000 }),
    server: tcp,
  },
  {
    name: 'exec-after-connect',
    title: 'another image uses what was connected before exec',
    client: stream({ how: 'exec', processes: 5, up: 10_000 }),
    server: tcp,
  },
  {
    name: 'refused',
    title: 'nobody listens',
    client: { what: 'refused', options: { connections: 10 } },
  },
  {
    name: 'non-blocking',
    title: 'connect that does not wait',
    client: stream({ how: 'nonblocking', connections: 10 }),
    server: tcp,
  },
  {
    name: 'port-reuse',
    title: 'five processes from one port, one after the other',
    client: stream({ processes: 5, bind: FIRST_PORT - 2, reset: 1 }),
    server: tcp,
  },
  {
    name: 'begun-before',
    title: 'connected before the host was watched',
    when: 'before',
    client: stream({ up: 100_000, down: 100_000, chunk: 2000, pause: 150 }),
    server: tcp,
  },
  {
    name: 'multicast',
    title: 'UDP to a group',
    target: '239.192.0.77',
    client: { what: 'multicast', options: { datagrams: 5 } },
  },
];

/** Port of the server of a kind. */
export function serverPort(kind: TrafficKind): number {
  return kind.port ?? FIRST_PORT + trafficKinds.indexOf(kind);
}
