import { parseAddress } from '../../core/address.js';

/** A group of every host that has an address within a network. */
export interface SubnetGroup {
  readonly name: string;
  readonly words: readonly number[];
  /** Leading bits that must agree. */
  readonly bits: number;
}

/** Reads `NAME=ADDRESS/BITS`; undefined when it has not that form. */
export function parseSubnetGroup(text: string): SubnetGroup | undefined {
  const match = /^([^=]{1,256})=([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match && parseAddress(match[2]!);
  if (!match || !address) return undefined;
  const bits = Number(match[3]);
  if (bits > address.words.length * 32) return undefined;
  return { name: match[1]!, words: address.words, bits };
}

/** Whether an address is within the group's network. IPv4 and IPv6 never meet. */
export function isWithin({ words, bits }: SubnetGroup, address: readonly number[]): boolean {
  if (words.length !== address.length) return false;
  let left = bits;
  for (let i = 0; i < words.length && left > 0; i++, left -= 32) {
    const shift = left >= 32 ? 0 : 32 - left;
    if (words[i]! >>> shift !== address[i]! >>> shift) return false;
  }
  return true;
}

/**
 * The groups of a host: those of its own configuration with all that they lie in (`prod/web` is in `prod` too), and those of the
 * networks in which it has an address now. Sorted, each once.
 */
export function groupsOf(
  configured: readonly string[],
  addresses: Iterable<string>,
  subnets: readonly SubnetGroup[],
): string[] {
  const groups = new Set<string>();
  const addWithParents = (name: string): void => {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) groups.add(name.slice(0, at));
    groups.add(name);
  };
  for (const name of configured) addWithParents(name);
  if (subnets.length > 0) {
    for (const address of addresses) {
      const words = parseAddress(address)?.words;
      if (words !== undefined) for (const subnet of subnets) if (isWithin(subnet, words)) addWithParents(subnet.name);
    }
  }
  return [...groups].sort();
}
