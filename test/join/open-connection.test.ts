import { describe, expect, it } from 'vitest';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'process_events', 'process_open_sockets', 'interface_addresses'];
const web = { local_address: '192.0.2.2', local_port: 443, remote_address: '192.0.2.1', remote_port: 40_000 };
const client = { local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 443 };
const ends = '192.0.2.1 40000 > 192.0.2.2 443';

/** A connection that goes on, of which its hosts have told by `rows`; and how often its ends were looked at until, and since, in so many watermarks. */
function goingOn(rows: (scene: Scene) => void): { scene: Scene; before: number; since: number } {
  const scene = new Scene({ startsKnown: true });
  for (const [host, address] of Object.entries({ a: '192.0.2.1', b: '192.0.2.2' })) {
    scene.host(host, tables, { err: 0.00002 });
    scene.added(host, 'interface_addresses', 1, { interface: 'eth0', address });
    // A close that names no endpoints, as of a listener: whose it is only its number tells.
    scene.event(host, 'socket_events', 2, { action: 'close', pid: 5, socket: '7', family: 2, protocol: 6 });
    scene.complete(host, 9, tables);
  }
  scene.start('C1', 10, ends, { history: 'S' });
  rows(scene);
  for (const host of ['a', 'b']) scene.complete(host, 11, tables);
  scene.advance(12);
  const before = scene.join.stats.looks;
  for (let second = 12; second < 112; second++) {
    for (const host of ['a', 'b']) scene.complete(host, second, tables);
    scene.advance(second + 1);
  }
  return { scene, before, since: scene.join.stats.looks - before };
}

const calls = (scene: Scene): void => {
  const columns = { family: 2, protocol: 6, path: '/bin/x' };
  scene.event('a', 'socket_events', 9.9999, { ...columns, action: 'connect', pid: 8, socket: '8', ...client });
  scene.event('b', 'socket_events', 10.001, { ...columns, action: 'accept', pid: 9, socket: '9', ...web });
};

describe('an end of a connection that goes on', () => {
  it('is not looked at again for every watermark, where calls tell of it', () => {
    const { scene, since } = goingOn(calls);
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    expect(since).toBe(0);
  });

  it('is not looked at again for every watermark, where polls saw the sockets as well', () => {
    const { scene, since } = goingOn((scene) => {
      calls(scene);
      const columns = { family: 2, protocol: 6, state: 'ESTABLISHED', fd: 3 };
      scene.added('a', 'process_open_sockets', 10.5, { ...columns, pid: 8, socket: 8, ...client }, 9.5);
      scene.added('b', 'process_open_sockets', 10.5, { ...columns, pid: 9, socket: 9, ...web }, 9.5);
    });
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    expect(since).toBeLessThanOrEqual(2);
  });

  it('is not looked at again for every watermark, where nobody tells of it', () => {
    const { scene, since } = goingOn(() => undefined);
    expect(scene.last().resp.state).toBe('pending');
    expect(since).toBeLessThanOrEqual(2);
    scene.end('C1', 10, 105, ends).complete('a', 120, tables).complete('b', 120, tables);
    scene.advance(125);
    expect(scene.last()).toMatchObject({ orig: { reason: 'no_socket_seen' }, resp: { reason: 'no_socket_seen' } });
  });

  it('keeps the owner that it has when it must be looked at again after the rows of its beginning were let go', () => {
    const { scene } = goingOn(calls);
    for (let second = 112; second < 512; second++) {
      for (const host of ['a', 'b']) {
        for (let port = 50_000; port < 50_008; port++) {
          const other = { local_port: port, remote_address: '192.0.2.3', remote_port: 80, family: 2, protocol: 6 };
          scene.event(host, 'socket_events', second - 1, { ...other, action: 'connect', pid: 5, socket: '5' });
        }
        scene.complete(host, second, tables);
      }
      scene.advance(second + 1);
    }
    // No packet of it was seen but the first, so that whoever accepted may have accepted another one.
    scene.end('C1', 10, 0, ends, { history: 'S' }).complete('a', 600, tables).complete('b', 600, tables);
    scene.join.end();
    expect(scene.last('C1').cause).toBe('end');
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('keeps what was told of its owner until all is known of who else is seen to hold its socket', () => {
    const { scene } = goingOn(calls);
    const others = tables.filter((table) => table !== 'process_events');
    for (const pid of [8, 7]) {
      const held = { family: 2, protocol: 6, state: 'ESTABLISHED', fd: 3, pid, socket: 8, ...client };
      scene.added('a', 'process_open_sockets', 114, held, 113);
    }
    scene.complete('a', 115, others).end('C1', 10, 104, ends).advance(120);
    const sharersOf = ({ orig }: AttributedConnection): unknown => orig.state === 'attributed' && orig.sharers;
    expect(sharersOf(scene.last())).toBeUndefined();
    scene.complete('a', 130, tables).complete('b', 130, tables).join.end();
    expect(sharersOf(scene.last())).toEqual([{ pid: 7 }]);
    expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });
});
