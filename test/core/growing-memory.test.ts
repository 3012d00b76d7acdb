import { describe, expect, it } from 'vitest';
import { GrowingMemory } from '../../src/core/growing-memory.js';
import { withoutWebAssembly } from './without-webassembly.js';

function words({ buffer, offset }: GrowingMemory, count: number): Int32Array {
  return new Int32Array(buffer, offset, count);
}

describe.each([
  ['in place', <T>(run: () => T): T => run()],
  ['by copies', withoutWebAssembly],
])('GrowingMemory, %s', (_, within) => {
  it('keeps what it holds and is zero where it is new', () => {
    const held = within(() => {
      const memory = new GrowingMemory(4096, 1 << 22);
      words(memory, 1024).fill(7);
      for (const bytes of [8192, 1 << 20, 1 << 22]) memory.grow(bytes);
      return words(memory, 1 << 20);
    });
    expect(held.subarray(0, 1024).every((word) => word === 7)).toBe(true);
    expect(held.subarray(1024).every((word) => word === 0)).toBe(true);
  });

  it('holds as much as was asked for at once', () => {
    expect(within(() => words(new GrowingMemory(1 << 20, 1 << 20), 1 << 18)).length).toBe(1 << 18);
  });
});
