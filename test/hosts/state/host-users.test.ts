import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HostUsers } from '../../../src/hosts/state/host-users.js';
import { UserPool } from '../../../src/hosts/state/user-pool.js';

it('a host has the users that a map would have, and the pool no others', () => {
  const told = fc.record({ uid: fc.integer({ min: -2, max: 12 }), name: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(fc.array(told, { maxLength: 60 }), (rows) => {
      const pool = new UserPool();
      const users = new HostUsers();
      const expected = new Map<number, string>();
      for (const { uid, name } of rows) {
        users.set(uid, name, pool);
        expected.set(uid, name);
      }
      expect(users.size).toBe(expected.size);
      for (let uid = -3; uid <= 13; uid++) expect(users.get(uid)?.name).toBe(expected.get(uid));
      expect(pool.size).toBe(new Set(expected.values()).size);
    }),
  );
});
