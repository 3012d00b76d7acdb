import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { CorrelateError } from '../core/errors.js';
import type { StageKind } from '../selftest/stage.js';
import type { SensorChoice } from '../sensor/sensor-method.js';
import { createLog } from './log.js';
import { print } from './print.js';
import { sensorOption } from './sensor-option.js';
import { onSignals } from './signals.js';
import { asText, repeated } from './values.js';

interface Flags {
  readonly sensor: SensorChoice;
  readonly kind?: string[];
  readonly loopback?: true;
  readonly json?: true;
  readonly baseline?: true;
  readonly inUserNamespace?: true;
}

const INTERRUPTED = 130;

/** `correlate selftest`: known traffic on this machine, attributed and scored. */
export function addSelftestCommand(program: Command): void {
  program
    .command('selftest')
    .description(
      'make known traffic on this machine, attribute it, and say how well that went (exit code 1: a wrong owner)',
    )
    .addOption(sensorOption())
    .addOption(new Option('--kind <NAME>', 'make this kind alone (repeatable)').argParser(repeated(asText)))
    .option('--loopback', 'on loopback, even where network namespaces can be had')
    .option('--baseline', 'score the rules of the ancestor beside ours, on the same input')
    .option('--json', 'the result as one JSON line')
    .addOption(new Option('--in-user-namespace').hideHelp())
    .action(async (flags: Flags) => {
      process.exitCode = await runSelftest(flags);
    });
}

async function runSelftest(flags: Flags): Promise<number> {
  const { ChildPrograms, needTrafficProgram } = await import('../selftest/child-programs.js');
  const { namespacesRefused } = await import('../selftest/stage.js');
  const log = createLog({ json: false, quiet: true, verbose: false });
  needTrafficProgram();
  const stop = new AbortController();
  const signals = onSignals({ stop: () => stop.abort(), warn: log.warn });
  const probes = new ChildPrograms();
  try {
    if (flags.inUserNamespace) return await carryOut(flags, 'user-namespace', [OF_ONE_USER], stop.signal);
    if (flags.loopback) return await carryOut(flags, 'loopback', [], stop.signal);
    const refused = await namespacesRefused(probes, false);
    if (refused === undefined) return await carryOut(flags, 'namespaces', [], stop.signal);
    const refusedToUser = await namespacesRefused(probes, true);
    if (refusedToUser === undefined) return await asRootOfNamespace(stop.signal);
    const refusals = [`no network namespaces: ${refused}`, `no user namespace either: ${refusedToUser}`];
    return await carryOut(flags, 'loopback', refusals, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    signals.close();
    await probes.close();
  }
}

const OF_ONE_USER = 'without root: the programs are all of one user, and eBPF is not to be had';

async function carryOut(
  { sensor, kind: names, json, baseline }: Flags,
  stage: StageKind,
  refusals: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const { hasWrongOwner, needResults, selftest } = await import('../selftest/selftest.js');
  const { selftestObject, selftestText } = await import('../selftest/report.js');
  const { trafficKinds } = await import('../selftest/traffic-kind.js');
  const kinds = names === undefined ? trafficKinds : trafficKinds.filter(({ name }) => names.includes(name));
  const unknown = names?.filter((name) => !trafficKinds.some((kind) => kind.name === name)) ?? [];
  if (unknown.length > 0) {
    const known = trafficKinds.map(({ name }) => name).join(' ');
    throw new CorrelateError('USAGE', `there is no kind ${unknown.join(', ')}; there are: ${known}`);
  }
  const folder = baseline === undefined ? undefined : mkdtempSync(join(tmpdir(), 'correlate-selftest-'));
  try {
    const result = await selftest({
      stage,
      sensor,
      stop,
      kinds,
      readFile: (path) => readFileSync(path, 'utf8'),
      ...(folder !== undefined && { baselinePath: join(folder, 'baseline.jsonl') }),
    });
    const text = json ? JSON.stringify(selftestObject(result, refusals)) : selftestText(result, refusals);
    print(`${text}\n`);
    needResults(result);
    return hasWrongOwner(result) ? 1 : 0;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs this command again as the root of a user namespace, in a session of its own, so that signals of the terminal come from here alone. */
async function asRootOfNamespace(stop: AbortSignal): Promise<number> {
  const { trafficProgram } = await import('../selftest/child-programs.js');
  const args = ['alone', process.execPath, ...process.argv.slice(1), '--in-user-namespace'];
  const child = spawn(trafficProgram, args, { stdio: 'inherit', detached: true });
  stop.addEventListener('abort', () => void child.kill('SIGINT'), { once: true });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code !== null) resolve(code);
      else reject(new CorrelateError('SELFTEST_FAILED', `the selftest was ended by ${signal}`));
    });
  });
}
