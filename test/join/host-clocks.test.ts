import { describe, expect, it } from 'vitest';
import { HostClocks, SAME_HOST_ERR } from '../../src/join/host-clocks.js';

describe('the clocks of a host', () => {
  const a = { id: 'a', number: 2 };
  const sample = (from: number, offset: number, err: number) =>
    ({ kind: 'clock', host: 'a', capture: 'eth0', offset, err, from }) as const;
  const errAt = (clocks: HostClocks, first: number): number => clocks.at(a, 'eth0', undefined, first).err;

  it.each([
    [[sample(10, 300, 40), sample(10, 310, 5), sample(20, 305, 8)]],
    [[sample(20, 305, 8), sample(10, 310, 5), sample(10, 300, 40)]],
  ])('hold from a moment on, the most exact of one moment, and the first for all before', (samples) => {
    const clocks = new HostClocks();
    for (const one of samples) clocks.add(a, one);
    expect([0, 10, 15, 20, 99].map((first) => errAt(clocks, first))).toEqual([5, 5, 5, 8, 8]);
  });

  it('tell which connections a sample concerns: all before it where it is the first', () => {
    const clocks = new HostClocks();
    expect(clocks.add(a, sample(10, 300, 40))).toBe(-Infinity);
    expect(clocks.add(a, sample(20, 305, 8))).toBe(20);
    expect(clocks.add(a, sample(10, 310, 5))).toBe(-Infinity);
    expect(clocks.add(a, sample(10, 310, 5))).toBeUndefined();
  });

  it('tell the latest one by the number of the host, where that is the one that holds', () => {
    const samples = [sample(20, 305, 8), sample(10, 300, 40), sample(20, 310, 5), sample(30, 1, 9)];
    for (const capture of ['eth0', 'eth1']) {
      const clocks = new HostClocks();
      clocks.add({ id: 'b', number: 5 }, { ...sample(0, 9, 9), host: 'b' });
      for (const one of samples) {
        clocks.add(a, { ...one, capture });
        for (const first of [0, 10, 15, 20, 29, 30, 99]) {
          const { offset, err, from } = clocks.at(a, capture, undefined, first);
          if (!clocks.isLatest(a.number, capture, first)) continue;
          expect([clocks.latestOffset(a.number), clocks.latestErr(a.number)]).toEqual([offset, err]);
          expect(from).toBeLessThanOrEqual(Math.max(first, 20));
        }
      }
      expect(clocks.isLatest(a.number, capture, 30)).toBe(capture === 'eth0');
      expect(clocks.isLatest(a.number, capture, 29)).toBe(false);
      expect(clocks.isLatest(3, capture, 30)).toBe(false);
      expect(clocks.isLatest(99, capture, 30)).toBe(false);
    }
  });

  it('are apart for each host and capture', () => {
    const clocks = new HostClocks();
    const b = { id: 'b', number: 0 };
    clocks.add(a, sample(10, 1, 1));
    clocks.add(a, { ...sample(10, 2, 2), capture: 'eth1' });
    clocks.add(b, { ...sample(10, 3, 3), host: 'b', capture: 'eth1' });
    const offsetOf = (host: typeof a, capture: string) => clocks.at(host, capture, undefined, 10).offset;
    expect([offsetOf(a, 'eth0'), offsetOf(a, 'eth1'), offsetOf(b, 'eth1')]).toEqual([1, 2, 3]);
    expect(clocks.at(b, 'eth0', undefined, 10)).toMatchObject({ offset: 0, measured: false });
    expect(clocks.at(b, 'eth0', 'b', 10)).toMatchObject({ offset: 0, measured: false, err: SAME_HOST_ERR });
    expect(clocks.at({ id: 'c', number: 9 }, 'eth0', undefined, 10).measured).toBe(false);
  });
});
