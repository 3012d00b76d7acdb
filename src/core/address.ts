/**
 * IP addresses. Above the record line an address is its canonical text: IPv4 dotted, IPv6 as RFC 5952 writes it. An
 * IPv4-mapped IPv6 address (::ffff:192.0.2.1) from a host row is made plain IPv4, since that is what the wire carries.
 */

/** Text of an IPv4 address held in 32 bits (any signedness). */
export function formatIpv4(word: number): string {
  return `${(word >>> 24) & 255}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** Text of an IPv6 address held in four 32-bit words, most significant first (RFC 5952). */
export function formatIpv6(a: number, b: number, c: number, d: number): string {
  const groups = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff, d >>> 16, d & 0xffff];
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    if (groups[i] !== 0) {
      i++;
      continue;
    }
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}

/** An address as numbers: IPv4 has `words` of length 1, IPv6 of length 4. */
export interface ParsedAddress {
  readonly version: 4 | 6;
  readonly words: readonly number[];
}

function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const part = Number(match[i]);
    if (part > 255) return undefined;
    word = word * 256 + part;
  }
  return word;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}

function parseIpv6(text: string): number[] | undefined {
  let body = text;
  const lastColon = body.lastIndexOf(':');
  if (body.includes('.')) {
    const word = parseIpv4(body.slice(lastColon + 1));
    if (word === undefined) return undefined;
    body = `${body.slice(0, lastColon + 1)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(halves.length === 2 ? missing : 0).fill(0), ...tail];
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) words.push((groups[i]! * 65536 + groups[i + 1]!) >>> 0);
  return words;
}

/**
 * Reads an address as people and logs write it: a zone (`fe80::1%eth0`) is dropped, an IPv4-mapped one becomes IPv4.
 * Undefined when it is no address.
 */
export function parseAddress(text: string): ParsedAddress | undefined {
  if (!text.includes(':')) {
    const word = parseIpv4(text);
    return word === undefined ? undefined : { version: 4, words: [word] };
  }
  const zone = text.indexOf('%');
  const words = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  if (words === undefined) return undefined;
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return { version: 4, words: [words[3]!] };
  return { version: 6, words };
}

/** Canonical text of an address, or undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const parsed = parseAddress(text);
  if (parsed === undefined) return undefined;
  const [a, b, c, d] = parsed.words;
  return parsed.version === 4 ? formatIpv4(a!) : formatIpv6(a!, b!, c!, d!);
}

/** 0.0.0.0 or ::, which in a socket means every address of the host. Takes canonical text. */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** 127.0.0.0/8 or ::1. Takes canonical text. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** The broadcast address of the IPv4 network of an interface (RFC 919); undefined where there is none, as of a point-to-point link. */
export function broadcastAddress(address: string, mask: string): string | undefined {
  const [own, net] = [parseAddress(address), parseAddress(mask)];
  if (own?.version !== 4 || net?.version !== 4) return undefined;
  const hostBits = ~net.words[0]! >>> 0;
  return hostBits < 3 ? undefined : formatIpv4((own.words[0]! | hostBits) >>> 0);
}

const LETTER_F = 0x66;
const DIGIT_2 = 0x32;

/** Multicast (224.0.0.0/4, ff00::/8) or the limited broadcast address: nobody's own. Takes canonical text. */
export function isGroupAddress(address: string): boolean {
  const first = address.charCodeAt(0);
  if (first === LETTER_F) return address.startsWith('ff') && address.indexOf(':') === 4;
  if (first !== DIGIT_2 || address.includes(':')) return false;
  const octet = Number(address.slice(0, address.indexOf('.')));
  return (octet >= 224 && octet <= 239) || address === '255.255.255.255';
}

/**
 * An address that means a host only within its network, so that many networks have one: RFC 1918, RFC 6598 (100.64.0.0/10) and RFC 4193
 * (fc00::/7). Takes canonical text.
 */
export function isPrivateAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  const first = parsed.words[0]!;
  if (parsed.version === 6) return first >>> 25 === 0x7e;
  return first >>> 24 === 10 || first >>> 20 === 0xac1 || first >>> 16 === 0xc0a8 || first >>> 22 === 0x191;
}

/** Whether an address can be a host's own. */
export type AddressKind = 'host' | 'group' | 'unspecified';

/** What `isGroupAddress` and `isUnspecified` tell. Takes canonical text. */
export function addressKind(address: string): AddressKind {
  if (isUnspecified(address)) return 'unspecified';
  return isGroupAddress(address) ? 'group' : 'host';
}

/** The kind of an IPv4 address held in 32 bits. */
export function ipv4Kind(word: number): AddressKind {
  if (word === 0) return 'unspecified';
  return word >>> 28 === 14 || (word | 0) === -1 ? 'group' : 'host';
}
