import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryAddon } from '../../src/core/memory-addon.js';

/** Page faults of a process of its own while V8 optimizes ten long functions, after it did `first`. */
function pageFaults(first: string): number {
  const script = `
    ${first}
    const faults = () => process.resourceUsage().minorPageFault;
    const start = faults();
    for (let k = 0; k < 10; k++) {
      const line = (i) => \`x = (x * \${i + k + 3} + a[(x ^ \${i}) & 63]) | 0; if (x > \${i * 1000}) x ^= \${i};\`;
      const body = Array.from({ length: 150 }, (_, i) => line(i)).join('');
      const f = new Function('a', 'n', \`let x = 1; for (let j = 0; j < n; j++) { \${body} } return x;\`);
      const a = new Int32Array(64).fill(k);
      for (let round = 0; round < 60; round++) f(a, 300);
    }
    console.log(faults() - start);`;
  const { stdout } = spawnSync(process.execPath, ['--no-concurrent-recompilation', '-e', script], { encoding: 'utf8' });
  return Number(stdout);
}

describe.skipIf(memoryAddon() === undefined)('memory that is freed', () => {
  it('is used again without a page fault once it stays with the process', () => {
    const addon = JSON.stringify(resolve(process.env.CORRELATE_MEMORY_ADDON ?? 'build/memory.node'));
    const kept = pageFaults(`if (!require(${addon}).keepFreed(1 << 30, 1 << 22)) throw new Error('not taken');`);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(pageFaults('') / 2);
  });
});
