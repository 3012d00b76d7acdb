import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const own = { local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 443 };
const called = { family: 2, protocol: 6, action: 'connect', pid: 8, socket: '8', path: '/bin/x', ...own } as const;

/** The originating end of a connection some time after a call that fits it, whose socket was closed by then as the row says. */
function withClose(columns: object): unknown {
  const scene = new Scene({ startsKnown: true }).host('a', tables, { err: 0.001 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  scene.end('C0', 5, 1, '192.0.2.9 40000 > 192.0.2.8 443');
  scene.event('a', 'socket_events', 9.98, called);
  scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443', { history: 'S' });
  scene.advance(13);
  expect(scene.last().orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  scene.event('a', 'socket_events', 9.99, { family: 2, protocol: 6, action: 'close', pid: 8, socket: '8', ...columns });
  scene.complete('a', 13, tables);
  scene.end('C1', 10, 4, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 20, tables);
  scene.join.end();
  return scene.last().orig;
}

describe('a close before a connection that is told after it', () => {
  it('takes the connection from the call whose endpoints it names', () => {
    expect(withClose(own)).toMatchObject({ state: 'unattributed' });
  });

  it('takes the connection from the call whose socket it names by its number alone', () => {
    expect(withClose({})).toMatchObject({ state: 'unattributed' });
  });
});
