import { describe, expect, it } from 'vitest';
import { HostClock } from '../../src/server/host-clock.js';

const MS = 1_000;
const HOUR = 3_600_000_000;

/** A question that takes `to` there and `from` back, at an engine's time; the host's clock is ahead by `ahead`. */
const ask = (clock: HostClock, at: number, ahead: number, to: number, from: number) =>
  clock.reading(at, at + to + ahead, at + to + ahead + MS, at + to + MS + from);

describe('the clock of a host', () => {
  it('is within the error that is told, however unequal both ways are', () => {
    for (const [to, from] of [
      [MS, MS],
      [50 * MS, 0],
      [0, 50 * MS],
    ] as const) {
      const { offset, err } = ask(new HostClock(), 0, HOUR, to, from)!;
      expect(Math.abs(offset - HOUR)).toBeLessThanOrEqual(err);
    }
  });

  it('is told again when it is known more exactly, has been set, or was told long ago, and not otherwise', () => {
    const clock = new HostClock();
    expect(ask(clock, 0, 0, 40 * MS, 40 * MS)).toBeDefined();
    expect(ask(clock, 1_000 * MS, 0, 60 * MS, 60 * MS)).toBeUndefined();
    expect(ask(clock, 2_000 * MS, 0, MS, MS)).toMatchObject({ offset: 0 });
    expect(ask(clock, 3_000 * MS, 0, MS, MS)).toBeUndefined();
    expect(ask(clock, 4_000 * MS, HOUR, MS, MS)).toMatchObject({ offset: HOUR });
    expect(clock.best).toMatchObject({ offset: HOUR });
    expect(ask(clock, 5_000 * MS, HOUR, MS, MS)).toBeUndefined();
    expect(ask(clock, 1_000_000 * MS, HOUR, MS, MS)).toBeDefined();
  });
});
