import { type ColumnType, type HostTable, hostTables } from '../../../records/host-tables.js';
import type { JsonObject } from '../host-source.js';
import { RowTemplates } from './row-templates.js';
import { missingColumn } from './table.js';

/** The columns of a row, converted, in the order of their names. */
export type RowColumns = Readonly<Record<string, string | number>>;

/** How one column is converted. */
interface ColumnPlan {
  readonly name: string;
  /** Undefined for a column that the table does not have. */
  readonly type: ColumnType | undefined;
  readonly isUnknown: ((value: number) => boolean) | undefined;
  /** A text that means unknown. */
  readonly unknownText: string | undefined;
}

/** How the rows of a table that have the same columns are converted. */
export interface RowPlan {
  readonly table: HostTable;
  /** In the order of their names. */
  readonly columns: readonly ColumnPlan[];
  readonly templates: RowTemplates;
  /** A column that they do not have and without which none of them names the owner of a socket. */
  readonly missing: string | undefined;
}

const UNSET_ID = 4_294_967_295;

/** Columns in which osquery writes a number that means unknown: -1 for a pid or port, 4294967295 for an audit user. */
const isUnknown: Readonly<Record<string, (value: number) => boolean>> = {
  ...Object.fromEntries(
    ['pid', 'parent', 'pgroup', 'fd', 'uptime', 'time', 'start_time', 'threads'].map((name) => [
      name,
      (value: number) => value < 0,
    ]),
  ),
  ...Object.fromEntries(
    ['port', 'local_port', 'remote_port'].map((name) => [name, (value: number) => value < 0 || value > 65_535]),
  ),
  ...Object.fromEntries(
    ['auid', 'uid', 'gid', 'euid', 'egid', 'suid', 'sgid', 'owner_uid'].map((name) => [
      name,
      (value: number) => value < 0 || value === UNSET_ID,
    ]),
  ),
};

/** What audit records do not tell, socket_events gives as "0": an address, a port, a protocol. */
const unknownInSocketEvents: Readonly<Record<string, string>> = {
  local_address: '0',
  remote_address: '0',
  local_port: '0',
  remote_port: '0',
  protocol: '0',
};

/** AF_INET6 on Windows, NetBSD, FreeBSD and macOS, and on Linux, as which it is kept. */
const ipv6Families: readonly unknown[] = [23, 24, 28, 30];
const LINUX_IPV6 = 10;

const TCP = 6;
const tcpStates: readonly unknown[] = [
  ...['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT1', 'FIN_WAIT2', 'TIME_WAIT', 'CLOSED', 'CLOSE_WAIT', 'LAST_ACK'],
  ...['LISTEN', 'CLOSING'],
];

/** Whether a socket is of TCP, which alone has these states, where a query does not select the protocol. */
function isTcpState(state: string | number | undefined): boolean {
  return tcpStates.includes(state);
}

/** Whether a row is about a socket with an IPv6 address, under another system's number for its family. */
function hasForeignFamily({ family, address, local_address: local }: RowColumns): boolean {
  return ipv6Families.includes(family) && String(address ?? local ?? '').includes(':');
}

/** How rows of the table with columns of these names are converted. */
export function planRow(table: HostTable, names: readonly string[]): RowPlan {
  const types: Readonly<Record<string, ColumnType>> = hostTables[table];
  const columns = [...names].sort().map((name) => ({
    name,
    type: ownOf(types, name),
    isUnknown: ownOf(isUnknown, name),
    unknownText: table === 'socket_events' ? ownOf(unknownInSocketEvents, name) : undefined,
  }));
  const templates = new RowTemplates(columns.map(({ name, type }) => [name, isText(type) ? '' : 0]));
  return { table, columns, templates, missing: missingColumn(table, names) };
}

function isText(type: ColumnType | undefined): boolean {
  return type === undefined || type === 'TEXT';
}

function ownOf<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/**
 * Converts the columns of a row to the types of `hostTables`. Columns that the table does not have stay as they are. Empty and
 * null values and numbers that mean unknown are left out. Returns why the row is broken when it is.
 */
export function convertRow({ table, columns: plans, templates }: RowPlan, raw: JsonObject): RowColumns | string {
  const values = new Array<string | number | undefined>(plans.length);
  // A bit for each column that is not left out.
  let kept = 0;
  for (let at = 0; at < plans.length; at++) {
    const { name, type, isUnknown, unknownText } = plans[at]!;
    kept *= 2;
    if (name === '__proto__') return 'a column is called __proto__';
    const value = raw[name];
    if (value === null || value === '') continue;
    if (typeof value !== 'string' && typeof value !== 'number') return `column ${name} is neither text nor a number`;
    if (unknownText !== undefined && unknownText === String(value)) continue;
    if (type === undefined) values[at] = value;
    else if (type === 'TEXT') values[at] = String(value);
    else {
      const number = typeof value === 'number' ? value : Number(value.trim() || Number.NaN);
      if (!(type === 'DOUBLE' ? Number.isFinite(number) : Number.isSafeInteger(number))) {
        return `column ${name} is no number that fits: ${String(value).slice(0, 40)}`;
      }
      if (isUnknown?.(number) === true) continue;
      values[at] = number;
    }
    kept++;
  }
  const columns = templates.copy(kept);
  for (let at = 0; at < plans.length; at++) {
    const value = values[at];
    if (value !== undefined) columns[plans[at]!.name] = value;
  }
  if (hasForeignFamily(columns)) columns.family = LINUX_IPV6;
  if (table === 'process_open_sockets' && raw.protocol === undefined && isTcpState(columns.state))
    columns.protocol = TCP;
  return columns;
}
