import { describe, expect, it } from 'vitest';
import { linesOf, type Step, type Told } from './short-way.js';
import type { Random } from './world/random.js';

const ends = '192.0.2.1 40000 > 192.0.2.2 53 udp';
const sending = {
  ...{ action: 'send', family: 2, protocol: 17, local_address: '192.0.2.1', local_port: 40_000 },
  ...{ remote_address: '192.0.2.2', remote_port: 53 },
} as const;

/** What may be told around one datagram at second 10. */
function tell(random: Random): Told {
  const near = (): number => 10 + random.int(-1_500, 1_500) / 1e6;
  const send = (pid: number, about: number): Step => ({
    about,
    take: (scene) => scene.event('a', 'socket_events', about, { ...sending, pid, socket: String(pid) }),
  });
  const steps: Step[] = [send(7, near()), { take: (scene) => scene.start('C1', 10, ends) }];
  const maybe = (chance: number, step: Step): unknown => random.chance(chance) && steps.push(step);
  maybe(0.2, send(8, near()));
  maybe(0.1, send(9, 9.9));
  const bound = { action: 'bind', family: 2, protocol: 17, local_address: '0.0.0.0', local_port: 40_000 } as const;
  maybe(0.1, {
    about: 9.5,
    take: (scene) => scene.event('a', 'socket_events', 9.5, { ...bound, pid: 6, socket: '6' }),
  });
  return { ends, steps };
}

describe('the sender of datagrams of whom one call tells', () => {
  it('is named when all rows name it, whatever else is told and when', () => {
    let owned = 0;
    for (let seed = 1; seed <= 600; seed++) {
      const told = (takesShortWay: boolean): string[] => linesOf(seed, takesShortWay, { 7: '/bin/dig' }, tell).lines;
      const lines = told(true);
      expect(lines, `seed ${seed}`).toEqual(told(false));
      if (lines.at(-1)!.includes('"attributed"')) owned++;
    }
    expect(owned).toBeGreaterThan(100);
  });
});
