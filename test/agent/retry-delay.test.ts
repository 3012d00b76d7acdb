import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../src/agent/retry-delay.js';

describe('the pause before the next attempt', () => {
  it('grows with the absence of the engine to a bound, and is drawn by lot', () => {
    expect([0, 10_000, 60_000, 3_600_000].map((outage) => retryDelayMs(outage, false, 0.5))).toEqual([
      500, 500, 1_000, 30_000,
    ]);
    expect([retryDelayMs(60_000, false, 0), retryDelayMs(60_000, false, 0.999)]).toEqual([500, 1_499]);
  });

  it('is long after a refusal, which needs a person', () => {
    expect(retryDelayMs(0, true, 0.5)).toBe(10_000);
  });
});
