import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ArrivalQueue } from '../../src/server/arrival-queue.js';

describe('connections that arrive at once', () => {
  it('are begun in their order, a few in each turn, until none waits', async () => {
    const begun: number[] = [];
    const queue = new ArrivalQueue<number>((arrival) => begun.push(arrival));
    for (let i = 0; i < 50; i++) queue.add(i);
    expect(begun).toEqual([]);
    let before = 0;
    while (queue.length > 0) {
      await turn();
      expect(begun.length - before).toBeLessThanOrEqual(8);
      before = begun.length;
    }
    await turn();
    expect(begun).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('are begun at once again when none waits', async () => {
    const begun: number[] = [];
    const queue = new ArrivalQueue<number>((arrival) => begun.push(arrival));
    for (const arrival of [1, 2]) {
      queue.add(arrival);
      await turn();
      expect(begun).toContain(arrival);
    }
  });
});
