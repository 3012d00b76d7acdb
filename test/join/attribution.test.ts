import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { ms, Scene, s, t0 } from './scene.js';

const events: HostTable[] = ['socket_events', 'process_events'];
const polls: HostTable[] = ['process_open_sockets', 'listening_ports', 'processes'];
const web = '192.0.2.1 40000 > 192.0.2.2 443';

const tcp = { family: 2, protocol: 6 };
const client = { ...tcp, local_address: '192.0.2.1', local_port: 40000, remote_address: '192.0.2.2', remote_port: 443 };
const server = { ...tcp, local_address: '192.0.2.2', local_port: 443, remote_address: '192.0.2.1', remote_port: 40000 };
const listener = { ...tcp, port: 443, address: '0.0.0.0' };

describe('both ends', () => {
  it('are attributed while the connection is open, each by its own host', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events).host('b', events);
    scene.event('a', 'socket_events', 10 - 1e-4, { ...client, action: 'connect', pid: 7, path: '/usr/bin/curl' });
    scene.start('C1', 10, web);
    scene.event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 8, path: '/usr/sbin/nginx' });
    scene.advance(10.02).complete('a', 10.1, events).complete('b', 10.1, events);
    const line = scene.last();
    expect(line).toMatchObject({
      cause: 'start',
      orig: { state: 'attributed', method: 'socket_event', host: { id: 'a' }, process: { pid: 7, name: 'curl' } },
      resp: { state: 'attributed', method: 'accept_event', host: { id: 'b' }, process: { pid: 8, name: 'nginx' } },
    });
  });

  it('have the user of the call, which may be another than the one that the program began as', () => {
    const scene = new Scene({ startsKnown: true }).host('a', [...events, 'users']);
    scene.event('a', 'process_events', 9, { pid: 7, path: '/usr/sbin/sshd', uid: 0, syscall: 'execve' });
    scene.event('a', 'socket_events', 10 - 1e-4, { ...client, action: 'connect', pid: 7, uid: 1000 });
    scene.start('C1', 10, web).complete('a', 10.1, [...events, 'users']);
    expect(scene.last().orig).toMatchObject({ process: { pid: 7, name: 'sshd' }, user: { uid: 1000 } });
  });

  it('have a reason when they belong to nobody', () => {
    const scene = new Scene().host('a', events);
    scene.end('C1', 10, 1, '198.51.100.1 40000 > 198.51.100.2 443');
    scene.end('C2', 10, 1, '198.51.100.1 5353 > 224.0.0.251 5353 udp');
    expect(scene.last('C1')).toMatchObject({ orig: { reason: 'no_agent' }, resp: { reason: 'no_agent' } });
    expect(scene.last('C2').resp).toEqual({ state: 'unattributed', reason: 'group' });
    scene.end('C3', 10, 1, '0.0.0.0 68 > 255.255.255.255 67 udp');
    expect(scene.last('C3')).toMatchObject({ orig: { reason: 'not_local' }, resp: { reason: 'group' } });
  });

  it('tell the broadcast address of a network that a watched host is in from an address without an agent', () => {
    const scene = new Scene().host('a', events);
    scene.start('C1', 10, '192.0.2.1 137 > 192.0.2.255 137 udp');
    scene.advance(13);
    expect(scene.last('C1').resp).toMatchObject({ reason: 'no_agent' });
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1', mask: '255.255.255.0' });
    expect(scene.last('C1').resp).toEqual({ state: 'unattributed', reason: 'group' });
    scene.added('a', 'interface_addresses', 2, { interface: 'eth1', address: '192.0.2.255', mask: '255.255.255.254' });
    scene.end('C1', 10, 5, '192.0.2.1 137 > 192.0.2.255 137 udp').complete('a', 30, events);
    expect(scene.last('C1').resp).toEqual({ state: 'pending' });
  });

  it('on one host are found by their local endpoint, and on loopback only on the host of the capture', () => {
    const ends = '127.0.0.1 40000 > 127.0.0.1 443';
    const scene = new Scene();
    for (const [host, pid] of [
      ['a', 7],
      ['b', 70],
    ] as const) {
      const [one, other] = [
        { local_address: '127.0.0.1', local_port: 40000 },
        { local_address: '127.0.0.1', local_port: 443 },
      ];
      const back = { remote_address: '127.0.0.1', remote_port: 40000 };
      scene.host(host, events);
      scene.event(host, 'socket_events', 9.999, {
        ...tcp,
        ...one,
        remote_address: '127.0.0.1',
        remote_port: 443,
        action: 'connect',
        pid,
      });
      scene.event(host, 'socket_events', 10.001, { ...tcp, ...other, ...back, action: 'accept', pid: pid + 1 });
      scene.complete(host, 20, events);
    }
    scene.end('C1', 10, 1, ends, {}, { capture: 'lo@b', captureHost: 'b' });
    scene.end('C2', 10, 1, ends, {}, {});
    scene.join.end();
    expect(scene.last('C1')).toMatchObject({
      orig: { host: { id: 'b' }, process: { pid: 70 } },
      resp: { process: { pid: 71 } },
    });
    expect(scene.last('C2')).toMatchObject({ orig: { reason: 'no_agent' }, resp: { reason: 'no_agent' } });
  });

  it('of IPv4 on an IPv6 socket are found, since a mapped address is IPv4', () => {
    const scene = new Scene().host('a', events);
    const mapped = { ...client, family: 10, local_address: '::ffff:192.0.2.1', remote_address: '::ffff:192.0.2.2' };
    scene.event('a', 'socket_events', 9.999, { ...mapped, action: 'connect', pid: 7 });
    scene.end('C1', 10, 1, web).complete('a', 20, events);
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
  });
});

