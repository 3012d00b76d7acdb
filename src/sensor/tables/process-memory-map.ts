import { scannedProcesses } from './process-ids.js';
import { defineTable } from './sensor-table.js';

/** The memory areas of processes, from /proc/PID/maps. */
export const processMemoryMap = defineTable({
  name: 'process_memory_map',
  columns: {
    pid: 'INTEGER',
    start: 'TEXT',
    end: 'TEXT',
    permissions: 'TEXT',
    offset: 'BIGINT',
    device: 'TEXT',
    inode: 'INTEGER',
    path: 'TEXT',
    pseudo: 'INTEGER',
  },
  keys: ['pid'],
  *rows(scan) {
    for (const pid of scannedProcesses(scan)) {
      for (const area of parseMaps(scan.files.text(`/proc/${pid}/maps`) ?? '')) yield { pid, ...area };
    }
  },
});

export function parseMaps(text: string) {
  return [...text.matchAll(/^(\w+)-(\w+) (\S{4}) (\w+) (\S+) (\d+)(?: +(.*))?$/gm)].map(
    ([, start, end, permissions, offset, device, inode, path = '']) => ({
      start: `0x${start}`,
      end: `0x${end}`,
      permissions,
      offset: Number.parseInt(offset!, 16),
      device,
      inode: Number(inode),
      path,
      // [heap], [stack] and the like are no files.
      pseudo: path.startsWith('[') ? 1 : 0,
    }),
  );
}
