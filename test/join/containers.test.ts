import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const events: HostTable[] = ['socket_events', 'process_events'];
const id = '0123456789abcdef'.repeat(4);
const tcp = { family: 2, protocol: 6 };
const ends = { local_address: '192.0.2.1', local_port: 40000, remote_address: '192.0.2.2', remote_port: 443 };

describe('an owner in a container', () => {
  it('is told with the id of the container', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    const placed = { cgroup_path: `/kubepods.slice/pod1.slice/cri-containerd-${id}.scope` };
    scene.event('a', 'process_events', 9, { pid: 7, path: '/usr/bin/curl', syscall: 'execve', ...placed });
    scene.event('a', 'socket_events', 10 - 1e-4, { ...tcp, ...ends, action: 'connect', pid: 7 });
    scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 10.1, events);
    expect(scene.last().orig).toMatchObject({ process: { pid: 7, name: 'curl' }, container: { id } });
  });

  it('is told apart from one outside of any', () => {
    const scene = new Scene({ startsKnown: true }).host('a', events);
    const placed = { cgroup_path: '/system.slice/cron.service' };
    scene.event('a', 'process_events', 9, { pid: 7, path: '/usr/bin/curl', syscall: 'execve', ...placed });
    scene.event('a', 'socket_events', 10 - 1e-4, { ...tcp, ...ends, action: 'connect', pid: 7 });
    scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 10.1, events);
    expect(scene.last().orig).toMatchObject({ state: 'attributed' });
    expect(scene.last().orig).not.toHaveProperty('container');
  });
});

