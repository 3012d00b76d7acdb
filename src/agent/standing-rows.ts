import { createHash } from 'node:crypto';
import { limits } from '../core/limits.js';
import type { AnyTableRow, HostRow, TableRow } from '../records/host-row.js';

interface Standing {
  readonly row: HostRow;
  readonly sequence: number;
}

/**
 * The rows that still hold: what polls added and did not remove, processes that have not exited, sockets that have not closed, and
 * who the host is. With the newest rows of the journal they are all that an engine needs which has forgotten everything.
 * Bound: `limits.agentStandingRows`; beyond it the oldest but who the host is is forgotten and counted.
 */
export class StandingRows {
  /** Who the host is, which comes before all others. */
  #host: Standing | undefined;
  /** In order of sequence. */
  readonly #rows = new Map<string, Standing>();
  /** The keys of each socket's calls. */
  readonly #sockets = new Map<string, Set<string>>();
  forgotten = 0;

  /** Takes a row over, in order of sequence. */
  take(row: HostRow, sequence: number): void {
    if (row.kind === 'host' || row.kind === 'host_timeout') {
      this.#rows.clear();
      this.#sockets.clear();
      this.#host = row.kind === 'host' ? { row, sequence } : undefined;
    }
    if (row.kind !== 'row') return;
    if (row.action === 'event') {
      this.#event(row, sequence);
      return;
    }
    const key = `${row.stream} ${createHash('sha1').update(JSON.stringify(row.columns)).digest('base64')}`;
    if (row.action === 'added') this.#put(key, { row, sequence });
    else this.#rows.delete(key);
  }

  /** What stands from before a sequence, oldest first. */
  before(sequence: number): Standing[] {
    const found: Standing[] = [];
    if (this.#host !== undefined && this.#host.sequence < sequence) found.push(this.#host);
    for (const standing of this.#rows.values()) if (standing.sequence < sequence) found.push(standing);
    return found;
  }

  get size(): number {
    return this.#rows.size + (this.#host === undefined ? 0 : 1);
  }

  #put(key: string, standing: Standing): void {
    this.#rows.delete(key);
    this.#rows.set(key, standing);
    if (this.size <= limits.agentStandingRows) return;
    const [oldest, { row }] = this.#rows.entries().next().value!;
    this.#rows.delete(oldest);
    this.forgotten++;
    if (row.kind === 'row' && row.table === 'socket_events') this.#sockets.get(socketName(row))?.delete(oldest);
  }

  /** A process stands from its fork and exec to its exit, with its last change of user, a socket from its calls to its close. */
  #event(row: AnyTableRow, sequence: number): void {
    if (row.table === 'process_events') {
      const { pid, syscall } = row.columns;
      if (pid === undefined) return;
      if (syscall === 'exit' || syscall === 'exit_group') {
        this.#rows.delete(`exec ${pid}`);
        this.#rows.delete(`fork ${pid}`);
        this.#rows.delete(`user ${pid}`);
      } else if (syscall === 'setresuid') {
        this.#put(`user ${pid}`, { row, sequence });
      } else {
        const isFork = syscall === 'fork' || syscall === 'vfork' || syscall === 'clone' || syscall === 'clone3';
        this.#put(`${isFork ? 'fork' : 'exec'} ${pid}`, { row, sequence });
      }
    } else if (row.table === 'socket_events') {
      this.#socketEvent(row, sequence);
    }
  }

  #socketEvent(row: TableRow<'socket_events'> & AnyTableRow, sequence: number): void {
    const { action, remote_address: peer, remote_port: port } = row.columns;
    const name = socketName(row);
    if (action === 'close') {
      for (const key of this.#sockets.get(name) ?? []) this.#rows.delete(key);
      this.#sockets.delete(name);
    } else if (action !== undefined && calls.has(action)) {
      const key = `${action} ${name} ${peer} ${port}`;
      const keys = this.#sockets.get(name);
      if (keys === undefined) this.#sockets.set(name, new Set([key]));
      else keys.add(key);
      this.#put(key, { row, sequence });
    }
  }
}

/** The kernel's number of the socket, or who holds it where the row has none. */
function socketName({ columns: { socket, pid, fd } }: TableRow<'socket_events'>): string {
  return socket ?? `${pid} ${fd}`;
}

const calls = new Set(['bind', 'listen', 'connect', 'accept', 'accept4', 'send', 'receive']);
