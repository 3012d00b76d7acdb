import { describe, expect, it } from 'vitest';
import { UserPool } from '../../../src/hosts/state/user-pool.js';

describe('the users of all hosts', () => {
  it('are one object for equal ones, and another for another uid of the same name', () => {
    const pool = new UserPool();
    const user = pool.open(1000, 'alice');
    expect(user).toEqual({ uid: 1000, name: 'alice' });
    expect(pool.open(1000, 'alice')).toBe(user);
    expect(pool.open(1001, 'alice')).toEqual({ uid: 1001, name: 'alice' });
  });

  it('go with the last host that has them', () => {
    const pool = new UserPool();
    const [user, other] = [pool.open(1000, 'alice'), pool.open(1001, 'alice')];
    pool.open(1000, 'alice');
    pool.release(user);
    expect(pool.open(1000, 'alice')).toBe(user);
    for (let i = 0; i < 2; i++) pool.release(user);
    pool.release(other);
    expect(pool.size).toBe(0);
    expect(pool.open(1000, 'alice')).not.toBe(user);
  });
});
