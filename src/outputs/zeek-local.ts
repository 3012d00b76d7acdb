import { BlockList } from 'node:net';

/** IPv4 networks that Zeek takes for local by default (Site::private_address_space): those not routed on the internet. */
const ipv4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['240.0.0.0', 4],
];

const ipv6: readonly (readonly [string, number])[] = [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:2::', 48],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
];

const local = new BlockList();
for (const [network, bits] of ipv4) {
  local.addSubnet(network, bits, 'ipv4');
  // The same network as 6to4 addresses (RFC 3056) carry it.
  const [a = 0, b = 0, c = 0, d = 0] = network.split('.').map(Number);
  local.addSubnet(`2002:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}::`, 16 + bits, 'ipv6');
}
for (const [network, bits] of ipv6) local.addSubnet(network, bits, 'ipv6');

/** Whether Zeek, without a configured site, calls an address local. */
export function isLocal(address: string): boolean {
  return local.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}
