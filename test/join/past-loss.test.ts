import { describe, expect, it } from 'vitest';
import { Scene, t0 } from './scene.js';

const tables = ['socket_events', 'process_open_sockets', 'interface_addresses'] as const;
const COUNT = 200;
const answered = { conn_state: 'SF', history: 'ShADadFf', orig_pkts: 5, resp_pkts: 4 };

function portOf(n: number): number {
  return 40_000 + n;
}

/** A host that lost calls once, and since then called a peer many times, or, of the odd ones, told of no call. */
function lossy(): Scene {
  const scene = new Scene({ startsKnown: true }).host('web', tables, { err: 0.001 });
  scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
  lose(scene, 1);
  // The capture goes on for a while.
  scene.end('C', 2, 1, '203.0.113.1 1 > 203.0.113.2 2');
  for (let n = 0; n < COUNT; n++) {
    const ends = {
      local_address: '192.0.2.20',
      local_port: portOf(n),
      remote_address: '203.0.113.9',
      remote_port: 443,
    };
    if (n % 2 === 0) scene.event('web', 'socket_events', 10, { action: 'connect', pid: 7, protocol: 6, ...ends });
    scene.end(`C${n}`, 10.001, 1, `192.0.2.20 ${portOf(n)} > 203.0.113.9 443`, answered);
  }
  return scene.complete('web', 15, tables).advance(15);
}

/** Calls within a tenth of a second. */
function lose(scene: Scene, at: number): void {
  scene.row({ kind: 'lost', host: 'web', stream: 'socket_events', from: t0 + at * 1e6, to: t0 + (at + 0.1) * 1e6 });
}

describe('calls that a host lost', () => {
  it('have no connection looked at again that was over before', () => {
    const scene = lossy();
    expect(scene.last('C0').orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(scene.last('C1').orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    const before = scene.join.stats.looks;
    for (let at = 16; at < 26; at++) lose(scene, at);
    expect(scene.join.stats.looks).toBe(before);
    scene.join.end();
    expect(scene.last('C1').orig).toMatchObject({ reason: 'no_socket_seen' });
  });

  it('have one looked at again that they may be of', () => {
    const scene = lossy();
    lose(scene, 10.5);
    expect(scene.last('C1').orig).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
  });
});
