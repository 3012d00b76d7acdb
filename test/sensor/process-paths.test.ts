import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcFiles } from '../../src/sensor/proc-files.js';
import { processPaths } from '../../src/sensor/process-paths.js';

const isRoot = process.getuid?.() === 0;
const files = new ProcFiles();

describe('the paths of a process', () => {
  let folder: string;
  const started: ChildProcess[] = [];
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'process-paths-')));
    // A program with the libraries that it needs.
    const libraries = execFileSync('ldd', ['/bin/sleep'], { encoding: 'utf8' }).match(/\/\S+/g)!;
    for (const file of ['/bin/sleep', ...libraries]) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      copyFileSync(file, join(folder, file));
    }
  });
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts it and waits until it runs the program. */
  async function start(command: readonly string[], program: string): Promise<number> {
    const child = spawn(command[0]!, command.slice(1), { cwd: folder, stdio: 'ignore' });
    started.push(child);
    for (let i = 0; files.link(`/proc/${child.pid}/exe`)?.endsWith(program) !== true; i++) {
      if (i > 500) throw new Error(`not running after 5 s: ${command.join(' ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return child.pid!;
  }

  it('are those of the links', async () => {
    const program = join(folder, 'bin/sleep');
    const pid = await start([program, '60'], program);
    expect(processPaths(files, pid)).toEqual({ path: program, isOnDisk: true, cwd: folder });
  });

  it('are told also when the file is gone', async () => {
    const program = join(folder, 'gone');
    copyFileSync(join(folder, 'bin/sleep'), program);
    const pid = await start([program, '60'], program);
    rmSync(program);
    expect(processPaths(files, pid)).toEqual({ path: program, isOnDisk: false, cwd: folder });
  });

  it.skipIf(!isRoot)('begin at the root of the process (needs root)', async () => {
    const pid = await start(['chroot', folder, '/bin/sleep', '60'], '/bin/sleep');
    expect(processPaths(files, pid)).toEqual({ path: '/bin/sleep', isOnDisk: true, cwd: '/' });
  });

  it.skipIf(!isRoot)('begin there too where the process has mounts of its own (needs root)', async () => {
    const pid = await start(['unshare', '-m', 'chroot', folder, '/bin/sleep', '60'], '/bin/sleep');
    expect(processPaths(files, pid)).toEqual({ path: '/bin/sleep', isOnDisk: true, cwd: '/' });
  });

  it('are absent of a process that is not there', () => {
    expect(processPaths(files, 2 ** 22 + 1)).toEqual({});
  });
});
