import { describe, expect, it } from 'vitest';
import type { End } from '../../src/records/attributed-connection.js';
import type { Connection } from '../../src/records/connection.js';
import { Scene } from './scene.js';

const polls = ['process_open_sockets', 'listening_ports', 'processes', 'interface_addresses'] as const;
const ends = '192.0.2.10 40000 > 192.0.2.20 443';
const tuple = {
  family: 2,
  protocol: 6,
  local_address: '192.0.2.10',
  local_port: 40_000,
  remote_address: '192.0.2.20',
  remote_port: 443,
};
const of = (pid: number, state: string) => ({ pid, fd: 3, socket: 10 * pid, ...tuple, state });
const unanswered = { conn_state: 'S0', history: 'S', resp_pkts: 0, resp_ip_bytes: 0 } as const;

/** A host that is polled, with the address that the connection comes from. */
function polledHost(): Scene {
  const scene = new Scene({ finalOnly: true }).host('web', polls);
  return scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
}

/** Who began the connection from second 10 on, once all is told. */
function origOf(scene: Scene, lasts: number, changes: Partial<Connection> = {}): End {
  scene.end('C1', 10, lasts, ends, changes).complete('web', 60, polls).join.end();
  return scene.last().orig;
}

describe('a polled socket that waits for an answer', () => {
  it('owns the connection that nobody answered', () => {
    const scene = polledHost().added('web', 'process_open_sockets', 11, of(30, 'SYN_SENT'), 9);
    scene.removed('web', 'process_open_sockets', 14, of(30, 'SYN_SENT'), 13);
    const orig = origOf(scene, 3, unanswered);
    expect(orig).toMatchObject({ state: 'attributed', method: 'open_socket', process: { pid: 30 } });
  });

  it('owns the answered connection whose first packet had just left', () => {
    const scene = polledHost().added('web', 'process_open_sockets', 10.01, of(30, 'SYN_SENT'), 9.96);
    scene.removed('web', 'process_open_sockets', 10.1, of(30, 'SYN_SENT'), 10.01);
    expect(origOf(scene, 0.08)).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });

  it('owns the connection that was answered late, once it was seen connected', () => {
    const scene = polledHost().added('web', 'process_open_sockets', 10.3, of(30, 'SYN_SENT'), 9.9);
    scene.removed('web', 'process_open_sockets', 10.8, of(30, 'SYN_SENT'), 10.3);
    scene.added('web', 'process_open_sockets', 10.8, of(30, 'ESTABLISHED'), 10.3);
    expect(origOf(scene, 2)).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });

  it('owns the connection that was answered late while it goes on, though only its first packet is known', () => {
    const scene = new Scene({ startsKnown: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
    scene.added('web', 'process_open_sockets', 10.3, of(30, 'SYN_SENT'), 9.9).start('C1', 10, ends);
    scene.removed('web', 'process_open_sockets', 11.4, of(30, 'SYN_SENT'), 11.3);
    scene
      .added('web', 'process_open_sockets', 11.4, of(30, 'ESTABLISHED'), 11.3)
      .complete('web', 12, polls)
      .advance(12);
    expect(scene.last().orig).toMatchObject({ state: 'attributed', method: 'open_socket', process: { pid: 30 } });
  });

  it('is not surely that of a connection whose first packet had left long before', () => {
    const scene = polledHost().added('web', 'process_open_sockets', 10.3, of(30, 'SYN_SENT'), 9.9);
    scene.removed('web', 'process_open_sockets', 10.8, of(30, 'SYN_SENT'), 10.3);
    expect(origOf(scene, 2)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 30 } }] });
  });

  it('is not surely that of a connection that goes on when it waited before the first packet', () => {
    const scene = new Scene({ startsKnown: true }).host('web', polls);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
    scene.added('web', 'process_open_sockets', 9.5, of(30, 'SYN_SENT'), 9.4);
    scene.start('C1', 10, ends).complete('web', 20, polls).advance(20);
    scene.end('C1', 10, 11, ends).complete('web', 60, polls).join.end();
    expect(scene.lines.filter(({ orig }) => orig.state === 'attributed')).toEqual([]);
    expect(scene.last().orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('is not that of a connection that was answered and over before', () => {
    // A container of the host had the endpoints by translation; the packets of who takes them now never leave the host.
    const scene = polledHost().added('web', 'process_open_sockets', 10.7, of(30, 'SYN_SENT'), 9.9);
    scene.removed('web', 'process_open_sockets', 11.5, of(30, 'SYN_SENT'), 10.7);
    expect(origOf(scene, 0.5)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('is not that of an answered connection through which it went on waiting', () => {
    const scene = polledHost().added('web', 'process_open_sockets', 10.01, of(30, 'SYN_SENT'), 9.96);
    scene.removed('web', 'process_open_sockets', 11.5, of(30, 'SYN_SENT'), 10.7);
    expect(origOf(scene, 0.5)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('is not that of a connection that was refused before, though it is of one that was refused since', () => {
    const refused = { conn_state: 'REJ', history: 'Sr', resp_pkts: 1, resp_ip_bytes: 40 } as const;
    const waiting = (added: number, removed: number): Scene =>
      polledHost()
        .added('web', 'process_open_sockets', added, of(30, 'SYN_SENT'), 9.9)
        .removed('web', 'process_open_sockets', removed, of(30, 'SYN_SENT'), added);
    const orig = origOf(waiting(10.7, 11.5), 0.5, refused);
    expect(orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    expect(origOf(waiting(10.2, 11.5), 0.5, refused)).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });

  it('is not surely that of a connection that was refused where it may have been seen only since', () => {
    const refused = { conn_state: 'REJ', history: 'Sr', resp_pkts: 1, resp_ip_bytes: 40 } as const;
    const seen = (at: number, err: number): End => {
      const scene = new Scene({ finalOnly: true }).host('web', polls, { err });
      scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
      scene.added('web', 'process_open_sockets', at, of(30, 'SYN_SENT'), 9.5);
      scene.removed('web', 'process_open_sockets', 10.3, of(30, 'SYN_SENT'), at);
      return origOf(scene, 0.1, refused);
    };
    // Its own first packet may be held up, or never leave.
    expect(seen(10.11, 0.02)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 30 } }] });
    expect(seen(10.07, 0.02)).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });

  it('has not closed when another stream of the host sees it wait no more', () => {
    const scene = new Scene({ finalOnly: true }).host('web', [...polls, 'socket_events']);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
    const quick = (action: 'added' | 'removed', at: number, since: number) => ({
      ...scene.makeRow('web', 'process_open_sockets', action, at, of(30, 'SYN_SENT'), 1, since),
      stream: 'quick',
    });
    scene.row(quick('added', 9.001, 9));
    scene.added('web', 'process_open_sockets', 9.002, of(30, 'ESTABLISHED'), 8.9);
    scene.row(quick('removed', 9.003, 9.001));
    scene.complete('web', 60, ['socket_events']);
    scene.row({ kind: 'complete', host: 'web', stream: 'quick', until: scene.at(60) });
    // The capture began while it lasted.
    const orig = origOf(scene, 5, { conn_state: 'OTH', history: 'DadA' });
    expect(orig).toMatchObject({ state: 'attributed', method: 'open_socket', process: { pid: 30 } });
  });

  it('waits no longer than until it was last seen so, though its close is told too', () => {
    const scene = new Scene({ finalOnly: true }).host('web', [...polls, 'socket_events']);
    scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.10' });
    scene.added('web', 'process_open_sockets', 10.01, of(30, 'SYN_SENT'), 9.96);
    scene.removed('web', 'process_open_sockets', 10.6, of(30, 'SYN_SENT'), 10.01);
    scene.event('web', 'socket_events', 10.52, { ...tuple, action: 'close', pid: 30, fd: '3', socket: '300' });
    scene.complete('web', 60, ['socket_events']);
    expect(origOf(scene, 0.5)).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });
});
