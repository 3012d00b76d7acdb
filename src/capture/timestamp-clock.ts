import type { Micros } from '../core/time.js';

/**
 * How the 64-bit timestamps of one pcapng interface become microseconds: `ticks * multiply / divide + offsetUs`,
 * where one of the factors is 1 for decimal units.
 */
export interface TimestampClock {
  readonly multiply: number;
  readonly divide: number;
  readonly offsetUs: Micros;
}

const WORD = 0x1_0000_0000;
/** Ticks of a microsecond at most for which `ticksToMicros` is exact. */
export const FINEST_EXACT_TICKS = 1_000_000;

/**
 * The clock of if_tsresol (bit 7 clear: units of 10^-n seconds, set: of 2^-n) and if_tsoffset (seconds to add).
 * A microsecond is 10^6 units of 10^-6 s; in units of 2^-n it is 2^n / 10^6 = 2^(n-6) / 15625.
 */
export function microsecondClock(resolution: number, offsetSeconds: number): TimestampClock {
  const exponent = resolution & 0x7f;
  const offsetUs = offsetSeconds * 1_000_000;
  if ((resolution & 0x80) !== 0) return { multiply: 15_625, divide: 2 ** (exponent - 6), offsetUs };
  if (exponent < 6) return { multiply: 10 ** (6 - exponent), divide: 1, offsetUs };
  return { multiply: 1, divide: 10 ** (exponent - 6), offsetUs };
}

/**
 * Microseconds of a timestamp given as two words, rounded down. Exact, without 64-bit integers, for every unit down to
 * 10^-12 and 2^-27 s; with finer ones a time just below a whole microsecond may be rounded up. A time before 1970 or after 2255 (a hostile file) is pulled to that bound, so it stays an integer.
 */
export function ticksToMicros(clock: TimestampClock, high: number, low: number): Micros {
  const scaledHigh = high * clock.multiply;
  const wholeHigh = Math.floor(scaledHigh / clock.divide);
  // What the high word leaves over is carried into the low one: long division with digits of 32 bits.
  const rest = (scaledHigh - wholeHigh * clock.divide) * WORD + low * clock.multiply;
  const us = wholeHigh * WORD + Math.floor(rest / clock.divide) + clock.offsetUs;
  return us > 0 ? Math.min(us, Number.MAX_SAFE_INTEGER) : 0;
}
