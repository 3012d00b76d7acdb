import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { waitingSeconds } from '../../src/cli/values.js';

describe('seconds to wait', () => {
  it('are microseconds up to the longest time that a timer takes', () => {
    expect(waitingSeconds('0.5')).toBe(500_000);
    expect(waitingSeconds('2147483')).toBe(2_147_483_000_000);
  });

  it.each(['2147484', '3000000', '1e9', '-1', 'soon'])('are refused beyond it, and what is no number: %s', (text) => {
    expect(() => waitingSeconds(text)).toThrow(InvalidArgumentError);
  });
});
