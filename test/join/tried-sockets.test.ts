import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const tcp = { family: 2, protocol: 6 } as const;

/** So many rows of the host that has both addresses, one each millisecond from second 10 on. */
function flood(count: number, columns: (i: number) => Parameters<Scene['event']>[3]): Scene {
  const scene = new Scene({ startsKnown: true }).host('b', tables);
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address });
  }
  for (let i = 0; i < count; i++) scene.event('b', 'socket_events', 10 + i / 1_000, { ...tcp, ...columns(i) });
  return scene;
}

/** How many sockets are tried for the ends of a connection that begins then, once all was told. */
function tried(scene: Scene, at: number, ends: string, changes = {}): { orig: number; resp: number } {
  return triedFor(scene.end('C1', at, 10, ends, changes));
}

function triedFor(scene: Scene): { orig: number; resp: number } {
  scene.complete('b', 60, tables);
  const { orig, resp } = scene.join.explain(({ uid }) => uid === 'C1', 1)[0]!.explanation;
  return { orig: orig.tried.length, resp: resp.tried.length };
}

describe('for an end there are tried', () => {
  it('no more than the latest accepts that name its peer alone', () => {
    const accept = { action: 'accept', pid: 7, remote_address: '192.0.2.1', remote_port: 40_000 };
    for (const count of [100, 1_000, 4_000]) {
      const scene = flood(count, () => accept);
      const began = { history: 'DadA', conn_state: 'OTH' };
      const ends = '192.0.2.1 40000 > 192.0.2.2 443';
      expect(tried(scene, 9, ends, began)).toEqual({ orig: 0, resp: Math.min(count, 256) });
      expect(scene.join.stats.socketRowsEvicted).toBe(Math.max(0, count - 256));
    }
  });

  it('no accepts that name its peer alone but those between its first packet and its last', () => {
    const accept = { action: 'accept', pid: 7, remote_address: '192.0.2.1', remote_port: 40_000 };
    const scene = flood(256, () => accept);
    expect(tried(scene, 10.2, '192.0.2.1 40000 > 192.0.2.2 443')).toEqual({ orig: 0, resp: 56 });
    const short = flood(256, () => accept).end('C1', 10.1, 0.05, '192.0.2.1 40000 > 192.0.2.2 443');
    expect(triedFor(short)).toEqual({ orig: 0, resp: 51 });
  });

  it('no more than the latest calls that name its local port alone', () => {
    const bind = { action: 'bind', local_address: '0.0.0.0', local_port: 443 };
    for (const count of [100, 1_000, 4_000]) {
      const scene = flood(count, (i) => ({ ...bind, pid: 10 + i }));
      expect(tried(scene, 20, '192.0.2.1 40000 > 192.0.2.2 443')).toEqual({ orig: 0, resp: Math.min(count, 256) });
      expect(scene.join.stats.socketRowsEvicted).toBe(Math.max(0, count - 256));
    }
  });

  it('no connects that name its peer alone but the latest of just before its first packet', () => {
    const connect = { action: 'connect', pid: 7, remote_address: '192.0.2.2', remote_port: 443 };
    for (const count of [100, 200, 256]) {
      expect(
        tried(
          flood(count, () => connect),
          10.5,
          '192.0.2.1 40000 > 192.0.2.2 443',
        ),
      ).toEqual({ orig: count, resp: 0 });
    }
    for (const count of [4_000, 8_000]) {
      const scene = flood(count, () => connect);
      expect(tried(scene, 13, '192.0.2.1 40000 > 192.0.2.2 443')).toEqual({ orig: 256, resp: 0 });
      expect(scene.join.stats.socketRowsEvicted).toBe(0);
    }
    // Those of more than a second before are not.
    expect(
      tried(
        flood(200, () => connect),
        11.15,
        '192.0.2.1 40000 > 192.0.2.2 443',
      ),
    ).toEqual({ orig: 50, resp: 0 });
  });

  it('so few of many connects that one of another process may have been left out, while others have an owner', () => {
    const connect = { action: 'connect', remote_address: '192.0.2.2', remote_port: 443 };
    const owners = (other: number): string[] => {
      const scene = flood(400, (i) => ({ ...connect, pid: i === other ? 8 : 7 }));
      for (const [at, pid] of [
        [5, 6],
        [20, 9],
      ] as const) {
        scene.event('b', 'socket_events', at, { ...tcp, ...connect, pid });
      }
      const times = [5, 10.2, 10.5, 20];
      for (const at of times) scene.end(`C${at}`, at + 1e-4, 0.1, `192.0.2.1 ${40_000 + at * 10} > 192.0.2.2 443`);
      scene.complete('b', 60, tables).join.end();
      return times.map((at) => inWords(scene.last(`C${at}`).orig));
    };
    const [before, of7, after] = ['connect_event b:6', 'connect_event b:7', 'connect_event b:9'];
    expect(owners(-1)).toEqual([before, of7, of7, after]);
    expect(owners(0)).toEqual([before, 'ambiguous b:7 b:8', 'events_lost', after]);
    expect(owners(300)).toEqual([before, of7, 'ambiguous b:7 b:8', after]);
  });
});
