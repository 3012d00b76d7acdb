// Feeds changed inputs to everything that reads foreign bytes, and keeps whatever makes it throw, hang or grow.
//
//   npm run fuzz -- [--seconds 60] [--executions N] [--seed N] [--target NAME] [--no-totals]      per target; finds go to build/fuzz/
//   npm run fuzz -- --target NAME --replay FILE                                                   runs a find again
//
// A packet is an execution for the targets that take packets, an input for the others. What was run without a find is summed up in
// test/fuzz/totals.json.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mutate, randomSource } from '../test/fuzz/mutator.mjs';
import { networkTargets, spoiled } from '../test/fuzz/network-targets.mjs';
import { targets } from '../test/fuzz/targets.mjs';
import { Watchdog } from '../test/fuzz/watchdog.mjs';

/** An input that takes more CPU time than this is a find; one that takes longer than the second is not waited for. */
const HANG_MS = 1000;
const NO_END_MS = 30_000;
/** Growth of memory after the first tenth of a campaign that is a find. */
const GROWTH_BYTES = 96e6;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    executions: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    replay: { type: 'string' },
    'no-totals': { type: 'boolean', default: false },
  },
});
const { CorrelateError } = await import(new URL('../dist/core/errors.js', import.meta.url).href);
const finds = fileURLToPath(new URL('../build/fuzz', import.meta.url));
const totalsFile = fileURLToPath(new URL('../test/fuzz/totals.json', import.meta.url));
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'fuzz-'));
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

function keep(name, bytes, what) {
  mkdirSync(finds, { recursive: true });
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const file = join(finds, `${name.replaceAll(' ', '-')}-${hash}`);
  writeFileSync(file, bytes);
  console.log(`${name}: ${what}\n  input kept in ${file}`);
}

function memory() {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The input under way. */
let current;
process.on('exit', () => {
  // Nothing was left that could settle what is awaited.
  if (current !== undefined) keep(current.name, current.bytes, 'never came to its end');
});

/** Runs one input; tells whether it was a find. */
async function runInput(target, bytes, random) {
  const began = Date.now();
  const cpu = cpuMs();
  let executions = 1;
  let found = false;
  current = { name: target.name, bytes };
  try {
    executions = (await target.run(bytes, random)) ?? 1;
  } catch (error) {
    if (!(error instanceof CorrelateError)) {
      found = true;
      keep(target.name, bytes, error?.stack ?? String(error));
    }
  }
  // Elsewhere the machine may have been busy.
  if (Date.now() - began > HANG_MS && cpuMs() - cpu > HANG_MS) {
    found = true;
    keep(target.name, bytes, `took ${Math.round(cpuMs() - cpu)} ms of CPU`);
  }
  current = undefined;
  return { executions, found };
}

async function campaign(target) {
  const random = randomSource(Number(values.seed));
  const watchdog = new Watchdog(target.name, finds, NO_END_MS);
  const began = Date.now();
  const until = began + Number(values.seconds) * 1000;
  const most = Number(values.executions);
  let executions = 0;
  let found = 0;
  let baseline;
  let last;
  const pick = () => target.seeds[random(target.seeds.length)];
  while (Date.now() < until && executions < most && found < 5) {
    const made = target.generate?.(random);
    const bytes = made === undefined ? mutate(pick(), pick(), random) : spoiled(made, last ?? made, random);
    last = made;
    watchdog.begin(bytes);
    const result = await runInput(target, bytes, random);
    executions += result.executions;
    if (result.found) found++;
    if (baseline === undefined && (Date.now() - began > (until - began) / 10 || executions > most / 10))
      baseline = memory();
  }
  await watchdog.stop();
  const growth = memory() - (baseline ?? memory());
  if (growth > GROWTH_BYTES) {
    found++;
    console.log(`${target.name}: memory grew by ${Math.round(growth / 1e6)} MB`);
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(
    `${target.name}: ${executions} executions in ${seconds} s, ${found} finds, grew by ${(growth / 1e6).toFixed(1)} MB`,
  );
  if (found === 0 && !values['no-totals']) addToTotals(target.name, executions, seconds);
  return found;
}

function addToTotals(name, executions, seconds) {
  const totals = existsSync(totalsFile) ? JSON.parse(readFileSync(totalsFile, 'utf8')) : {};
  const before = totals[name] ?? { executions: 0, seconds: 0 };
  totals[name] = { executions: before.executions + executions, seconds: before.seconds + seconds };
  const sorted = Object.fromEntries(Object.entries(totals).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(totalsFile, `${JSON.stringify(sorted, null, 2)}\n`);
}

let total = 0;
try {
  for (const make of [...networkTargets, ...targets]) {
    const target = await make(scratch);
    if (values.target !== undefined && !target.name.includes(values.target)) continue;
    if (values.replay === undefined) total += await campaign(target);
    else if ((await runInput(target, readFileSync(values.replay), randomSource(1))).found) total++;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
process.exit(total > 0 ? 1 : 0);
