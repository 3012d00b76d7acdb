import { describe, expect, it } from 'vitest';
import type { JoinLimits } from '../../src/join/join-limits.js';
import type { Connection } from '../../src/records/connection.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const events: HostTable[] = ['socket_events', 'process_events'];
const polls: HostTable[] = ['process_open_sockets'];
const web = '192.0.2.1 40000 > 192.0.2.2 443';
const tcp = { family: 2, protocol: 6 };
const client = { ...tcp, local_address: '192.0.2.1', local_port: 40000, remote_address: '192.0.2.2', remote_port: 443 };
const server = { ...tcp, local_address: '192.0.2.2', local_port: 443, remote_address: '192.0.2.1', remote_port: 40000 };

describe('evictions at the bounds', () => {
  it('are counted, and every connection comes out', () => {
    const scene = new Scene({ limits: { connections: 10, socketRows: 8 } }).host('a', events);
    for (let i = 0; i < 50; i++) {
      scene.event('a', 'socket_events', 10 + i, { ...client, action: 'connect', pid: 7, local_port: 1000 + i });
    }
    for (let i = 0; i < 50; i++) scene.start(`C${i}`, 10 + i, `192.0.2.1 ${1000 + i} > 192.0.2.2 443`);
    scene.complete('a', 100, events).join.end();
    expect(new Set(scene.lines.map((line) => line.connection.uid)).size).toBe(50);
    expect(scene.join.stats).toMatchObject({ connections: 50, connectionsEvicted: 40, socketRowsEvicted: 42, kept: 0 });
    expect(scene.last('C0').orig).toMatchObject({ state: 'unattributed' });
  });

  it('take the first of many connections between the same endpoints, and leave the others their owners', () => {
    const scene = new Scene({ startsKnown: true, limits: { connectionsOfTuple: 4 } }).host('a', events);
    scene.event('a', 'socket_events', 1, { ...client, action: 'connect', pid: 7, local_port: 999 });
    scene.end('other', 9, 1, '192.0.2.1 1000 > 192.0.2.2 443');
    for (let i = 0; i < 10; i++) scene.end(`C${i}`, 10 + i, 0.5, web, { history: 'Sr', conn_state: 'REJ' });
    expect(scene.join.stats).toMatchObject({ kept: 5, connectionsEvicted: 6 });
    const call = { ...client, action: 'connect', pid: 7 };
    scene.event('a', 'socket_events', 9, { ...call, local_port: 1000 });
    for (let i = 0; i < 10; i++) scene.event('a', 'socket_events', 10 + i, { ...call, pid: 10 + i });
    scene.complete('a', 30, events);
    expect(scene.last('other').orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(scene.last('C9').orig).toMatchObject({ state: 'attributed', process: { pid: 19 } });
    expect(scene.last('C0').orig).toMatchObject({ state: 'unattributed', reason: 'agent_late' });
  });

  it('take the first of many rows about sockets between the same endpoints, and leave others their owners', () => {
    const scene = new Scene({ startsKnown: true, limits: { socketRowsOfTuple: 8 } }).host('a', events);
    const call = { ...client, action: 'connect', pid: 7 };
    scene.event('a', 'socket_events', 1, { ...call, local_port: 1000 });
    for (let i = 0; i < 20; i++) scene.event('a', 'socket_events', 10 + i, { ...call, pid: 10 + i });
    // Out of order, and earlier than what is kept.
    for (let i = 0; i < 20; i++) scene.event('a', 'socket_events', 2 + i / 10, { ...call, pid: 40 + i });
    expect(scene.join.stats).toMatchObject({ socketRowsEvicted: 32 });
    scene.end('other', 1, 1, '192.0.2.1 1000 > 192.0.2.2 443');
    for (let i = 0; i < 20; i++) scene.end(`C${i}`, 10 + i, 0.5, web);
    scene.complete('a', 40, events);
    expect(scene.last('other').orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(scene.last('C19').orig).toMatchObject({ state: 'attributed', process: { pid: 29 } });
    expect(scene.last('C2').orig).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
    // What was taken goes with the others of its time.
    scene.complete('a', 1_000, events).join.end();
    expect(scene.join.stats).toMatchObject({ kept: 0 });
  });

  it('leave no end to the call of the next connection between the same endpoints, where its own went', () => {
    const owner = (socketRowsOfTuple: number, early = 9.992, captured = [10, 10.2, 11.2, 12.2, 13.2]): string => {
      const scene = new Scene({ startsKnown: true, limits: { socketRowsOfTuple } }).host('a', events, { err: 0.01 });
      scene.end('C0', 1, 0.1, '198.51.100.8 40000 > 198.51.100.9 80');
      for (const [i, at] of [early, 10.005, 11, 12, 13].entries()) {
        scene.event('a', 'socket_events', at, { ...client, action: 'connect', pid: 8 + i });
      }
      for (const [i, at] of captured.entries()) {
        scene.end(`C${i + 1}`, at, 0.001, web, { history: 'Sr', conn_state: 'REJ' });
      }
      scene.complete('a', 40, events).join.end();
      return inWords(scene.last('C1').orig);
    };
    expect(owner(5)).toBe('ambiguous a:8 a:9');
    expect(owner(4)).toBe('events_lost');
    // Also where the next ones are not seen.
    expect(owner(4, 9.992, [10])).toBe('events_lost');
    // What went was long before.
    expect(owner(4, 5)).toBe('socket_event a:9');
  });

  it('take as many of rows that come in the opposite order', () => {
    const scene = new Scene({ limits: { socketRowsOfTuple: 8 } }).host('a', events);
    for (let i = 0; i < 20; i++)
      scene.event('a', 'socket_events', 30 - i, { ...client, action: 'connect', pid: 10 + i });
    expect(scene.join.stats).toMatchObject({ socketRowsEvicted: 12 });
  });

  it('take the first of many accepts that name the same peer alone, and leave others their owners', () => {
    const tables: HostTable[] = ['socket_events', 'interface_addresses'];
    const ends = (socketRowsOfTuple: number, changes: Partial<Connection> = {}): string[] => {
      const scene = new Scene({ startsKnown: true, limits: { socketRowsOfTuple } }).host('b', tables);
      scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
      const accept = { ...tcp, action: 'accept', remote_address: '192.0.2.1' };
      scene.event('b', 'socket_events', 5.01, { ...accept, pid: 7, remote_port: 39_999 });
      for (let i = 0; i < 20; i++) {
        scene.event('b', 'socket_events', 10.01 + i, { ...accept, pid: 10 + i, remote_port: 40_000 });
      }
      // Out of order, and earlier than what is kept.
      scene.event('b', 'socket_events', 9, { ...accept, pid: 40, remote_port: 40_000 });
      expect(scene.join.stats.socketRowsEvicted).toBe(Math.max(0, 21 - socketRowsOfTuple));
      scene.end('other', 5, 0.1, '192.0.2.1 39999 > 192.0.2.2 443');
      for (let i = 0; i < 20; i++) scene.end(`C${i}`, 10 + i, 0.1, '192.0.2.1 40000 > 192.0.2.2 443', changes);
      scene.complete('b', 40, tables).join.end();
      return ['other', 'C2', 'C19'].map((uid) => inWords(scene.last(uid).resp));
    };
    expect(ends(100)).toEqual(['accept_event b:7', 'accept_event b:12', 'accept_event b:29']);
    expect(ends(8)).toEqual(['accept_event b:7', 'events_lost', 'accept_event b:29']);
    // What had begun before the capture may have been accepted before all that is kept.
    const began = { history: 'DadA', conn_state: 'OTH' };
    expect(ends(8, began)).toEqual(['accept_event b:7', 'events_lost', 'events_lost']);
  });

  it('take the first of many calls that name the same local port alone, and leave others their owners', () => {
    const bound = { ...tcp, local_address: '0.0.0.0', local_port: 443, remote_address: '0.0.0.0', remote_port: 0 };
    type Told = { closes?: boolean; polls?: boolean; accepts?: boolean };
    /** Who answered on the port before, while and after 20 processes in turn had it too, and while they had on another port. */
    const owners = (socketRowsOfTuple: number, { closes = true, polls = true, accepts = false }: Told = {}) => {
      const tables: HostTable[] = ['socket_events', 'interface_addresses'];
      if (polls) tables.push('process_open_sockets');
      const scene = new Scene({ startsKnown: true, limits: { socketRowsOfTuple } }).host('b', tables);
      scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
      for (const local_port of polls ? [443, 444] : []) {
        scene.added('b', 'process_open_sockets', 2, { ...bound, local_port, pid: 7, fd: 3, socket: local_port }, 1);
      }
      for (let i = 0; i < 20; i++) {
        const call = { ...bound, pid: 10 + i, socket: String(10 + i) };
        scene.event('b', 'socket_events', 10 + i, { ...call, action: 'bind' });
        if (closes) scene.event('b', 'socket_events', 10.5 + i, { ...call, action: 'close' });
      }
      const taken = { ...tcp, action: 'accept', pid: 9, remote_address: '192.0.2.1' };
      for (const at of [5, 12, 40]) {
        if (accepts) scene.event('b', 'socket_events', at + 0.701, { ...taken, remote_port: 40_000 + at });
        scene.end(`C${at}`, at + 0.7, 0.1, `192.0.2.1 ${40_000 + at} > 192.0.2.2 443`);
      }
      scene.end('other', 12, 0.1, '192.0.2.1 39999 > 192.0.2.2 444');
      scene.complete('b', 60, tables).join.end();
      expect(scene.join.stats.socketRowsEvicted).toBe(20 - socketRowsOfTuple);
      return ['C5', 'C12', 'C40', 'other'].map((uid) => inWords(scene.last(uid).resp));
    };
    const [lost, polled, nobody] = ['events_lost', 'listening_port b:7', 'no_socket_seen'];
    expect(owners(20)).toEqual([polled, polled, polled, polled]);
    // Those that are gone closed before the last of these connections, and had not been there at the first.
    expect(owners(8)).toEqual([polled, lost, polled, polled]);
    expect(owners(8, { polls: false })).toEqual([nobody, lost, nobody, nobody]);
    // They may still stand, unless a poll since would have shown it.
    expect(owners(8, { closes: false })).toEqual([polled, lost, polled, polled]);
    expect(owners(8, { closes: false, polls: false })).toEqual([nobody, lost, lost, nobody]);
    const taken = 'accept_event b:9';
    expect(owners(8, { accepts: true })).toEqual([taken, taken, taken, polled]);
  });

  it('leave no end without doubt that a standing socket of its endpoints may have, whose row went', () => {
    const outcome = (socketRowsOfTuple: number): unknown => {
      const scene = new Scene({ startsKnown: true, limits: { socketRowsOfTuple } }).host('a', [...events, ...polls]);
      scene.added('a', 'process_open_sockets', 1, { ...client, pid: 8, fd: 3, socket: 2, net_namespace: '7' }, 0);
      for (let i = 0; i < 8; i++) scene.event('a', 'socket_events', 2 + i, { ...client, action: 'connect', pid: 9 });
      scene
        .end('C1', 30, 1, web)
        .complete('a', 40, [...events, ...polls])
        .join.end();
      return scene.last('C1').orig.state === 'attributed' ? 'attributed' : scene.last('C1').orig;
    };
    expect(outcome(4)).toMatchObject({ reason: 'events_lost' });
  });

  it('are the reason of whoever comes later, where the row of a socket that stands had to be let go', () => {
    const tables: HostTable[] = [...polls, 'interface_addresses'];
    const reason = (socketRows: number): string => {
      const scene = new Scene({ startsKnown: true, limits: { socketRows } }).host('a', tables);
      scene.added('a', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.2' });
      const listener = { ...tcp, local_address: '0.0.0.0', remote_address: '0.0.0.0', remote_port: 0, state: 'LISTEN' };
      for (let i = 0; i < 200; i++) {
        const socket = { ...listener, local_port: 1_000 + i, pid: 7, fd: i, socket: i + 1 };
        scene.added('a', 'process_open_sockets', 1 + i / 1_000, socket);
      }
      scene.end('C1', 10, 1, '198.51.100.8 40000 > 192.0.2.2 2000').complete('a', 40, tables).join.end();
      return inWords(scene.last('C1').resp);
    };
    expect(reason(200)).toBe('no_socket_seen');
    expect(reason(199)).toBe('events_lost');
  });

  it('are the reason, not that nobody was there, where the call of a connection that was going on already had to be let go', () => {
    const scene = new Scene({ limits: { socketRows: 8 } }).host('b', events);
    scene.event('b', 'socket_events', 1, { ...server, action: 'accept', pid: 7, socket: '1' });
    for (let i = 0; i < 10; i++) {
      const other = { ...server, remote_port: 1000 + i, action: 'accept', pid: 7, socket: `2${i}` };
      scene.event('b', 'socket_events', 2 + i, other);
    }
    scene.end('C1', 20, 5, web, { history: 'DadA', conn_state: 'OTH' }).complete('b', 100, events).join.end();
    expect(scene.last().resp).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
  });

  it('are the reason, not that nobody was there, where the call had to be let go whose first packet was held up', () => {
    const reason = (socketRows: number, at: number): unknown => {
      const scene = new Scene({ limits: { socketRows } }).host('a', events);
      for (let i = 0; i < 8; i++) {
        scene.event('a', 'socket_events', 10 + i / 100, { ...client, action: 'connect', pid: 7, local_port: 1000 + i });
      }
      scene.end('C1', at, 1, web).complete('a', 100, events).join.end();
      return scene.last().orig;
    };
    expect(reason(10, 12)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    expect(reason(2, 12)).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
    expect(reason(2, 14)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('are the reason, not that nobody was there, where the connection was let go while rows could still come', () => {
    const reason = (connections: number): unknown => {
      const scene = new Scene({ limits: { connections } }).host('a', events);
      scene.event('a', 'socket_events', 1, { ...client, action: 'connect', pid: 7, local_port: 1000 });
      scene.end('C1', 10, 1, web).complete('a', 20, events);
      scene.end('C2', 20, 1, '198.51.100.9 40000 > 198.51.100.8 80').join.end();
      return scene.last('C1').orig;
    };
    expect(reason(10)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    expect(reason(1)).toMatchObject({ state: 'unattributed', reason: 'agent_late' });
  });

  it('are the reason where the host of the capture may have had the socket in a container, though another host has the address', () => {
    const outcome = (socketRows: number): unknown => {
      const scene = new Scene({ limits: { socketRows } });
      for (const host of ['site', 'other']) {
        const own = host === 'site' ? '192.0.2.1' : '192.0.2.2';
        scene.host(host, [...polls, 'interface_addresses']);
        scene.added(host, 'interface_addresses', 1, { interface: 'eth0', address: own });
      }
      const container = { local_address: '172.17.0.2', local_port: 443, net_namespace: '7' };
      const inside = { ...tcp, ...container, remote_address: '203.0.113.9', remote_port: 50002 };
      scene.added('other', 'interface_addresses', 1, {
        interface: 'veth0',
        address: '172.17.0.2',
        net_namespace: '7',
      });
      scene.added('site', 'process_open_sockets', 10.5, { ...inside, pid: 8, fd: 3, socket: 2 }, 9.9);
      for (let i = 0; i < 8; i++) {
        const other = { ...client, local_port: 1000 + i, pid: 9, fd: 4, socket: 10 + i };
        scene.added('site', 'process_open_sockets', 11, other, 10.5);
      }
      scene.end('C1', 10, 1, '203.0.113.9 50002 > 172.17.0.2 443', {}, { capture: 'br0', captureHost: 'site' });
      const streams: HostTable[] = [...polls, 'interface_addresses'];
      scene.complete('site', 100, streams).complete('other', 100, streams).join.end();
      return scene.last('C1').resp;
    };
    expect(outcome(100)).toMatchObject({ state: 'attributed', method: 'open_socket', host: { id: 'site' } });
    expect(outcome(3)).toMatchObject({ state: 'unattributed', reason: 'events_lost', host: { id: 'site' } });
  });

  it('give a connection that comes late no socket that may be of a later one of its endpoints, which was let go', () => {
    const outcome = (limits: Partial<JoinLimits>): string => {
      const scene = new Scene({ limits }).host('a', polls);
      scene.added('a', 'process_open_sockets', 11, { ...client, pid: 8, fd: 3, socket: 2 }, 9);
      scene.end('C2', 10.5, 2, web).end('C3', 13, 1, web).end('C4', 14, 1, '198.51.100.9 40000 > 198.51.100.8 80');
      scene.end('C1', 10, 0.2, web).complete('a', 100, polls).join.end();
      return scene.last('C1').orig.state;
    };
    expect(outcome({ connections: 10 })).not.toBe('attributed');
    expect(outcome({ connections: 1 })).not.toBe('attributed');
    expect(outcome({ connectionsOfTuple: 1 })).not.toBe('attributed');
  });

  it('leave no polled socket open of which the removal was let go', () => {
    const outcome = (socketRows: number): string => {
      const scene = new Scene({ limits: { socketRows } }).host('a', polls);
      const held = { ...client, pid: 8, fd: 3, socket: 2 };
      const removed = scene.makeRow('a', 'process_open_sockets', 'removed', 5, held, 1, 4);
      scene.row(removed);
      for (let i = 0; i < socketRows; i++) {
        const other = { ...client, remote_port: 1000 + i, pid: 9, fd: 4, socket: 10 + i };
        scene.added('a', 'process_open_sockets', 6, other, 5);
      }
      scene.added('a', 'process_open_sockets', 1, held, 0);
      scene.end('C1', 10, 5, web, { history: 'DadA', conn_state: 'OTH' }).complete('a', 100, polls).join.end();
      return scene.last('C1').orig.state;
    };
    expect(outcome(100)).toBe('unattributed');
    // Which row goes depends on how many there are.
    expect([1, 2, 3, 4, 5, 6, 7].map(outcome)).not.toContain('attributed');
  });
});
