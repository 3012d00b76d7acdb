import { describe, expect, it } from 'vitest';
import { type Run, runJoin, runLive, shownLine } from './world/engine.js';
import { Random } from './world/random.js';
import { shuffledOrder } from './world/schedule.js';
import { describeLine } from './world/verdict.js';
import { buildWorld, type World, type WorldOptions } from './world/world.js';

/** Worlds of each campaign. */
const count = Number(process.env.ORACLE_COUNT ?? 25);
const from = Number(process.env.ORACLE_SEED ?? process.env.ORACLE_FROM ?? 20_000_000);
const everything: WorldOptions = { losses: true, late: true, profiles: ['ebpf', 'ebpf', 'audit', 'poll', 'none'] };

/** Every line with the time at which it came. Which of two comes first that one input releases is nobody's promise. */
function timedLines({ lines, times }: Run): { readonly line: Run['lines'][number]; readonly at: number }[] {
  const order = (uid: string, other: string): number => (uid < other ? -1 : uid > other ? 1 : 0);
  return lines
    .map((line, i) => ({ line, at: times[i]! }))
    .sort((a, b) => a.at - b.at || order(a.line.connection.uid, b.line.connection.uid));
}

/** Every line when it came, revisions and what made it included. */
function mustBeEqual(world: World, short: Run, long: Run): number {
  expect(short.lines.length, `lines of world ${world.seed}`).toBe(long.lines.length);
  let owned = 0;
  const others = timedLines(long);
  for (const [i, { line, at }] of timedLines(short).entries()) {
    const { line: other, at: otherAt } = others[i]!;
    for (const end of [line.orig, line.resp]) if (end.state === 'attributed') owned++;
    const isSame = at === otherAt && line.rev === other.rev && line.cause === other.cause;
    if (isSame && shownLine(line) === shownLine(other)) continue;
    throw new Error(
      `ORACLE_SEED=${world.seed}: the short way gives at ${at}\n  ${describeLine(line, world)}\nand all rows at ${otherAt}\n  ${describeLine(other, world)}`,
    );
  }
  expect({ ...short.stats, looks: 0 }).toEqual({ ...long.stats, looks: 0 });
  return owned;
}

function campaign(options: WorldOptions, both: (world: World) => readonly [Run, Run]): void {
  let owned = 0;
  for (let seed = from; seed < from + (process.env.ORACLE_SEED === undefined ? count : 1); seed++) {
    const world = buildWorld(seed, options);
    owned += mustBeEqual(world, ...both(world));
  }
  expect(owned).toBeGreaterThan(0);
}

describe('the short way to an owner', () => {
  it('gives every line that all rows give, live', () => {
    campaign(everything, (world) => [
      runLive(world, { advanceEvery: 1 }),
      runLive(world, { advanceEvery: 1, takesShortWay: false }),
    ]);
  });

  it('gives every line that all rows give where rows and connections come in any order', () => {
    campaign(everything, (world) => {
      const inputs = shuffledOrder(world, new Random(world.seed), 3_000_000);
      const options = { advanceEvery: 3, startsKnown: false };
      return [runJoin(world, inputs, options), runJoin(world, inputs, { ...options, takesShortWay: false })];
    });
  });

  it('gives every line that all rows give at the bounds', () => {
    const limits = { connections: 20, socketRows: 80, processRows: 60 };
    campaign({ ...everything, losses: false }, (world) => [
      runLive(world, { advanceEvery: 1, limits }),
      runLive(world, { advanceEvery: 1, limits, takesShortWay: false }),
    ]);
  });
});
