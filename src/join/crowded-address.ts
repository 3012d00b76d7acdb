import { type KnownAddress, MAX_HOSTS } from '../hosts/state/address-table.js';
import type { HostState } from '../hosts/state/host-state.js';
import { type ConnectionView, endViewOf } from './connection-view.js';
import type { Role } from './end-query.js';
import type { TrackedEnd } from './tracked-end.js';

/** Whether so many hosts have the end's address that it names none of them, nor are its packets seen on one. */
export function isAnybodys(view: ConnectionView, role: Role): boolean {
  const { local, stitch } = endViewOf(view, role);
  if (!local.isCrowded) return false;
  const site = stitch?.gateway.id ?? view.captureHost;
  return site === undefined || !local.hosts!.some(({ id }) => id === site);
}

/**
 * Whether that `by` turns out to have the end's address says anything of the connection: where many have it already, one host more is none that
 * the end is of, unless its packets are seen there, or the peer is there too.
 */
export function mayBeHad(
  { tracked, remote, hasTranslations }: TrackedEnd,
  address: KnownAddress,
  by?: HostState,
): boolean {
  const { hosts = [] } = address;
  if (by === undefined || hasTranslations || hosts.length - 1 <= MAX_HOSTS) return true;
  return tracked.captureHost === by.id || remote.hosts?.includes(by) === true;
}
