import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/fuzz.mjs', import.meta.url));

describe('fuzzing', () => {
  // Enough inputs that a target that cannot run is noticed, and a reader that breaks on every tenth of them.
  it('finds nothing in a short run of every target', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [script, '--seconds', '10', '--executions', '150', '--seed', '5', '--no-totals'],
      { encoding: 'utf8' },
    );
    expect([status, stderr, stdout.split('\n').filter((line) => line.includes('kept in'))]).toEqual([0, '', []]);
    expect(stdout.match(/ executions in /g)?.length).toBeGreaterThanOrEqual(15);
  });
});
