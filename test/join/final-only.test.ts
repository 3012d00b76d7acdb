import { expect, it } from 'vitest';
import type { JoinOptions } from '../../src/join/attribution.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene, s, t0 } from './scene.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const polled: HostTable[] = ['listening_ports', 'interface_addresses'];
const ends = '192.0.2.1 40000 > 192.0.2.2 443';
const peer = { family: 2, protocol: 6, remote_address: '192.0.2.1', remote_port: 40_000 } as const;
/** An accept that does not name its own end, as audit records have it. */
const blank = { ...peer, action: 'accept', pid: 9 } as const;

/** A host that accepts something in second 10, where only last lines are told. */
function accepting(options: Partial<JoinOptions> = {}): Scene {
  const scene = new Scene({ finalOnly: true, ...options }).host('b', tables);
  scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
  return scene.event('b', 'socket_events', 10.01, blank);
}

/** So many rows that those of before are swept, as far as the watermark allows. */
function sweep(scene: Scene, until: number): Scene {
  for (let n = 0; n < 300; n++) {
    scene.event('b', 'socket_events', until - 1, { ...blank, remote_port: 50_000 + n });
  }
  return scene.complete('b', until, tables);
}

const owned = { state: 'attributed', process: { pid: 9 } };

it('a connection of which only the last line is told has its owner also where rows of its time are let go before it is', () => {
  const scene = new Scene({ finalOnly: true, startsKnown: true }).host('b', polled);
  scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
  const listener = { family: 2, protocol: 6, address: '0.0.0.0', port: 443, pid: 9 } as const;
  scene.added('b', 'listening_ports', 5, listener, 4).start('C1', 10, ends).end('C1', 10, 100, ends);
  scene.removed('b', 'listening_ports', 40, listener, 39).complete('b', 120, polled).advance(160);
  for (let n = 0; n < 300; n++) scene.added('b', 'listening_ports', 164, { ...listener, port: 1_000 + n }, 163);
  scene.complete('b', 165, polled).advance(171);
  expect(scene.last()).toMatchObject({ cause: 'end', rev: 0, resp: owned });
});

it('rows that come as long ahead of connections as these are kept are there when they are let go', () => {
  const scene = accepting({ latenessUs: 600 * s }).end('C1', 10, 0.1, ends);
  scene.join.advance(t0 + 400 * s);
  sweep(scene, 1_000).join.end();
  expect(scene.last().resp).toMatchObject(owned);
});
