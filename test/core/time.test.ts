import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIso, formatSeconds, parseSeconds } from '../../src/core/time.js';

describe('times', () => {
  it.each([
    [1_700_000_000_000_123, '1700000000.000123'],
    [0, '0.000000'],
    [1, '0.000001'],
    [-1, '-0.000001'],
    [-1_500_000, '-1.500000'],
  ])('print %d µs as %s', (us, text) => {
    expect(formatSeconds(us)).toBe(text);
  });

  it('come back from their text, to the microsecond, until the year 2255', () => {
    fc.assert(
      fc.property(fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 }), (us) => {
        expect(parseSeconds(formatSeconds(us))).toBe(us);
      }),
    );
  });

  it.each([
    ['1.5', 1_500_000],
    ['1', 1_000_000],
    [' 2.0000019 ', 2_000_001],
    ['-0.25', -250_000],
    ['x', undefined],
    ['1e3', undefined],
    ['', undefined],
  ])('read %j', (text, us) => {
    expect(parseSeconds(text)).toBe(us);
  });

  it('read numbers and refuse what is not finite', () => {
    expect([parseSeconds(1.5), parseSeconds(Number.NaN), parseSeconds(Number.POSITIVE_INFINITY)]).toEqual([
      1_500_000,
      undefined,
      undefined,
    ]);
  });

  it('print ISO 8601 with microseconds', () => {
    expect(formatIso(1_700_000_000_000_123)).toBe('2023-11-14T22:13:20.000123Z');
  });
});