describe('time', () => {
  it('tells two connections of one tuple apart', () => {
    const scene = new Scene().host('a', events);
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.event('a', 'socket_events', 11.999, { ...client, action: 'connect', pid: 8 });
    scene.end('C1', 10, 1, web).end('C2', 12, 1, web).complete('a', 20, events);
    expect(scene.last('C1').orig).toMatchObject({ process: { pid: 7 } });
    expect(scene.last('C2').orig).toMatchObject({ process: { pid: 8 } });
  });

  it('leaves an accept that may be of an earlier connection open, where such a one may be told of later', () => {
    const scene = new Scene().host('b', events, { err: 0.01 });
    const accept = { ...server, action: 'accept' };
    scene.event('b', 'socket_events', 9.995, { ...accept, pid: 8 });
    scene.end('C2', 10, 1, web).complete('b', 20, events).advance(12);
    expect(scene.last('C2').resp).toMatchObject({ state: 'pending' });
    scene.end('C1', 9.98, 0.01, web).advance(100).join.end();
    expect(scene.last('C2').resp.state).toBe('ambiguous');
    const answers = scene.lines.flatMap((line) => (line.connection.uid === 'C2' ? [line.resp.state] : []));
    expect(answers).not.toContain('attributed');
  });

  it('tells two processes of one pid apart', () => {
    const scene = new Scene().host('a', events);
    const fork = { pid: 7, parent: 1, uid: 0, syscall: 'fork', path: '/bin/sh' };
    scene.event('a', 'process_events', 5, { ...fork, cmdline: 'first' });
    scene.event('a', 'process_events', 6, { pid: 7, syscall: 'exit' });
    scene.event('a', 'process_events', 9, { ...fork, cmdline: 'second' });
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7, path: '/bin/sh' });
    scene.end('C1', 10, 1, web).complete('a', 20, events);
    expect(scene.last().orig).toMatchObject({ process: { pid: 7, start: t0 + 9 * s, cmdline: 'second' } });
  });

  it('fixes the image at the call: a later exec changes nothing', () => {
    const scene = new Scene().host('a', events);
    scene.event('a', 'process_events', 8, {
      pid: 7,
      parent: 1,
      uid: 0,
      path: '/bin/sh',
      cmdline: 'sh',
      syscall: 'execve',
    });
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7, path: '/bin/sh' });
    scene.event('a', 'process_events', 10.5, {
      pid: 7,
      parent: 1,
      uid: 0,
      path: '/bin/cat',
      cmdline: 'cat',
      syscall: 'execve',
    });
    scene.end('C1', 10, 1, web).complete('a', 20, events);
    expect(scene.last().orig).toMatchObject({ process: { path: '/bin/sh', cmdline: 'sh' }, user: { uid: 0 } });
  });

  it('allows for a skewed clock, and only as far as it was measured', () => {
    const scene = new Scene().host('a', events, { offset: 30, err: 0.001 }).host('b', events);
    scene.event('a', 'socket_events', 39.9995, { ...client, action: 'connect', pid: 7 });
    scene.event('b', 'socket_events', 110.001, { ...server, action: 'accept', pid: 8 });
    scene.end('C1', 10, 1, web).complete('a', 200, events).complete('b', 200, events);
    expect(scene.last().orig).toMatchObject({ process: { pid: 7 }, clock: { offset: 30 * s, err: ms } });
    expect(scene.last().resp).toMatchObject({ reason: 'no_socket_seen' });
  });

  it('by whole seconds finds the owner once the second is complete, and is ambiguous where two fit', () => {
    const scene = new Scene().host('a', events);
    const blank = { ...tcp, remote_address: '192.0.2.2', remote_port: 443, action: 'connect' };
    scene.event('a', 'socket_events', 10.2, { ...blank, pid: 7 }, s);
    scene.event('a', 'socket_events', 10.6, { ...blank, pid: 8 }, s);
    scene.event('a', 'socket_events', 20.2, { ...blank, pid: 9 }, s);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.end('C1', 10.3, 0.1, web).end('C2', 20.3, 0.1, '192.0.2.1 40001 > 192.0.2.2 443');
    scene.complete('a', 30, [...events, 'interface_addresses']);
    expect(scene.last('C1').orig).toMatchObject({
      state: 'ambiguous',
      candidates: [{ process: { pid: 7 } }, { process: { pid: 8 } }],
    });
    expect(scene.last('C2').orig).toMatchObject({ method: 'connect_event', process: { pid: 9 } });
  });
});

