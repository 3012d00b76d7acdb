import type { Micros } from '../../../src/core/time.js';
import type { AttributedConnection, End } from '../../../src/records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../../../src/records/connection.js';
import type { AnyTableRow, HostRow, TableRow } from '../../../src/records/host-row.js';
import type { Columns, HostTable } from '../../../src/records/host-tables.js';

/** Capture time zero of every story; times in stories are milliseconds after it. */
export const zero: Micros = 1_700_000_000_000_000;
export const at = (ms: number): Micros => zero + Math.round(ms * 1000);

const tables = [
  'processes',
  'process_events',
  'socket_events',
  'process_open_sockets',
  'listening_ports',
  'interface_addresses',
  'users',
] as const;

export interface TellerOptions {
  readonly address: string;
  /** Host clock minus capture clock, milliseconds. */
  readonly skew?: number;
  /** How far its clock may be off, milliseconds. */
  readonly err?: number;
  readonly resolution?: Micros;
  /** Tables that the host has a stream for, each of the table's name. */
  readonly streams?: readonly HostTable[];
  readonly watchedFrom?: number;
}

/** Writes the rows of one host by hand, with times in the capture's milliseconds. */
export class Teller {
  readonly rows: HostRow[] = [];
  readonly #host: string;
  readonly #options: TellerOptions;
  #seq = 1;

  constructor(host: string, options: TellerOptions) {
    this.#host = host;
    this.#options = options;
    const streams = (options.streams ?? tables).map((table) => ({ stream: table, table }));
    this.rows.push({
      kind: 'host',
      host,
      boot: `boot-${host}`,
      streams,
      from: this.clock(options.watchedFrom ?? -60_000),
    });
    for (const capture of ['eth0', `lo@${host}`]) {
      const [offset, err] = [(options.skew ?? 0) * 1000, (options.err ?? 0.01) * 1000];
      this.rows.push({ kind: 'clock', host, capture, offset, err, from: at(-100_000) });
    }
    for (const address of [options.address, '127.0.0.1']) {
      this.row('interface_addresses', 'added', -60_000, { interface: 'eth0', address });
    }
  }

  clock(ms: number): Micros {
    return at(ms + (this.#options.skew ?? 0));
  }

  row<T extends HostTable>(
    table: T,
    action: TableRow['action'],
    ms: number,
    columns: Columns<T>,
    since?: number,
  ): this {
    const resolution = this.#options.resolution ?? 1;
    const coarse = (time: number): Micros => Math.floor(this.clock(time) / resolution) * resolution;
    const row: TableRow<T> = {
      kind: 'row',
      host: this.#host,
      boot: `boot-${this.#host}`,
      stream: table,
      table,
      action,
      time: coarse(ms),
      ...(since === undefined ? {} : { since: coarse(since) }),
      resolution,
      seq: this.#seq++,
      columns,
    };
    this.rows.push(row as unknown as AnyTableRow);
    return this;
  }

  fork(ms: number, pid: number, parent: number, path = '/bin/sh', uid = 1000): this {
    return this.row('process_events', 'event', ms, { pid, parent, path, cmdline: path, uid, syscall: 'fork' });
  }

  exec(ms: number, pid: number, path: string, parent?: number, uid = 1000): this {
    const of = parent === undefined ? {} : { parent };
    return this.row('process_events', 'event', ms, { pid, ...of, path, cmdline: path, uid, syscall: 'execve' });
  }

  exit(ms: number, pid: number): this {
    return this.row('process_events', 'event', ms, { pid, syscall: 'exit' });
  }

  socket(ms: number, action: string, pid: number, columns: Columns<'socket_events'>): this {
    return this.row('socket_events', 'event', ms, {
      action,
      pid,
      status: 'succeeded',
      family: 2,
      protocol: 6,
      ...columns,
    });
  }

  lost(stream: string, from: number, to: number): this {
    this.rows.push({ kind: 'lost', host: this.#host, stream, from: this.clock(from), to: this.clock(to) });
    return this;
  }

  timeout(ms: number): this {
    this.rows.push({ kind: 'host_timeout', host: this.#host, at: this.clock(ms) });
    return this;
  }

  /** Everything up to then has been handed over, on every stream. */
  complete(ms: number): this {
    for (const stream of this.#options.streams ?? tables) {
      this.rows.push({ kind: 'complete', host: this.#host, stream, until: this.clock(ms) });
    }
    return this;
  }
}

/** Columns of both ends of a socket: `10.0.0.1:40000>10.0.0.2:443`. */
export function ends(text: string): Columns<'socket_events'> {
  const [local, remote] = text.split('>') as [string, string | undefined];
  return { ...end('local', local), ...(remote === undefined ? {} : end('remote', remote)) };
}

function end(side: 'local' | 'remote', text: string): Columns<'socket_events'> {
  if (text === '') return {};
  const colon = text.lastIndexOf(':');
  const [address, port] = [text.slice(0, colon), Number(text.slice(colon + 1))];
  return side === 'local'
    ? { local_address: address, local_port: port }
    : { remote_address: address, remote_port: port };
}

export interface ConnectionOptions {
  readonly uid?: string;
  readonly proto?: Connection['proto'];
  readonly history?: string;
  readonly state?: string;
  readonly capture?: string;
  readonly captureHost?: string;
  readonly cause?: ConnectionUpdate['cause'];
}

/** A connection from `ms` on for `length` milliseconds. */
export function connection(
  ms: number,
  length: number,
  text: string,
  options: ConnectionOptions = {},
): ConnectionUpdate {
  const { local_address, local_port, remote_address, remote_port } = ends(text);
  const proto = options.proto ?? 'tcp';
  return {
    cause: options.cause ?? 'end',
    capture: options.capture ?? 'eth0',
    ...(options.captureHost === undefined ? {} : { captureHost: options.captureHost }),
    connection: {
      ts: at(ms),
      uid: options.uid ?? 'C1',
      'id.orig_h': local_address!,
      'id.orig_p': local_port!,
      'id.resp_h': remote_address!,
      'id.resp_p': remote_port!,
      proto,
      duration: length * 1000,
      conn_state: options.state ?? 'SF',
      missed_bytes: 0,
      history: options.history ?? (proto === 'tcp' ? 'ShADadFf' : 'Dd'),
      orig_pkts: 5,
      orig_ip_bytes: 200,
      resp_pkts: 5,
      resp_ip_bytes: 200,
      ip_proto: { tcp: 6, udp: 17, icmp: 1, unknown_transport: 132 }[proto],
    },
  };
}

/** An end in a few words: `socket_event web:100`, `ambiguous web:100 web:101`, `no_agent`, `pending`. */
export function inWords(end: End): string {
  if (end.state === 'attributed') return `${end.method} ${end.host.id}:${end.process.pid}`;
  if (end.state === 'ambiguous') {
    const who = end.candidates.map((c) => `${c.host.id}:${c.process.pid}`);
    return `ambiguous ${[...new Set(who)].sort().join(' ')}`;
  }
  return end.state === 'unattributed' ? end.reason : end.state;
}

export function linesInWords(line: Pick<AttributedConnection, 'orig' | 'resp'>): { orig: string; resp: string } {
  return { orig: inWords(line.orig), resp: inWords(line.resp) };
}
