import { scannedProcesses } from './process-ids.js';
import { defineTable } from './sensor-table.js';

/** The files that processes hold open; sockets and pipes are not among them. */
export const processOpenFiles = defineTable({
  name: 'process_open_files',
  columns: { pid: 'BIGINT', fd: 'BIGINT', path: 'TEXT' },
  keys: ['pid'],
  *rows(scan) {
    const { files } = scan;
    for (const pid of scannedProcesses(scan)) {
      for (const fd of files.names(`/proc/${pid}/fd`) ?? []) {
        const path = files.link(`/proc/${pid}/fd/${fd}`);
        if (path?.startsWith('/') === true) yield { pid, fd: Number(fd), path };
      }
    }
  },
});
