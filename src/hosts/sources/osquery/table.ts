import { type HostTable, hostTables } from '../../../records/host-tables.js';

const tables = Object.keys(hostTables) as HostTable[];

/** Tables of osquery whose names end with the name of an understood one, but which have other columns. */
const lookalikes = [
  'bpf_process_events',
  'bpf_socket_events',
  'es_process_events',
  'logged_in_users',
  'docker_container_processes',
];

/**
 * What a query must select for its table to be recognised without its name: all of `all`, one of `any`, none of `none`.
 * The first that fits holds.
 */
const shapes: readonly {
  table: HostTable;
  all: readonly string[];
  any?: readonly string[];
  none?: readonly string[];
}[] = [
  { table: 'socket_events', all: ['action', 'remote_address', 'remote_port'], none: ['state'] },
  { table: 'socket_events', all: ['action', 'pid', 'local_port', 'remote_port'] },
  { table: 'process_open_sockets', all: ['pid', 'local_port', 'remote_port'], none: ['time', 'syscall', 'duration'] },
  { table: 'listening_ports', all: ['pid', 'port', 'address'], none: ['time'] },
  { table: 'process_events', all: ['pid', 'path', 'time', 'cmdline'], any: ['parent', 'auid', 'eid'] },
  { table: 'processes', all: ['pid', 'name'], any: ['parent', 'cmdline', 'start_time'], none: ['time', 'event_type'] },
  { table: 'interface_addresses', all: ['interface', 'address', 'mask'] },
  { table: 'users', all: ['uid', 'username'], any: ['shell', 'directory', 'uid_signed'] },
  { table: 'system_info', all: ['hostname'], any: ['computer_name', 'hardware_serial', 'cpu_brand'] },
];

/**
 * The table named by the last part of a query's name, whatever stands between a pack's name and the query's
 * (`pack_x_users`, `pack/x/users`, `pack-x-users`). Undefined when the name is not a table's.
 */
export function tableOfName(name: string): HostTable | undefined {
  const ends = (table: string) =>
    name === table || (name.endsWith(table) && /[^a-zA-Z0-9]/.test(name.at(-table.length - 1)!));
  if (lookalikes.some(ends)) return undefined;
  return tables.filter(ends).sort((a, b) => b.length - a.length)[0];
}

/**
 * The table of a query, by the one that its name tells or else by the one that the columns of its rows tell. Queries of sockets are often named for
 * the processes or users whose columns they join, so those two names are only believed of rows that are not about sockets.
 */
export function tableOf(named: HostTable | undefined, told: HostTable | undefined): HostTable | undefined {
  if (named !== undefined && named !== 'processes' && named !== 'users') return named;
  return named === undefined || (told !== undefined && socketTables.includes(told)) ? told : named;
}

const socketTables: readonly HostTable[] = ['socket_events', 'process_open_sockets', 'listening_ports'];

/** What a row about a socket must have to tell of one. A state is enough of a protocol: TCP alone has them. */
const needed: Readonly<Partial<Record<HostTable, readonly (readonly string[])[]>>> = {
  socket_events: [['pid'], ['action']],
  process_open_sockets: [['pid'], ['protocol', 'state'], ['local_port', 'remote_port']],
  listening_ports: [['pid'], ['protocol'], ['port']],
};

/** The first column that the query does not select and without which its rows tell nothing. */
export function missingColumn(table: HostTable, columns: readonly string[]): string | undefined {
  return needed[table]?.find((names) => !names.some((name) => columns.includes(name)))?.[0];
}

/** The table that the names of a row's columns tell, for queries that have a name of their own. */
export function tableOfColumns(columns: readonly string[]): HostTable | undefined {
  const has = (column: string) => columns.includes(column);
  return shapes.find(
    ({ all, any, none }) =>
      all.every(has) && (any === undefined || any.some(has)) && (none === undefined || !none.some(has)),
  )?.table;
}

/** Whether the name is one of a table that is known not to be understood, so that its columns need not be asked. */
export function isOtherTable(name: string): boolean {
  return lookalikes.some((table) => name.endsWith(table));
}
