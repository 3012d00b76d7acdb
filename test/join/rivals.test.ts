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
});
