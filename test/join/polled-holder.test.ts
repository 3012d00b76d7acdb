import { describe, expect, it } from 'vitest';
import { ms, Scene, s, t0 } from './scene.js';

const tables = ['socket_events', 'process_open_sockets', 'processes', 'process_events', 'users'] as const;
const tuple = { family: 2, protocol: 6, local_address: '192.0.2.20', local_port: 22 };
const remote = { remote_address: '192.0.2.10', remote_port: 40_000 };

/** A host with audit rows: whole seconds, calls without their local endpoint; polls once a second. */
function auditHost(): Scene {
  const scene = new Scene({ finalOnly: true }).host('web', tables, { err: 0.05 });
  scene.added('web', 'users', 0, { uid: 1000, username: 'alice' });
  return scene;
}

function call(scene: Scene, action: 'connect' | 'accept', at: number, pid: number, path: string, to: object): void {
  scene.row(scene.makeRow('web', 'socket_events', 'event', at, { action, pid, family: 2, path, ...to }, s));
}

function last(scene: Scene) {
  scene.complete('web', 60, tables);
  scene.join.end();
  return scene.lines.at(-1)!;
}

describe('a socket that a poll saw', () => {
  it('belongs to the parent that accepted it, and is shared by the child that serves it', () => {
    const scene = auditHost();
    const child = {
      pid: 31,
      path: '/usr/sbin/sshd',
      cmdline: 'sshd: alice',
      parent: 30,
      start_time: t0 / s + 10,
      uid: 1000,
    };
    const parent = { ...child, pid: 30, cmdline: 'sshd -D', parent: 1, start_time: t0 / s + 1, uid: 0 };
    scene.added('web', 'processes', 2, parent);
    call(scene, 'accept', 10, 30, '/usr/sbin/sshd', remote);
    scene.row(scene.makeRow('web', 'processes', 'added', 11, child, s, 9));
    scene.row(
      scene.makeRow('web', 'process_open_sockets', 'added', 11, { ...tuple, ...remote, pid: 31, socket: 5 }, s, 9),
    );
    scene.end('C1', 10.2, 20, '192.0.2.10 40000 > 192.0.2.20 22');
    expect(last(scene).resp).toMatchObject({
      state: 'attributed',
      method: 'accept_event',
      process: { pid: 30, path: '/usr/sbin/sshd' },
      sharers: [{ pid: 31 }],
    });
  });

  describe('within one second, to which alone the poll tells its time', () => {
    const rows = ['process_open_sockets', 'interface_addresses'] as const;
    const ends = '192.0.2.20 40000 > 192.0.2.10 443';

    /** Rows are lost in this span. */
    function seen(from: number, to: number): Scene {
      const called = { family: 2, protocol: 6, local_address: '192.0.2.20', local_port: 40_000 } as const;
      const held = { ...called, remote_address: '192.0.2.10', remote_port: 443, pid: 31, fd: 4, socket: 5 } as const;
      const scene = new Scene({ finalOnly: true }).host('web', rows, { err: 0.001 });
      scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
      scene.row(scene.makeRow('web', 'process_open_sockets', 'added', 10, held, s, 8));
      return scene.row({
        ...{ kind: 'lost', host: 'web', stream: 'process_open_sockets' },
        ...{ from: scene.at(from), to: scene.at(to) },
      });
    }

    it('is not surely seen at the end of that, where rows are lost since', () => {
      const scene = seen(11.5, 12.5);
      // It was of the first; polls came too rarely to see that of the second.
      scene.end('C1', 10.2, 0.02, ends).end('C2', 10.5, 0.1, ends).complete('web', 60, rows).join.end();
      expect(scene.last('C2').orig.state).not.toBe('attributed');
    });

    it('is not surely seen after that, where rows are lost within it', () => {
      // That it had gone was told of then.
      const scene = seen(10.7, 10.9).start('C0', 8, '192.0.2.1 1 > 192.0.2.2 2');
      scene.end('C1', 10, 0.02, ends).end('C2', 11.4, 0.1, ends).complete('web', 60, rows).join.end();
      expect(scene.last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 31 } });
      expect(scene.last('C2').orig.state).not.toBe('attributed');
    });
  });

  it('may be of a connection that was seen in the middle where another process then called for the same, maybe for the next', () => {
    const rows = ['socket_events', 'process_open_sockets'] as const;
    const ends = '192.0.2.20 40000 > 192.0.2.10 443';
    const called = { family: 2, protocol: 6, local_address: '192.0.2.20', local_port: 40_000 } as const;
    const held = { ...called, remote_address: '192.0.2.10', remote_port: 443 } as const;
    const scene = new Scene({ startsKnown: true }).host('web', rows, { err: 2 });
    scene.start('C9', 8, '192.0.2.1 1 > 192.0.2.2 2');
    scene.added('web', 'process_open_sockets', 2, { ...held, pid: 31, fd: 4, socket: 5 });
    scene.start('C1', 10, ends, { history: 'DadA', conn_state: 'OTH' });
    scene.event('web', 'socket_events', 11, { ...held, action: 'close', pid: 31, fd: '4', socket: '5' });
    scene.event('web', 'socket_events', 11.5, { ...held, action: 'connect', pid: 32, socket: '6' });
    scene.advance(12).complete('web', 14, rows);
    scene.end('C1', 10, 1, ends, { history: 'DadA', conn_state: 'OTH' }).start('C2', 13, ends).advance(20);
    scene.complete('web', 60, rows).join.end();
    expect(scene.lines.filter(({ orig }) => orig.state === 'attributed').map((line) => line.connection.uid)).toEqual([
      'C2',
    ]);
    expect(scene.last('C1').orig.state).toBe('ambiguous');
    expect(scene.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 32 } });
  });

  it('is named while the connection lasts, also where the host tells what it translates as it happens', () => {
    const polls = ['process_open_sockets', 'listening_ports', 'interface_addresses', 'conntrack'] as const;
    const scene = new Scene({ startsKnown: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
    scene.start('C1', 10.2, '192.0.2.10 40000 > 192.0.2.20 22');
    scene.added('web', 'process_open_sockets', 10.3, { ...tuple, ...remote, pid: 31, fd: 4, socket: 5 }, 10.1);
    scene.advance(10.4).complete('web', 10.4, polls);
    expect(scene.last().resp).toMatchObject({ state: 'attributed', method: 'open_socket', process: { pid: 31 } });
  });

  it.each([
    ['soon after its first packet', 10.9, 10.3],
    ['long after it, from a full queue', 60.9, 60.7],
  ])('is named while the connection lasts, though it was accepted %s and no later one is known', (_, seen, since) => {
    const polls = ['process_open_sockets', 'listening_ports', 'interface_addresses'] as const;
    const scene = new Scene({ startsKnown: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
    scene.start('C1', 10.2, '192.0.2.10 40000 > 192.0.2.20 22');
    scene.added('web', 'process_open_sockets', seen, { ...tuple, ...remote, pid: 31, fd: 4, socket: 5 }, since);
    scene.advance(seen + 1).complete('web', seen + 1, polls);
    expect(scene.last().resp).toMatchObject({ state: 'attributed', method: 'open_socket', process: { pid: 31 } });
  });

  it('took no connection that was refused, as where another bridge of the host has the same address', () => {
    const polls = ['process_open_sockets', 'listening_ports', 'interface_addresses'] as const;
    const scene = new Scene({ finalOnly: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
    scene.added('web', 'process_open_sockets', 9.5, { ...tuple, ...remote, pid: 31, fd: 4, socket: 5 }, 9);
    scene.end('C1', 10.2, 0.1, '192.0.2.10 40000 > 192.0.2.20 22', { conn_state: 'REJ', history: 'Sr' });
    scene.complete('web', 60, polls).join.end();
    expect(scene.last().resp).toMatchObject({ state: 'unattributed' });
  });

  it('is no answer where it was opened after the connection had ended', () => {
    const polls = ['process_open_sockets', 'listening_ports', 'interface_addresses'] as const;
    const scene = new Scene({ finalOnly: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
    scene.added('web', 'process_open_sockets', 12, { ...tuple, ...remote, pid: 31, fd: 4, socket: 5 }, 11.9);
    scene.end('C1', 10.2, 1, '192.0.2.10 40000 > 192.0.2.20 22').complete('web', 60, polls).join.end();
    expect(scene.last().resp).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('may be of a connection that began right after, as long as it is not known when this one ended', () => {
    const polls = ['process_open_sockets', 'interface_addresses'] as const;
    const scene = new Scene().host('web', polls);
    scene.start('C1', 10, '192.0.2.20 40000 > 192.0.2.10 22').start('C9', 10.1, '192.0.2.1 1 > 192.0.2.2 2');
    const held = { ...tuple, local_port: 40_000, remote_address: '192.0.2.10', remote_port: 22, fd: 4, socket: 5 };
    scene.added('web', 'process_open_sockets', 10.04, { ...held, pid: 31 }, 9);
    scene.complete('web', 11, polls);
    expect(scene.last().orig).toMatchObject({ state: 'pending' });
    scene
      .end('C2', 10.02, 1, '192.0.2.20 40000 > 192.0.2.10 22')
      .end('C1', 10, 0.01, '192.0.2.20 40000 > 192.0.2.10 22');
    scene.complete('web', 60, polls).join.end();
    expect(scene.last('C1').orig.state).not.toBe('attributed');
    expect(scene.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 31 } });
  });

  it('stays ambiguous between a caller and a stranger that holds it', () => {
    const scene = auditHost();
    call(scene, 'accept', 10, 30, '/usr/sbin/sshd', remote);
    scene.row(
      scene.makeRow('web', 'process_open_sockets', 'added', 11, { ...tuple, ...remote, pid: 31, socket: 5 }, s, 9),
    );
    scene.end('C1', 10.2, 20, '192.0.2.10 40000 > 192.0.2.20 22');
    expect(last(scene).resp).toMatchObject({ state: 'ambiguous' });
  });

  it('has the program and the user that the call of its holder tells, also where the poll comes in the second of its end', () => {
    const scene = auditHost();
    const to = { remote_address: '198.51.100.66', remote_port: 4444 };
    const shell = { pid: 31, path: '/usr/bin/bash', cmdline: 'bash -i', parent: 30, uid: 1000 };
    scene.row(scene.makeRow('web', 'process_events', 'event', 10, shell, s));
    call(scene, 'connect', 10, 31, '/usr/bin/bash', to);
    const open = { ...tuple, local_port: 45_870, ...to, pid: 31, socket: 5 };
    scene.row(scene.makeRow('web', 'processes', 'added', 11, { ...shell, start_time: t0 / s + 10 }, s, 9));
    scene.row(scene.makeRow('web', 'process_open_sockets', 'added', 11, open, s, 9));
    scene.row(scene.makeRow('web', 'processes', 'removed', 18, { ...shell, start_time: t0 / s + 10 }, s, 11));
    scene.row(scene.makeRow('web', 'process_open_sockets', 'removed', 18, open, s, 11));
    scene.end('C1', 10.3, 7, '192.0.2.20 45870 > 198.51.100.66 4444');
    expect(last(scene).orig).toMatchObject({
      state: 'attributed',
      process: { pid: 31, name: 'bash', path: '/usr/bin/bash', cmdline: 'bash -i' },
      user: { uid: 1000, name: 'alice' },
    });
  });

  it('is not told to be held by a process that was born after the poll, under the same pid', () => {
    const scene = new Scene({ finalOnly: true }).host('web', tables);
    scene.added('web', 'users', 0, { uid: 1000, username: 'alice' });
    scene.added('web', 'process_open_sockets', 3, { ...tuple, pid: 40, socket: 5, state: 'LISTEN' });
    const born = { pid: 40, parent: 1, path: '/usr/bin/python3', cmdline: 'python3 new', uid: 1000, syscall: 'fork' };
    scene.event('web', 'process_events', 5, born);
    scene.end('C1', 10.2, 20, '192.0.2.10 40000 > 192.0.2.20 22');
    const { resp } = last(scene);
    expect(resp).toMatchObject({ state: 'attributed', method: 'listening_port' });
    expect(resp).toHaveProperty('process', { pid: 40 });
  });

  it('is not told to be held by who had its pid later in that second, before the poll that saw this one is complete', () => {
    const polls = ['processes', 'process_open_sockets', 'listening_ports', 'users'] as const;
    const scene = new Scene().host('web', polls);
    scene.added('web', 'users', 0, { uid: 1000, username: 'alice' });
    scene.added('web', 'process_open_sockets', 11.2, { ...tuple, pid: 40, fd: 3, socket: 5, state: 'LISTEN' }, 10.1);
    scene.removed('web', 'process_open_sockets', 13.2, { ...tuple, pid: 40, fd: 3, socket: 5, state: 'LISTEN' }, 12.1);
    const later = { pid: 40, parent: 1, path: '/usr/bin/python3', cmdline: 'python3 new', uid: 1000 };
    scene.added('web', 'processes', 13.2, { ...later, start_time: t0 / s + 12 }, 12.1);
    scene
      .complete('web', 12.1, ['processes'])
      .complete('web', 13.2, ['process_open_sockets', 'listening_ports', 'users']);
    scene.end('C1', 12.03, 0.01, '192.0.2.10 40000 > 192.0.2.20 22');
    expect(scene.last().resp).toMatchObject({ state: 'attributed', method: 'listening_port' });
    expect(scene.last().resp).toHaveProperty('process', { pid: 40 });
    // The row of its predecessor, whose coming was lost, is late.
    const before = { pid: 40, parent: 1, path: '/usr/bin/dnsmasq', cmdline: 'dnsmasq', uid: 0 };
    scene.removed('web', 'processes', 13.2, { ...before, start_time: t0 / s + 10 }, 12.1);
    scene.complete('web', 20, polls).join.end();
    for (const { resp } of scene.lines) expect(resp).not.toHaveProperty('process.path');
  });

  describe('of a process that changes its user without an exec', () => {
    const daemon = { pid: 31, parent: 1, path: '/usr/sbin/d', uid: 0 };
    const to = { remote_address: '198.51.100.66', remote_port: 4444 };
    const open = { ...tuple, local_port: 45_870, ...to, pid: 31, socket: 5, state: 'ESTABLISHED' };
    const connects = '192.0.2.20 45870 > 198.51.100.66 4444';
    /** It is root from second 5 on and nobody from `dropped`; a look of two milliseconds begins at `looked`. */
    const watched = (dropped: number, looked: number, clock: { err?: number } = { err: 2e-5 }): Scene => {
      const scene = new Scene({ finalOnly: true }).host('web', tables, clock);
      scene.event('web', 'process_events', 5, { ...daemon, syscall: 'fork' });
      scene.event('web', 'process_events', dropped, { ...daemon, uid: 65_534, syscall: 'setresuid' });
      const row = {
        ...scene.makeRow('web', 'process_open_sockets', 'added', looked, open, 1, 9.9),
        resolution: 2 * ms,
      };
      return scene.row(row);
    };
    const userOf = (scene: Scene, end: 'orig' | 'resp', first: number, ends: string): number | undefined => {
      scene.end('C1', first, 3, ends);
      const owned = last(scene)[end] as { process?: object; user?: { uid: number } };
      expect(owned).toMatchObject({
        state: 'attributed',
        method: 'open_socket',
        process: { pid: 31, path: daemon.path },
      });
      return owned.user?.uid;
    };

    it('has the user that it was as the first packet left, also where the look that saw it is wider', () => {
      expect(userOf(watched(10.0004, 10), 'orig', 10.0005, connects)).toBe(65_534);
      expect(userOf(watched(10.0005, 10), 'orig', 10.0004, connects)).toBe(0);
    });

    it('has the user that it was as the first packet left, also where it was seen long after', () => {
      expect(userOf(watched(10.5, 11), 'orig', 10, connects)).toBe(0);
      expect(userOf(watched(10.5, 11), 'orig', 10.6, connects)).toBe(65_534);
    });

    it('has no user where it may have changed on either side of the first packet', () => {
      expect(userOf(watched(10.00049, 10), 'orig', 10.0005, connects)).toBeUndefined();
      expect(userOf(watched(10.1, 10.2, { err: 0.15 }), 'orig', 10, connects)).toBeUndefined();
    });

    it('has the user that it became before the connection that it takes came', () => {
      const takes = '198.51.100.66 4444 > 192.0.2.20 45870';
      expect(userOf(watched(10.0004, 10), 'resp', 10.0005, takes)).toBe(65_534);
      expect(userOf(watched(10.0006, 10), 'resp', 10.0005, takes)).toBeUndefined();
    });
  });
});
