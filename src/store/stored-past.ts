import { canonicalAddress, isLoopback, isUnspecified } from '../core/address.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { AnyTableRow, HostRow } from '../records/host-row.js';
import { type HostTable, hostTables } from '../records/host-tables.js';
import { timeLiteral as at, list, literal, type StoreValue } from './column.js';
import { lineSelection, type StoredLine, storedLine } from './connection-lines.js';
import { type ControlFact, rowSelection, storedRow } from './host-rows.js';
import type { Store } from './store.js';

/** Connections of one run that late rows may decide, and what else bears on them. */
export interface StoredPast {
  readonly targets: readonly StoredLine[];
  readonly context: readonly StoredLine[];
  readonly rows: readonly HostRow[];
  readonly isAsked: (connection: Pick<StoredLine, 'line' | 'captureHost'>, side: Side) => boolean;
}

type Side = 'orig' | 'resp';

/** There is more than `limits` let be looked at: fewer connections at a time may do. */
export class TooMuchPast extends Error {}

/** Rows may bear on a connection this long before and after it: a call is told late, a poll that no longer sees a socket comes later. */
const LEAD: Micros = 120 * SECOND;
/** As LEAD, and a host's clock may be this far off besides. */
const CLOCK_SLACK: Micros = 300 * SECOND;

/** Columns that tell two rows of a polled table apart; of such rows the last tells whether what they are about still stands. */
const polledKeys: Partial<Record<HostTable, readonly string[]>> = {
  processes: ['pid', 'start_time'],
  process_open_sockets: [
    'pid',
    'fd',
    'socket',
    'protocol',
    'local_address',
    'local_port',
    'remote_address',
    'remote_port',
  ],
  listening_ports: ['pid', 'port', 'protocol', 'family', 'address', 'fd', 'socket'],
  interface_addresses: ['interface', 'address'],
  users: ['uid'],
};

/** Events of a process before the time in question that may still say what it is: its birth and its last program. */
const LAST_EVENTS = 4;

/**
 * Reads what bears on connections of one run, whose ends of `hosts` are asked.
 * @throws TooMuchPast when `limits.lateContext` or `limits.lateRows` do not hold it
 */
export async function readPast(
  store: Store,
  hosts: readonly string[],
  targets: readonly StoredLine[],
): Promise<StoredPast> {
  const addresses = await addressesOf(store, hosts);
  const [from, to] = spanOf(targets);
  const known = [...new Set([...hosts, ...(await hostsWith(store, [...addresses], from, to))])];
  const context = await contextOf(store, targets, addresses, from, to);
  const rows = await rowsAbout(store, known, from, to);
  const isAsked: StoredPast['isAsked'] = ({ line: { connection }, captureHost }, side) => {
    const address = connection[`id.${side}_h`];
    return isLoopback(address) ? captureHost !== undefined && hosts.includes(captureHost) : addresses.has(address);
  };
  return { targets, context, rows, isAsked };
}

/** The last line of each connection that meets a condition, which must not ask for what differs between its lines. */
function lastOf(where: string): string {
  return `SELECT * FROM connection_lines WHERE ${where}
    QUALIFY row_number() OVER (PARTITION BY ts, uid ORDER BY run DESC, rev DESC) = 1`;
}

function spanOf(lines: readonly StoredLine[]): [Micros, Micros] {
  let [from, to] = [Infinity, -Infinity];
  for (const { line } of lines) {
    const { ts, duration = 0 } = line.connection;
    from = Math.min(from, ts);
    to = Math.max(to, ts + duration);
  }
  return [from, to];
}

/** Every address that hosts told of, at any time: of an interface or of a socket. */
export async function addressesOf(store: Store, hosts: readonly string[]): Promise<Set<string>> {
  const parts = addressColumns.map(
    ([table, column]) =>
      `SELECT DISTINCT ${column} FROM ${table} WHERE host IN (${list(hosts)}) AND ${column} IS NOT NULL`,
  );
  const addresses = new Set<string>();
  for (const [text] of await store.rows(parts.join(' UNION '))) {
    const address = canonicalAddress(text as string);
    if (address !== undefined && !isUnspecified(address) && !isLoopback(address)) addresses.add(address);
  }
  return addresses;
}

const addressColumns: readonly (readonly [HostTable, string])[] = [
  ['interface_addresses', 'address'],
  ['socket_events', 'local_address'],
  ['process_open_sockets', 'local_address'],
  ['listening_ports', 'address'],
];

/** Hosts that had one of these addresses about that time, or may still have had it. */
async function hostsWith(store: Store, addresses: readonly string[], from: Micros, to: Micros): Promise<string[]> {
  if (addresses.length === 0) return [];
  const parts = addressColumns.map(([table, column]) => {
    const isLasting = table === 'interface_addresses' ? 'TRUE' : `row_time >= ${at(from - LEAD - CLOCK_SLACK)}`;
    return `SELECT DISTINCT host FROM ${table}
      WHERE ${column} IN (${list(addresses)}) AND row_time <= ${at(to + LEAD + CLOCK_SLACK)} AND ${isLasting}`;
  });
  return (await store.rows(parts.join(' UNION '))).map(([host]) => host as string);
}

/** The hosts that may own an end of a connection. */
export async function hostsOfEnds(store: Store, { line: { connection }, captureHost }: StoredLine): Promise<string[]> {
  const addresses = [connection['id.orig_h'], connection['id.resp_h']];
  const { ts, duration = 0 } = connection;
  const hosts = await hostsWith(
    store,
    addresses.filter((address) => !isLoopback(address)),
    ts,
    ts + duration,
  );
  return captureHost === undefined ? hosts : [...new Set([...hosts, captureHost])];
}

