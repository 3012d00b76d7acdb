import { describe, expect, it } from 'vitest';
import type { Columns, HostTable } from '../../src/records/host-tables.js';
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

describe('a pid that passed to another child of the same parent within the second that a call is told in', () => {
  /** The first child calls as a copy of its parent, which runs wget, before it runs a program of its own; the last one runs wget. */
  function twoChildren(...users: readonly Columns<'process_events'>[]): Scene {
    const tables: HostTable[] = [...events, 'interface_addresses'];
    const scene = new Scene().host('a', tables);
    scene.added('a', 'interface_addresses', 0, { address: '192.0.2.1', interface: 'eth0' });
    const child = { pid: 7, parent: 3, syscall: 'execve' } as const;
    const call = { action: 'connect', pid: 7, path: '/usr/bin/wget', status: 'succeeded' } as const;
    const peer = { family: 2, protocol: 6, remote_address: '192.0.2.2', remote_port: 80 } as const;
    scene.event('a', 'socket_events', 5.577, { ...call, ...peer }, s);
    for (const [i, user] of users.entries()) {
      const cmdline = i === users.length - 1 ? 'wget' : 'dnsmasq';
      const program = { path: `/usr/bin/${cmdline}`, cmdline };
      scene.event('a', 'process_events', 5.578 + i / 1000, { ...child, ...program, ...user }, s);
    }
    return scene.end('C1', 5.577, 0.005, '192.0.2.1 40000 > 192.0.2.2 80').complete('a', 30, tables);
  }
  const of = (uid: number, euid = uid): Columns<'process_events'> => ({ uid, euid });

  it('tells nothing of the next one where the first could not have become its user', () => {
    for (const [first, next] of [
      [of(33), of(0)],
      [of(33), of(1000)],
      [{ uid: 33 }, { uid: 0 }],
    ] as const) {
      const { orig } = twoChildren(first, next).last();
      expect(orig).toMatchObject({ state: 'attributed', process: { pid: 7, path: '/usr/bin/wget' } });
      expect(orig).not.toHaveProperty('process.cmdline');
      expect(orig).not.toHaveProperty('user');
    }
  });

  it('tells of one process that ran a third program between them as root', () => {
    const scene = twoChildren(of(33), of(33, 0), of(0));
    expect(scene.last().orig).toMatchObject({ process: { pid: 7, cmdline: 'wget' }, user: { uid: 0 } });
  });

  it('tells of one process that ran both programs where it could have, as one that gives up its privileges does', () => {
    for (const [first, next] of [
      [of(33), of(33)],
      [of(0), of(33)],
      // A set-user-ID program that runs another one as root, or as who it is in effect.
      [of(33, 0), of(0)],
      [of(33, 34), of(34)],
    ] as const) {
      const { orig } = twoChildren(first, next).last();
      expect(orig).toMatchObject({ process: { pid: 7, cmdline: 'wget' }, user: { uid: next.uid } });
    }
  });
});