describe('listeners and workers', () => {
  it('give the connection to the worker that accepted it, not to the listener', () => {
    const tables: HostTable[] = ['socket_events', 'listening_ports'];
    const scene = new Scene().host('b', tables);
    scene.added('b', 'listening_ports', 1, { ...listener, pid: 5, socket: 77 });
    scene.event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 6 });
    scene.end('C1', 10, 1, web).complete('b', 20, tables);
    expect(scene.last().resp).toMatchObject({ method: 'accept_event', process: { pid: 6 } });
  });

  it('prefer the exact address to the wildcard', () => {
    const scene = new Scene().host('b', polls);
    scene.added('b', 'listening_ports', 1, { ...listener, pid: 5 });
    scene.added('b', 'listening_ports', 1, { ...listener, address: '192.0.2.2', pid: 6 });
    scene.end('C1', 10, 1, web).complete('b', 20, polls);
    expect(scene.last().resp).toMatchObject({ method: 'listening_port', process: { pid: 6 } });
  });

  it('are not named before every stream that could know better is complete', () => {
    const scene = new Scene().host('b', [...events, ...polls]);
    scene.added('b', 'listening_ports', 1, { ...listener, address: '192.0.2.2', pid: 5 });
    scene.end('C1', 10, 1, web).advance(12);
    expect(scene.last().resp).toEqual({ state: 'pending' });
    scene.complete('b', 20, polls).complete('b', 10.5, events);
    expect(scene.last().resp).toEqual({ state: 'pending' });
    scene.complete('b', 20, events);
    expect(scene.last()).toMatchObject({ cause: 'evidence', resp: { process: { pid: 5 } } });
  });

  it('that share one socket are ambiguous, since any of them may accept, and their parent mostly does not', () => {
    const scene = new Scene().host('b', polls);
    for (const [pid, parent, start] of [
      [5, 1, 1],
      [6, 5, 3],
      [7, 5, 4],
    ] as const) {
      const start_time = t0 / s + start;
      scene.added('b', 'processes', 8, { pid, parent, path: '/usr/sbin/nginx', start_time });
      scene.added('b', 'listening_ports', 8, { ...listener, address: '192.0.2.2', pid, socket: 77 });
    }
    scene.end('C1', 10, 1, web).complete('b', 20, polls);
    expect(scene.last().resp).toMatchObject({
      state: 'ambiguous',
      candidates: [5, 6, 7].map((pid) => ({
        process: { pid },
        tie: expect.stringMatching(/hold the socket/) as string,
      })),
    });
  });

  it('that are strangers with one port are ambiguous', () => {
    const scene = new Scene().host('b', polls);
    for (const pid of [5, 6])
      scene.added('b', 'listening_ports', 8, { ...listener, address: '192.0.2.2', pid, socket: pid });
    scene.end('C1', 10, 1, web).complete('b', 20, polls);
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous' });
  });
});