describe('a host with several network namespaces', () => {
  const tables: HostTable[] = [...events, 'listening_ports', 'interface_addresses'];
  const [own, one, two] = ['4026531840', '4026532101', '4026532202'];
  const address = (of: string, net_namespace: string) => ({ interface: 'eth0', address: of, net_namespace });
  const listener = { ...tcp, port: 80, address: '0.0.0.0', fd: 3 };

  /** Its own namespace, and two containers with one and the same address. */
  const host = (): Scene => {
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.row({ kind: 'host', host: 'a', streams: [], from: scene.at(0), net_namespace: own });
    for (const [of, space] of [
      ['192.0.2.1', own],
      ['172.17.0.2', one],
      ['172.17.0.2', two],
      ['172.17.0.3', one],
    ] as const) {
      scene.added('a', 'interface_addresses', 1, address(of, space));
    }
    return scene;
  };
  const words = (scene: Scene): string[] => {
    scene.advance(30).complete('a', 40, tables);
    const { orig, resp } = scene.last();
    return [inWords(orig), inWords(resp)];
  };

  it('lets a listener own connections to addresses of its own namespace alone', () => {
    const scene = host();
    scene.added('a', 'listening_ports', 2, { ...listener, pid: 7, socket: 1, net_namespace: own }, 1);
    scene.added('a', 'listening_ports', 2, { ...listener, pid: 8, socket: 2, net_namespace: one }, 1);
    expect(words(scene.end('C1', 10, 1, '198.51.100.9 40000 > 192.0.2.1 80'))[1]).toBe('listening_port a:7');
    expect(words(scene.end('C1', 20, 1, '198.51.100.9 40000 > 172.17.0.3 80'))[1]).toBe('listening_port a:8');
  });

  it('takes loopback connections for those of the namespace that the capture is in', () => {
    const ends = { local_address: '127.0.0.1', local_port: 40000, remote_address: '127.0.0.1', remote_port: 80 };
    const scene = host();
    scene.event('a', 'socket_events', 9.999, { ...tcp, ...ends, action: 'connect', pid: 7, net_namespace: one });
    scene.event('a', 'socket_events', 9.9999, { ...tcp, ...ends, action: 'connect', pid: 8, net_namespace: own });
    scene.end('C1', 10, 1, '127.0.0.1 40000 > 127.0.0.1 80', {}, { captureHost: 'a' });
    expect(words(scene)[0]).toBe('socket_event a:8');
  });

  it('tells two containers with one address apart by time, and not before every call is known', () => {
    const ends = { local_address: '172.17.0.2', local_port: 40000, remote_address: '172.17.0.3', remote_port: 80 };
    const scene = host();
    scene.end('C0', 5, 1, '198.51.100.8 40000 > 198.51.100.9 80');
    scene.event('a', 'socket_events', 9.9999, { ...tcp, ...ends, action: 'connect', pid: 7, net_namespace: one });
    scene.start('C1', 10, '172.17.0.2 40000 > 172.17.0.3 80').advance(13);
    expect(inWords(scene.last().orig)).toBe('pending');
    expect(words(scene.end('C1', 10, 1, '172.17.0.2 40000 > 172.17.0.3 80'))[0]).toBe('socket_event a:7');
  });

  it('names neither of two containers with one address that had the same tuple at a time', () => {
    const ends = { local_address: '172.17.0.2', local_port: 40000, remote_address: '172.17.0.3', remote_port: 80 };
    const scene = host();
    scene.event('a', 'socket_events', 9.999, { ...tcp, ...ends, action: 'connect', pid: 7, net_namespace: one });
    scene.event('a', 'socket_events', 9.9999, { ...tcp, ...ends, action: 'connect', pid: 8, net_namespace: two });
    expect(words(scene.end('C1', 10, 1, '172.17.0.2 40000 > 172.17.0.3 80'))[0]).toBe('ambiguous a:7 a:8');
  });

  it('finds the namespace of addresses that osquery tells without one by the sockets that have them', () => {
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    const shown = { local_address: '192.0.2.1', local_port: 5000, remote_address: '192.0.2.9', remote_port: 1 };
    scene.event('a', 'socket_events', 2, { ...tcp, ...shown, action: 'connect', pid: 3, net_namespace: own });
    scene.added('a', 'listening_ports', 2, { ...listener, pid: 7, socket: 1, net_namespace: own }, 1);
    scene.added('a', 'listening_ports', 2, { ...listener, pid: 8, socket: 2, net_namespace: one }, 1);
    expect(words(scene.end('C1', 10, 1, '198.51.100.9 40000 > 192.0.2.1 80'))[1]).toBe('listening_port a:7');
  });

  it('names no listener of one of two containers with one address', () => {
    const scene = host();
    scene.added('a', 'listening_ports', 2, { ...listener, pid: 7, socket: 1, net_namespace: one }, 1);
    expect(words(scene.end('C1', 10, 1, '198.51.100.9 40000 > 172.17.0.2 80'))[1]).toBe('ambiguous a:7');
  });

  it('finds the namespace of a capture by an address of osquery, which does not tell it', () => {
    const shown = { local_address: '192.0.2.1', local_port: 5000, remote_address: '192.0.2.9', remote_port: 1 };
    const loopback = (isShown: boolean): string => {
      const scene = new Scene({ startsKnown: true }).host('a', tables);
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      if (isShown)
        scene.event('a', 'socket_events', 2, { ...tcp, ...shown, action: 'connect', pid: 3, net_namespace: own });
      scene.added('a', 'listening_ports', 2, { ...listener, pid: 7, socket: 1, net_namespace: one }, 1);
      scene.added('a', 'listening_ports', 2, { ...listener, port: 81, pid: 8, socket: 2, net_namespace: own }, 1);
      return words(scene.end('C1', 10, 1, '127.0.0.1 40000 > 127.0.0.1 80', {}, { captureHost: 'a' }))[1]!;
    };
    expect(loopback(true)).toBe('no_socket_seen');
    expect(loopback(false)).toBe('ambiguous a:7');
  });
});

