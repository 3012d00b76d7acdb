import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openOutput } from '../../src/core/output-file.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'correlate-output-'));
  path = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Another process that has the file open; ends with the test, or by what it gives. */
async function another(flags: string): Promise<{ readonly pid: number; readonly end: () => Promise<unknown> }> {
  const code = `require('node:fs').openSync(${JSON.stringify(path)}, '${flags}'); console.log(); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL');
    return ended;
  };
  onTestFinished(async () => void (await end()));
  await once(child.stdout, 'data');
  return { pid: child.pid!, end };
}

describe('an output file', () => {
  it('is made, and emptied when it is there, also through a link', () => {
    symlinkSync('out', join(folder, 'link'));
    for (const name of [path, path, join(folder, 'link')]) {
      const fd = openOutput(name);
      expect(readFileSync(path, 'utf8')).toBe('');
      writeSync(fd, 'some');
      closeSync(fd);
    }
  });

  it('that another run writes to is refused and keeps what it has, until that run has ended', async () => {
    writeFileSync(path, 'before');
    const { pid, end } = await another('a');
    symlinkSync('out', join(folder, 'link'));
    for (const name of [path, join(folder, 'link')]) {
      expect(() => openOutput(name)).toThrowError(
        expect.objectContaining({
          code: 'OUTPUT_IN_USE',
          message: `${name}: process ${pid} writes to it, which would be lost`,
        }),
      );
    }
    expect(readFileSync(path, 'utf8')).toBe('before');
    await end();
    closeSync(openOutput(path));
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('that standard output goes to is written through it, also where who started the run has it open too', async () => {
    const child = new URL('../../dist/core/output-file.js', import.meta.url).pathname;
    const code = `import(${JSON.stringify(child)}).then(({ openOutput }) => {
      require('node:fs').writeSync(1, 'one ');
      require('node:fs').writeSync(openOutput('/dev/stdout'), 'two');
    })`;
    const fd = openSync(path, 'w');
    const [status] = (await once(
      spawn(process.execPath, ['-e', code], { stdio: ['ignore', fd, 'inherit'] }),
      'exit',
    )) as [number];
    closeSync(fd);
    expect([status, readFileSync(path, 'utf8')]).toEqual([0, 'one two']);
  });

  it('that another run only reads is taken', async () => {
    writeFileSync(path, 'before');
    await another('r');
    closeSync(openOutput(path));
  });

  it('is made where the file that another run writes to was moved away', async () => {
    await another('w');
    renameSync(path, join(folder, 'out.1'));
    closeSync(openOutput(path));
  });

  it.each([
    ['missing/out', 'no such file or directory'],
    ['.', 'it is a directory'],
  ])('that cannot be opened is told: %s', (name, problem) => {
    expect(() => openOutput(join(folder, name))).toThrowError(
      expect.objectContaining({ code: 'OUTPUT_OPEN_FAILED', message: expect.stringContaining(problem) as string }),
    );
  });
});
