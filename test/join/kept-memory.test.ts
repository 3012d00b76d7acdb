import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { defaultJoinLimits } from '../../src/join/join-limits.js';
import type { Connection } from '../../src/records/connection.js';
import { Scene } from './scene.js';

const SECOND = 1_000_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A join that was given so many connections, each over as it began, a second apart, and those of them that are still in memory. */
async function given(count: number, latenessUs: number, port: (i: number) => number) {
  const join = new Join({
    latenessUs,
    attrWaitUs: 2 * SECOND,
    finalOnly: true,
    emit: () => {},
  });
  const refs: WeakRef<Connection>[] = [];
  for (let i = 0; i < count; i++) {
    const connection = {
      ts: i * SECOND,
      uid: `C${i}`,
      'id.orig_h': '192.0.2.1',
      'id.orig_p': port(i),
      'id.resp_h': '192.0.2.2',
      'id.resp_p': 443,
      proto: 'tcp',
      ip_proto: 6,
      duration: 0.1 * SECOND,
      conn_state: 'REJ',
      history: 'Sr',
      missed_bytes: 0,
      orig_pkts: 1,
      orig_ip_bytes: 60,
      resp_pkts: 1,
      resp_ip_bytes: 40,
    } as const;
    refs.push(new WeakRef<Connection>(connection));
    join.connection({ cause: 'end', capture: 'eth0', connection });
  }
  // What was asked for is held until the end of the task.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return { join, alive: refs.filter((ref) => ref.deref() !== undefined).length };
}

describe('connections that were let go', () => {
  it('are in memory no more when their time is over', async () => {
    const { join, alive } = await given(6_000, 4_000 * SECOND, (i) => 1_024 + i);
    expect(join.stats.kept).toBeGreaterThan(3_900);
    expect(alive).toBeLessThan(join.stats.kept + 100);
  });

  it('are in memory no more when they went at the bound, though one that ended before them is kept', async () => {
    const { join, alive } = await given(20_000, 100_000 * SECOND, (i) => (i === 0 ? 1_023 : 1_024));
    expect(join.stats.kept).toBe(1 + defaultJoinLimits.connectionsOfTuple);
    expect(alive).toBeLessThan(2_000);
  });

  it('have left nothing of what was found of their ends', async () => {
    const refs: WeakRef<object>[] = [];
    const scene = new Scene({ latenessUs: 5 * SECOND, emit: ({ orig }) => refs.push(new WeakRef<object>(orig)) });
    const tables = ['socket_events', 'interface_addresses'] as const;
    scene.host('a', tables, { err: 0.001 });
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    for (let i = 0; i < 500; i++) {
      const port = 40_000 + i;
      const peer = { remote_address: '192.0.2.2', remote_port: 443 } as const;
      const call = { action: 'connect', family: 2, protocol: 6, pid: 7, socket: String(i) } as const;
      const own = { local_address: '192.0.2.1', local_port: port } as const;
      // Half of them have an owner.
      if (i % 2 === 0) scene.event('a', 'socket_events', 10 + i - 0.0001, { ...call, ...own, ...peer });
      scene.start(`C${i}`, 10 + i, `192.0.2.1 ${port} > 192.0.2.2 443`);
      scene.end(`C${i}`, 10 + i, 0.2, `192.0.2.1 ${port} > 192.0.2.2 443`).complete('a', 10.5 + i, tables);
    }
    scene.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(refs.length).toBeGreaterThanOrEqual(500);
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(20);
    expect(scene.join.stats.kept).toBe(0);
  });
});
