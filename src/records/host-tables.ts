/**
 * The host tables that are understood, with osquery's table and column names and SQL types (osquery 5 schema). A row
 * carries those of these columns that its source has, plus any other column it was given.
 */
export type ColumnType = 'INTEGER' | 'BIGINT' | 'TEXT' | 'DOUBLE';

const process = {
  pid: 'BIGINT',
  name: 'TEXT',
  path: 'TEXT',
  cmdline: 'TEXT',
  state: 'TEXT',
  cwd: 'TEXT',
  root: 'TEXT',
  uid: 'BIGINT',
  gid: 'BIGINT',
  euid: 'BIGINT',
  egid: 'BIGINT',
  suid: 'BIGINT',
  sgid: 'BIGINT',
  on_disk: 'INTEGER',
  start_time: 'BIGINT',
  parent: 'BIGINT',
  pgroup: 'BIGINT',
  threads: 'INTEGER',
  nice: 'INTEGER',
  cgroup_path: 'TEXT',
  /** Not osquery's: inode of the network namespace. */
  net_namespace: 'TEXT',
} as const;

export const hostTables = {
  processes: process,
  process_events: {
    pid: 'BIGINT',
    path: 'TEXT',
    mode: 'TEXT',
    cmdline: 'TEXT',
    cwd: 'TEXT',
    auid: 'BIGINT',
    uid: 'BIGINT',
    euid: 'BIGINT',
    gid: 'BIGINT',
    egid: 'BIGINT',
    owner_uid: 'BIGINT',
    parent: 'BIGINT',
    time: 'BIGINT',
    uptime: 'BIGINT',
    eid: 'TEXT',
    status: 'BIGINT',
    syscall: 'TEXT',
    /** Not osquery's: the control group (v2), and the inode of the network namespace. */
    cgroup_path: 'TEXT',
    net_namespace: 'TEXT',
  },
  socket_events: {
    action: 'TEXT',
    pid: 'BIGINT',
    path: 'TEXT',
    fd: 'TEXT',
    auid: 'BIGINT',
    status: 'TEXT',
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
    /**
     * Not osquery's: real user at the call, payload of a TCP connection at its close, inode of the network namespace, and of a sent
     * ICMP message its type and code (the local port is then the identifier of an echo).
     */
    uid: 'BIGINT',
    bytes_sent: 'BIGINT',
    bytes_received: 'BIGINT',
    net_namespace: 'TEXT',
    icmp_type: 'INTEGER',
    icmp_code: 'INTEGER',
  },
  process_open_sockets: {
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
  listening_ports: {
    pid: 'INTEGER',
    port: 'INTEGER',
    protocol: 'INTEGER',
    family: 'INTEGER',
    address: 'TEXT',
    fd: 'BIGINT',
    socket: 'BIGINT',
    path: 'TEXT',
    net_namespace: 'TEXT',
  },
  /** Not osquery's: who holds sockets that read and write whole frames (AF_PACKET). `protocol` is an EtherType, 0 of one that only sends. */
  packet_sockets: {
    pid: 'INTEGER',
    fd: 'BIGINT',
    socket: 'BIGINT',
    type: 'INTEGER',
    protocol: 'INTEGER',
    interface_index: 'INTEGER',
    net_namespace: 'TEXT',
  },
  /**
   * Not osquery's: connections that this host translates (NAT) for others or itself. `original` is a packet of who began the connection as it
   * comes in, `reply` a packet of the answer as it comes in; without translation they would be each other's reverse.
   */
  conntrack: {
    protocol: 'INTEGER',
    original_source: 'TEXT',
    original_source_port: 'INTEGER',
    original_destination: 'TEXT',
    original_destination_port: 'INTEGER',
    reply_source: 'TEXT',
    reply_source_port: 'INTEGER',
    reply_destination: 'TEXT',
    reply_destination_port: 'INTEGER',
    net_namespace: 'TEXT',
  },
  interface_addresses: {
    interface: 'TEXT',
    address: 'TEXT',
    mask: 'TEXT',
    broadcast: 'TEXT',
    point_to_point: 'TEXT',
    type: 'TEXT',
    /** Not osquery's: inode of the network namespace that has the address. */
    net_namespace: 'TEXT',
  },
  users: {
    uid: 'BIGINT',
    gid: 'BIGINT',
    uid_signed: 'BIGINT',
    gid_signed: 'BIGINT',
    username: 'TEXT',
    description: 'TEXT',
    directory: 'TEXT',
    shell: 'TEXT',
    uuid: 'TEXT',
  },
  system_info: {
    hostname: 'TEXT',
    uuid: 'TEXT',
    computer_name: 'TEXT',
  },
} as const satisfies Record<string, Record<string, ColumnType>>;

export type HostTable = keyof typeof hostTables;

type Value<T extends ColumnType> = T extends 'TEXT' ? string : number;

/** The typed columns of a table, each absent when the source does not have it. */
export type Columns<T extends HostTable> = {
  readonly [C in keyof (typeof hostTables)[T]]?: (typeof hostTables)[T][C] extends ColumnType
    ? Value<(typeof hostTables)[T][C]>
    : never;
};
