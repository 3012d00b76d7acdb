import { describe, expect, it } from 'vitest';
import { Scene } from './scene.js';
import { shownLine } from './world/engine.js';
import { Random } from './world/random.js';

const tables = ['socket_events', 'process_events', 'interface_addresses'] as const;
const address = '192.0.2.1';

interface Step {
  /** What the row is about, second; rows of later times may follow a watermark. */
  readonly about?: number;
  readonly take: (scene: Scene) => unknown;
}

interface Call {
  readonly action: 'connect' | 'accept' | 'send' | 'receive';
  readonly port: number;
  readonly peerPort: number;
  readonly pid: number;
}

/** What may happen around one connection of a host with itself at second 10, the clock known to a millisecond, in any order in which it may be told. */
function stepsOf(random: Random): Step[] {
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
  const from = 10 + random.int(-60, 60) / 1e3;
  const maybe = (chance: number, take: Step['take'], about?: number): void => {
    if (random.chance(chance)) steps.push({ ...(about !== undefined && { about }), take });
  };
  const lost = { kind: 'lost', host: 'a', stream: 'socket_events' } as const;
  maybe(0.15, (scene) => scene.row({ ...lost, from: scene.at(from), to: scene.at(from + 0.005) }), from);
  maybe(0.1, (scene) => scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(from) }));
  maybe(0.2, (scene) => scene.start('C2', 10.2, ends));
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
function told(seed: number, takesShortWay: boolean): { readonly lines: string[]; readonly scene: Scene } {
  const random = new Random(seed);
  const scene = new Scene({ startsKnown: random.chance(0.8), takesShortWay });
  scene.host('a', tables, { err: 0.001 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address });
  for (const pid of [7, 8]) {
    scene.event('a', 'process_events', 5, { pid, path: `/bin/p${pid}`, syscall: 'execve', uid: 0 });
  }
  const out: string[] = [];
  for (const [at, step] of stepsOf(random).entries()) {
    const before = scene.lines.length;
    step.take(scene);
    for (const line of scene.lines.slice(before)) out.push(`${at} ${line.rev} ${line.cause} ${shownLine(line)}`);
  }
  scene.join.end();
  return { lines: [...out, ...scene.lines.map((line) => `${line.rev} ${shownLine(line)}`)], scene };
}

describe('a connection of a host with an address of its own', () => {
  it('has the owners that all rows give it, whatever else is told and when', () => {
    const owned = { orig: 0, resp: 0 };
    for (let seed = 1; seed <= 600; seed++) {
      const { lines, scene } = told(seed, true);
      expect(lines, `seed ${seed}`).toEqual(told(seed, false).lines);
      const { orig, resp } = scene.last('C1');
      if (orig.state === 'attributed') owned.orig++;
      if (resp.state === 'attributed') owned.resp++;
    }
    expect(owned.orig).toBeGreaterThan(100);
    expect(owned.resp).toBeGreaterThan(100);
  });
});
