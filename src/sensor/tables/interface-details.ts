import type { ProcFiles } from '../proc-files.js';
import { defineTable } from './sensor-table.js';

/** The network interfaces of our own namespace, up or down, from /proc/net/dev and /sys/class/net. */
export const interfaceDetails = defineTable({
  name: 'interface_details',
  columns: {
    interface: 'TEXT',
    mac: 'TEXT',
    type: 'INTEGER',
    mtu: 'INTEGER',
    metric: 'INTEGER',
    flags: 'INTEGER',
    ipackets: 'BIGINT',
    opackets: 'BIGINT',
    ibytes: 'BIGINT',
    obytes: 'BIGINT',
    ierrors: 'BIGINT',
    oerrors: 'BIGINT',
    idrops: 'BIGINT',
    odrops: 'BIGINT',
    collisions: 'BIGINT',
    last_change: 'BIGINT',
    link_speed: 'BIGINT',
    pci_slot: 'TEXT',
  },
  nocase: ['mac'],
  *rows({ files }) {
    for (const { name, counts } of parseDeviceCounts(files.text('/proc/self/net/dev') ?? '')) {
      yield { interface: name, ...settings(files, `/sys/class/net/${name}`), ...counts, metric: 0, last_change: -1 };
    }
  },
});

/** Where sysfs shows another network namespace than ours, or nothing, only the counts remain. */
function settings(files: ProcFiles, folder: string) {
  const number = (name: string) => {
    const text = files.text(`${folder}/${name}`)?.trim();
    return text === undefined || text === '' ? undefined : Number(text);
  };
  const speed = number('speed');
  return {
    mac: files.text(`${folder}/address`)?.trim() || undefined,
    type: number('type'),
    mtu: number('mtu'),
    flags: number('flags'),
    // An interface without a link says -1.
    link_speed: speed !== undefined && speed >= 0 ? speed : undefined,
    pci_slot: /^PCI_SLOT_NAME=(.+)$/m.exec(files.text(`${folder}/device/uevent`) ?? '')?.[1],
  };
}

/** Columns of /proc/net/dev: eight of reception (bytes, packets, errs, drop …), eight of transmission (… colls is the sixth). */
export function parseDeviceCounts(text: string) {
  return text.split('\n').flatMap((line) => {
    const [name = '', rest = ''] = line.split(/:(.*)/, 2).map((part) => part.trim());
    const numbers = rest.split(/\s+/).map(Number);
    if (name === '' || numbers.length !== 16 || numbers.some(Number.isNaN)) return [];
    const [ibytes, ipackets, ierrors, idrops, , , , , obytes, opackets, oerrors, odrops, , collisions] = numbers;
    return [{ name, counts: { ipackets, opackets, ibytes, obytes, ierrors, oerrors, idrops, odrops, collisions } }];
  });
}
