import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';
import { shownLine } from './world/engine.js';
import { Random } from './world/random.js';

const tables = ['socket_events', 'process_events', 'interface_addresses'] as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 53 udp';
const sending = {
  ...{ action: 'send', family: 2, protocol: 17, local_address: '192.0.2.1', local_port: 40_000 },
  ...{ remote_address: '192.0.2.2', remote_port: 53 },
} as const;

interface Step {
  /** What the row is about, second; rows of later times may follow a watermark. */
  readonly about?: number;
  readonly take: (scene: Scene) => unknown;
}

/** What may happen around one datagram at second 10, the clock known to a millisecond, in any order in which a host may tell it. */
function stepsOf(random: Random): Step[] {
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
  const from = 10 + random.int(-60, 60) / 1e3;
  const lost = { kind: 'lost', host: 'a', stream: 'socket_events' } as const;
  maybe(0.15, {
    about: from,
    take: (scene) => scene.row({ ...lost, from: scene.at(from), to: scene.at(from + 0.005) }),
  });
  maybe(0.1, { take: (scene) => scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(from) }) });
  maybe(0.2, { take: (scene) => scene.start('C2', 10.2, ends) });
  for (let at = steps.length - 1; at > 0; at--) {
    const other = random.int(0, at);
    [steps[at], steps[other]] = [steps[other]!, steps[at]!];
  }
  let after = 0;
  for (const until of [9.99, 9.9995, 10.0005, 10.002]) {
    if (random.chance(0.5)) continue;
    const last = steps.findLastIndex(({ about = Infinity }) => about <= until);
    after = random.int(Math.max(after, last + 1), steps.length);
    steps.splice(after++, 0, { take: (scene) => scene.complete('a', until, tables) });
  }
  for (const until of [11, 30]) steps.push({ take: (scene) => scene.complete('a', until, tables) });
  steps.splice(steps.length - 2, 0, { take: (scene) => scene.end('C1', 10, 0.3, ends) });
  return steps;
}

/** Every line and the step at which it came. */
function linesOf(seed: number, takesShortWay: boolean): string[] {
  const random = new Random(seed);
  const scene = new Scene({ startsKnown: random.chance(0.8), takesShortWay });
  scene.host('a', tables, { err: 0.001 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  scene.event('a', 'process_events', 5, { pid: 7, path: '/bin/dig', syscall: 'execve', uid: 0 });
  const out: string[] = [];
  for (const [at, step] of stepsOf(random).entries()) {
    const told = scene.lines.length;
    step.take(scene);
    for (const line of scene.lines.slice(told)) out.push(`${at} ${line.rev} ${line.cause} ${shownLine(line)}`);
  }
  scene.join.end();
  return [...out, ...scene.lines.map((line) => `${line.rev} ${shownLine(line)}`)];
}

describe('the sender of datagrams of whom one call tells', () => {
  it('is named when all rows name it, whatever else is told and when', () => {
    let owned = 0;
    for (let seed = 1; seed <= 600; seed++) {
      const lines = linesOf(seed, true);
      expect(lines, `seed ${seed}`).toEqual(linesOf(seed, false));
      if (lines.at(-1)!.includes('"attributed"')) owned++;
    }
    expect(owned).toBeGreaterThan(100);
  });
});
