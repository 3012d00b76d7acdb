/** Without a name where the host did not tell it. */
export interface KnownUser {
  readonly uid: number;
  readonly name?: string;
}

interface Entry {
  readonly user: KnownUser;
  uses: number;
}

/** Users as hosts tell of them, equal ones of all hosts once, each for as long as one has it. Unbounded itself; hosts bound theirs. */
export class UserPool {
  readonly #byName = new Map<string, Entry[]>();

  /** Names of users that some host has. */
  get size(): number {
    return this.#byName.size;
  }

  /** The user, which counts as used once more. */
  open(uid: number, name: string): KnownUser {
    const known = this.#byName.get(name);
    const entry = known?.find(({ user }) => user.uid === uid);
    if (entry !== undefined) {
      entry.uses++;
      return entry.user;
    }
    const user = { uid, name };
    if (known === undefined) this.#byName.set(name, [{ user, uses: 1 }]);
    else known.push({ user, uses: 1 });
    return user;
  }

  /** A host does not have the user any more. */
  release({ uid, name = '' }: KnownUser): void {
    const known = this.#byName.get(name) ?? [];
    const at = known.findIndex(({ user }) => user.uid === uid);
    if (at < 0 || --known[at]!.uses > 0) return;
    known.splice(at, 1);
    if (known.length === 0) this.#byName.delete(name);
  }
}
