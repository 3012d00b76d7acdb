import { canonicalAddress, isLoopback, isPrivateAddress, isUnspecified } from '../core/address.js';
import type { Micros } from '../core/time.js';
import type { AnyTableRow } from '../records/host-row.js';
import { spaceOf } from './reference-facts.js';
import {
  answerTables,
  completeUntil,
  type HostRows,
  isLost,
  isUnwatched,
  knownUntil,
  pauseOf,
  type Socket,
} from './reference-rows.js';
import { absentUntil, goneBy } from './reference-runs.js';

/* What the reference makes of the addresses of hosts, and of the network namespaces that have them. */

/** Every address that the host had at any time, as far as its rows tell. */
export function addressesOf(host: HostRows, sockets: readonly Socket[]): Set<string> {
  const shown = sockets.flatMap(({ localAddress: address }) => (address === undefined ? [] : [address]));
  const told = host.table.flatMap((row) => {
    const address = row.table === 'interface_addresses' ? canonicalAddress(row.columns.address ?? '') : undefined;
    return address === undefined ? [] : [address];
  });
  return new Set([...shown, ...told].filter((address) => !isUnspecified(address)));
}

export type Had = 'surely' | 'maybe' | 'no';

/** Whether several network namespaces of the host had the address at any time. */
export function isSharedAddress(host: HostRows, sockets: readonly Socket[], address: string): boolean {
  return spacesOf(host, sockets, address).size > 1;
}

/** The network namespaces that had the address at any time, as far as rows name them. */
function spacesOf(host: HostRows, sockets: readonly Socket[], address: string): Set<string> {
  const shown = sockets.filter(({ localAddress }) => localAddress === address).map(({ namespace }) => namespace);
  const told = host.table
    .filter((row) => row.table === 'interface_addresses' && canonicalAddress(row.columns.address ?? '') === address)
    .map(spaceOf);
  return new Set([...shown, ...told].filter((space) => space !== undefined));
}

/** The network namespace that captures on the host are taken in. Without a word of it, sockets with addresses told without one show it. */
export function ownSpace(host: HostRows, sockets: readonly Socket[]): string | undefined {
  const told = host.seen.filter(({ net_namespace: space }) => space !== undefined);
  if (told.length > 0) return told.sort((a, b) => b.from - a.from)[0]!.net_namespace;
  const untold = host.table.flatMap((row) =>
    row.table === 'interface_addresses' && spaceOf(row) === undefined
      ? [canonicalAddress(row.columns.address ?? '')]
      : [],
  );
  const own = new Set(untold.filter((address) => address !== undefined && !isLoopback(address)));
  const spaces = [...own].flatMap((address) => [...spacesOf(host, sockets, address!)]);
  const [space, second] = new Set(spaces);
  return second === undefined ? space : undefined;
}

/** Whether the host tells the addresses of its containers too. */
export function tellsSpaces({ table }: HostRows): boolean {
  return table.some((row) => row.table === 'interface_addresses' && spaceOf(row) !== undefined);
}

/** Whether the host has sockets in more than one network namespace. */
export function hasSeveralSpaces(sockets: readonly Socket[]): boolean {
  return new Set(sockets.flatMap(({ namespace }) => namespace ?? [])).size > 1;
}

/**
 * Whether the address of an end may yet be another host's than this one, which has it in a container alone: on a capture taken on another
 * host, `site`, that has not told the addresses of all its containers up to then, or is not known. Times are of each host's clock.
 */
export function isInDoubt(
  host: HostRows,
  sockets: readonly Socket[],
  address: string,
  at: (host: HostRows) => { readonly from: Micros; readonly to: Micros },
  site: HostRows | undefined,
): boolean {
  const { from, to } = at(host);
  if (hadAddress(host, sockets, address, from, to, ownSpace(host, sockets)) !== 'no') return false;
  if (site === undefined) return true;
  const { from: siteFrom, to: siteTo } = at(site);
  const isPartial = isUnwatched(site, siteFrom, siteTo) || isLost(site, ['interface_addresses'], -Infinity, siteTo);
  return !tellsSpaces(site) || isPartial || completeUntil(site, answerTables) < siteTo;
}

/**
 * Whether the host, or one network namespace of it, had the address all through [from, to]. Without a table of interfaces its sockets
 * show its addresses.
 */
export function hadAddress(
  host: HostRows,
  sockets: readonly Socket[],
  address: string,
  from: Micros,
  to: Micros,
  space?: string,
): Had {
  const rows = host.table.flatMap((row) => (row.table === 'interface_addresses' ? [row] : []));
  if (rows.length === 0) {
    const shown = sockets.filter(({ localAddress }) => localAddress === address);
    const places = shown.map(({ namespace }) => namespace).filter((place) => place !== undefined);
    const isThere = space === undefined || places.length === 0 || places.includes(space);
    return shown.length > 0 && isThere ? 'surely' : 'no';
  }
  const shown = sockets
    .filter(({ localAddress, namespace }) => localAddress === address && namespace !== undefined)
    .map(({ namespace }) => namespace);
  // A row that names no namespace is about the watcher's own, which sockets with the address show.
  const isOf = (row: AnyTableRow): Had => {
    const told = spaceOf(row);
    if (space === undefined || told === space) return 'surely';
    if (told !== undefined) return 'no';
    if (shown.length > 0) return shown.includes(space) ? 'surely' : 'no';
    return hasSeveralSpaces(sockets) ? 'maybe' : 'surely';
  };
  const changes = rows
    .filter(({ columns }) => columns.address !== undefined && canonicalAddress(columns.address) === address)
    .filter((row) => isOf(row) !== 'no')
    .sort((a, b) => a.time - b.time || a.seq - b.seq);
  const spans = staysOf(host, changes);
  const possible = spans.filter(({ lo, hi }) => lo <= to && hi >= from);
  if (possible.some(({ row, seen, until }) => isOf(row) === 'surely' && seen <= from && until >= to)) return 'surely';
  return possible.length > 0 ? 'maybe' : 'no';
}

