import { describe, expect, it } from 'vitest';
import type { JoinOptions } from '../../src/join/attribution.js';
import type { Columns, HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { shownLine } from './world/engine.js';

// What has the end of a socket that stands looked at again as its connection is let go, and what need not.

const tables: readonly HostTable[] = [
  'socket_events',
  'process_events',
  'process_open_sockets',
  'listening_ports',
  'processes',
  'interface_addresses',
  'users',
];
const address = '192.0.2.1';
const peer = '198.51.100.1';
const listening = `${peer} 40000 > ${address} 80`;
const standing = `${address} 40000 > ${peer} 443`;
const unowned = `${peer} 40000 > ${address} 81`;

const listener = {
  pid: 70,
  fd: 3,
  socket: 1,
  family: 2,
  protocol: 6,
  address: '0.0.0.0',
  port: 80,
  net_namespace: '1',
};
const connected = {
  pid: 70,
  fd: 4,
  socket: 2,
  family: 2,
  protocol: 6,
  local_address: address,
  local_port: 40_000,
  remote_address: peer,
  remote_port: 443,
  state: 'ESTABLISHED',
  net_namespace: '1',
};
/** Of a socket between other endpoints. */
const beside = { ...connected, fd: 5, socket: 3, local_port: 40_001 };
const owner = { pid: 70, parent: 7, path: '/bin/x', name: 'x', cmdline: 'x', uid: 0, start_time: 1_699_999_000 };
const elder = { ...owner, pid: 7, parent: 1, path: '/bin/shell', name: 'shell', cmdline: 'shell' };
const stranger = { ...owner, pid: 90, parent: 91 };

type Told = (scene: Scene) => unknown;

/** One that began before the capture. */
const begun = { history: 'DdAa' };

/** The connection is over and decided by all that the host tells of its time. */
function decided(ends: string, options: Partial<JoinOptions>, before?: Told): Scene {
  const scene = new Scene({ startsKnown: true, ...options }).host('a', tables);
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address });
  scene.added('a', 'users', 1, { uid: 0, username: 'root' });
  scene.added('a', 'processes', 2, elder).added('a', 'processes', 2, owner);
  scene.added('a', 'listening_ports', 2, listener).added('a', 'process_open_sockets', 2, connected);
  scene.event('a', 'process_events', 2, { ...stranger, syscall: 'execve' });
  before?.(scene);
  scene.complete('a', 9, tables).start('C1', 10, ends, begun).end('C1', 10, 0.1, ends, begun);
  return scene.complete('a', 11, tables);
}

/** How often ends were looked at as it is let go. Its lines are those that all rows give. */
function looksAtTheEnd(ends: string, then: Told, options: Partial<JoinOptions> = {}, before?: Told): number {
  const run = (takesShortWay: boolean): readonly [number, string[]] => {
    const scene = decided(ends, { ...options, takesShortWay }, before);
    then(scene);
    const { looks } = scene.join.stats;
    scene.advance(71);
    scene.join.end();
    return [scene.join.stats.looks - looks, scene.lines.map((line) => `${line.rev} ${shownLine(line)}`)];
  };
  const [looks, lines] = run(true);
  expect(lines).toEqual(run(false)[1]);
  return looks;
}

const call = { pid: 71, fd: '9', socket: '9', family: 2, protocol: 6, path: '/bin/y' };
const calm: Told = () => undefined;
const sees =
  <T extends HostTable>(table: T, at: number, columns: Columns<T>): Told =>
  (scene) =>
    scene.added('a', table, at, columns);
const happens =
  <T extends HostTable>(table: T, at: number, columns: Columns<T>): Told =>
  (scene) =>
    scene.event('a', table, at, columns);

/** So many rows that what is over is swept, `until`: how far the host has told everything. */
const sweeps =
  (until: number): Told =>
  (scene) => {
    for (let n = 0; n < 300; n++) scene.added('a', 'process_open_sockets', 12, { ...beside, local_port: 50_000 + n });
    scene.complete('a', until, tables);
  };

