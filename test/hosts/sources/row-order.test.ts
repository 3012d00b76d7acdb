import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareRows, sortedOnce } from '../../../src/hosts/sources/osquery/row-order.js';

type Row = Record<string, string | number>;

const names = fc.constantFrom('a', 'ab', 'a"', 'pid', 'z', '1', '\ud800');
const values = fc.oneof(
  fc.constantFrom('', 'a', 'a ', 'a!', 'a"', 'a\\', 'ab', '1', '\u0000', 'ü', '\ud800', '\ufffd'),
  fc.constantFrom(0, -0, 1, 12, -1, 1.5, 1e21, 1e22, Number.POSITIVE_INFINITY),
);
const rows = fc.dictionary(names, values, { maxKeys: 4 });

describe('rows', () => {
  it('have the order of their text as JSON', () => {
    const textOrder = (a: Row, b: Row) => {
      const [text, other] = [JSON.stringify(a), JSON.stringify(b)];
      return text < other ? -1 : text > other ? 1 : 0;
    };
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        expect(Math.sign(compareRows(a, b))).toBe(textOrder(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it('that are the same are one, the first', () => {
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 8 }), (list) => {
        const byText = new Map([...list].reverse().map((row) => [JSON.stringify(row), row]));
        const expected = [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
        const once = sortedOnce(list);
        expect(once.length).toBe(expected.length);
        for (const [at, row] of once.entries()) expect(row).toBe(expected[at]);
      }),
    );
  });
});