/**
 * The connections beside the targets: those of the same endpoints at any time, those of the asked hosts at that time, which may have a
 * claim to what the targets want, and the first of each capture, since what began before it is not known.
 */
async function contextOf(
  store: Store,
  targets: readonly StoredLine[],
  addresses: ReadonlySet<string>,
  from: Micros,
  to: Micros,
): Promise<StoredLine[]> {
  const { run } = targets[0]!;
  const tuples = new Set(
    targets.flatMap(({ line: { connection: c } }) => [tupleOf(c, 'orig', 'resp'), tupleOf(c, 'resp', 'orig')]),
  );
  const near = `ts <= ${at(to + LEAD)} AND ts + to_microseconds(CAST(coalesce(duration, 0) * 1e6 AS BIGINT)) >= ${at(from - LEAD)}`;
  const ours =
    addresses.size === 0
      ? 'FALSE'
      : `("id.orig_h" IN (${list([...addresses])}) OR "id.resp_h" IN (${list([...addresses])}))`;
  const firsts = `(capture, ts) IN (SELECT capture, min(ts) FROM connection_lines WHERE run = ${run} GROUP BY capture)`;
  const where = `run = ${run} AND ((${near} AND ${ours}) OR ${firsts} OR ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p") IN (VALUES ${[...tuples].join(', ')}))`;
  const chosen = new Set(targets.map(({ line }) => line.connection.uid));
  const found = await store.rows(`SELECT ${lineSelection} FROM (${lastOf(where)}) LIMIT ${limits.lateContext}`);
  if (found.length === limits.lateContext) throw new TooMuchPast();
  return found.map(storedLine).filter(({ line }) => !chosen.has(line.connection.uid));
}

function tupleOf(connection: StoredLine['line']['connection'], a: Side, b: Side): string {
  return `(${literal(connection[`id.${a}_h`])}, ${connection[`id.${a}_p`]}, ${literal(connection[`id.${b}_h`])}, ${connection[`id.${b}_p`]})`;
}

/** The rows of hosts about a time, and what stood at its beginning. */
async function rowsAbout(store: Store, hosts: readonly string[], from: Micros, to: Micros): Promise<HostRow[]> {
  const [lo, hi] = [from - LEAD - CLOCK_SLACK, to + LEAD + CLOCK_SLACK];
  const rows: HostRow[] = [];
  for (const [text] of await store.rows(
    `SELECT CAST(row AS VARCHAR) FROM host_control WHERE host IN (${list(hosts)})`,
  )) {
    rows.push(JSON.parse(text as string) as ControlFact);
  }
  for (const table of Object.keys(hostTables) as HostTable[]) {
    for (const row of await tableRows(store, table, hosts, lo, hi)) rows.push(row);
  }
  rows.push(...(await watermarksOf(store, hosts)));
  return rows;
}

async function watermarksOf(store: Store, hosts: readonly string[]): Promise<HostRow[]> {
  const found = await store.rows(`SELECT host, stream, CAST(epoch_us(max(until)) AS DOUBLE) FROM watermarks
    WHERE host IN (${list(hosts)}) GROUP BY host, stream`);
  return found.map(([host, stream, until]) => ({
    kind: 'complete',
    host: host as string,
    stream: stream as string,
    until: until as Micros,
  }));
}

async function tableRows(
  store: Store,
  table: HostTable,
  hosts: readonly string[],
  lo: Micros,
  hi: Micros,
): Promise<AnyTableRow[]> {
  const ours = `host IN (${list(hosts)})`;
  // A row that a later poll told may be about any time before it.
  const told = `(row_time BETWEEN ${at(lo)} AND ${at(hi)}
    OR (row_time > ${at(hi)} AND row_action <> 'event' AND (row_since IS NULL OR row_since <= ${at(hi)})))`;
  const parts = [`SELECT * FROM ${table} WHERE ${ours} AND ${told}`];
  const standing = standingRows(table, `${ours} AND row_time < ${at(lo)}`);
  if (standing !== undefined) parts.push(standing);
  const found = await store.rows(
    `SELECT ${rowSelection(table)} FROM (${parts.join(' UNION ALL ')}) LIMIT ${limits.lateRows}`,
  );
  if (found.length === limits.lateRows) throw new TooMuchPast();
  return found.map((values: StoreValue[]) => storedRow(table, values));
}

/** Rows about what still stood when the time in question began; undefined where a table tells of nothing that stands. */
function standingRows(table: HostTable, before: string): string | undefined {
  const keys = polledKeys[table];
  if (keys !== undefined) {
    return `SELECT * FROM ${table} WHERE ${before}
      QUALIFY row_number() OVER (PARTITION BY host, stream, ${keys.join(', ')} ORDER BY row_time DESC, row_seq DESC) = 1
      AND row_action = 'added'`;
  }
  if (table === 'process_events') {
    return `SELECT * FROM ${table} WHERE ${before}
      QUALIFY row_number() OVER (PARTITION BY host, stream, pid ORDER BY row_time DESC, row_seq DESC) <= ${LAST_EVENTS}`;
  }
  if (table === 'socket_events') {
    return `SELECT * FROM ${table} WHERE ${before}
      QUALIFY row_number() OVER (
        PARTITION BY host, stream, pid, coalesce(socket, fd), action, local_port, remote_address, remote_port
        ORDER BY row_time DESC, row_seq DESC) = 1
      AND (socket IS NULL OR count(*) FILTER (action = 'close') OVER (PARTITION BY host, stream, socket) = 0)`;
  }
  return undefined;
}
