import { defineTable } from './sensor-table.js';

/** ATF_COM: complete, and ATF_PERM: permanent (arp(7)). */
const COMPLETE = 2;
const PERMANENT = 4;

/** The IPv4 neighbours of our own network namespace. */
export const arpCache = defineTable({
  name: 'arp_cache',
  columns: { address: 'TEXT', mac: 'TEXT', interface: 'TEXT', permanent: 'TEXT' },
  nocase: ['mac'],
  rows: ({ files }) => parseArp(files.text('/proc/self/net/arp') ?? ''),
});

/** The lines of /proc/net/arp; neighbours that were asked for and have not answered are left out. */
export function parseArp(text: string) {
  return [...text.matchAll(/^([\d.]+)\s+0x\w+\s+0x(\w+)\s+(\S+)\s+\S+\s+(\S+)$/gm)]
    .map(([, address, flags, mac, name]) => ({ address, mac, interface: name, flags: Number.parseInt(flags!, 16) }))
    .filter(({ flags }) => (flags & COMPLETE) !== 0)
    .map(({ flags, ...row }) => ({ ...row, permanent: (flags & PERMANENT) === 0 ? '0' : '1' }));
}
