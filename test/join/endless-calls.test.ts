import { describe, expect, it } from 'vitest';
import type { Columns, HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const udp = { family: 2, protocol: 17 };
const tcp = { family: 2, protocol: 6 };

/** A host of which osquery tells: 100 calls, one each second from second 1 on, of which it keeps 20. Then two ends are asked for. */
function host(columns: (i: number) => Columns<'socket_events'>): Scene {
  const scene = new Scene({ startsKnown: true, limits: { socketRows: 20 } }).host('a', tables);
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  for (let i = 0; i < 100; i++) scene.event('a', 'socket_events', 1 + i, columns(i));
  return scene;
}

const client = { ...tcp, action: 'connect', pid: 9, remote_address: '192.0.2.2', remote_port: 443 };

function owners(scene: Scene, ends: Record<string, string>): Record<string, string> {
  scene.event('a', 'socket_events', 109.999, client);
  scene.end('call', 110, 0.1, '192.0.2.1 40000 > 192.0.2.2 443');
  for (const [uid, pair] of Object.entries(ends)) scene.end(uid, 110.5, 0.1, pair);
  scene.complete('a', 120, tables).join.end();
  const role = (uid: string): 'orig' | 'resp' => (uid === 'call' ? 'orig' : 'resp');
  return Object.fromEntries(['call', ...Object.keys(ends)].map((uid) => [uid, inWords(scene.last(uid)[role(uid)])]));
}

describe('a host whose calls without closes come to its bound', () => {
  const bind = (i: number) => ({
    ...udp,
    action: 'bind',
    pid: 20 + i,
    local_address: '0.0.0.0',
    local_port: 2_000 + i,
  });

  it('misses what was bound at the ports of those that went, and nothing else', () => {
    const ends = {
      went: '192.0.2.7 40000 > 192.0.2.1 2003 udp',
      stayed: '192.0.2.7 40000 > 192.0.2.1 2098 udp',
      other: '192.0.2.7 40000 > 192.0.2.1 1999 udp',
    };
    const scene = host(bind);
    expect(scene.join.stats.socketRowsEvicted).toBe(80);
    expect(owners(scene, ends)).toEqual({
      call: 'connect_event a:9',
      went: 'events_lost',
      stayed: 'ambiguous a:118',
      other: 'no_socket_seen',
    });
  });

  it('keeps the sockets that polls saw, before those of calls that nobody is told to have closed', () => {
    const scene = new Scene({ startsKnown: true, limits: { socketRows: 20 } }).host('a', [
      ...tables,
      'listening_ports',
    ]);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.added('a', 'listening_ports', 1, { ...udp, address: '0.0.0.0', port: 53, pid: 7, fd: 3, socket: 1 });
    for (let i = 0; i < 100; i++) scene.event('a', 'socket_events', 1 + i, bind(i));
    scene.complete('a', 120, ['listening_ports']);
    expect(owners(scene, { server: '192.0.2.7 40000 > 192.0.2.1 53 udp' })).toEqual({
      call: 'connect_event a:9',
      server: 'listening_port a:7',
    });
  });

  it('misses nothing else where they are connects of datagrams that name the peer alone', () => {
    const scene = host(() => ({ ...udp, action: 'connect', pid: 8, remote_address: '192.0.2.3', remote_port: 53 }));
    expect(scene.join.stats.socketRowsEvicted).toBe(80);
    const late = '192.0.2.7 40000 > 192.0.2.1 53 udp';
    expect(owners(scene, { late })).toEqual({ call: 'connect_event a:9', late: 'no_socket_seen' });
  });

  it('names no accept on its word alone where containers may have what was bound at its port and went', () => {
    const accepted = (i: number): string => {
      const scene = host((n) => ({ ...bind(n), ...tcp }));
      // In another network namespace, of which it tells no address.
      scene.host('a', ['process_open_sockets']);
      for (const net_namespace of ['1', '2']) {
        const open = { ...tcp, local_address: '0.0.0.0', local_port: 22, pid: 5, fd: 3, socket: Number(net_namespace) };
        scene.added('a', 'process_open_sockets', 100, { ...open, net_namespace });
      }
      const accept = { ...tcp, action: 'accept', pid: 6, remote_address: '192.0.2.7', remote_port: 40_000 };
      scene.event('a', 'socket_events', 110.501, accept).complete('a', 120, ['process_open_sockets']);
      return owners(scene, { end: `192.0.2.7 40000 > 192.0.2.1 ${2_000 + i}` }).end!;
    };
    expect(accepted(-1)).toBe('accept_event a:6');
    expect(accepted(3)).toBe('events_lost');
  });

  it('may have had in a container what another host is not seen to have', () => {
    const outcome = (port: number): string => {
      const scene = host((n) => ({ ...bind(n), ...tcp }));
      const other: HostTable[] = ['process_open_sockets', 'interface_addresses'];
      scene.host('a', ['process_open_sockets']).host('b', other);
      const inside = { ...tcp, local_address: '172.17.0.2', local_port: 22, remote_address: '172.17.0.1' };
      const held = { remote_port: 40_000, pid: 5, fd: 3, socket: 1, net_namespace: '1' };
      scene.added('a', 'process_open_sockets', 100, { ...inside, ...held });
      scene.added('b', 'interface_addresses', 1, { interface: 'veth0', address: '172.17.0.2', net_namespace: '7' });
      const site = { capture: 'br0', captureHost: 'a' };
      scene.end('C1', 110, 1, `203.0.113.9 50002 > 172.17.0.2 ${port}`, {}, site);
      scene.complete('a', 120, [...tables, 'process_open_sockets']).complete('b', 120, other);
      scene.join.end();
      return inWords(scene.last('C1').resp);
    };
    expect(outcome(1_999)).toBe('no_socket_seen');
    expect(outcome(2_003)).toBe('events_lost');
  });
});

describe('a bind of which no close is told', () => {
  const poll: HostTable = 'process_open_sockets';
  const bind = { ...udp, action: 'bind', local_address: '0.0.0.0', local_port: 2_000 };
  const open = { ...udp, local_address: '0.0.0.0', remote_address: '0.0.0.0', remote_port: 0, pid: 7, fd: 3 };

  /** Who may answer at the port at second 15, 25 and 35: process 20 bound it in second 12, and the host was polled at some time since. */
  function answering(tell: (scene: Scene) => void): string[] {
    const scene = new Scene({ startsKnown: true }).host('a', [...tables, poll]);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.event('a', 'socket_events', 12, { ...bind, pid: 20 }, 1_000_000);
    tell(scene);
    const times = [15, 25, 35];
    for (const at of times) scene.end(`C${at}`, at, 0.1, `192.0.2.7 ${40_000 + at} > 192.0.2.1 2000 udp`);
    scene.complete('a', 60, [...tables, poll]).join.end();
    return times.map((at) => inWords(scene.last(`C${at}`).resp));
  }
  const server = (scene: Scene) => scene.added('a', poll, 2, { ...open, local_port: 53, socket: 1 });
  const bound = 'ambiguous a:20';

  it('may stand as long as no poll tells that it is gone', () => {
    expect(answering(() => undefined)).toEqual([bound, bound, bound]);
    expect(answering(server)).toEqual([bound, bound, bound]);
  });

  it('is over by the first poll that tells of something else', () => {
    const other = { ...open, local_port: 54, fd: 4, socket: 2 };
    const polled = (scene: Scene, at: number) => scene.added('a', poll, at, other, at - 10);
    expect(answering((scene) => polled(server(scene), 20))).toEqual([bound, 'no_socket_seen', 'no_socket_seen']);
    // It may have been made after that poll.
    expect(answering((scene) => polled(server(scene), 12.5))).toEqual([bound, bound, bound]);
    const gone = (scene: Scene) => server(scene).removed('a', poll, 30, { ...open, local_port: 53, socket: 1 }, 20);
    expect(answering(gone)).toEqual([bound, bound, 'no_socket_seen']);
  });

  it('may stand where polls are not known to show its kind, or what they showed was lost', () => {
    const full = { ...udp, local_address: '192.0.2.1', local_port: 9, remote_address: '192.0.2.7', remote_port: 9 };
    const connected = (scene: Scene) => scene.added('a', poll, 20, { ...full, pid: 7, fd: 3, socket: 3 }, 10);
    expect(answering(connected)).toEqual([bound, bound, bound]);
    expect(answering((scene) => connected(server(scene)))).toEqual([bound, 'no_socket_seen', 'no_socket_seen']);
    const lossy = (scene: Scene): void => {
      const [from, to] = [scene.at(19), scene.at(20)];
      connected(server(scene)).row({ kind: 'lost', host: 'a', stream: poll, from, to });
    };
    expect(answering(lossy)).toEqual([bound, bound, bound]);
  });

  it('is told of by the polls that show it, from the first one on', () => {
    const shown = (scene: Scene) =>
      server(scene).added('a', poll, 20, { ...open, local_port: 2_000, pid: 20, fd: 5, socket: 5 }, 10);
    expect(answering(shown)).toEqual([bound, 'listening_port a:20', 'listening_port a:20']);
  });

  it('is one with the next of the same process and program, of another it is not', () => {
    const fitting = (pid: number, path: string): number => {
      const scene = new Scene({ startsKnown: true }).host('a', tables);
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      // Of two in one second nobody knows which was first.
      for (const at of [12, 12, 13])
        scene.event('a', 'socket_events', at, { ...bind, pid: 30, path: '/bin/a' }, 1_000_000);
      scene.event('a', 'socket_events', 14, { ...bind, pid, path }, 1_000_000);
      scene.end('C1', 20, 0.1, '192.0.2.7 40000 > 192.0.2.1 2000 udp').complete('a', 60, tables);
      const [explained] = scene.join.explain(({ uid }) => uid === 'C1', 1);
      return explained!.explanation.resp.tried.filter(({ rank }) => rank !== undefined).length;
    };
    expect(fitting(30, '/bin/a')).toBe(1);
    expect(fitting(30, '/bin/b')).toBe(2);
    expect(fitting(31, '/bin/a')).toBe(2);
  });
});