describe('a bind that names no namespace, as of osquery, on a host with containers whose addresses it does not tell', () => {
  const tables: HostTable[] = [...events, 'process_open_sockets', 'interface_addresses'];
  const udp = { family: 2, protocol: 17, remote_address: '0.0.0.0', remote_port: 0 };
  const [own, inner] = ['4026531840', '4026532101'];
  const port = { local_address: '0.0.0.0', local_port: 53 };
  // Told by the second, as osquery does.
  const second = 1_000_000;
  type Polled = { space: string; fd?: number; at?: number; since?: number; address?: string };

  /** Who takes a datagram to the host, where pid 9 bound the port in second 5 and polls saw these sockets of it. */
  const taker = (namespaces: readonly string[], polled: readonly Polled[], isPolledFirst = false): string => {
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    for (const [at, net_namespace] of namespaces.entries()) {
      const held = { ...udp, local_address: '0.0.0.0', local_port: 7000 + at, net_namespace };
      scene.added('a', 'process_open_sockets', 2, { ...held, pid: 5 + at, fd: 3, socket: 1 + at }, 1);
    }
    // Which shows whose the address is.
    const shown = { ...tcp, ...ends, pid: 4, fd: 3, socket: 4, net_namespace: own };
    scene.added('a', 'process_open_sockets', 2, shown, 1);
    const told = { family: 2, protocol: 17, ...port, pid: 9, fd: '3', action: 'bind' };
    const bind = scene.makeRow('a', 'socket_events', 'event', 5, told, second);
    const polls = polled.map(({ space, fd = 3, at = 8, since = 4, address = '0.0.0.0' }, i) => {
      const held = { ...udp, ...port, local_address: address, pid: 9, fd, socket: 9 + i, net_namespace: space };
      return scene.makeRow('a', 'process_open_sockets', 'added', at, held, second, since);
    });
    for (const row of isPolledFirst ? [...polls, bind] : [bind, ...polls]) scene.row(row);
    scene.end('C1', 5.46, 1.8, '198.51.100.9 40000 > 192.0.2.1 53 udp', { history: 'Dd' });
    scene.advance(30).complete('a', 40, tables);
    return inWords(scene.last().resp);
  };

  it('is of the namespace in which a poll then sees the socket of that process and descriptor, in whatever order they come', () => {
    for (const isPolledFirst of [false, true]) {
      expect(taker([own, inner], [{ space: own }], isPolledFirst)).toBe('listening_port a:9');
      expect(taker([own, inner], [{ space: inner }], isPolledFirst)).toBe('no_socket_seen');
    }
  });

  it('may be of any where no poll saw that socket, unless the host is not seen to have more than one', () => {
    expect(taker([own], [])).toBe('listening_port a:9');
    expect(taker([own, inner], [])).toBe('ambiguous a:9');
    expect(taker([own, inner], [{ space: inner, fd: 4 }])).toBe('ambiguous a:9');
    expect(taker([own, inner], [{ space: inner, address: '127.0.0.1' }])).toBe('ambiguous a:9');
    // It was there before, or came later.
    expect(taker([own, inner], [{ space: inner, at: 4, since: 3 }])).toBe('ambiguous a:9');
    expect(taker([own, inner], [{ space: inner, at: 9, since: 8 }])).toBe('ambiguous a:9');
    const both = [{ space: own }, { space: inner }];
    expect(taker([own, inner], both)).toBe('ambiguous a:9');
  });

  it('is given up where a poll that shows it of a container comes late', () => {
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    const told = { family: 2, protocol: 17, ...port, pid: 9, fd: '3', action: 'bind' };
    scene.row(scene.makeRow('a', 'socket_events', 'event', 5, told, second));
    scene.end('C1', 5.46, 1.8, '198.51.100.9 40000 > 192.0.2.1 53 udp', { history: 'Dd' });
    scene.advance(20).complete('a', 20, tables);
    expect(inWords(scene.last().resp)).toBe('listening_port a:9');
    const shown = { ...tcp, ...ends, pid: 4, fd: 3, socket: 4, net_namespace: own };
    scene.added('a', 'process_open_sockets', 8, shown, 4);
    const held = { ...udp, ...port, pid: 9, fd: 3, socket: 9, net_namespace: inner };
    scene.row(scene.makeRow('a', 'process_open_sockets', 'added', 8, held, second, 4));
    scene.join.end();
    expect(inWords(scene.last().resp)).toBe('no_socket_seen');
  });
});

