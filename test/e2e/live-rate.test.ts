import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mayMakeNamespaces } from './namespaces.js';

const script = fileURLToPath(new URL('../../scripts/bench/live-rate.mjs', import.meta.url));
const hasCompiler = spawnSync('gcc', ['--version']).status === 0;

describe.skipIf(!mayMakeNamespaces || !hasCompiler)('live capture at the fastest rate (needs root, gcc)', () => {
  it('accounts for every packet that was sent: counted or reported as dropped', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--seconds', '1', '--json'], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const { sent, counted, dropped } = JSON.parse(stdout) as Record<string, number>;
    expect(sent).toBeGreaterThan(1_000);
    expect(counted! + dropped!).toBe(sent);
  });
});
