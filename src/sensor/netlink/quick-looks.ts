import { limits } from '../../core/limits.js';
import { MILLISECOND, type Micros } from '../../core/time.js';
import type { HostRow, TableRow } from '../../records/host-row.js';
import type { HeldSocket } from './held-socket.js';

/** The stream of these rows, beside that of the polls. */
export const quickStream = 'process_open_sockets_quick';

export interface QuickLookOptions {
  readonly host: string;
  readonly boot: string | undefined;
  /** The sockets that a process holds; undefined when it is gone or may not be asked. */
  readonly socketsOf: (pid: number) => readonly HeldSocket[] | undefined;
  /** The network namespace that a process is in now. */
  readonly namespaceOf: (pid: number) => string | undefined;
  /** Share of a core that looking may take. */
  readonly cpuShare: number;
}

interface Watched {
  /** When it began, or was looked at last; absent: neither is known. */
  since: Micros | undefined;
  dueMs: number;
  pauseMs: number;
  /** Rows told as added, by socket and descriptor. */
  told: Map<string, TableRow<'process_open_sockets'>>;
}

const SHORTEST_MS = 1;
const LONGEST_MS = 250;
const GROWTH = 1.5;
/** The state of a TCP socket that nobody has answered yet. */
const CONNECTING = 'SYN_SENT';
/** The time that the share is kept over. */
const BUDGET_MS = 200;

/**
 * Looks at the sockets of processes that have just begun, and of those that turn out to open sockets, again and again: after a
 * millisecond at first, then less often while nothing new shows. What it sees are rows of `process_open_sockets` as a poll tells them,
 * with the look before as `since`. Beyond its share of a core looks are left out and counted. Bound: `limits.sensorProcesses`, beyond which
 * further processes wait for the next poll.
 */
export class QuickLooks {
  readonly #options: QuickLookOptions;
  readonly #watched = new Map<number, Watched>();
  #seq = 0;
  #budgetMs = BUDGET_MS;
  #filledAt = 0;
  /** Looks that were due and not taken for want of time. */
  skipped = 0;

  constructor(options: QuickLookOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** A process began, or has a new program; `since` when it began. */
  begin(pid: number, since: Micros | undefined, nowMs: number): void {
    const known = this.#watched.get(pid);
    if (known !== undefined) {
      known.dueMs = nowMs;
      known.pauseMs = SHORTEST_MS;
    } else if (this.#watched.size < limits.sensorProcesses) {
      this.#watched.set(pid, { since, dueMs: nowMs, pauseMs: SHORTEST_MS, told: new Map() });
    }
  }

  /** The process ended at a time: what it held is closed. */
  end(pid: number, time: Micros): HostRow[] {
    const watched = this.#watched.get(pid);
    this.#watched.delete(pid);
    if (watched === undefined) return [];
    return [...watched.told.values()].map((row) => this.#row('removed', row, watched.since, time, 1));
  }

  /** Looks at whom it is time for. `nowMs` is of a clock that only goes forward. */
  look(nowMs: number): HostRow[] {
    const rows: HostRow[] = [];
    this.#budgetMs = Math.min(
      BUDGET_MS * this.#options.cpuShare,
      this.#budgetMs + (nowMs - this.#filledAt) * this.#options.cpuShare,
    );
    this.#filledAt = nowMs;
    const began = performance.now();
    for (const [pid, watched] of this.#watched) {
      if (watched.dueMs > nowMs) continue;
      if (performance.now() - began > this.#budgetMs) this.skipped++;
      else this.#lookAt(pid, watched, rows);
      watched.dueMs = nowMs + watched.pauseMs;
    }
    this.#budgetMs -= performance.now() - began;
    return rows;
  }

  #lookAt(pid: number, watched: Watched, rows: HostRow[]): void {
    const time = Date.now() * MILLISECOND;
    const sockets = this.#options.socketsOf(pid);
    if (sockets === undefined) {
      // It ends, which an event will tell.
      watched.pauseMs = LONGEST_MS;
      return;
    }
    const resolution = Date.now() * MILLISECOND + MILLISECOND - time;
    const seen = new Map<string, HeldSocket>();
    for (const socket of sockets) seen.set(toldKey(socket, watched.told) ?? keyOf(socket), socket);
    for (const [key, row] of watched.told) {
      if (seen.has(key)) continue;
      rows.push(this.#row('removed', row, watched.since, time, resolution));
      watched.told.delete(key);
    }
    // Asked when it is told: the process may have entered another one since its last event was read.
    let netns: string | undefined;
    let hasNews = false;
    for (const [key, socket] of seen) {
      if (watched.told.has(key) || !isAnEnd(socket)) continue;
      netns ??= this.#options.namespaceOf(pid);
      hasNews = true;
      const row = this.#added(pid, socket, netns, watched.since, time, resolution);
      watched.told.set(key, row);
      rows.push(row);
    }
    watched.since = time;
    watched.pauseMs = hasNews ? 2 * SHORTEST_MS : Math.min(LONGEST_MS, watched.pauseMs * GROWTH);
    // Whoever opens nothing for long is left to the polls.
    if (watched.pauseMs === LONGEST_MS && watched.told.size === 0) this.#watched.delete(pid);
  }

  #added(
    pid: number,
    socket: HeldSocket,
    netns: string | undefined,
    since: Micros | undefined,
    time: Micros,
    resolution: number,
  ) {
    const { inode, fd, state, ...tuple } = socket;
    const { host, boot } = this.#options;
    return {
      kind: 'row',
      host,
      ...(boot !== undefined && { boot }),
      stream: quickStream,
      table: 'process_open_sockets',
      action: 'added',
      time,
      ...(since !== undefined && since <= time && { since }),
      resolution,
      seq: this.#seq++,
      columns: {
        pid,
        fd,
        socket: inode,
        ...tuple,
        ...(state !== undefined && { state }),
        ...(netns !== undefined && { net_namespace: netns }),
      },
    } satisfies TableRow<'process_open_sockets'>;
  }

  #row(
    action: 'removed',
    { since: _, ...row }: TableRow<'process_open_sockets'>,
    since: Micros | undefined,
    time: Micros,
    resolution: number,
  ): TableRow<'process_open_sockets'> {
    return {
      ...row,
      action,
      time,
      ...(since !== undefined && since <= time && { since }),
      resolution,
      seq: this.#seq++,
    };
  }
}

/** Whether the socket can be an end already: it has a port, and TCP a peer or a queue of them. */
function isAnEnd({ protocol, local_port, remote_port, state }: HeldSocket): boolean {
  return local_port !== 0 && (protocol !== 6 || remote_port !== 0 || state === 'LISTEN');
}

/** The key of the row that told of the socket before it was seen without its peer, which not every look at one that connects shows. */
function toldKey({ inode, fd, state, remote_port }: HeldSocket, told: Watched['told']): string | undefined {
  if (state !== CONNECTING || remote_port !== 0) return undefined;
  for (const [key, { columns }] of told) {
    if (columns.socket === inode && columns.fd === fd && columns.state === CONNECTING) return key;
  }
  return undefined;
}

/** Of the states only that of a socket which nobody has answered yet says something about its connection. */
function keyOf({ inode, fd, local_address, local_port, remote_address, remote_port, state }: HeldSocket): string {
  return `${inode} ${fd} ${local_address} ${local_port} ${remote_address} ${remote_port} ${state === CONNECTING}`;
}
