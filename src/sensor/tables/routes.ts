import { formatIpv4, formatIpv6 } from '../../core/address.js';
import { hexWord } from '../socket-table.js';
import { defineTable } from './sensor-table.js';

/** RTF_UP, RTF_REJECT and RTF_LOCAL of the kernel's route flags. */
const LOCAL = 0x80000000;

/** The routes of our own network namespace: those of the main table for IPv4, of all tables for IPv6. */
export const routes = defineTable({
  name: 'routes',
  columns: {
    destination: 'TEXT',
    netmask: 'INTEGER',
    gateway: 'TEXT',
    source: 'TEXT',
    flags: 'INTEGER',
    interface: 'TEXT',
    mtu: 'INTEGER',
    metric: 'INTEGER',
    type: 'TEXT',
    hopcount: 'INTEGER',
  },
  rows: ({ files }) => [
    ...parseIpv4Routes(files.text('/proc/self/net/route') ?? ''),
    ...parseIpv6Routes(files.text('/proc/self/net/ipv6_route') ?? ''),
  ],
});

/** /proc/net/route: interface, destination, gateway, flags, references, use, metric, mask, MTU, window, round trip time. */
export function parseIpv4Routes(text: string) {
  return [
    ...text.matchAll(/^(\S+)\t([0-9A-F]{8})\t([0-9A-F]{8})\t([0-9A-F]+)\t\d+\t\d+\t(\d+)\t([0-9A-F]{8})\t(\d+)/gm),
  ].map(([, name, destination, gateway, flags, metric, mask, mtu]) => ({
    destination: formatIpv4(hexWord(destination!)),
    netmask: ones(hexWord(mask!)),
    gateway: gateway === '00000000' ? '' : formatIpv4(hexWord(gateway!)),
    source: '',
    flags: Number.parseInt(flags!, 16),
    interface: name,
    mtu: Number(mtu),
    metric: Number(metric),
    type: 'gateway',
    hopcount: 0,
  }));
}

/** /proc/net/ipv6_route: destination, prefix, source, its prefix, next hop, metric, references, use, flags, interface. */
export function parseIpv6Routes(text: string) {
  const lines = text.matchAll(
    /^([0-9a-f]{32}) ([0-9a-f]{2}) [0-9a-f]{32} [0-9a-f]{2} ([0-9a-f]{32}) ([0-9a-f]{8}) \S+ \S+ ([0-9a-f]{8})\s+(\S+)$/gm,
  );
  return [...lines].map(([, destination, prefix, gateway, metric, flagsText, name]) => {
    const flags = Number.parseInt(flagsText!, 16);
    return {
      destination: ipv6(destination!),
      netmask: Number.parseInt(prefix!, 16),
      gateway: /^0+$/.test(gateway!) ? '' : ipv6(gateway!),
      source: '',
      flags: flags | 0,
      interface: name,
      mtu: 0,
      metric: Number.parseInt(metric!, 16) | 0,
      type: flags >= LOCAL ? 'local' : 'gateway',
      hopcount: 0,
    };
  });
}

function ipv6(digits: string): string {
  const [a, b, c, d] = [0, 8, 16, 24].map((at) => Number.parseInt(digits.slice(at, at + 8), 16));
  return formatIpv6(a!, b!, c!, d!);
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest = (rest << 1) >>> 0) count += rest >>> 31;
  return count;
}
