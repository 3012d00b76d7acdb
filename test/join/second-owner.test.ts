import { describe, expect, it } from 'vitest';
import type { HostRow } from '../../src/records/host-row.js';
import { ms, Scene, t0 } from './scene.js';

const web = '192.0.2.1 40000 > 192.0.2.2 443';
const tables = ['process_events', 'socket_events'] as const;
const client = {
  family: 2,
  protocol: 6,
  local_address: '192.0.2.1',
  local_port: 40_000,
  remote_address: '192.0.2.2',
  remote_port: 443,
} as const;
const server = {
  family: 2,
  protocol: 6,
  local_address: '192.0.2.2',
  local_port: 443,
  remote_address: '192.0.2.1',
  remote_port: 40_000,
} as const;

/** Host a is known by its address. */
function oneWatched(): Scene {
  const scene = new Scene({ startsKnown: true }).host('a', tables);
  return scene.event('a', 'socket_events', 5, { ...client, action: 'connect', pid: 1, remote_port: 80 });
}

/** Both hosts are, and have told everything until just before the connection. */
function bothWatched(): Scene {
  const scene = oneWatched().host('b', tables);
  scene.event('b', 'socket_events', 5, { ...server, action: 'connect', pid: 1, remote_port: 80 });
  return scene.complete('a', 9.9, tables).complete('b', 9.9, tables).start('C1', 10, web);
}

/** What an agent read from its sensor: its row, and how far it has told everything. */
function frame(scene: Scene, host: 'a' | 'b', until: number): void {
  const row: HostRow =
    host === 'a'
      ? scene.makeRow('a', 'socket_events', 'event', 9.9999, { ...client, action: 'connect', pid: 7 })
      : scene.makeRow('b', 'socket_events', 'event', 10.0002, { ...server, action: 'accept', pid: 8 });
  scene.join.together(() => {
    scene.row(row);
    for (const stream of tables) scene.row({ kind: 'complete', host, stream, until: scene.at(until) });
  });
}

const [byA, byB] = [{ process: { pid: 7 } }, { process: { pid: 8 } }];

describe('the first line of a connection with one known owner', () => {
  it('waits for the other one, so that two frames some milliseconds apart give one line', () => {
    for (const [first, second] of [['a', 'b'] as const, ['b', 'a'] as const]) {
      const scene = bothWatched().advance(10.012);
      frame(scene, first, 10.01);
      scene.advance(10.03);
      expect(scene.lines).toEqual([]);
      frame(scene, second, 10.03);
      expect(scene.lines).toMatchObject([{ cause: 'start', rev: 0, orig: byA, resp: byB }]);
    }
  });

  it('is the only one where the connection ends while it waits', () => {
    const scene = bothWatched().advance(10.012);
    frame(scene, 'a', 10.01);
    scene.advance(10.02).end('C1', 10, 0.02, web).advance(10.03);
    frame(scene, 'b', 10.03);
    scene.advance(20).join.end();
    expect(scene.lines).toMatchObject([{ cause: 'end', rev: 0, orig: byA, resp: byB }]);
  });

  it('waits 50 ms of capture time at most, however long the other host is silent or its rows are incomplete', () => {
    for (const hasRow of [false, true]) {
      const scene = bothWatched().advance(10.012);
      frame(scene, 'a', 10.01);
      scene.advance(10.03);
      if (hasRow) scene.event('b', 'socket_events', 10.0002, { ...server, action: 'accept', pid: 8 });
      scene.advance(10.061);
      expect(scene.lines).toEqual([]);
      scene.advance(10.062);
      expect(scene.lines).toMatchObject([{ cause: 'start', rev: 0, orig: byA }]);
      if (!hasRow) expect(scene.last().resp).toEqual({ state: 'pending' });
    }
  });

  it('waits no longer than first lines may in any case', () => {
    const scene = bothWatched().advance(11.98);
    frame(scene, 'a', 10.01);
    expect(scene.lines).toEqual([]);
    scene.advance(12);
    expect(scene.lines).toMatchObject([{ orig: byA, resp: { state: 'pending' } }]);
  });

  it('waits for nothing that cannot come: the other host is not watched, timed out, or has told past that time', () => {
    const unwatched = oneWatched().complete('a', 9.9, tables).start('C1', 10, web).advance(10.012);
    frame(unwatched, 'a', 10.01);
    const silent = bothWatched().row({ kind: 'host_timeout', host: 'b', at: t0 + 9_950 * ms });
    silent.advance(10.012);
    frame(silent, 'a', 10.01);
    const told = bothWatched().complete('b', 10.03, tables).advance(10.012);
    frame(told, 'a', 10.01);
    for (const scene of [unwatched, silent, told]) expect(scene.lines).toMatchObject([{ rev: 0, orig: byA }]);
  });

  it('comes as soon as the other host has told everything of that time, and none of its calls', () => {
    const scene = bothWatched().advance(10.012);
    frame(scene, 'a', 10.01);
    expect(scene.lines).toEqual([]);
    scene.complete('b', 10.02, tables);
    expect(scene.lines).toMatchObject([{ orig: byA, resp: { state: 'pending' } }]);
  });

  it('does not wait for a host whose polls alone tell', () => {
    const polls = ['process_open_sockets', 'processes'] as const;
    const scene = oneWatched().host('b', polls);
    scene.added('b', 'process_open_sockets', 5, { ...server, pid: 8, fd: 3, socket: 9, remote_port: 50_000 });
    scene.complete('a', 9.9, tables).complete('b', 9.9, polls).start('C1', 10, web).advance(10.012);
    frame(scene, 'a', 10.01);
    expect(scene.lines).toMatchObject([{ orig: byA, resp: { state: 'pending' } }]);
  });
});
