import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microsecondClock, ticksToMicros } from '../../src/capture/timestamp-clock.js';

/** The definition, in exact integers. */
function reference(resolution: number, offsetSeconds: bigint, ticks: bigint): bigint {
  const exponent = BigInt(resolution & 0x7f);
  const unitsPerSecond = (resolution & 0x80) !== 0 ? 2n ** exponent : 10n ** exponent;
  const us = (ticks * 1_000_000n) / unitsPerSecond + offsetSeconds * 1_000_000n;
  if (us < 0n) return 0n;
  return us > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : us;
}

function convert(resolution: number, offsetSeconds: number, ticks: bigint): number {
  return ticksToMicros(microsecondClock(resolution, offsetSeconds), Number(ticks >> 32n), Number(ticks & 0xffffffffn));
}

describe('timestamps of pcapng interfaces', () => {
  it.each([
    { name: 'microseconds', resolution: 6, ticks: 1_700_000_000_123_456n, us: 1_700_000_000_123_456 },
    { name: 'nanoseconds, cut', resolution: 9, ticks: 1_700_000_000_123_456_999n, us: 1_700_000_000_123_456 },
    { name: 'seconds', resolution: 0, ticks: 1_700_000_000n, us: 1_700_000_000_000_000 },
    { name: 'milliseconds', resolution: 3, ticks: 1_700_000_000_123n, us: 1_700_000_000_123_000 },
    {
      name: 'units of 2^-20 s',
      resolution: 0x80 | 20,
      ticks: (1_700_000_000n << 20n) | 524_288n,
      us: 1_700_000_000_500_000,
    },
    { name: 'whole seconds as 2^0', resolution: 0x80, ticks: 1_700_000_000n, us: 1_700_000_000_000_000 },
  ])('reads $name', ({ resolution, ticks, us }) => {
    expect(convert(resolution, 0, ticks)).toBe(us);
  });

  it('agrees with exact integer arithmetic in every unit down to 10^-12 s and 2^-27 s', () => {
    const decimal = fc.integer({ min: 0, max: 12 });
    const binary = fc.integer({ min: 0, max: 27 }).map((exponent) => 0x80 | exponent);
    const offset = fc.integer({ min: -2_000_000_000, max: 2_000_000_000 });
    fc.assert(
      fc.property(
        fc.oneof(decimal, binary),
        offset,
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (resolution, seconds, ticks) => {
          // Beyond 2^53 microseconds a double is no longer exact before the offset is added.
          fc.pre(reference(resolution, 0n, ticks) < BigInt(Number.MAX_SAFE_INTEGER));
          expect(BigInt(convert(resolution, seconds, ticks))).toBe(reference(resolution, BigInt(seconds), ticks));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives an integer from 0 to the greatest exact one whatever the file claims', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const seconds = fc.double({ min: -(2 ** 63), max: 2 ** 63, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), seconds, word, word, (resolution, offset, high, low) => {
        const us = ticksToMicros(microsecondClock(resolution, Math.trunc(offset)), high, low);
        expect(us >= 0 && Number.isSafeInteger(us)).toBe(true);
      }),
    );
  });
});
