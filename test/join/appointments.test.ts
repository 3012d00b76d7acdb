import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Appointments, DueEnds } from '../../src/join/appointments.js';
import { TURNS } from '../../src/join/turns.js';

/** Few moments, so that equal ones come; the least turns and the greatest. */
const entry = fc.record({ at: fc.nat(60), turn: fc.constantFrom(0, 1, 2, TURNS - 1) });
const step = fc.oneof({ weight: 60, arbitrary: entry }, { weight: 1, arbitrary: fc.record({ until: fc.nat(70) }) });

describe('appointments', () => {
  it('hand over every end whose moment has come, once and with its turn, and tell the earliest of the others', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const appointments = new Appointments();
        const due = new DueEnds();
        let waiting: { at: number; end: number; turn: number }[] = [];
        for (const [place, what] of steps.entries()) {
          // Up to the greatest number that an end has.
          const end = 2 ** 27 - 1 - steps.length + place;
          if ('until' in what) {
            due.count = 0;
            appointments.drain(what.until, due);
            const found = Array.from({ length: due.count }, (_, i) => [due.ends[i]!, due.turns[i]!]);
            const expected = waiting.filter(({ at }) => at <= what.until).map((one) => [one.end, one.turn]);
            expect(found.sort(([a], [b]) => a! - b!)).toEqual(expected);
            waiting = waiting.filter(({ at }) => at > what.until);
          } else {
            appointments.push(what.at, end, what.turn);
            waiting.push({ end, ...what });
          }
          expect(appointments.first).toBe(Math.min(Infinity, ...waiting.map(({ at }) => at)));
        }
      }),
    );
  });

  it('hand over nothing where nobody waits, however late it is', () => {
    const due = new DueEnds();
    new Appointments().drain(Infinity, due);
    expect(due.count).toBe(0);
  });
});
