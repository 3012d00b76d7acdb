import { describe, expect, it } from 'vitest';
import type { End } from '../../src/records/attributed-connection.js';
import { Scene, s } from './scene.js';

const tables = ['socket_events', 'interface_addresses'] as const;

/** Whoever accepted from an endpoint that spoke to so many other ports of the host, each a second apart, as audit tells it. */
function acceptedBeside(others: number): End {
  const scene = new Scene({ finalOnly: true }).host('web', tables, { err: 0.01 });
  scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
  const accept = { action: 'accept', pid: 30, family: 2, protocol: 6, remote_address: '192.0.2.10' } as const;
  scene.event('web', 'socket_events', 10, { ...accept, remote_port: 40_000 }, s);
  scene.end('C1', 10.2, 0.1, '192.0.2.10 40000 > 192.0.2.20 22');
  for (let i = 0; i < others; i++) {
    scene.end(`D${i}`, 12 + i, 0.1, `192.0.2.10 40000 > 192.0.2.20 ${1000 + i}`);
  }
  scene.complete('web', 60, tables).join.end();
  return scene.last('C1').resp;
}

describe('an accept that names its peer alone', () => {
  it('is believed beside as many other connections of that peer endpoint as are remembered, and not beside more', () => {
    expect(acceptedBeside(16)).toMatchObject({ state: 'attributed', method: 'accept_event', process: { pid: 30 } });
    expect(acceptedBeside(17)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 30 } }] });
  });

  it('is believed beside however many that the host itself began from that endpoint', () => {
    const scene = new Scene({ finalOnly: true }).host('web', tables, { err: 0.01 });
    for (const address of ['192.0.2.10', '192.0.2.20'])
      scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address });
    const accept = { action: 'accept', pid: 30, family: 2, protocol: 6, remote_address: '192.0.2.10' } as const;
    scene.event('web', 'socket_events', 10, { ...accept, remote_port: 40_000 }, s);
    scene.end('C1', 10.2, 0.1, '192.0.2.10 40000 > 192.0.2.20 22');
    for (let i = 0; i < 20; i++) scene.end(`D${i}`, 12 + i, 0.1, `192.0.2.20 ${1000 + i} > 192.0.2.10 40000`);
    scene.complete('web', 60, tables).join.end();
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', process: { pid: 30 } });
  });

  it('may be of a connection that turns out to have been begun by the other end', () => {
    for (const history of ['D^d', 'Dd']) {
      const scene = new Scene({ startsKnown: true }).host('web', tables, { err: 0.01 });
      scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
      const accept = { action: 'accept', pid: 30, family: 2, protocol: 17, remote_address: '192.0.2.10' } as const;
      scene.event('web', 'socket_events', 10.3, { ...accept, remote_port: 40_000 });
      scene.start('C1', 10.2, '192.0.2.10 40000 > 192.0.2.20 22 udp');
      scene.start('C2', 10.2, '192.0.2.20 23 > 192.0.2.10 40000 udp', { history: 'D' });
      const ends = history === 'Dd' ? '192.0.2.20 23 > 192.0.2.10 40000 udp' : '192.0.2.10 40000 > 192.0.2.20 23 udp';
      scene.end('C2', 10.2, 1, ends, { history });
      scene.end('C1', 10.2, 1, '192.0.2.10 40000 > 192.0.2.20 22 udp').complete('web', 60, tables).join.end();
      expect(scene.last('C1').resp.state).toBe(history === 'Dd' ? 'attributed' : 'ambiguous');
    }
  });
});
