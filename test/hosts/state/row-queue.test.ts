import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSE_QUEUE, HostColumns } from '../../../src/hosts/state/host-columns.js';
import { RecordPages } from '../../../src/hosts/state/record-pages.js';
import { RowQueue } from '../../../src/hosts/state/row-queue.js';

const step = fc.record({ what: fc.constantFrom('add', 'add', 'take', 'all', 'retain'), host: fc.nat(2) });

describe('the queue of rows', () => {
  it('has the rows of each host in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const columns = new HostColumns();
        for (let host = 0; host < 3; host++) columns.open(host);
        const pages = new RecordPages();
        const queue = new RowQueue(columns, CLOSE_QUEUE, pages, 1);
        const expected: number[][] = [[], [], []];
        for (const { what, host } of steps) {
          const rows = expected[host]!;
          if (what === 'add') {
            const handle = pages.allocate(4);
            queue.add(host, handle);
            rows.push(handle);
          } else if (what === 'take') {
            expect(queue.takeOldest(host)).toBe(rows.shift() ?? 0);
            if (queue.count(host) > rows.length) queue.discount(host);
          } else {
            const isKept = (handle: number) => what === 'all' || handle % 3 !== 0;
            const asked: number[] = [];
            queue.retain(host, (handle) => {
              asked.push(handle);
              return isKept(handle);
            });
            expect(asked).toEqual(rows);
            expected[host] = rows.filter(isKept);
          }
          expect([0, 1, 2].map((one) => queue.count(one))).toEqual(expected.map(({ length }) => length));
        }
        for (const [host, rows] of expected.entries()) {
          for (const row of rows) expect(queue.takeOldest(host)).toBe(row);
          expect(queue.takeOldest(host)).toBe(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});
