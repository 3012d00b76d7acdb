#!/usr/bin/env node
// Puts one named fault at a time into a copy of the sources and demands that a test turns red for each.
//
//   node scripts/mutate.mjs [--list] [--only NAME]... [--ci]
//
// --ci runs the faults marked for it. Ends with 0 when every fault was caught, with 1 when one survived, with 2 when the run
// means nothing: a fault whose text is no longer in its file, a fault that does not load, or tests that fail without any fault.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { faults } from './mutations/faults.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const copied = [
  'src',
  'native',
  'test',
  'rules',
  'docs',
  'samples',
  'bin',
  'scripts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  // Behind their sources, so that they count as newer.
  'build/frames.wasm',
  'build/lines.wasm',
  'build/follow.wasm',
];
const timeLimitMs = 300_000;
const stopSignals = ['SIGINT', 'SIGTERM'];
/** Characters of what vitest said on stderr that are kept. */
const MOST_SAID = 65_536;

function chooseFaults() {
  const { values } = parseArgs({
    options: {
      list: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      ci: { type: 'boolean', default: false },
    },
  });
  const unknown = values.only.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) stop(`no such fault: ${unknown.join(', ')}`);
  const chosen = faults.filter(
    (fault) => (values.only.length === 0 || values.only.includes(fault.name)) && (!values.ci || fault.ci === true),
  );
  if (values.list) {
    for (const { name, file, tests } of chosen) console.log(`${name.padEnd(44)} ${file.padEnd(34)} ${tests.join(' ')}`);
    process.exit(0);
  }
  return chosen;
}

function stop(message) {
  console.error(`mutate: ${message}`);
  process.exit(2);
}

/** The chosen faults applied to the texts of their files. Every one is, before anything runs, so that code that moved is noticed at once. */
function prepare(chosen) {
  const problems = [];
  const prepared = faults.map((fault) => {
    const path = join(root, fault.file);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const places = text.split(fault.find).length - 1;
    if (places !== 1) problems.push(`${fault.name}: its text occurs ${places} times in ${fault.file}, not once`);
    for (const test of fault.tests) {
      if (!existsSync(join(root, test))) problems.push(`${fault.name}: there is no ${test}`);
    }
    return { ...fault, mutated: text.replace(fault.find, () => fault.replace), original: text };
  });
  if (problems.length > 0) stop(problems.join('\n        '));
  return prepared.filter(({ name }) => chosen.some((fault) => fault.name === name));
}

function copySources() {
  const folder = mkdtempSync(join(tmpdir(), 'correlate-mutate-'));
  for (const name of copied) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Runs vitest with all that it starts in a group of its own. Resolves with its exit code and what it said on stderr; undefined: it had to be ended. */
async function vitestOf(folder, args) {
  const program = join(folder, 'node_modules', 'vitest', 'vitest.mjs');
  const stdio = ['ignore', 'ignore', 'pipe'];
  const child = spawn(process.execPath, [program, 'run', ...args], { cwd: folder, detached: true, stdio });
  // A worker that runs for ever does not end with the one that started it.
  const end = () => process.kill(-child.pid, 'SIGKILL');
  const stop = (signal) => {
    end();
    process.kill(process.pid, signal);
  };
  for (const signal of stopSignals) process.once(signal, stop);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeLimitMs);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-MOST_SAID);
  });
  const [status] = await once(child, 'close');
  clearTimeout(timer);
  for (const signal of stopSignals) process.off(signal, stop);
  return isLate ? undefined : { status, said };
}

/** What the tests say: `red` (a test failed), `green`, or `broken` (a file did not load, so nothing was tested). */
async function runTests(folder, tests, bail) {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const args = ['--reporter=json', `--outputFile=${report}`, ...(bail ? ['--bail=1'] : []), ...tests];
  const done = await vitestOf(folder, args);
  // A fault that makes the program run for ever is noticed by that.
  if (done === undefined) return { verdict: 'red', by: `no end within ${timeLimitMs / 1000} s` };
  if (!existsSync(report)) return { verdict: 'broken', by: done.said.trim().split('\n').at(-1) ?? '' };
  const results = JSON.parse(readFileSync(report, 'utf8')).testResults;
  const failed = results.flatMap((file) => file.assertionResults).find((result) => result.status === 'failed');
  if (failed !== undefined) return { verdict: 'red', by: failed.fullName.trim() };
  const unloaded = results.find((file) => file.status === 'failed');
  if (unloaded !== undefined) return { verdict: 'broken', by: unloaded.message.split('\n')[0] };
  return { verdict: done.status === 0 ? 'green' : 'broken', by: '' };
}

async function main() {
  const prepared = prepare(chooseFaults());
  const folder = copySources();
  let exitCode = 0;
  try {
    const tests = [...new Set(prepared.flatMap((fault) => fault.tests))];
    const baseline = await runTests(folder, tests, true);
    if (baseline.verdict !== 'green') {
      console.error(`mutate: without any fault the tests are ${baseline.verdict}: ${baseline.by}`);
      process.exitCode = 2;
      return;
    }
    for (const fault of prepared) {
      const started = Date.now();
      writeFileSync(join(folder, fault.file), fault.mutated);
      const { verdict, by } = await runTests(folder, fault.tests, true);
      writeFileSync(join(folder, fault.file), fault.original);
      const word = { red: 'caught', green: 'SURVIVED', broken: 'BROKEN' }[verdict];
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      console.log(`${word.padEnd(9)}${fault.name.padEnd(44)}${seconds.padStart(6)} s  ${by.slice(0, 110)}`);
      if (verdict === 'green') exitCode = Math.max(exitCode, 1);
      if (verdict === 'broken') exitCode = 2;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exitCode = exitCode;
}

await main();