type AddressRow = Extract<AnyTableRow, { table: 'interface_addresses' }>;

/** When interfaces had an address, by the rows about it in order of time. */
function staysOf(host: HostRows, changes: readonly AddressRow[]) {
  const end = (row: AnyTableRow): Micros => row.time + Math.max(row.resolution, 1) - 1;
  return changes.flatMap((row, i) => {
    const isPeer = (other: AddressRow): boolean =>
      other.stream === row.stream &&
      other.columns.interface === row.columns.interface &&
      spaceOf(other) === spaceOf(row);
    const before = changes.slice(0, i).findLast(isPeer);
    if (row.action === 'removed') {
      const isPaired = changes.slice(0, i).some((other) => isPeer(other) && other.action !== 'removed');
      return isPaired
        ? []
        : [{ row, lo: -Infinity, seen: row.since ?? Infinity, until: row.since ?? -Infinity, hi: end(row) }];
    }
    // Told once more of what had not gone.
    if (before !== undefined && before.action !== 'removed') return [];
    const gone = changes.slice(i + 1).find((other) => isPeer(other) && other.action === 'removed');
    const lo = row.since ?? absentUntil(host, row);
    if (gone !== undefined) return [{ row, lo, seen: end(row), until: gone.since ?? -Infinity, hi: end(gone) }];
    const last = changes.findLast(isPeer)!;
    const hi = goneBy(host, { stream: last.stream, time: end(last) });
    const { stream } = last;
    const known = knownUntil(host, end(last), pauseOf(host, stream), ['interface_addresses'], end(last));
    return [{ row, lo, seen: end(row), until: hi === Infinity ? Infinity : known, hi }];
  });
}

/** Whether the address may have gone from some interface of the host within [from, to]. */
export function mayHaveLeft(host: HostRows, address: string, from: Micros, to: Micros): boolean {
  const told = host.table.filter((row) => row.table === 'interface_addresses');
  const changes = told
    .filter(({ columns }) => columns.address !== undefined && canonicalAddress(columns.address) === address)
    .sort((a, b) => a.time - b.time || a.seq - b.seq);
  // Also where a later run of the watcher did not tell of it again.
  if (staysOf(host, changes).some(({ until, hi }) => hi !== Infinity && hi >= from && until <= to)) return true;
  return host.table.some((row) => {
    if (row.table !== 'interface_addresses' || row.action !== 'removed') return false;
    if (canonicalAddress(row.columns.address ?? '') !== address) return false;
    return row.time + Math.max(row.resolution, 1) - 1 >= from && (row.since ?? -Infinity) <= to;
  });
}

/** Whether rows tell that the address may have been the host's own then, or sockets show it of one that its table does not tell. */
export function isToldItsOwn(
  host: HostRows,
  held: readonly Socket[],
  address: string,
  at: (host: HostRows) => { from: Micros; to: Micros },
): boolean {
  const { from, to } = at(host);
  return hadAddress(host, held, address, from, to) !== 'no' || isUntabled(host, held, address);
}

/** Whether a socket of the host had the address, which its table of interfaces does not tell. */
export function isUntabled({ table }: HostRows, held: readonly Socket[], address: string): boolean {
  const isTabled = table.some(
    (row) =>
      row.table === 'interface_addresses' &&
      row.columns.address !== undefined &&
      canonicalAddress(row.columns.address) === address,
  );
  return !isTabled && held.some(({ localAddress }) => localAddress === address);
}

/** Whether a container of the host may have an address that its table does not tell, by what is seen of it: its sockets, or packets on the host. */
export function mayBeUntold(
  host: HostRows,
  held: readonly Socket[],
  address: string,
  seenOn: string | undefined,
): boolean {
  return isUntabled(host, held, address) || (isPrivateAddress(address) && seenOn === host.id);
}

/** Whether the address may have been the host's own then, perhaps in a container whose addresses it does not tell. */
export function mayBeItsOwn(
  hosts: readonly HostRows[],
  sockets: ReadonlyMap<string, readonly Socket[]>,
  host: HostRows,
  address: string,
  at: (host: HostRows) => { from: Micros; to: Micros },
): boolean {
  const had = (one: HostRows, space?: string): Had => {
    const { from, to } = at(one);
    return hadAddress(one, sockets.get(one.id)!, address, from, to, space);
  };
  const held = sockets.get(host.id)!;
  if (isToldItsOwn(host, held, address, at)) return true;
  if (tellsSpaces(host) || !hasSeveralSpaces(held) || !isPrivateAddress(address)) return false;
  return hosts.every((other) => had(other, ownSpace(other, sockets.get(other.id)!)) === 'no');
}
