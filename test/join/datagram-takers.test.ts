import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';

const tables = ['socket_events'] as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 53 udp';
const receive = {
  ...{ action: 'receive', family: 2, protocol: 17, local_address: '192.0.2.2', local_port: 53 },
  ...{ remote_address: '192.0.2.1', remote_port: 40_000 },
} as const;

/** One server took the first datagram, within the error of the clock; another, that followed it on the port, a later one. */
function twoServers(scene: Scene): Scene {
  scene.host('b', tables, { err: 0.001 });
  scene.event('b', 'socket_events', 10.0005, { ...receive, pid: 8, socket: '1' });
  return scene.event('b', 'socket_events', 10.5, { ...receive, pid: 9, socket: '2' });
}

describe('datagrams that several processes took in turn', () => {
  it('are not given to a later one while the first taker may have taken those of an earlier connection', () => {
    const scene = twoServers(new Scene()).end('C1', 10, 0.6, ends).complete('b', 20, tables);
    expect(scene.last().resp.state).toBe('pending');
    scene.join.end();
    expect(scene.last().resp).toMatchObject({
      state: 'ambiguous',
      candidates: [{ process: { pid: 8 } }, { process: { pid: 9 } }],
    });
    expect(scene.lines.map((line) => line.resp.state)).not.toContain('attributed');
  });

  it('stay ambiguous when earlier connections had to be forgotten', () => {
    const scene = twoServers(new Scene({ limits: { connections: 1 } }));
    scene.start('C0', 9, '192.0.2.1 40000 > 192.0.2.2 123 udp').end('C1', 10, 0.6, ends);
    scene.complete('b', 20, tables).join.end();
    expect(scene.last('C1').resp).toMatchObject({ state: 'ambiguous' });
  });

  it('belong to the taker alone where only the next connection has another', () => {
    const scene = twoServers(new Scene({ startsKnown: true }));
    scene.end('C1', 10, 0.1, ends).end('C2', 10.49, 0.1, ends).complete('b', 20, tables).join.end();
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last('C2').resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });
});
