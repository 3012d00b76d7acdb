import { scannedProcesses } from './process-ids.js';
import { defineTable } from './sensor-table.js';

const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const;

/** The inodes of the namespaces (namespaces(7)) of processes; those of others' processes only root may know. */
export const processNamespaces = defineTable({
  name: 'process_namespaces',
  columns: {
    pid: 'INTEGER',
    cgroup_namespace: 'TEXT',
    ipc_namespace: 'TEXT',
    mnt_namespace: 'TEXT',
    net_namespace: 'TEXT',
    pid_namespace: 'TEXT',
    user_namespace: 'TEXT',
    uts_namespace: 'TEXT',
  },
  keys: ['pid'],
  *rows(scan) {
    for (const pid of scannedProcesses(scan)) {
      const found = kinds.map((kind) => {
        const link = scan.files.link(`/proc/${pid}/ns/${kind}`);
        return [`${kind}_namespace`, /\[(\d+)\]$/.exec(link ?? '')?.[1]] as const;
      });
      if (found.some(([, id]) => id !== undefined)) yield { pid, ...Object.fromEntries(found) };
    }
  },
});
