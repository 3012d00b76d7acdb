import { type InterfaceAddress, ownInterfaceAddresses, parseIpv4Addresses } from '../interface-table.js';
import { defineTable } from './sensor-table.js';

/** The addresses of our own network namespace. Interfaces that are down are left out. */
export const interfaceAddresses = defineTable({
  name: 'interface_addresses',
  columns: {
    interface: 'TEXT',
    address: 'TEXT',
    mask: 'TEXT',
    broadcast: 'TEXT',
    point_to_point: 'TEXT',
    type: 'TEXT',
  },
  rows({ files }) {
    const trie = files.text('/proc/self/net/fib_trie') ?? '';
    const broadcasts = new Set(
      [...trie.matchAll(/\|-- ([\d.]+)\n\s+\/32 link BROADCAST/g)].map(([, address]) => address),
    );
    const own = ownInterfaceAddresses();
    const known = new Set(own.map(({ address }) => address));
    // Node tells those of interfaces that are up and running; an address may also be on one without a carrier.
    const others = parseIpv4Addresses(trie, files.text('/proc/self/net/route') ?? '').filter(
      ({ address, interface: name }) => !known.has(address) && name !== 'lo',
    );
    return [...own, ...others].map((row) => {
      const broadcast = broadcastOf(row);
      return { ...row, broadcast: broadcasts.has(broadcast) ? broadcast : '', point_to_point: '', type: 'unknown' };
    });
  },
});

/** The last address of an IPv4 network. */
function broadcastOf({ address, mask }: InterfaceAddress): string | undefined {
  if (address?.includes(':') !== false || mask === undefined) return undefined;
  const masks = mask.split('.').map(Number);
  return address
    .split('.')
    .map((byte, at) => Number(byte) | (~masks[at]! & 0xff))
    .join('.');
}
