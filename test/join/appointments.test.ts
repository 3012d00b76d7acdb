import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Appointments, DueEnds } from '../../src/join/appointments.js';

/** Few moments, so that equal ones come; turns of which some are no number where two words are read as one. */
const entry = fc.record({ at: fc.nat(60), turn: fc.constantFrom(1, 2, 0x7ff8_0001, -1, -0x8_0000) });
const step = fc.oneof({ weight: 60, arbitrary: entry }, { weight: 1, arbitrary: fc.record({ until: fc.nat(70) }) });

describe('appointments', () => {
  it('hand over every end whose moment has come, once and with its turn, and tell the earliest of the others', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const appointments = new Appointments();
        const due = new DueEnds();
        let waiting: { at: number; end: number; turn: number }[] = [];
        for (const [end, what] of steps.entries()) {
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
