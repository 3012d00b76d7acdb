import { openSockets } from './open-sockets.js';
import { defineTable } from './sensor-table.js';

/** The sockets of processes, and with pid -1 those whose process may not be seen. */
export const processOpenSockets = defineTable({
  name: 'process_open_sockets',
  columns: {
    pid: 'INTEGER',
    fd: 'BIGINT',
    socket: 'BIGINT',
    family: 'INTEGER',
    protocol: 'INTEGER',
    local_address: 'TEXT',
    remote_address: 'TEXT',
    local_port: 'INTEGER',
    remote_port: 'INTEGER',
    path: 'TEXT',
    state: 'TEXT',
    net_namespace: 'TEXT',
  },
  rows: ({ files }) => openSockets(files),
});
