import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';

const tables = ['process_open_sockets', 'interface_addresses'] as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 443 udp';
const connected = {
  ...{ family: 2, protocol: 17, fd: 3, local_address: '192.0.2.1', local_port: 40_000 },
  ...{ remote_address: '192.0.2.2', remote_port: 443 },
} as const;
const unconnected = { ...connected, local_address: '0.0.0.0', remote_address: '0.0.0.0', remote_port: 0 } as const;

/** Polled at 0, 10, 20, …; datagrams go out from second 12 on, over 30 s. */
function scene(): Scene {
  return new Scene()
    .host('a', tables, { err: 0.01 })
    .added('a', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.1' });
}

function owner(polled: Scene, lasts = 30) {
  polled.end('C1', 12, lasts, ends).complete('a', 90, tables).join.end();
  return polled.last().orig;
}

describe('a socket of datagrams that a poll saw first after the first of them', () => {
  it('is that of who goes on to send them from a port that the system chose', () => {
    const held = { pid: 7, socket: 70 };
    expect(owner(scene().added('a', 'process_open_sockets', 20, { ...connected, ...held }, 10))).toMatchObject({
      state: 'attributed',
      method: 'open_socket',
      process: { pid: 7 },
    });
    expect(owner(scene().added('a', 'process_open_sockets', 20, { ...unconnected, ...held }, 10))).toMatchObject({
      state: 'attributed',
      method: 'local_endpoint',
      process: { pid: 7 },
    });
  });

  it('leaves it open where no datagram came since it was seen', () => {
    const seen = scene().added('a', 'process_open_sockets', 20, { ...connected, pid: 7, socket: 70 }, 10);
    expect(owner(seen, 7.9)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 7 } }] });
  });

  it('leaves it open where another process may have had the port at the first', () => {
    for (const before of [connected, unconnected]) {
      const seen = scene()
        .added('a', 'process_open_sockets', 10, { ...before, pid: 6, socket: 60 }, 0)
        .removed('a', 'process_open_sockets', 20, { ...before, pid: 6, socket: 60 }, 10)
        .added('a', 'process_open_sockets', 20, { ...connected, pid: 7, socket: 70 }, 10);
      expect(owner(seen)).toMatchObject({
        state: 'ambiguous',
        candidates: expect.arrayContaining([
          expect.objectContaining({ process: expect.objectContaining({ pid: 6 }) }),
          expect.objectContaining({ process: expect.objectContaining({ pid: 7 }) }),
        ]),
      });
    }
  });

  it('leaves it open where another process may have had the port of every address at the first', () => {
    const seen = scene()
      .added('a', 'process_open_sockets', 10, { ...connected, pid: 6, socket: 60 }, 0)
      .removed('a', 'process_open_sockets', 20, { ...connected, pid: 6, socket: 60 }, 10)
      .added('a', 'process_open_sockets', 20, { ...unconnected, pid: 7, socket: 70 }, 10);
    expect(owner(seen)).toMatchObject({ state: 'ambiguous' });
  });
});
