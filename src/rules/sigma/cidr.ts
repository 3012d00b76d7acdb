import { parseAddress } from '../../core/address.js';

/** An address range. */
export interface Network {
  readonly version: 4 | 6;
  readonly words: readonly number[];
  readonly prefix: number;
}

/** Reads `192.0.2.0/24` or `2001:db8::/32`; without a length the one address. A string result is the reason it is none. */
export function parseNetwork(text: string): Network | string {
  const slash = text.indexOf('/');
  const base = slash < 0 ? text : text.slice(0, slash);
  const address = parseAddress(base);
  if (address === undefined) return `"${text}" is not an address range`;
  const mapped = address.version === 4 && base.includes(':');
  const width = address.version === 4 ? 32 : 128;
  let prefix = width;
  if (slash >= 0) {
    const length = text.slice(slash + 1);
    if (!/^\d{1,3}$/.test(length)) return `"${length}" is not a prefix length`;
    prefix = Number(length) - (mapped ? 96 : 0);
  }
  if (prefix < 0 || prefix > width) return `the prefix length of "${text}" is out of range`;
  const network: Network = { version: address.version, words: address.words, prefix };
  if (!address.words.every((word, i) => (word & maskOf(prefix, i)) >>> 0 === word)) {
    return `"${text}" has bits set behind its prefix length`;
  }
  return network;
}

/** Mask of the i-th 32-bit word. */
function maskOf(prefix: number, i: number): number {
  const bits = Math.min(32, Math.max(0, prefix - 32 * i));
  return bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
}

/** Whether the text is an address in the range; an IPv4-mapped IPv6 address is the IPv4 address. */
export function networkContains(network: Network, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.version !== network.version) return false;
  return network.words.every((word, i) => (address.words[i]! & maskOf(network.prefix, i)) >>> 0 === word);
}
