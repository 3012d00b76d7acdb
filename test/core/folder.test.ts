import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/core/folder.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'folder-'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a folder', () => {
  it('is made with those above it, each with the mode, and may be there', () => {
    const path = join(root, 'a/b/c');
    makeFolder(path, 0o700);
    makeFolder(path, 0o755);
    expect([path, join(root, 'a')].map((each) => statSync(each).mode & 0o777)).toEqual([0o700, 0o700]);
  });

  it('may be named with a slash behind, and relatively', () => {
    makeFolder(`${join(root, 'd')}/`);
    expect(statSync(join(root, 'd')).isDirectory()).toBe(true);
    makeFolder('.');
  });

  it('is not made where a file is, or a link to nowhere', () => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nowhere'), join(root, 'link'));
    expect(() => makeFolder(join(root, 'file'))).toThrow('it is no folder');
    expect(() => makeFolder(join(root, 'file/x'))).toThrow('ENOTDIR');
    expect(() => makeFolder(join(root, 'link'))).toThrow('EEXIST');
  });

  it.skipIf(process.platform !== 'linux')('that the kernel refuses to make is an error, not an endless loop', () => {
    const script = `import('${new URL('../../dist/core/folder.js', import.meta.url).href}').then((m) => m.makeFolder('/proc/correlate/x'))`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], { timeout: 20_000, encoding: 'utf8' });
    expect(stderr).toContain('ENOENT');
    expect(status).toBe(1);
  });
});
