import { hostTables } from '../../records/host-tables.js';
import { openSockets } from './open-sockets.js';
import { defineTable } from './sensor-table.js';

/** The sockets of processes, and with pid -1 those whose process may not be seen. */
export const processOpenSockets = defineTable({
  name: 'process_open_sockets',
  columns: hostTables.process_open_sockets,
  rows: ({ files }) => openSockets(files),
});
