// Feeds changed inputs to everything that reads foreign bytes, and keeps whatever makes it throw or hang.
//
//   npm run fuzz -- [--seconds 60] [--seed N] [--target NAME]        per target; finds go to build/fuzz/
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, randomSource } from '../test/fuzz/mutator.mjs';
import { targets } from '../test/fuzz/targets.mjs';

const HANG_MS = 1000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
  },
});
const { CorrelateError } = await import(new URL('../dist/core/errors.js', import.meta.url).href);
const finds = fileURLToPath(new URL('../build/fuzz', import.meta.url));
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'fuzz-'));

function keep(name, bytes, what) {
  mkdirSync(finds, { recursive: true });
  const file = join(
    finds,
    `${name.replaceAll(' ', '-')}-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`,
  );
  writeFileSync(file, bytes);
  console.log(`${name}: ${what}\n  input kept in ${file}`);
}

async function campaign(target) {
  const random = randomSource(Number(values.seed));
  const until = Date.now() + Number(values.seconds) * 1000;
  let runs = 0;
  let found = 0;
  while (Date.now() < until && found < 5) {
    const pick = () => target.seeds[random(target.seeds.length)];
    const bytes = mutate(pick(), pick(), random);
    const began = Date.now();
    try {
      await target.run(bytes, random);
    } catch (error) {
      if (!(error instanceof CorrelateError)) {
        found++;
        keep(target.name, bytes, error?.stack ?? String(error));
      }
    }
    if (Date.now() - began > HANG_MS) {
      found++;
      keep(target.name, bytes, `took ${Date.now() - began} ms`);
    }
    runs++;
  }
  console.log(
    `${target.name}: ${runs} inputs, ${found} finds, heap ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB`,
  );
  return found;
}

let total = 0;
try {
  for (const make of targets) {
    const target = await make(scratch);
    if (values.target === undefined || target.name.includes(values.target)) total += await campaign(target);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
process.exit(total > 0 ? 1 : 0);
