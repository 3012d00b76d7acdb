import { isPrivateAddress } from '../../core/address.js';
import type { AddressUser, KnownAddress } from './address-table.js';
import type { HostState } from './host-state.js';
import { PeerIndex } from './peer-index.js';

/**
 * Users whose packets are seen on a host, at private addresses that it is not known to have: a container of it may have them, and what it accepts
 * without naming its own end be of these. So they meet those at the addresses that it has.
 */
export class Strangers<U extends AddressUser> {
  /** By the id of the host. */
  readonly #places = new Map<string, { readonly host: HostState; readonly users: PeerIndex<U> }>();

  /** From now on those of the host are known that enter. */
  attendTo(host: HostState): void {
    this.#places.set(host.id, { host, users: new PeerIndex() });
  }

  enter(user: U, local: KnownAddress<U>): void {
    // Mostly no host is attended to.
    if (this.#places.size === 0 || !user.mayAccept) return;
    const { seenOn } = user;
    const place = seenOn === undefined ? undefined : this.#places.get(seenOn);
    if (place === undefined || local.hosts?.includes(place.host) === true || !isPrivateAddress(local.text)) return;
    for (const address of place.host.known as KnownAddress<U>[]) address.meetUsers(user);
    place.users.add(user);
  }

  leave(user: U): void {
    if (this.#places.size > 0 && user.seenOn !== undefined) this.#places.get(user.seenOn)?.users.remove(user);
  }

  /** Those of a host that are connected to the same endpoint as the user. */
  of({ id }: HostState, user: U): readonly U[] {
    return this.#places.get(id)?.users.besides(user) ?? [];
  }
}
