// Runs the laws of the join over many simulated worlds, in one process for each law, and tells every world that breaks one.
//
//   npm run worlds -- [--count 10000] [--law 1]... [--from SEED]      a broken world is replayed with ORACLE_SEED=SEED
//   npm run worlds -- --law late --count 100                         with a store, a second or two for each world
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    law: { type: 'string', multiple: true, default: ['1', '2', '3', '4', '5', '6', '7', '8'] },
    from: { type: 'string' },
  },
});

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
let broken = 0;
for (const law of values.law) {
  const env = {
    ...process.env,
    ORACLE_COUNT: values.count,
    ...(values.from !== undefined && { ORACLE_FROM: values.from }),
  };
  const file = law === 'late' ? 'test/store/late-worlds.test.ts' : 'test/join/laws.test.ts';
  const name = law === 'late' ? 'late' : `law ${law}:`;
  const args = [vitest, 'run', file, '-t', name, '--testTimeout=86400000'];
  if (spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env }).status !== 0) broken++;
}
console.log(`${values.law.length - broken} laws held over ${values.count} worlds each, ${broken} did not`);
process.exit(broken > 0 ? 1 : 0);
