import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/records/connection.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

/** The streams of the program's own sensor with eBPF, and those of one that polls. */
const ebpf: HostTable[] = ['socket_events', 'process_events', 'process_open_sockets', 'packet_sockets'];
const poll: HostTable[] = ['process_open_sockets', 'packet_sockets'];

const ping = '192.0.2.1 8 > 192.0.2.2 0 icmp';
const icmp: Partial<Connection> = { ip_proto: 1 };
const echo = {
  action: 'send',
  family: 2,
  protocol: 1,
  icmp_type: 8,
  icmp_code: 0,
  local_address: '192.0.2.1',
  local_port: 4711,
  remote_address: '192.0.2.2',
} as const;
const raw = '192.0.2.1 0 > 192.0.2.2 0 unknown_transport';
const rawSend = {
  action: 'send',
  family: 2,
  protocol: 253,
  local_address: '192.0.2.1',
  remote_address: '192.0.2.2',
} as const;
const address = (host: string, last: number) => (scene: Scene) =>
  scene.added(host, 'interface_addresses', 0, { interface: 'eth0', address: `192.0.2.${last}` });

function twoHosts(streams: HostTable[] = ebpf): Scene {
  const scene = new Scene().host('a', streams).host('b', streams);
  address('a', 1)(scene);
  address('b', 2)(scene);
  if (!streams.includes('socket_events')) return scene;
  // A row about another socket that shows that the stream tells when sockets close.
  for (const host of ['a', 'b'])
    scene.event(host, 'socket_events', 1, { action: 'close', family: 2, pid: 1, socket: '1' });
  return scene;
}

function ends(scene: Scene, connection: string, changes: Partial<Connection>, streams: HostTable[] = ebpf) {
  scene.end('C1', 10, 1, connection, changes);
  for (const host of ['a', 'b']) scene.complete(host, 30, [...streams, 'interface_addresses']);
  scene.join.end();
  return scene.last();
}

describe('ICMP', () => {
  it('belongs to the process that sent the request; who answers is the kernel', () => {
    const scene = twoHosts();
    scene.event('a', 'socket_events', 9.9999, { ...echo, pid: 7, path: '/usr/bin/ping' });
    expect(ends(scene, ping, icmp)).toMatchObject({
      orig: { state: 'attributed', method: 'socket_event', process: { pid: 7, name: 'ping' } },
      resp: { state: 'unattributed', reason: 'kernel', host: { id: 'b' } },
    });
  });

  it('belongs to a program at the other end where one sends the answer', () => {
    const scene = twoHosts();
    const { local_address: peer, remote_address: own } = echo;
    const answer = { ...echo, icmp_type: 0, local_address: own, remote_address: peer };
    scene.event('b', 'socket_events', 10.2, { ...answer, pid: 9, path: '/usr/sbin/tunnel' });
    expect(ends(scene, ping, icmp)).toMatchObject({
      orig: { reason: 'no_socket_seen' },
      resp: { method: 'accept_event', process: { pid: 9 } },
    });
  });

  it('that was first seen by its answer has the asking process as responder', () => {
    const scene = twoHosts();
    scene.event('b', 'socket_events', 9.9, {
      ...echo,
      local_address: '192.0.2.2',
      remote_address: '192.0.2.1',
      pid: 7,
    });
    expect(ends(scene, '192.0.2.1 0 > 192.0.2.2 8 icmp', icmp)).toMatchObject({
      orig: { reason: 'kernel' },
      resp: { method: 'socket_event', process: { pid: 7 } },
    });
  });

  it('of errors is the kernel’s at both ends, whatever code they have', () => {
    const unreachable = '192.0.2.1 3 > 192.0.2.2 13 icmp';
    expect(ends(twoHosts(), unreachable, icmp)).toMatchObject({
      orig: { reason: 'kernel' },
      resp: { reason: 'kernel' },
    });
  });

  it('of two senders at one time is ambiguous, and of none that was seen unaccounted for', () => {
    const scene = twoHosts();
    for (const pid of [7, 8]) scene.event('a', 'socket_events', 9 + pid / 100, { ...echo, pid });
    expect(ends(scene, ping, icmp).orig).toMatchObject({ state: 'ambiguous' });
    expect(ends(twoHosts(), ping, icmp).orig).toEqual({
      state: 'unattributed',
      reason: 'no_socket_seen',
      host: { id: 'a' },
    });
  });

  it('is not told by a host that only polls', () => {
    expect(ends(twoHosts(poll), ping, icmp, poll)).toMatchObject({
      orig: { reason: 'unsupported_proto' },
      resp: { reason: 'unsupported_proto' },
    });
  });
});

