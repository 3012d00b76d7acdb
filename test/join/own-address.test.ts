import { describe, expect, it } from 'vitest';
import { linesOf, type Step, type Told } from './short-way.js';
import type { Random } from './world/random.js';

const address = '192.0.2.1';
const programs = { 7: '/bin/p7', 8: '/bin/p8' };

interface Call {
  readonly action: 'connect' | 'accept' | 'send' | 'receive';
  readonly port: number;
  readonly peerPort: number;
  readonly pid: number;
}

/** What may be told around one connection of a host with itself at second 10. */
function tell(random: Random): Told {
  const isUdp = random.chance(0.4);
  const [port, peerPort] = random.chance(0.25) ? [5_353, 5_353] : [40_000, 8_080];
  const ends = `${address} ${port} > ${address} ${peerPort}${isUdp ? ' udp' : ''}`;
  const calls = isUdp ? (['send', 'receive'] as const) : (['connect', 'accept'] as const);
  const near = (): number => 10 + random.int(-1_500, 1_500) / 1e6;
  const steps: Step[] = [{ take: (scene) => scene.start('C1', 10, ends) }];
  const told = ({ action, port: local_port, peerPort: remote_port, pid }: Call, about: number): void => {
    const columns = {
      ...{ action, family: 2, protocol: isUdp ? 17 : 6, pid, socket: String(pid) },
      ...{ local_address: address, local_port, remote_address: address, remote_port },
    } as const;
    steps.push({ about, take: (scene) => scene.event('a', 'socket_events', about, columns) });
  };
  if (random.chance(0.8)) told({ action: calls[0], port, peerPort, pid: 7 }, near());
  if (random.chance(0.8)) told({ action: calls[1], port: peerPort, peerPort: port, pid: 8 }, near());
  if (random.chance(0.1)) told({ action: calls[0], port, peerPort, pid: 9 }, random.chance(0.5) ? near() : 9.9);
  if (random.chance(0.1)) told({ action: calls[0], port: peerPort, peerPort: port, pid: 9 }, near());
  if (random.chance(0.1)) told({ action: calls[1], port, peerPort, pid: 9 }, near());
  return { ends, steps };
}

describe('a connection of a host with an address of its own', () => {
  it('has the owners that all rows give it, whatever else is told and when', () => {
    const owned = { orig: 0, resp: 0 };
    for (let seed = 1; seed <= 600; seed++) {
      const told = (takesShortWay: boolean): ReturnType<typeof linesOf> => linesOf(seed, takesShortWay, programs, tell);
      const { lines, scene } = told(true);
      expect(lines, `seed ${seed}`).toEqual(told(false).lines);
      const { orig, resp } = scene.last('C1');
      if (orig.state === 'attributed') owned.orig++;
      if (resp.state === 'attributed') owned.resp++;
    }
    expect(owned.orig).toBeGreaterThan(100);
    expect(owned.resp).toBeGreaterThan(100);
  });
});
