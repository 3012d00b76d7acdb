import { networkInterfaces } from 'node:os';
import { formatIpv4, formatIpv6 } from '../core/address.js';
import type { Columns } from '../records/host-tables.js';
import { hexWord } from './socket-table.js';

export type InterfaceAddress = Columns<'interface_addresses'>;

/** The addresses of this process's own network namespace. Interfaces that are down are not among them. */
export function ownInterfaceAddresses(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, netmask }) => ({ interface: name, address, mask: netmask })),
  );
}

/**
 * The IPv4 addresses of a namespace, from its /proc/net/fib_trie (addresses) and route (the interface and mask of the
 * directly connected network that holds an address). An address without such a network has no interface.
 */
export function parseIpv4Addresses(fibTrie: string, route: string): InterfaceAddress[] {
  const networks = parseConnectedNetworks(route);
  const found = new Map<number, InterfaceAddress>();
  for (const match of fibTrie.matchAll(/\|-- (\d+)\.(\d+)\.(\d+)\.(\d+)\n\s+\/32 host LOCAL/g)) {
    const [a, b, c, d] = match.slice(1).map(Number);
    const word = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
    const address = formatIpv4(word);
    if (a === 127) {
      found.set(word, { interface: 'lo', address, mask: '255.0.0.0' });
      continue;
    }
    const network = networks.find(({ destination, mask }) => (word & mask) >>> 0 === destination);
    const place = network === undefined ? {} : { interface: network.name, mask: formatIpv4(network.mask) };
    found.set(word, { ...place, address });
  }
  return [...found.values()];
}

interface Network {
  readonly name: string;
  readonly destination: number;
  readonly mask: number;
}

/** Routes without a gateway, the narrowest first. */
function parseConnectedNetworks(route: string): Network[] {
  const networks: Network[] = [];
  for (const line of route.split('\n').slice(1)) {
    const [name, destination, gateway, , , , , mask] = line.trim().split(/\s+/);
    if (name === undefined || destination === undefined || mask === undefined || gateway !== '00000000') continue;
    if (mask !== '00000000') networks.push({ name, destination: hexWord(destination), mask: hexWord(mask) });
  }
  return networks.sort((a, b) => b.mask - a.mask);
}

/** The IPv6 addresses of a namespace, from its /proc/net/if_inet6. */
export function parseIpv6Addresses(ifInet6: string): InterfaceAddress[] {
  const addresses: InterfaceAddress[] = [];
  for (const line of ifInet6.split('\n')) {
    const [digits, , prefix, , , name] = line.trim().split(/\s+/);
    if (name === undefined || digits?.length !== 32) continue;
    const words = [0, 8, 16, 24].map((at) => Number.parseInt(digits.slice(at, at + 8), 16));
    const bits = Number.parseInt(prefix!, 16);
    if (words.some(Number.isNaN) || Number.isNaN(bits)) continue;
    addresses.push({ interface: name, address: ipv6(words), mask: ipv6(maskWords(bits)) });
  }
  return addresses;
}

function ipv6([a, b, c, d]: readonly number[]): string {
  return formatIpv6(a!, b!, c!, d!);
}

function maskWords(bits: number): number[] {
  return [0, 32, 64, 96].map((before) => {
    const own = Math.min(32, Math.max(0, bits - before));
    return own === 0 ? 0 : (0xffffffff << (32 - own)) >>> 0;
  });
}