describe('a polled socket', () => {
  it('has gone when another stream no longer saw it, though its own row of that is lost', () => {
    const scene = new Scene().host('b', polls);
    const bound = { family: 2, protocol: 17, socket: 77, fd: 3 };
    scene.added('b', 'listening_ports', 1, { ...bound, port: 53, address: '192.0.2.2', pid: 5 });
    scene.added('b', 'process_open_sockets', 1, { ...bound, local_address: '192.0.2.2', local_port: 53, pid: 5 });
    scene.row(
      scene.makeRow(
        'b',
        'process_open_sockets',
        'removed',
        4,
        { ...bound, local_address: '192.0.2.2', local_port: 53, pid: 5 },
        1,
        3,
      ),
    );
    scene.added('b', 'listening_ports', 6, { ...bound, port: 53, address: '192.0.2.2', pid: 6, socket: 78 }, 5);
    scene.end('C1', 10, 1, '192.0.2.1 40000 > 192.0.2.2 53 udp').complete('b', 20, polls);
    expect(scene.last().resp).toMatchObject({ method: 'listening_port', process: { pid: 6 } });
  });

  it('has the process that held it first as owner; who inherited it is a sharer', () => {
    const scene = new Scene().host('a', polls);
    scene.added('a', 'process_open_sockets', 10.2, { ...client, pid: 7, fd: 3, socket: 90 }, 9);
    scene.added('a', 'process_open_sockets', 10.8, { ...client, pid: 8, fd: 3, socket: 90 }, 10.3);
    scene.end('C1', 10, 1, web).complete('a', 20, polls);
    expect(scene.last().orig).toMatchObject({ method: 'open_socket', process: { pid: 7 }, sharers: [{ pid: 8 }] });
  });

  it('yields to the call that made it', () => {
    const scene = new Scene().host('a', [...events, ...polls]);
    scene.added('a', 'process_open_sockets', 10.5, { ...client, pid: 8, fd: 3, socket: 90 }, 9);
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.end('C1', 10, 1, web).complete('a', 20, [...events, ...polls]);
    expect(scene.last().orig).toMatchObject({ method: 'socket_event', process: { pid: 7 }, sharers: [{ pid: 8 }] });
  });
});

