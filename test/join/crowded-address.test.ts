import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';

const tables = ['socket_events', 'process_open_sockets', 'interface_addresses'] as const;
const HOSTS = 100;
const address = '192.168.1.2';
const ends = `203.0.113.9 40000 > ${address} 443`;
const answered = { conn_state: 'SF', history: 'ShADadFf', orig_pkts: 5, resp_pkts: 4 };
const local = { family: 2, protocol: 6, local_address: '0.0.0.0', local_port: 443, remote_port: 0, state: 'LISTEN' };

/** Each behind a router of its own, with one address, as at home. One of them listens. */
function homes(hosts = HOSTS): Scene {
  const scene = new Scene({ startsKnown: true });
  for (let n = 0; n < hosts; n++) {
    scene.host(`home-${n}`, tables, { err: 0.001 });
    scene.added(`home-${n}`, 'interface_addresses', 0, { interface: 'eth0', address });
  }
  scene.added('home-7', 'process_open_sockets', 0, { ...local, pid: 70, fd: 3, socket: 9 });
  return scene;
}

function allTell(scene: Scene, until: number, hosts = HOSTS): void {
  for (let n = 0; n < hosts; n++) scene.complete(`home-${n}`, until, tables);
}

describe('an end at an address that very many hosts have', () => {
  it('is not looked at for each of them', () => {
    const scene = homes();
    const before = scene.join.stats.looks;
    scene.start('C1', 10, ends).end('C1', 10, 1, ends, answered).advance(12);
    allTell(scene, 20);
    expect(scene.join.stats.looks - before).toBeLessThan(10);
    scene.join.end();
    expect(scene.last('C1').resp).toEqual({ state: 'unattributed', reason: 'no_agent' });
  });

  it('is owned by who told of a call between its endpoints', () => {
    const scene = homes();
    const call = { action: 'accept', pid: 70, family: 2, protocol: 6, local_address: address, local_port: 443 };
    scene.start('C', 2, '203.0.113.1 1 > 203.0.113.2 2');
    scene.start('C1', 10, ends).end('C1', 10, 1, ends, answered).advance(12);
    scene.event('home-7', 'socket_events', 10.1, { ...call, remote_address: '203.0.113.9', remote_port: 40_000 });
    allTell(scene, 20);
    scene.advance(20);
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', host: { id: 'home-7' }, process: { pid: 70 } });
  });

  it('is that of the host on which its packets are seen', () => {
    const scene = homes();
    const seen = { captureHost: 'home-7', capture: 'home-7:eth0' };
    scene.row({ kind: 'clock', host: 'home-7', capture: 'home-7:eth0', offset: 0, err: 1_000, from: scene.at(0) });
    scene.start('C1', 10, ends, {}, seen).end('C1', 10, 1, ends, answered, seen).advance(12);
    allTell(scene, 20);
    scene.advance(20);
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', host: { id: 'home-7' }, process: { pid: 70 } });
  });

  it('is of that host also where this turns out to have the address last of all', () => {
    const scene = homes();
    const seen = { captureHost: 'late', capture: 'late:eth0' };
    scene.start('C1', 10, ends, {}, seen).end('C1', 10, 1, ends, answered, seen).advance(14);
    scene
      .host('late', tables)
      .row({ kind: 'clock', host: 'late', capture: 'late:eth0', offset: 0, err: 1_000, from: scene.at(0) });
    scene.added('late', 'process_open_sockets', 0, { ...local, pid: 5, fd: 3, socket: 9 });
    scene.added('late', 'interface_addresses', 0, { interface: 'eth0', address });
    scene.complete('late', 20, tables).advance(20);
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', host: { id: 'late' }, process: { pid: 5 } });
  });
});

describe('an end at an address that some hosts have', () => {
  it('waits for one of those that know of nothing at a time, and is decided when the last one has told', () => {
    const scene = homes(40);
    const before = scene.join.stats.looks;
    scene.start('C1', 10, ends).end('C1', 10, 1, ends, answered).advance(11.5);
    allTell(scene, 20, 39);
    expect(scene.lines).toEqual([]);
    scene.complete('home-39', 20, tables).advance(11.6);
    expect(scene.join.stats.looks - before).toBeLessThan(20);
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', host: { id: 'home-7' } });
  });
});