describe('a protocol without ports', () => {
  const changes = { ip_proto: 253, history: 'D', resp_pkts: 0 };

  it('belongs to the sender at one end, and may be what a raw socket takes at the other', () => {
    const scene = twoHosts();
    scene.event('a', 'socket_events', 9.9999, { ...rawSend, pid: 7 });
    scene.event('b', 'socket_events', 5, { action: 'socket', family: 2, protocol: 253, pid: 9, socket: '44' });
    expect(ends(scene, raw, changes)).toMatchObject({
      orig: { method: 'socket_event', process: { pid: 7 } },
      resp: { state: 'ambiguous', candidates: [{ method: 'listening_port', process: { pid: 9 } }] },
    });
  });

  it('may be taken by a raw socket that was polled, which is told with its protocol as port', () => {
    const scene = twoHosts(poll);
    const open = { family: 2, protocol: 255, local_address: '0.0.0.0', local_port: 253, remote_address: '0.0.0.0' };
    scene.added('b', 'process_open_sockets', 5, { ...open, pid: 9, fd: 3, socket: 44 });
    expect(ends(scene, raw, changes, poll)).toMatchObject({
      orig: { reason: 'unsupported_proto' },
      resp: { state: 'ambiguous', candidates: [{ method: 'listening_port', process: { pid: 9 } }] },
    });
  });

  it('that a host sends to itself has its sender as originator alone', () => {
    const scene = twoHosts();
    scene.event('a', 'socket_events', 9.9999, { ...rawSend, remote_address: '192.0.2.1', pid: 7 });
    expect(ends(scene, '192.0.2.1 0 > 192.0.2.1 0 unknown_transport', changes)).toMatchObject({
      orig: { process: { pid: 7 } },
      resp: { reason: 'no_socket_seen' },
    });
  });

  it('has the ports of SCTP left out, as connection records have', () => {
    const scene = twoHosts();
    const ports = { local_port: 5000, remote_port: 38_412 };
    scene.event('a', 'socket_events', 9.9999, { ...rawSend, ...ports, protocol: 132, pid: 7 });
    const accepted = { action: 'accept', family: 2, protocol: 132, local_port: 38_412, remote_port: 5000 };
    const at = { local_address: '192.0.2.2', remote_address: '192.0.2.1' };
    scene.event('b', 'socket_events', 10.001, { ...accepted, ...at, pid: 9 });
    expect(ends(scene, raw, { ip_proto: 132 })).toMatchObject({
      orig: { method: 'socket_event', process: { pid: 7 } },
      resp: { method: 'accept_event', process: { pid: 9 } },
    });
  });
});

describe('packets that no socket of a watched host accounts for', () => {
  const tcp = '192.0.2.1 40000 > 203.0.113.5 443';

  it('come with the processes that held packet sockets then', () => {
    const scene = twoHosts();
    const held = { fd: 3, type: 3, protocol: 0 };
    scene.event('a', 'process_events', 4, {
      pid: 7,
      path: '/usr/bin/inject',
      cmdline: 'inject eth0',
      syscall: 'execve',
    });
    scene.added('a', 'packet_sockets', 5, { ...held, pid: 7, socket: 70 }, 4);
    scene.added('a', 'packet_sockets', 1, { ...held, pid: 6, socket: 60 });
    scene.row(scene.makeRow('a', 'packet_sockets', 'removed', 3, { ...held, pid: 6, socket: 60 }, 1, 2));
    scene.event('a', 'socket_events', 10.5, { action: 'socket', family: 17, protocol: 3, pid: 8, socket: '80' });
    scene.event('a', 'socket_events', 20, { action: 'socket', family: 17, protocol: 3, pid: 9, socket: '90' });
    expect(ends(scene, tcp, {}).orig).toMatchObject({
      reason: 'no_socket_seen',
      packet_sockets: [{ pid: 7, name: 'inject', path: '/usr/bin/inject', cmdline: 'inject eth0' }, { pid: 8 }],
    });
  });

  it('do not when rows of the time were lost', () => {
    const scene = twoHosts();
    scene.added('a', 'packet_sockets', 5, { pid: 7, fd: 3, type: 3, protocol: 0, socket: 70 });
    scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from: 0, to: Number.MAX_SAFE_INTEGER });
    const { orig } = ends(scene, tcp, {});
    expect(orig).toMatchObject({ reason: 'events_lost' });
    expect(orig).not.toHaveProperty('packet_sockets');
  });
});