describe('UDP', () => {
  const dns = '192.0.2.1 5000 > 192.0.2.2 53 udp';
  const bound = { family: 2, protocol: 17, local_address: '0.0.0.0', local_port: 5000, remote_port: 0 };

  it('belongs to the socket that was bound at the first packet, not to a later one of the same port', () => {
    const scene = new Scene().host('a', polls);
    scene.added('a', 'process_open_sockets', 5, { ...bound, pid: 7, fd: 3, socket: 1 }, 4);
    scene.removed('a', 'process_open_sockets', 13, { ...bound, pid: 7, fd: 3, socket: 1 }, 12);
    scene.added('a', 'process_open_sockets', 14, { ...bound, pid: 8, fd: 3, socket: 2 }, 13);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.end('C1', 10, 9, dns).complete('a', 30, [...polls, 'interface_addresses']);
    expect(scene.last().orig).toMatchObject({ method: 'local_endpoint', process: { pid: 7 } });
  });

  it('is ambiguous when both may have been bound at the first packet', () => {
    const scene = new Scene().host('a', polls);
    scene.added('a', 'process_open_sockets', 5, { ...bound, pid: 7, fd: 3, socket: 1 }, 4);
    scene.removed('a', 'process_open_sockets', 12, { ...bound, pid: 7, fd: 3, socket: 1 }, 9);
    scene.added('a', 'process_open_sockets', 12, { ...bound, pid: 8, fd: 3, socket: 2 }, 9);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.end('C1', 10, 9, dns).complete('a', 30, [...polls, 'interface_addresses']);
    expect(scene.last().orig).toMatchObject({
      state: 'ambiguous',
      candidates: [
        { process: { pid: 7 }, from: t0 + 4 * s, to: t0 + 12 * s },
        { process: { pid: 8 }, from: t0 + 9 * s },
      ],
    });
  });
});

describe('what is not known', () => {
  it('is pending after the wait, and late when the input ends', () => {
    const scene = new Scene().host('a', events);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.start('C1', 10, web);
    expect(scene.lines).toHaveLength(0);
    scene.advance(12.5);
    expect(scene.last()).toMatchObject({ cause: 'start', rev: 0, orig: { state: 'pending' } });
    scene.end('C1', 10, 1, web).join.end();
    expect(scene.last()).toMatchObject({
      cause: 'evidence',
      rev: 2,
      orig: { reason: 'agent_late', host: { id: 'a' } },
    });
  });

  it('is no socket once all streams are complete', () => {
    const scene = new Scene().host('a', [...events, ...polls, 'interface_addresses']);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.end('C1', 10, 1, web).complete('a', 20, [...events, ...polls, 'interface_addresses']);
    expect(scene.last().orig).toMatchObject({ reason: 'no_socket_seen' });
  });

  it('is lost where rows of that time were lost', () => {
    const scene = new Scene().host('a', [...events, 'interface_addresses']);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from: t0 + 9 * s, to: t0 + 12 * s });
    scene.end('C1', 10, 1, web).end('C2', 15, 1, '192.0.2.1 40001 > 192.0.2.2 443');
    scene.complete('a', 20, [...events, 'interface_addresses']);
    expect(scene.last('C1').orig).toMatchObject({ reason: 'events_lost' });
    expect(scene.last('C2').orig).toMatchObject({ reason: 'no_socket_seen' });
  });

  it('is offline before the host was watched and after it fell silent, which delays nobody else', () => {
    const scene = new Scene().host('a', events).host('b', events);
    scene.event('a', 'socket_events', 4, { ...client, action: 'connect', pid: 1, remote_port: 80 });
    scene.row({ kind: 'host_timeout', host: 'a', at: t0 + 5 * s });
    scene.end('C1', 10, 1, web);
    expect(scene.last().orig).toMatchObject({ reason: 'agent_offline' });
    scene.end('C2', -5, 1, web).join.end();
    expect(scene.last('C2').orig).toMatchObject({ reason: 'agent_offline' });
  });

  it('after the first packet says nothing against a call that came before it, though against an accept', () => {
    const scene = new Scene().host('a', events, { err: 0.5 }).host('b', events, { err: 0.5 });
    // Their times leave it open whether an earlier connection made them.
    scene.event('a', 'socket_events', 9.2, { ...client, action: 'connect', pid: 7 });
    scene.event('b', 'socket_events', 9.8, { ...server, action: 'accept', pid: 8 });
    scene.end('C1', 10, 20, web).complete('a', 40, events).complete('b', 40, events);
    for (const host of ['a', 'b']) scene.row({ kind: 'host_timeout', host, at: t0 + 15 * s });
    scene.join.end();
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(scene.last().resp).toMatchObject({ state: 'unattributed', reason: 'agent_offline' });
  });

  it('before a datagram that may be a later one of its connection leaves the first sender open', () => {
    const resolver = { ...client, protocol: 17, remote_port: 53, action: 'send', pid: 7 };
    const ends = '192.0.2.1 40000 > 192.0.2.2 53 udp';
    for (const at of [9.95, 8]) {
      const scene = new Scene();
      scene.row({
        kind: 'host',
        host: 'a',
        streams: [{ stream: 'socket_events', table: 'socket_events' }],
        from: t0 + at * s,
      });
      scene.row({ kind: 'clock', host: 'a', capture: 'eth0', offset: 0, err: 100 * ms, from: t0 });
      scene.event('a', 'socket_events', 10.05, resolver);
      scene.end('C1', 10, 0.2, ends).complete('a', 20, ['socket_events']).join.end();
      expect(scene.last().orig).toMatchObject({ state: at === 8 ? 'attributed' : 'unattributed' });
    }
  });

  it('is an unsupported protocol where no stream tells of its sockets', () => {
    const scene = new Scene().host('a', ['processes', 'interface_addresses']);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.end('C1', 10, 1, '192.0.2.1 8 > 192.0.2.2 0 icmp');
    expect(scene.last().orig).toMatchObject({ reason: 'unsupported_proto' });
  });
});

