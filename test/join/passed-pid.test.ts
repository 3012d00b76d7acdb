import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene, s, t0 } from './scene.js';

const events: HostTable[] = ['socket_events', 'process_events'];
const fork = { pid: 7, uid: 0, syscall: 'fork', path: '/usr/bin/node', cmdline: 'node' } as const;
const listen = { action: 'listen', family: 2, protocol: 6, pid: 7, path: '/usr/bin/node', local_port: 443 } as const;

/** Two processes had one pid and ran the same; each listened, one before the connection and one after it, give or take the clock. */
function twoListeners(err: number): Scene {
  const scene = new Scene().host('b', events, { err });
  scene.event('b', 'process_events', 1, fork);
  scene.event('b', 'socket_events', 2, { ...listen, local_address: '0.0.0.0', socket: '1' });
  scene.event('b', 'process_events', 11, { pid: 7, syscall: 'exit' });
  scene.event('b', 'process_events', 12, fork);
  scene.event('b', 'socket_events', 13, { ...listen, local_address: '192.0.2.2', socket: '2' });
  return scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.2 443').complete('b', 30, events);
}

describe('a pid that passed to a process that does the same', () => {
  it('tells nothing of which of the two it was where the clock leaves both open', () => {
    const { resp } = twoListeners(4).last();
    expect(resp).toMatchObject({ state: 'attributed', process: { pid: 7, path: '/usr/bin/node' } });
    expect(resp).not.toHaveProperty('process.start');
  });

  it('tells of the one that listened where the clock leaves no other', () => {
    expect(twoListeners(0.1).last().resp).toMatchObject({ process: { pid: 7, start: t0 + 1 * s } });
  });
});
