/**
 * A point in time or a length of time in integer microseconds. Points count from the Unix epoch. A double holds
 * them exactly until the year 2255, so no BigInt is needed anywhere.
 */
export type Micros = number;

export const SECOND: Micros = 1_000_000;
export const MILLISECOND: Micros = 1_000;

/**
 * Epoch seconds with six decimals, printed from the integer so that no rounding of a double shows
 * (`1700000000000123` gives `1700000000.000123`).
 */
export function formatSeconds(us: Micros): string {
  const sign = us < 0 ? '-' : '';
  const abs = us < 0 ? -us : us;
  const whole = Math.floor(abs / SECOND);
  const rest = abs - whole * SECOND;
  return `${sign}${whole}.${String(SECOND + rest).slice(1)}`;
}

/**
 * Microseconds from epoch seconds given as a number or decimal text, as logs write them.
 * Text is read digit by digit, so six decimals survive. Undefined when it is not a finite number.
 */
export function parseSeconds(value: string | number): Micros | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * SECOND) : undefined;
  const match = /^\s*(-?)(\d{1,12})(?:\.(\d+))?\s*$/.exec(value);
  if (match === null) return undefined;
  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? '').padEnd(6, '0').slice(0, 6));
  const us = whole * SECOND + fraction;
  return match[1] === '-' ? -us : us;
}

/** ISO 8601 in UTC with microseconds, the form of ECS's `@timestamp`. */
export function formatIso(us: Micros): string {
  const ms = Math.floor(us / MILLISECOND);
  const rest = us - ms * MILLISECOND;
  return new Date(ms).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`);
}
