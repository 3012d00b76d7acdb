import type { Micros } from '../../core/time.js';
import type { AddressTable } from './address-table.js';
import type { HostState } from './host-state.js';

/**
 * Forgets addresses that the host had before the horizon alone: of those that change again and again, as of containers, no more are kept than it
 * had since, nor of an address that passes from host to host more hosts. Returns whether there were any.
 */
export function forgetLeft(host: HostState, horizon: Micros, addresses: AddressTable): boolean {
  const left = new Set(host.addresses.prune(horizon));
  if (left.size === 0) return false;
  for (const address of host.known) {
    if (!left.has(address.text)) continue;
    address.isLeftBy(host);
    addresses.forget(address);
  }
  host.known = host.known.filter(({ text }) => !left.has(text));
  return true;
}
