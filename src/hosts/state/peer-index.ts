/** Something that is connected to an endpoint. */
export interface PeerUser {
  readonly remote: { readonly id: number };
  readonly remotePort: number;
}

const nobody: readonly never[] = [];

/** Users by the endpoint that they are connected to. */
export class PeerIndex<U extends PeerUser> {
  readonly #users = new Map<number, U[]>();

  /** Those of the same endpoint. */
  besides(user: U): readonly U[] {
    return this.#users.get(keyOf(user)) ?? nobody;
  }

  add(user: U): void {
    const key = keyOf(user);
    const list = this.#users.get(key);
    if (list === undefined) this.#users.set(key, [user]);
    else list.push(user);
  }

  remove(user: U): void {
    const key = keyOf(user);
    const list = this.#users.get(key);
    const at = list === undefined ? -1 : list.indexOf(user);
    if (at < 0) return;
    if (list!.length === 1) this.#users.delete(key);
    else list!.splice(at, 1);
  }
}

function keyOf({ remote, remotePort }: PeerUser): number {
  return remote.id * 65_536 + remotePort;
}
