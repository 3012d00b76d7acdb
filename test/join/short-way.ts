import { Scene } from './scene.js';
import { shownLine } from './world/engine.js';
import { Random } from './world/random.js';

// What an end that one call decides says, held against what all rows say.

const tables = ['socket_events', 'process_events', 'interface_addresses'] as const;

export interface Step {
  /** What the row is about, second; rows of later times may follow a watermark. */
  readonly about?: number;
  readonly take: (scene: Scene) => unknown;
}

/** Around a connection that begins at second 10. */
export interface Told {
  readonly ends: string;
  /** The connection and rows, in any order. */
  readonly steps: readonly Step[];
}

/** With what else may happen, in any order in which a host may tell it, the clock known to a millisecond. */
function inAnyOrder({ ends, steps: told }: Told, random: Random): Step[] {
  const steps = [...told];
  const maybe = (chance: number, step: Step): unknown => random.chance(chance) && steps.push(step);
  const from = 10 + random.int(-60, 60) / 1e3;
  const lost = { kind: 'lost', host: 'a', stream: 'socket_events' } as const;
  maybe(0.15, {
    about: from,
    take: (scene) => scene.row({ ...lost, from: scene.at(from), to: scene.at(from + 0.005) }),
  });
  maybe(0.1, { take: (scene) => scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(from) }) });
  maybe(0.2, { take: (scene) => scene.start('C2', 10.2, ends) });
  // What has waited for its first line until then is told.
  maybe(0.3, { take: (scene) => scene.advance(13) });
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

/** Every line of a host with 192.0.2.1, whose processes run the given programs, and the step at which it came. */
export function linesOf(
  seed: number,
  takesShortWay: boolean,
  programs: Readonly<Record<number, string>>,
  tell: (random: Random) => Told,
): { readonly lines: string[]; readonly scene: Scene } {
  const random = new Random(seed);
  const scene = new Scene({ startsKnown: random.chance(0.8), takesShortWay });
  scene.host('a', tables, { err: 0.001 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  for (const [pid, path] of Object.entries(programs)) {
    scene.event('a', 'process_events', 5, { pid: Number(pid), path, syscall: 'execve', uid: 0 });
  }
  const out: string[] = [];
  for (const [at, step] of inAnyOrder(tell(random), random).entries()) {
    const before = scene.lines.length;
    step.take(scene);
    for (const line of scene.lines.slice(before)) out.push(`${at} ${line.rev} ${line.cause} ${shownLine(line)}`);
  }
  scene.join.end();
  return { lines: [...out, ...scene.lines.map((line) => `${line.rev} ${shownLine(line)}`)], scene };
}
