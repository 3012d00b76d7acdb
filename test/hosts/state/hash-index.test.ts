import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashFour } from '../../../src/core/hash.js';
import { HashIndex } from '../../../src/hosts/state/hash-index.js';

/** Every number of the hash. */
function found(index: HashIndex, hash: number): number[] {
  const out: number[] = [];
  for (let slot = index.first(hash); slot >= 0; slot = index.next(slot, hash)) out.push(index.value(slot));
  return out.sort((a, b) => a - b);
}

describe('the index of numbers by hash', () => {
  it('has every number that was added and not removed under its hash, however many collide', () => {
    // Equal upper bits lie in one part; lower bits that are nearly equal begin at one slot, the highest ones at the last.
    const hash = fc.constantFrom(1, 2, 9, 0x0100_0001, 0x7f00_0001, -1, -9, -0x0100_0000, 0x1234_5678);
    const step = fc.record({ hash, value: fc.integer({ min: 1, max: 5 }), isAdd: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 400 }), (steps) => {
        const index = new HashIndex();
        const known = new Map<number, number[]>();
        let size = 0;
        for (const { hash: of, value, isAdd } of steps) {
          const list = known.get(of) ?? [];
          known.set(of, list);
          if (isAdd) {
            index.add(of, value);
            list.push(value);
            size++;
          } else {
            let slot = index.first(of);
            while (slot >= 0 && index.value(slot) !== value) slot = index.next(slot, of);
            expect(slot >= 0).toBe(list.includes(value));
            if (slot >= 0) {
              index.remove(slot);
              list.splice(list.indexOf(value), 1);
              size--;
            }
          }
        }
        for (const [of, list] of known) expect(found(index, of)).toEqual(list.sort((a, b) => a - b));
        expect(index.size).toBe(size);
      }),
      { numRuns: 200 },
    );
  });

  it('finds each of many when it has grown', () => {
    const index = new HashIndex();
    const hashOf = (value: number) => hashFour(1, 2, value, 0, 0, 0);
    for (let value = 1; value <= 50_000; value++) index.add(hashOf(value), value);
    for (let value = 1; value <= 50_000; value++) expect(found(index, hashOf(value))).toContain(value);
    expect(index.size).toBe(50_000);
  });
});
