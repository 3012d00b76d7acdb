import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserColumns, UserList } from '../../../src/hosts/state/user-list.js';

const step = fc.record({ user: fc.nat(40), list: fc.nat(3), stays: fc.boolean() });

describe('lists of users', () => {
  it('have each user in one of them, in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const columns = new UserColumns();
        // Two kinds for each of two addresses.
        const lists = [1, 2, 1, 2].map((kind) => new UserList(columns, kind));
        const expected: number[][] = [[], [], [], []];
        for (const { user: which, list, stays } of steps) {
          // Beyond what there is room for at first.
          const user = 20 * which;
          const at = expected.findIndex((users) => users.includes(user));
          if (at >= 0) {
            lists[at]!.remove(user);
            expected[at] = expected[at]!.filter((one) => one !== user);
          }
          if (stays) {
            lists[list]!.add(user);
            expected[list]!.push(user);
          }
          expect(lists.map((one) => one.has(user))).toEqual([0, 1, 0, 1].map((kind) => stays && list % 2 === kind));
        }
        expect(lists.map((list) => [...list])).toEqual(expected);
      }),
      // One that leaves from between two others, and one that comes then.
      {
        numRuns: 200,
        examples: [
          [
            [
              ...[1, 2, 3].map((user) => ({ user, list: 0, stays: true })),
              { user: 2, list: 0, stays: false },
              { user: 4, list: 0, stays: true },
            ],
          ],
        ],
      },
    );
  });
});