describe('lines', () => {
  it('come once for each connection when only final ones are wanted, as soon as nothing can change', () => {
    const scene = new Scene({ finalOnly: true }).host('a', events).host('b', events);
    scene.start('C1', 10, web);
    scene.event('a', 'process_events', 2, { pid: 7, syscall: 'fork', path: '/usr/bin/curl' });
    scene.event('b', 'process_events', 2, { pid: 8, syscall: 'fork', path: '/usr/sbin/nginx' });
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 8 });
    scene.end('C1', 10, 1, web);
    expect(scene.lines).toHaveLength(0);
    scene.complete('a', 20, events).complete('b', 20, events);
    expect(scene.lines).toHaveLength(1);
    scene.advance(1_000).join.end();
    expect(scene.lines).toHaveLength(1);
    expect(scene.last()).toMatchObject({ cause: 'end', rev: 0, orig: { process: { pid: 7 } } });
  });

  it('wait for owners also of a connection that is over, and come once with them', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events).host('b', events);
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 8 });
    scene.start('C1', 10, web).advance(10.1).end('C1', 10, 0.1, web);
    scene.complete('a', 10.5, events).complete('b', 10.5, events).advance(12.5);
    expect(scene.lines).toMatchObject([
      { cause: 'end', rev: 0, orig: { process: { pid: 7 } }, resp: { process: { pid: 8 } } },
    ]);
  });

  it('wait no longer than they may, counted from the first packet, and not again for the end once one was told', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.start('C1', 10, web).end('C2', 10.5, 1, '192.0.2.1 40001 > 192.0.2.2 443').advance(11.9);
    expect(scene.lines).toHaveLength(0);
    scene.advance(12).end('C1', 10, 2.2, web);
    expect(scene.lines).toMatchObject([
      { cause: 'start', rev: 0 },
      { cause: 'end', rev: 1 },
    ]);
    scene.advance(12.5).end('C3', 10.4, 0.1, '192.0.2.1 40002 > 192.0.2.2 443');
    expect(scene.lines.slice(2)).toMatchObject([
      { cause: 'end', rev: 0, connection: { uid: 'C2' }, orig: { state: 'pending' } },
      { cause: 'end', rev: 0, connection: { uid: 'C3' }, orig: { state: 'pending' } },
    ]);
  });

  it('revise a connection when a late row changes its ends, and only then', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    scene.event('a', 'socket_events', 5, { ...client, action: 'connect', pid: 1, remote_port: 80 });
    scene.end('C0', 5, 1, '192.0.2.9 40000 > 192.0.2.8 443').end('C1', 10, 1, web).advance(12);
    const row = scene.makeRow('a', 'socket_events', 'event', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.row(row);
    expect(scene.last()).toMatchObject({ cause: 'evidence', rev: 1, orig: { process: { pid: 7 } } });
    scene.row(row).complete('a', 20, events);
    expect(scene.lines.filter(({ connection }) => connection.uid === 'C1')).toHaveLength(2);
  });

  it('tell once of rows and of the watermarks that came with them', () => {
    const tables = ['socket_events', 'process_events', 'processes'] as const;
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.added('a', 'processes', 1, { pid: 7, parent: 1, path: '/bin/curl', uid: 1000 });
    scene.start('C1', 10, web).advance(12);
    const row = scene.makeRow('a', 'socket_events', 'event', 9.999, { ...client, action: 'connect', pid: 7 });
    scene.join.together(() => {
      scene.row(row).event('a', 'socket_events', 10.1, { ...client, action: 'close', pid: 7 });
      for (const stream of tables) scene.row({ kind: 'complete', host: 'a', stream, until: scene.at(20) });
    });
    expect(scene.lines).toMatchObject([
      { cause: 'start', rev: 0 },
      { cause: 'evidence', rev: 1, orig: { process: { pid: 7, path: '/bin/curl' } } },
    ]);
  });

  it('come at once again for rows by themselves after a frame that threw', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    scene.event('a', 'socket_events', 5, { ...client, action: 'connect', pid: 1, remote_port: 80 });
    scene.end('C0', 5, 1, '192.0.2.9 40000 > 192.0.2.8 443').end('C1', 10, 1, web).advance(12);
    const broken = () =>
      scene.join.together(() => {
        scene.event('a', 'process_events', 5, { pid: 7, syscall: 'fork', path: '/bin/curl' });
        throw new Error('broken');
      });
    expect(broken).toThrow('broken');
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7 });
    expect(scene.last()).toMatchObject({ cause: 'evidence', orig: { process: { pid: 7 } } });
  });

  it('name who took it once the first line can wait no longer, though who that was is not all known', () => {
    const scene = new Scene({ startsKnown: true }).host('b', events);
    scene.event('b', 'socket_events', 5, { ...server, action: 'connect', pid: 1, remote_port: 80 });
    scene.start('C1', 10, web).event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 8 });
    expect(scene.lines).toEqual([]);
    scene.advance(12.1);
    expect(scene.last()).toMatchObject({ cause: 'start', resp: { state: 'attributed', process: { pid: 8 } } });
  });

  it('name who surely took it at once where the host has told all of its processes, though not of its calls', () => {
    const scene = new Scene({ startsKnown: true, attrWaitUs: 60 * s }).host('b', events);
    scene.event('b', 'socket_events', 5, { ...server, action: 'connect', pid: 1, remote_port: 80 });
    scene.complete('b', 20, ['process_events']);
    scene
      .start('C1', 10, web)
      .event('b', 'socket_events', 10.001, { ...server, action: 'accept', pid: 8 })
      .advance(11);
    expect(scene.last()).toMatchObject({ cause: 'start', resp: { state: 'attributed', process: { pid: 8 } } });
  });

  it('do not tell less of a process, and the same again, while a poll that saw its socket is not complete', () => {
    const tables = [...events, ...polls] as const;
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.event('a', 'process_events', 5, {
      pid: 7,
      parent: 1,
      uid: 0,
      syscall: 'fork',
      path: '/bin/sh',
      cmdline: 'sh',
    });
    scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7, path: '/bin/sh' });
    scene.start('C1', 10, web).complete('a', 11, tables);
    const told = { state: 'attributed', process: { pid: 7, cmdline: 'sh', start: t0 + 5 * s } };
    expect(scene.last()).toMatchObject({ rev: 0, orig: told });
    scene.added('a', 'process_open_sockets', 12, { ...client, pid: 7, fd: 3, socket: 90 }, 9);
    scene.added('a', 'process_open_sockets', 12, { ...client, pid: 8, fd: 3, socket: 90 }, 9);
    scene.complete('a', 12, tables).advance(13);
    const lines = scene.lines.filter(({ orig }) => orig.state === 'attributed');
    expect(lines).toMatchObject([{ orig: told }, { orig: { ...told, sharers: [{ pid: 8 }] } }]);
  });

  it('take back an owner whose socket turns out to have closed before the connection, and keep one that closed later', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    const call = { ...client, pid: 7, socket: '90' };
    scene.end('C0', 5, 1, '192.0.2.9 40000 > 192.0.2.8 443');
    scene.event('a', 'socket_events', 9.98, { ...call, action: 'connect' });
    scene.start('C1', 10, web).complete('a', 9.985, events).advance(13);
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    scene.event('a', 'socket_events', 9.99, { ...call, action: 'close' });
    scene.end('C1', 10, 4, web).complete('a', 20, events);
    expect(scene.last().orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    const other = new Scene({ startsKnown: true }).host('a', events);
    other.event('a', 'socket_events', 9.98, { ...call, action: 'connect' });
    other.start('C1', 10, web).advance(10.1).complete('a', 10.1, events);
    other.event('a', 'socket_events', 10.2, { ...call, action: 'close' });
    other.end('C1', 10, 0.2, web).complete('a', 20, events);
    expect(other.last().orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(other.join.stats).toMatchObject({ unsettled: 1, kept: 1 });
  });

  it('are the same whether the end of the connection before is told before or after the next one is decided', () => {
    const said = [false, true].map((isLate) => {
      const scene = new Scene({ startsKnown: true }).host('b', ['socket_events'], { err: 0.03 });
      scene.end('C0', 5, 1, '192.0.2.9 40000 > 192.0.2.8 443').start('C1', 10, web);
      if (!isLate) scene.end('C1', 10, 0.02, web);
      scene.event('b', 'socket_events', 10.042, { ...server, action: 'accept', pid: 7, socket: '1' });
      scene
        .end('C2', 10.04, 0.2, web)
        .advance(12)
        .complete('b', 12, [...events, 'listening_ports']);
      if (isLate) scene.end('C1', 10, 0.02, web);
      scene.join.end();
      return scene.last('C2').resp;
    });
    expect(said[0]).toEqual(said[1]);
    expect(said[0]).toMatchObject({ state: 'ambiguous' });
  });

  it('stay ambiguous where a port was used again within the uncertainty of the clock, and not where the clock tells them apart', () => {
    const said = (err: number): unknown[] => {
      const scene = new Scene({ startsKnown: true }).host('a', events, { err });
      scene.event('a', 'socket_events', 9.999, { ...client, action: 'connect', pid: 7, socket: '1' });
      scene.event('a', 'socket_events', 10.299, { ...client, action: 'connect', pid: 8, socket: '2' });
      scene.end('C0', 2, 1, '192.0.2.9 40000 > 192.0.2.8 443').end('C1', 10, 0.1, web).end('C2', 10.3, 0.1, web);
      scene.complete('a', 20, events).join.end();
      return ['C1', 'C2'].map((uid) => scene.last(uid).orig);
    };
    expect(said(0.001)).toMatchObject([{ process: { pid: 7 } }, { process: { pid: 8 } }]);
    const both = { state: 'ambiguous', candidates: [{ process: { pid: 7 } }, { process: { pid: 8 } }] };
    expect(said(1)).toMatchObject([both, both]);
  });
});
