import { inserted } from '../../core/short-list.js';
import type { KnownUser, UserPool } from './user-pool.js';

/** The users of one host, in order of their uid: a list of shared ones is a quarter of a map. The host bounds how many. */
export class HostUsers {
  #users: KnownUser[] = [];

  get size(): number {
    return this.#users.length;
  }

  get(uid: number): KnownUser | undefined {
    const user = this.#users[this.#lowerBound(uid)];
    return user?.uid === uid ? user : undefined;
  }

  /** The user is called so from now on; `pool` has those of all hosts. */
  set(uid: number, name: string, pool: UserPool): void {
    const at = this.#lowerBound(uid);
    const before = this.#users[at];
    const user = pool.open(uid, name);
    if (before?.uid === uid) {
      pool.release(before);
      this.#users[at] = user;
    } else this.#users = inserted(this.#users, at, user);
  }

  /** The place of the first user with this uid or a higher one. */
  #lowerBound(uid: number): number {
    let low = 0;
    let high = this.#users.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#users[middle]!.uid < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