describe('an address that containers of several hosts may have', () => {
  const tables: HostTable[] = [...events, 'listening_ports', 'interface_addresses'];
  const [own, inner] = ['4026531840', '4026532101'];
  const address = '172.17.0.2';
  const listener = { ...tcp, port: 80, address: '0.0.0.0', fd: 3, net_namespace: inner };
  const captured = { capture: 'docker0', captureHost: 'a' };

  function watch(scene: Scene, host: string, isInner = true): Scene {
    scene.host(host, tables);
    scene.row({ kind: 'clock', host, capture: 'docker0', offset: 0, err: 0, from: scene.at(0) });
    scene.row({ kind: 'host', host, streams: [], from: scene.at(0), net_namespace: own });
    scene.added(host, 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1', net_namespace: own });
    if (isInner) scene.added(host, 'interface_addresses', 1, { interface: 'eth0', address, net_namespace: inner });
    return scene;
  }
  const ends = { local_address: address, local_port: 80, remote_address: '172.17.0.3', remote_port: 40000 };
  /** What the end is given of `b`: a listener, and an accept of the very tuple. */
  function serve(scene: Scene, accepts = true): Scene {
    scene.added('b', 'listening_ports', 2, { ...listener, pid: 7, socket: 1 }, 1);
    if (accepts) {
      const call = { ...tcp, ...ends, action: 'accept', pid: 7, net_namespace: inner };
      scene.event('b', 'socket_events', 10.001, call);
    }
    return scene.end('C1', 10, 1, `172.17.0.3 40000 > ${address} 80`, {}, captured);
  }
  const said = (scene: Scene): string => inWords(scene.last().resp);

  it('is that of the host that the packets were captured on', () => {
    const scene = serve(watch(watch(new Scene({ startsKnown: true }), 'a'), 'b'));
    scene.advance(12).complete('a', 12, tables).complete('b', 12, tables);
    expect(said(scene)).toBe('no_socket_seen');
  });

  it('is not given to another host while that host is silent', () => {
    const scene = serve(watch(watch(new Scene({ startsKnown: true }), 'a'), 'b'));
    scene
      .row({ kind: 'host_timeout', host: 'a', at: scene.at(5) })
      .advance(12)
      .complete('b', 12, tables);
    expect(said(scene)).toBe('agent_offline');
  });

  it('is in doubt on a capture of a host that nobody watches', () => {
    for (const accepts of [false, true]) {
      const scene = serve(watch(new Scene({ startsKnown: true }), 'b'), accepts);
      scene.advance(12).complete('b', 12, tables);
      expect(said(scene)).toBe('ambiguous b:7');
      scene.join.end();
      expect(scene.lines.map(({ resp }) => resp.state)).not.toContain('attributed');
    }
  });

  it('is in doubt on a capture of a host until that has told that it does not have it', () => {
    const scene = serve(watch(watch(new Scene({ startsKnown: true }), 'a', false), 'b'));
    scene.advance(12).complete('b', 12, tables);
    expect(said(scene)).not.toContain('accept_event');
    expect(said(scene.complete('a', 12, tables))).toBe('accept_event b:7');
  });

  it('leaves open what another host accepted from a container of its own with the address, within the error of its clock', () => {
    // Nobody tells what the capture's host translates: there the one container calls, and its packets leave with another source.
    for (const captureHost of ['a', 'b']) {
      const scene = watch(new Scene({ startsKnown: true }), 'b');
      const home = { local_address: '192.0.2.1', local_port: 443, remote_address: address, remote_port: 40000 };
      const accept = { ...tcp, ...home, action: 'accept', pid: 7, net_namespace: own };
      scene.row({ kind: 'clock', host: 'b', capture: 'docker0', offset: 0, err: 2_000_000, from: scene.at(0.5) });
      // Captured for long, so that the accept cannot be of a connection before.
      scene.end('C0', 3, 1, '198.51.100.8 40000 > 198.51.100.9 80', {}, { ...captured, captureHost });
      scene.event('b', 'socket_events', 9, accept);
      scene.end('C1', 10, 1, `${address} 40000 > 192.0.2.1 443`, {}, { ...captured, captureHost });
      scene.advance(20).complete('b', 20, tables);
      scene.join.end();
      const isHome = captureHost === 'b';
      expect(said(scene)).toBe(isHome ? 'accept_event b:7' : 'ambiguous b:7');
      expect(scene.lines.some(({ resp }) => resp.state === 'attributed')).toBe(isHome);
    }
  });

  it('gives what a host accepted to it where no container of its own has the address', () => {
    const scene = watch(new Scene({ startsKnown: true }), 'b', false);
    const call = { local_address: '192.0.2.1', local_port: 443, remote_address: address, remote_port: 40000 };
    scene.event('b', 'socket_events', 10.001, { ...tcp, ...call, action: 'accept', pid: 7, net_namespace: own });
    scene.end('C1', 10, 1, `${address} 40000 > 192.0.2.1 443`, {}, captured);
    expect(said(scene.advance(20).complete('b', 20, tables))).toBe('accept_event b:7');
    scene.added('b', 'interface_addresses', 21, { interface: 'eth1', address, net_namespace: inner }, 1);
    scene.join.end();
    expect(said(scene)).toBe('ambiguous b:7');
  });

  it("is no doubt about an address that is the host's own, or where no host is named for the capture", () => {
    const scene = watch(new Scene({ startsKnown: true }), 'b');
    scene.added('b', 'listening_ports', 2, { ...listener, pid: 7, socket: 1, net_namespace: own }, 1);
    scene.end('C1', 10, 1, '198.51.100.9 40000 > 192.0.2.1 80', {}, captured);
    expect(said(scene.advance(12).complete('b', 12, tables))).toBe('listening_port b:7');
    scene.added('b', 'listening_ports', 2, { ...listener, pid: 8, socket: 2 }, 1);
    scene.end('C2', 13, 1, `172.17.0.3 40000 > ${address} 80`);
    scene.advance(15).complete('b', 15, tables);
    expect(inWords(scene.last('C2').resp)).toBe('listening_port b:8');
  });
});
