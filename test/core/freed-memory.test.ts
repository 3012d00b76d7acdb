import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryAddon } from '../../src/core/memory-addon.js';

/** Page faults of a process of its own, after it did `first`, while it takes 100 MB that it had before and freed. */
function pageFaults(first: string): number {
  const script = `
    ${first}
    // Less than what the allocator asks the kernel for by itself.
    const take = () => Array.from({ length: 1000 }, () => Buffer.allocUnsafeSlow(100_000).fill(1));
    const held = () => process.memoryUsage().arrayBuffers > 10_000_000;
    const faults = () => process.resourceUsage().minorPageFault;
    void (async () => {
      take();
      while (held()) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const start = faults();
      take();
      console.log(faults() - start);
    })();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', script], { encoding: 'utf8' });
  expect(stdout, stderr).toMatch(/^\d+\n$/);
  return Number(stdout);
}

describe.skipIf(memoryAddon() === undefined)('memory that is freed', () => {
  it('is used again without a page fault once it stays with the process', () => {
    const addon = JSON.stringify(resolve(process.env.CORRELATE_MEMORY_ADDON ?? 'build/memory.node'));
    const kept = pageFaults(`if (!require(${addon}).keepFreed(1 << 30, 1 << 22)) throw new Error('not taken');`);
    expect(kept).toBeLessThan(pageFaults('') / 2);
  });
});
