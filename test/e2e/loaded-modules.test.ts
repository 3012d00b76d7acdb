import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bin, root } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'loaded-modules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run over a file', () => {
  it("loads of Node.js's own modules neither cryptography nor child processes, which take a while", () => {
    const told = join(folder, 'loaded');
    const teller = join(folder, 'teller.cjs');
    const tell = `require('node:fs').writeFileSync(${JSON.stringify(told)}, process.moduleLoadList.join('\\n'))`;
    writeFileSync(teller, `process.on('exit', () => ${tell});`);
    const sample = join(root, 'samples/desktop/traffic.pcap');
    const args = ['--require', teller, bin, '-q', '-r', sample, '--connections', '/dev/null'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const loaded = readFileSync(told, 'utf8').split('\n');
    expect(loaded).toContain('NativeModule fs');
    expect(loaded.filter((name) => /^NativeModule (crypto|child_process)$/.test(name))).toEqual([]);
  });
});