describe('the end of a socket that stands, let go', () => {
  it('is not looked at again where nothing has come since', () => {
    for (const ends of [listening, standing, unowned]) expect(looksAtTheEnd(ends, calm), ends).toBe(0);
  });

  const others: Record<string, Told> = {
    'another socket with a peer': sees('process_open_sockets', 12, beside),
    'a socket of another port': sees('listening_ports', 12, { ...listener, port: 82 }),
    'another process': sees('processes', 12, stranger),
    'an exit of another process': happens('process_events', 12, { ...stranger, syscall: 'exit' }),
    'a watermark': (scene) => scene.complete('a', 30, tables),
    'a sweep of what was over long before': sweeps(119),
  };
  it.each(Object.entries(others))('is not for %s', (_, told) => {
    expect(looksAtTheEnd(listening, told)).toBe(0);
  });

  const news: Record<string, Told> = {
    'another listener at the port': sees('listening_ports', 9.5, { ...listener, pid: 71, socket: 9 }),
    'its removal': (scene) => scene.removed('a', 'listening_ports', 9.9, listener, 9),
    'a call that names the peer alone': happens('socket_events', 10.001, {
      ...call,
      action: 'accept',
      remote_address: peer,
      remote_port: 40_000,
    }),
    'a stream that turns out to tell of closes': happens('socket_events', 9, {
      ...call,
      action: 'listen',
      local_address: '0.0.0.0',
      local_port: 82,
    }),
    'a packet socket': happens('socket_events', 9, { ...call, family: 17, protocol: 0, action: 'socket' }),
    'a further stream': (scene) =>
      scene.row({ ...scene.makeRow('a', 'process_open_sockets', 'added', 9, beside), stream: 'other' }),
    'the name of a user': sees('users', 12, { uid: 0, username: 'toor' }),
    'another program of its process': happens('process_events', 9, { ...owner, path: '/bin/z', syscall: 'execve' }),
    'another program of an ancestor': happens('process_events', 9, { ...elder, path: '/bin/z', syscall: 'execve' }),
    'an address': sees('interface_addresses', 9, { interface: 'eth1', address: '192.0.2.9' }),
    'an address that a socket shows': sees('process_open_sockets', 9, { ...beside, local_address: '192.0.2.9' }),
    'a further network namespace': sees('listening_ports', 9, { ...listener, port: 82, net_namespace: '2' }),
    'a sweep that reaches its time': sweeps(140),
    'an ancestor, after a sweep': (scene) => {
      sweeps(119)(scene);
      scene.event('a', 'process_events', 9, { ...elder, path: '/bin/z', syscall: 'execve' });
    },
  };
  it.each(Object.entries(news))('is for %s', (_, told) => {
    expect(looksAtTheEnd(listening, told)).toBe(1);
  });

  it('is for a further socket at the port where there was none', () => {
    expect(looksAtTheEnd(unowned, sees('listening_ports', 9.5, { ...listener, port: 81 }))).toBe(1);
  });

  it('is for a later loss', () => {
    const told: Told = (scene) =>
      scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from: scene.at(30), to: scene.at(31) });
    expect(looksAtTheEnd(unowned, told)).toBe(1);
  });

  it('is for a close of it', () => {
    const close = (at: number, socket: string): Told =>
      happens('socket_events', at, { ...call, pid: 70, fd: '3', socket, action: 'close' });
    expect(looksAtTheEnd(listening, close(9, '1'), {}, close(8, '9'))).toBe(1);
  });

  it('is for a connected socket whose process is another', () => {
    const told = happens('process_events', 9, { ...owner, path: '/bin/z', syscall: 'execve' });
    expect(looksAtTheEnd(standing, told)).toBe(1);
  });

  it('is where a socket may still turn out to have been there, whose first sighting may still come', () => {
    const seen = { ...listener, pid: 71, socket: 9 };
    const gone: Told = (scene) => scene.removed('a', 'listening_ports', 16, seen, 15);
    const told: Told = (scene) => scene.complete('a', 20, tables);
    expect(looksAtTheEnd(listening, told, {}, gone)).toBe(1);
    const goneBeside: Told = (scene) => scene.removed('a', 'process_open_sockets', 16, { ...connected, pid: 71 }, 15);
    expect(looksAtTheEnd(standing, told, {}, goneBeside)).toBe(1);
  });

  it('is for what is forgotten at a bound', () => {
    const rows = (limits: JoinOptions['limits'], told: Told) => looksAtTheEnd(listening, told, { limits: limits! });
    expect(rows({ socketRows: 2 }, sees('process_open_sockets', 9, beside))).toBe(1);
    const surplus: Told = (scene) => {
      for (let n = 0; n <= 1_024; n++) {
        for (let socket = 0; socket < 20; socket++)
          scene.added('a', 'process_open_sockets', 9, { ...beside, local_port: 41_000 + n, socket: 10 + socket });
      }
    };
    expect(rows({ socketRowsOfTuple: 1 }, surplus)).toBe(1);
    const others: Told = (scene) => {
      for (let pid = 200; pid < 205; pid++) scene.added('a', 'processes', 9, { ...stranger, pid });
    };
    expect(rows({ processRows: 3 }, others)).toBe(1);
  });

  it('is where polls or clocks are forgotten', () => {
    const polls: Told = (scene) => {
      for (let n = 0; n <= 4_096; n++)
        scene.added('a', 'process_open_sockets', 12 + n / 1e3, { ...beside, local_port: 41_000 + (n % 9_000) });
    };
    expect(looksAtTheEnd(listening, polls)).toBe(1);
    const clocks =
      (from: number, to: number): Told =>
      (scene) => {
        for (let n = from; n < to; n++)
          scene.row({ kind: 'clock', host: 'a', capture: 'eth0', offset: 0, err: 0, from: scene.at(100 + n) });
      };
    expect(looksAtTheEnd(listening, clocks(0, 1_023))).toBe(0);
    expect(looksAtTheEnd(listening, clocks(0, 1_024))).toBe(1);
  });

  it('is where so many ancestors are depended on that these cannot be told apart', () => {
    const many: Told = (scene) => {
      for (let n = 0; n < 70; n++) {
        scene.added('a', 'processes', 12, { ...elder, pid: 300 + n });
        scene.added('a', 'processes', 12, { ...owner, pid: 500 + n, parent: 300 + n });
        scene.added('a', 'listening_ports', 12, { ...listener, pid: 500 + n, socket: 100 + n, port: 1_000 + n });
      }
      for (let n = 0; n < 70; n++) {
        const ends = `${peer} 40000 > ${address} ${1_000 + n}`;
        scene.start(`D${n}`, 20, ends).end(`D${n}`, 20, 5, ends);
      }
      scene.complete('a', 60, tables);
    };
    const scene = decided(listening, {});
    many(scene);
    const { looks } = scene.join.stats;
    scene.advance(71);
    expect(scene.join.stats.looks - looks).toBe(1);
  });

  it('is where it is let go early, or an earlier one was', () => {
    const scene = decided(unowned, { limits: { connections: 1 } });
    scene.start('C2', 12, '198.51.100.8 1 > 198.51.100.9 2');
    expect(scene.last().resp).toMatchObject({ reason: 'agent_late' });
    const before: Told = (earlier) => earlier.start('C0', 9.5, '198.51.100.8 1 > 198.51.100.9 2');
    const then: Told = (later) => later.start('C2', 12, '198.51.100.8 1 > 198.51.100.9 3');
    expect(looksAtTheEnd(listening, then, { limits: { connections: 2 } }, before)).toBe(1);
  });

  it('is where another capture of the host turns out to have it too', () => {
    const scene = new Scene({ startsKnown: true }).host('a', tables);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address });
    scene.added('a', 'process_open_sockets', 2, connected).complete('a', 9, tables);
    const on = (capture: string) => ({ capture, captureHost: 'a' });
    scene.start('C1', 10, standing, begun, on('eth0')).end('C1', 10, 0.1, standing, begun, on('eth0'));
    scene.complete('a', 11, tables);
    scene.start('C2', 12, standing, begun, on('eth1')).advance(69);
    const { looks } = scene.join.stats;
    scene.advance(71);
    expect(scene.join.stats.looks - looks).toBe(1);
  });
});
