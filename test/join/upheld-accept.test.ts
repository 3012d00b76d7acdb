import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/records/connection.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const local = { local_address: '192.0.2.2', local_port: 443 } as const;
const peer = { remote_address: '192.0.2.1', remote_port: 40_000 } as const;
const taken = { family: 2, protocol: 6, action: 'accept', pid: 8, ...local, ...peer } as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 443';

/** The responding end of a connection that was accepted at `at` while it went on, as it is when it has ended. */
function afterEnd(at: number, lasts: number, changes: Partial<Connection>) {
  const scene = new Scene({ startsKnown: true }).host('b', tables);
  scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
  scene.start('C1', 10, ends, { history: 'S', resp_pkts: 0 }).event('b', 'socket_events', at, taken);
  scene.advance(20);
  expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  scene.end('C1', 10, lasts, ends, changes).complete('b', 30, tables);
  scene.join.end();
  return scene.last().resp;
}

describe('an accept that was certain while its connection went on', () => {
  it('owns the end of it when that has ended', () => {
    expect(afterEnd(10.01, 0.1, {})).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });

  it('does not own the end of a connection that turns out to have been refused', () => {
    const refused = { history: 'Sr', conn_state: 'REJ', resp_pkts: 1 } as const;
    expect(afterEnd(10.01, 0.1, refused).state).toBe('unattributed');
  });

  it('does not own the end of a connection that was over before it', () => {
    expect(afterEnd(12, 0.1, {}).state).toBe('unattributed');
  });
});
