import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GrowingMemory } from '../../src/core/growing-memory.js';
import { adviseHugePages } from '../../src/core/huge-pages.js';

function kernelMode(): string | undefined {
  try {
    return /\[(\w+)\]/.exec(readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Memory of this process in huge pages, bytes. */
const hugeBytes = () =>
  1024 * Number(/AnonHugePages:\s+(\d+)/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))![1]);

/** What was allocated stays, so that the sum only grows. */
const kept: unknown[] = [];

describe('advice on huge pages', () => {
  describe.skipIf(kernelMode() !== 'madvise')('where the kernel gives them on request', () => {
    it.each([
      ['an array', () => new Int32Array(1 << 26)],
      ['shared memory', () => new Uint8Array(new SharedArrayBuffer(1 << 28))],
    ])('gets them for %s', (_, allocate) => {
      const before = hugeBytes();
      const memory = allocate();
      expect(adviseHugePages(memory)).toBe(true);
      memory.fill(1);
      kept.push(memory);
      // Memory may be too scattered for all of it.
      expect(hugeBytes() - before).toBeGreaterThan(1 << 24);
    });

    it('gets them for memory that grows', () => {
      const before = hugeBytes();
      const memory = new GrowingMemory(1 << 20, 1 << 28);
      memory.grow(1 << 28);
      new Uint8Array(memory.buffer).fill(1);
      kept.push(memory);
      expect(hugeBytes() - before).toBeGreaterThan(1 << 24);
    });
  });

  it('leaves a small one alone', () => {
    expect(adviseHugePages(new Uint8Array(4096))).toBe(false);
  });
});
