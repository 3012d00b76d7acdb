import { Join, type JoinOptions } from '../../src/join/attribution.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../../src/records/connection.js';
import type { AnyTableRow, HostRow, TableRow } from '../../src/records/host-row.js';
import type { Columns, HostTable } from '../../src/records/host-tables.js';

export const ms = 1_000;
export const s = 1_000_000;
/** Scenes count seconds from here. */
export const t0 = 1_700_000_000 * s;

/** A join whose lines are kept, and short ways to say what happens. Times are seconds of the scene. */
export class Scene {
  readonly lines: AttributedConnection[] = [];
  readonly join: Join;
  #seq = 0;

  constructor(options: Partial<JoinOptions> = {}) {
    this.join = new Join({
      latenessUs: 60 * s,
      attrWaitUs: 2 * s,
      finalOnly: false,
      emit: (line) => this.lines.push(line),
      ...options,
    });
  }

  /** A second of the scene as a time. */
  at(second: number): number {
    return t0 + Math.round(second * s);
  }

  /** The host reports these tables, each as a stream of its name, from second 0 on; its clock is the capture's. */
  host(host: string, tables: readonly HostTable[], clock: { offset?: number; err?: number } | 'unmeasured' = {}): this {
    const streams = tables.map((table) => ({ stream: table, table }));
    this.join.row({ kind: 'host', host, streams, from: t0 });
    if (clock !== 'unmeasured') {
      const { offset = 0, err = 0 } = clock;
      this.join.row({ kind: 'clock', host, capture: 'eth0', offset: offset * s, err: err * s, from: t0 });
    }
    return this;
  }

  row(row: HostRow): this {
    this.join.row(row);
    return this;
  }

  event<T extends HostTable>(host: string, table: T, at: number, columns: Columns<T>, resolution = 1): this {
    return this.row(this.makeRow(host, table, 'event', at, columns, resolution));
  }

  /** A poll at `at` saw the row, the one at `since` had not. */
  added<T extends HostTable>(host: string, table: T, at: number, columns: Columns<T>, since?: number): this {
    return this.row(this.makeRow(host, table, 'added', at, columns, 1, since));
  }

  removed<T extends HostTable>(host: string, table: T, at: number, columns: Columns<T>, since: number): this {
    return this.row(this.makeRow(host, table, 'removed', at, columns, 1, since));
  }

  makeRow<T extends HostTable>(
    host: string,
    table: T,
    action: TableRow['action'],
    at: number,
    columns: Columns<T>,
    resolution = 1,
    since?: number,
  ): AnyTableRow {
    const row: TableRow<T> = {
      kind: 'row',
      host,
      stream: table,
      table,
      action,
      time: Math.floor((t0 + Math.round(at * s)) / resolution) * resolution,
      ...(since !== undefined && { since: t0 + Math.round(since * s) }),
      resolution,
      seq: this.#seq++,
      columns,
    };
    return row as unknown as AnyTableRow;
  }

  /** Every stream of the host, or one, is complete up to a second. */
  complete(host: string, until: number, tables: readonly HostTable[]): this {
    for (const stream of tables) this.row({ kind: 'complete', host, stream, until: t0 + until * s });
    // Watermarks of one host are worked off together, once something else comes: here that time goes on, if by nothing.
    this.join.advance(-Infinity);
    return this;
  }

  start(
    uid: string,
    at: number,
    ends: string,
    changes: Partial<Connection> = {},
    capture: Partial<ConnectionUpdate> = {},
  ): this {
    this.join.connection({
      cause: 'start',
      capture: 'eth0',
      ...capture,
      connection: connection(uid, at, 0, ends, changes),
    });
    return this;
  }

  end(
    uid: string,
    at: number,
    lasts: number,
    ends: string,
    changes: Partial<Connection> = {},
    capture: Partial<ConnectionUpdate> = {},
  ): this {
    this.join.connection({
      cause: 'end',
      capture: 'eth0',
      ...capture,
      connection: connection(uid, at, lasts, ends, changes),
    });
    return this;
  }

  advance(now: number): this {
    this.join.advance(t0 + now * s);
    return this;
  }

  /** The last line of a connection. */
  last(uid = 'C1'): AttributedConnection {
    return this.lines.findLast((line) => line.connection.uid === uid)!;
  }
}

/** `ends`: "192.0.2.1 40000 > 192.0.2.2 443", with " udp" behind it where it is no TCP. */
function connection(uid: string, at: number, lasts: number, ends: string, changes: Partial<Connection>): Connection {
  const [orig, origPort, , resp, respPort, proto = 'tcp'] = ends.split(' ') as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  return {
    ts: t0 + Math.round(at * s),
    uid,
    'id.orig_h': orig,
    'id.orig_p': Number(origPort),
    'id.resp_h': resp,
    'id.resp_p': Number(respPort),
    proto: proto as Connection['proto'],
    ...(lasts > 0 && { duration: Math.round(lasts * s) }),
    conn_state: 'SF',
    missed_bytes: 0,
    history: proto === 'tcp' ? 'ShADadFf' : 'Dd',
    orig_pkts: 4,
    orig_ip_bytes: 400,
    resp_pkts: 3,
    resp_ip_bytes: 300,
    ip_proto: proto === 'tcp' ? 6 : 17,
    ...changes,
  };
}
