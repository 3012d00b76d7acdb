import { isGroupAddress } from '../core/address.js';
import { type Micros, SECOND } from '../core/time.js';
import type { AttributedConnection, End } from '../records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import type { HostRow, TableRow } from '../records/host-row.js';
import type { Columns } from '../records/host-tables.js';
import { noAgent, notLocal } from './end-record.js';
import { Heap } from './heap.js';

/** Hosts are asked for their sockets this often; what came and went in between is not seen. */
const POLL_EVERY: Micros = 2 * SECOND;
/** A socket that a poll no longer saw is believed this much longer, and a connection is decided this long after its end. */
const TIMER: Micros = 10 * SECOND;
/** Live, rows about a time are taken to be there this much later. */
const ROWS_LATE: Micros = 3 * SECOND;
const IPV4 = 2;

/** Rows and connections that wait for their time. At the bound the next are dropped and counted: `losses`. */
const WAITING = 2_000_000;

type SocketColumns = Columns<'process_open_sockets'>;
type SocketRow = TableRow<'process_open_sockets'>;

interface KnownSocket {
  readonly columns: SocketColumns;
  /** Time of the first poll that no longer saw it. */
  goneAt?: Micros;
}

/** What is believed of one host. */
class PolledHost {
  /** As the host's own table has it now. */
  readonly current = new Map<string, SocketColumns>();
  /** As the polls of every two seconds left it. */
  readonly known = new Map<string, KnownSocket>();

  poll(at: Micros): void {
    for (const [key, columns] of this.current) this.known.set(key, { columns });
    for (const [key, socket] of this.known) {
      if (this.current.has(key)) continue;
      socket.goneAt ??= at;
      if (socket.goneAt + TIMER <= at) this.known.delete(key);
    }
  }
}

interface Waiting {
  readonly at: Micros;
  readonly row?: HostRow;
  readonly update?: ConnectionUpdate;
}

/**
 * The rules of zeek-osquery, the ancestor of this program, to be scored beside `Join` over the same input: polls of IPv4 sockets every two seconds, a
 * socket is removed ten seconds after the poll that missed it, and a connection is decided once, ten seconds after its end. Every socket whose tuple
 * agrees is a candidate, where an unset, zero or 0.0.0.0 value agrees with anything; neither times nor the kind of evidence are looked at, and hosts'
 * clocks are taken to be the capture's. One candidate process is the owner, several are `ambiguous`. Polls are had from the polled rows of the input.
 */
export class Baseline {
  readonly #hosts = new Map<string, PolledHost>();
  /** Which host has an address now. */
  readonly #addresses = new Map<string, string>();
  readonly #waiting = new Heap<Waiting>();
  #nextPoll: Micros | undefined;
  #dropped = 0;

  constructor(private readonly emit: (attributed: AttributedConnection) => void) {}

  get losses(): Readonly<Record<string, number>> {
    return { 'inputs of the baseline': this.#dropped };
  }

  connection(update: ConnectionUpdate): void {
    if (update.cause !== 'end') return;
    const { ts, duration = 0 } = update.connection;
    this.#wait({ at: ts + duration + TIMER, update });
  }

  row(row: HostRow): void {
    if (row.kind !== 'row' || (row.table !== 'process_open_sockets' && row.table !== 'interface_addresses')) return;
    this.#wait({ at: row.time, row });
  }

  advance(now: Micros): void {
    this.#goOn(now - ROWS_LATE);
  }

  /** The input has ended. */
  end(): void {
    this.#goOn(Number.POSITIVE_INFINITY);
  }

  #wait(waiting: Waiting): void {
    if (this.#waiting.size >= WAITING) this.#dropped++;
    else this.#waiting.push(waiting);
  }

  /** Takes what waits in order of time, with the polls in between. */
  #goOn(until: Micros): void {
    for (;;) {
      const next = this.#waiting.pop(until);
      if (next === undefined) return;
      this.#pollUntil(next.at);
      if (next.row !== undefined) this.#take(next.row);
      else if (next.update !== undefined) this.#decide(next.update);
    }
  }

  #pollUntil(at: Micros): void {
    this.#nextPoll ??= at;
    // After a long silence nothing is left that two polls more would change.
    this.#nextPoll = Math.max(this.#nextPoll, at - 2 * TIMER);
    for (; this.#nextPoll < at; this.#nextPoll += POLL_EVERY) {
      for (const host of this.#hosts.values()) host.poll(this.#nextPoll);
    }
  }

  #take(row: HostRow): void {
    if (row.kind !== 'row') return;
    if (row.table === 'process_open_sockets') this.#takeSocket(row);
    else if (row.table === 'interface_addresses' && row.columns.address !== undefined) {
      if (row.action === 'added') this.#addresses.set(row.columns.address, row.host);
      else if (this.#addresses.get(row.columns.address) === row.host) this.#addresses.delete(row.columns.address);
    }
  }

  #takeSocket({ host: id, action, columns }: SocketRow): void {
    if (columns.family !== IPV4) return;
    const host = this.#hosts.get(id) ?? new PolledHost();
    this.#hosts.set(id, host);
    const key = JSON.stringify(columns);
    if (action === 'added') host.current.set(key, columns);
    else host.current.delete(key);
  }

  #decide({ connection, capture }: ConnectionUpdate): void {
    const { 'id.orig_h': origH, 'id.orig_p': origP, 'id.resp_h': respH, 'id.resp_p': respP } = connection;
    const orig = this.#owner(connection, origH, origP, respH, respP);
    const resp = isGroupAddress(respH) ? notLocal : this.#owner(connection, respH, respP, origH, origP);
    this.emit({ connection, capture, cause: 'end', rev: 0, orig, resp });
  }

  #owner({ ip_proto: proto }: Connection, local: string, localPort: number, remote: string, remotePort: number): End {
    const id = this.#addresses.get(local);
    if (id === undefined) return noAgent;
    const pids = new Set<number>();
    for (const { columns: c } of this.#hosts.get(id)?.known.values() ?? []) {
      if (c.pid === undefined || c.protocol !== proto) continue;
      const isLocal = agrees(c.local_address, local) && agrees(c.local_port, localPort);
      if (isLocal && agrees(c.remote_address, remote) && agrees(c.remote_port, remotePort)) pids.add(c.pid);
    }
    const host = { id };
    const [first] = pids;
    if (first === undefined) return { state: 'unattributed', reason: 'no_socket_seen', host };
    const owner = (pid: number) => ({ method: 'open_socket', host, process: { pid } }) as const;
    if (pids.size === 1) return { state: 'attributed', ...owner(first) };
    return {
      state: 'ambiguous',
      candidates: [...pids].sort((a, b) => a - b).map((pid) => ({ ...owner(pid), tie: 'its socket agrees' })),
    };
  }
}

/** Whether a socket's value allows that of the connection. */
function agrees(value: string | number | undefined, wanted: string | number): boolean {
  return value === undefined || value === 0 || value === '' || value === '0.0.0.0' || value === wanted;
}
