import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agenda } from '../../src/join/agenda.js';
import { Heap } from '../../src/join/heap.js';

const times = fc.array(fc.nat(1_000), { minLength: 100, maxLength: 300 });
const ascending = (a: number, b: number): number => a - b;

describe('a heap', () => {
  it('hands over what is due, earliest first one by one, all at once when drained', () => {
    fc.assert(
      fc.property(times, fc.nat(1_000), fc.boolean(), (ats, now, drains) => {
        const heap = new Heap<{ at: number }>();
        for (const at of ats) heap.push({ at });
        const out: { at: number }[] = [];
        if (drains) heap.drain(now, out);
        else for (let item = heap.pop(now); item !== undefined; item = heap.pop(now)) out.push(item);
        const due = out.map(({ at }) => at);
        expect(drains ? due.sort(ascending) : due).toEqual(ats.filter((at) => at <= now).sort(ascending));
        const rest: number[] = [];
        for (let item = heap.pop(Infinity); item !== undefined; item = heap.pop(Infinity)) rest.push(item.at);
        expect(rest).toEqual(ats.filter((at) => at > now).sort(ascending));
      }),
    );
  });
});

describe('an agenda', () => {
  it('hands over each entry once, when it is due and not before', () => {
    fc.assert(
      fc.property(times, fc.array(fc.nat(1_000_000), { maxLength: 20 }), (ats, nows) => {
        const agenda = new Agenda<number>((at) => at * 1_000);
        const left = [...ats];
        for (const at of ats) agenda.add(at);
        for (const now of nows.sort(ascending)) {
          const out: number[] = [];
          agenda.drain(now, (entry) => out.push(entry));
          expect(out.sort(ascending)).toEqual(left.filter((at) => at * 1_000 <= now).sort(ascending));
          for (const at of out) left.splice(left.indexOf(at), 1);
        }
      }),
    );
  });
});
