import { hostTables } from '../../records/host-tables.js';
import { openSockets } from './open-sockets.js';
import { defineTable } from './sensor-table.js';

/** As osquery has it: sockets without a remote port, that is TCP listeners, UDP sockets without a peer, raw sockets, and UNIX sockets with a name. */
export const listeningPorts = defineTable({
  name: 'listening_ports',
  columns: hostTables.listening_ports,
  *rows({ files }) {
    for (const each of openSockets(files)) {
      const { pid, fd, socket, family, protocol, path, net_namespace } = each;
      if (each.remote_port !== 0 || (family === 1 && path === '')) continue;
      yield {
        pid,
        port: each.local_port,
        protocol,
        family,
        address: each.local_address,
        fd,
        socket,
        path,
        net_namespace,
      };
    }
  },
});
