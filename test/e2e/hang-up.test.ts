import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bin, jsonLines, root } from './program.js';

const command = `${process.execPath} ${bin}`;

let folder: string;
const started: number[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hang-up-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const pid of started.splice(0)) if (lives(pid)) process.kill(pid, 'SIGKILL');
});

function lives(pid: number): boolean {
  try {
    // A process that has ended and that nobody has waited for yet still has a pid.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not see ${what}`);
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** Runs a line of shell on a terminal of its own, in which `$PID` is a file for a pid. `close` takes the terminal away, as when a window is closed. */
async function onTerminal(line: string): Promise<{ readonly pid: number; close(): Promise<void> }> {
  const pidFile = join(folder, `pid-${started.length}`);
  const terminal = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: root,
    env: { ...process.env, PID: pidFile, SHELL: '/bin/sh' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await until('a process on the terminal', () => sizeOf(pidFile) > 0);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  rmSync(pidFile);
  started.push(pid);
  return {
    pid,
    close: () =>
      new Promise((resolve) => {
        terminal.on('exit', () => resolve());
        terminal.kill('SIGKILL');
      }),
  };
}

describe.skipIf(!existsSync('/usr/bin/script'))('a terminal that goes (needs script)', () => {
  it('ends a recording, which is whole', async () => {
    const file = join(folder, 'recording');
    const log = join(folder, 'log');
    const record = `record ${file} --sensor poll 2> ${log}`;
    const { pid, close } = await onTerminal(`echo $$ > $PID; exec ${command} ${record}`);
    await until('the recording', () => sizeOf(log) > 0 && sizeOf(file) > 1000);
    await close();
    await until('the end of the recording', () => !lives(pid));
    const text = readFileSync(file, 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    expect(jsonLines(text).length).toBe(text.split('\n').length - 1);
    expect(jsonLines(readFileSync(log, 'utf8')).at(-1)).toMatchObject({
      msg: expect.stringMatching(/^\d+ rows recorded$/) as string,
    });
  });

  it.each([
    ['ends a run that shows there alone what it sees', '', false],
    ['leaves a run going that writes a file', `--connections ${join(tmpdir(), 'hang-up-connections')}`, true],
  ])('%s', async (_name, outputs, goesOn) => {
    const fifo = join(folder, `fifo-${goesOn}`);
    spawnSync('mkfifo', [fifo]);
    // Both ways, so that it stays open.
    const traffic = await open(fifo, 'r+');
    const { pid, close } = await onTerminal(`echo $$ > $PID; exec ${command} -r - ${outputs} < ${fifo}`);
    const bytes = readFileSync(join(root, 'samples/desktop/traffic.pcap'));
    // It is more than what waits between two programs, so that some of it was read once all is written.
    await traffic.writeFile(bytes.subarray(0, bytes.length / 2));
    await close();
    if (goesOn) {
      await traffic.writeFile(bytes.subarray(bytes.length / 2));
      expect(lives(pid)).toBe(true);
      await traffic.close();
    }
    await until('the end of the run', () => !lives(pid));
    if (!goesOn) await traffic.close();
  });

  it('leaves a recording that was started with nohup going', async () => {
    const file = join(folder, 'lasting');
    const log = join(folder, 'nohup.out');
    rmSync(log, { force: true });
    const record = `nohup ${command} record ${file} --sensor poll`;
    const { pid, close } = await onTerminal(`cd ${folder}; ${record} & echo $! > $PID; wait`);
    await until('the recording', () => /recording into/.test(existsSync(log) ? readFileSync(log, 'utf8') : ''));
    await close();
    const before = sizeOf(file);
    await until('more rows', () => {
      // Each is a process, which a recording tells of.
      spawn('/bin/sleep', ['0.3']);
      return sizeOf(file) > before;
    });
    expect(lives(pid)).toBe(true);
    process.kill(pid, 'SIGTERM');
    await until('the end of the recording', () => !lives(pid));
  });
});

describe('SIGHUP without a terminal', () => {
  it('ends a recording', async () => {
    const file = join(folder, 'background');
    const program = spawn(process.execPath, [bin, 'record', file, '--sensor', 'poll'], {
      detached: true,
      stdio: 'ignore',
    });
    started.push(program.pid!);
    const ended = new Promise((resolve) => program.on('exit', (code, signal) => resolve([code, signal])));
    await until('rows', () => sizeOf(file) > 1000);
    program.kill('SIGHUP');
    expect(await ended).toEqual([0, null]);
  });
});
