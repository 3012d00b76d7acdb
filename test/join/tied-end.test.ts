import { describe, expect, it } from 'vitest';
import { connectionObject } from '../../src/outputs/connection-json.js';
import type { End } from '../../src/records/attributed-connection.js';
import { Scene, t0 } from './scene.js';

const tables = ['process_open_sockets', 'interface_addresses', 'processes', 'users'] as const;
const WORKERS = 300;

/** A pool of processes that hold one listener, of which nothing tells who accepts. */
function pool(): Scene {
  const scene = new Scene().host('web', tables, { err: 0.001 });
  scene.added('web', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.20' });
  for (let pid = 100; pid < 100 + WORKERS; pid++) {
    const path = '/usr/sbin/worker';
    scene.added('web', 'processes', 0, { pid, parent: 1, path, cmdline: `worker ${pid}`, start_time: t0 / 1e6 - 100 });
    const local = { family: 2, protocol: 6, local_address: '0.0.0.0', local_port: 80 };
    scene.added('web', 'process_open_sockets', 0, { ...local, remote_port: 0, state: 'LISTEN', pid, fd: 3, socket: 7 });
  }
  return scene.complete('web', 0, tables);
}

function connect(scene: Scene, uid: string, at: number): void {
  const ends = `203.0.113.9 ${40_000 + at} > 192.0.2.20 80`;
  const answered = { conn_state: 'SF', history: 'ShADadFf', orig_pkts: 5, resp_pkts: 4 };
  scene
    .start(uid, at, ends)
    .end(uid, at, 0.5, ends, answered)
    .advance(at + 1);
}

function candidatesOf(end: End) {
  if (end.state !== 'ambiguous') throw new Error(end.state);
  return end.candidates;
}

describe('ends that many processes may own', () => {
  it('share these, who are not made for each connection', () => {
    const scene = pool();
    connect(scene, 'C1', 1);
    connect(scene, 'C2', 3);
    scene.complete('web', 10, tables).advance(10);
    const [first, second] = [scene.last('C1').resp, scene.last('C2').resp];
    expect(candidatesOf(first).map(({ process }) => process.pid)).toEqual(
      Array.from({ length: WORKERS }, (_, n) => 100 + n),
    );
    expect(candidatesOf(second)).toBe(candidatesOf(first));
    const evidence = candidatesOf(first)[7]!.evidence?.map(({ table, columns }) => [table, columns]);
    expect(evidence).toMatchObject([
      ['process_open_sockets', { pid: 107 }],
      ['processes', { cmdline: 'worker 107' }],
    ]);
  });

  it('have a candidate of their own where something else is told of it', () => {
    const scene = pool();
    connect(scene, 'C1', 1);
    scene.complete('web', 4, tables).advance(4);
    const processes = { pid: 107, parent: 1, path: '/usr/sbin/worker', start_time: t0 / 1e6 - 100 };
    scene.removed('web', 'processes', 5, { ...processes, cmdline: 'worker 107' }, 4);
    scene.added('web', 'processes', 5, { ...processes, cmdline: 'worker: reloading' }, 4);
    connect(scene, 'C2', 8);
    scene.complete('web', 12, tables).advance(12);
    const [before, after] = [candidatesOf(scene.last('C1').resp), candidatesOf(scene.last('C2').resp)];
    expect(after).not.toBe(before);
    const differ = after.filter((candidate, at) => candidate !== before[at]);
    expect(differ.map(({ process }) => process.cmdline)).toEqual(['worker: reloading']);
    const lines = [scene.last('C1'), scene.last('C2')].map((line) => connectionObject(line) as { resp: End });
    expect(lines.map(({ resp }) => candidatesOf(resp)[7]!.process.cmdline)).toEqual([
      'worker 107',
      'worker: reloading',
    ]);
  });
});
