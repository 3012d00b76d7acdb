import { describe, expect, it } from 'vitest';
import { HostClocks } from '../../src/join/host-clocks.js';

describe('the clocks of a host', () => {
  const sample = (from: number, offset: number, err: number) =>
    ({ kind: 'clock', host: 'a', capture: 'eth0', offset, err, from }) as const;
  const errAt = (clocks: HostClocks, first: number): number => clocks.at('a', 'eth0', undefined, first).err;

  it.each([
    [[sample(10, 300, 40), sample(10, 310, 5), sample(20, 305, 8)]],
    [[sample(20, 305, 8), sample(10, 310, 5), sample(10, 300, 40)]],
  ])('hold from a moment on, the most exact of one moment, and the first for all before', (samples) => {
    const clocks = new HostClocks();
    for (const one of samples) clocks.add(one);
    expect([0, 10, 15, 20, 99].map((first) => errAt(clocks, first))).toEqual([5, 5, 5, 8, 8]);
  });

  it('tell which connections a sample concerns: all before it where it is the first', () => {
    const clocks = new HostClocks();
    expect(clocks.add(sample(10, 300, 40))).toBe(-Infinity);
    expect(clocks.add(sample(20, 305, 8))).toBe(20);
    expect(clocks.add(sample(10, 310, 5))).toBe(-Infinity);
    expect(clocks.add(sample(10, 310, 5))).toBeUndefined();
  });
});
