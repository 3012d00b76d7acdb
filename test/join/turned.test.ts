import { describe, expect, it } from 'vitest';
import { mayBeAnswered } from '../../src/join/connection-view.js';
import { isAnswered } from '../../src/join/reference-neighbours.js';
import type { Connection } from '../../src/records/connection.js';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'process_events', 'interface_addresses'];
const web = { local_address: '192.0.2.2', local_port: 9443, remote_address: '192.0.2.1', remote_port: 40_000 };
const client = { local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 9443 };
const asSeen = '192.0.2.2 9443 > 192.0.2.1 40000';
const asKnown = '192.0.2.1 40000 > 192.0.2.2 9443';

/** A SYN ACK from 192.0.2.2 was the first packet, and both hosts tell of their calls. */
function begun(): Scene {
  const scene = new Scene({ startsKnown: true });
  for (const [host, address] of Object.entries({ a: '192.0.2.1', b: '192.0.2.2' })) {
    scene.host(host, tables, { err: 0.00002 });
    scene.added(host, 'interface_addresses', 1, { interface: 'eth0', address });
    scene.complete(host, 9, tables);
  }
  const columns = { family: 2, protocol: 6, path: '/bin/x' };
  scene.event('a', 'socket_events', 9.9999, { ...columns, action: 'connect', pid: 8, socket: '8', ...client });
  scene.start('C1', 10, asSeen, { history: 'H' });
  scene.event('b', 'socket_events', 10.001, { ...columns, action: 'accept', pid: 9, socket: '9', ...web });
  return scene;
}

function watermark(scene: Scene, until: number): void {
  for (const host of ['a', 'b']) scene.complete(host, until, tables);
  scene.advance(until + 1);
}

const owners = {
  connection: { 'id.orig_h': '192.0.2.1' },
  orig: { state: 'attributed', process: { pid: 8 } },
  resp: { state: 'attributed', process: { pid: 9 } },
};

describe('a connection of which a later packet tells who began it', () => {
  it('has each owner at its own end, where the owners come after that', () => {
    const scene = begun().end('C1', 10, 5, asKnown, { history: '^hA' });
    watermark(scene, 30);
    expect(scene.last()).toMatchObject(owners);
  });

  it('has each owner at its own end, where an owner was told before', () => {
    const scene = begun();
    watermark(scene, 12);
    expect(scene.last().connection['id.orig_h']).toBe('192.0.2.2');
    scene.end('C1', 10, 5, asKnown, { history: '^hA' });
    watermark(scene, 30);
    expect(scene.last()).toMatchObject(owners);
    scene.join.end();
    expect(scene.last()).toMatchObject(owners);
  });

  it('is no other one of the same ends', () => {
    const scene = begun().end('C1', 10, 5, asKnown, { history: '^hA' });
    scene.start('C2', 20, asSeen, { history: 'H' }).end('C2', 20, 2, asKnown, { history: '^hA' });
    watermark(scene, 90);
    scene.join.end();
    expect(scene.last('C1')).toMatchObject(owners);
    expect(scene.last('C2').orig).not.toMatchObject({ process: { pid: 9 } });
  });

  it('was answered, where an answer of UDP that counts for the originator told so', () => {
    const answered = (history: string, resp_pkts: number): boolean[] => {
      const connection = { proto: 'udp', history, resp_pkts, conn_state: 'S0' } as Connection;
      return [mayBeAnswered({ connection, ended: true, closed: false }), isAnswered(connection)];
    };
    expect(answered('D^', 0)).toEqual([true, true]);
    expect(answered('D', 0)).toEqual([false, false]);
    expect(answered('^D', 0)).toEqual([false, false]);
    expect(answered('^d', 1)).toEqual([true, true]);
  });
});
