import { defineTable } from './sensor-table.js';

/** Sockets that connected, accepted or were bound, from the sensor's events; empty where nothing reports events. */
export const socketEvents = defineTable({
  name: 'socket_events',
  columns: {
    action: 'TEXT',
    pid: 'BIGINT',
    path: 'TEXT',
    fd: 'TEXT',
    auid: 'BIGINT',
    family: 'INTEGER',
    protocol: 'INTEGER',
    local_address: 'TEXT',
    remote_address: 'TEXT',
    local_port: 'INTEGER',
    remote_port: 'INTEGER',
    socket: 'TEXT',
    time: 'BIGINT',
    uptime: 'BIGINT',
    eid: 'TEXT',
    success: 'INTEGER',
    status: 'TEXT',
  },
  hidden: ['protocol', 'socket', 'eid', 'success'],
  rows: ({ events }) => events.rows('socket_events'),
});
