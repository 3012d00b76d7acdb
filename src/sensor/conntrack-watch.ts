import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { CorrelateError } from '../core/errors.js';
import { MILLISECOND, type Micros } from '../core/time.js';
import type { HostRow, TableRow } from '../records/host-row.js';
import { type ConntrackEvent, decodeConntrack } from './netlink/conntrack-event.js';
import { loadNetlinkAddon, type NetlinkAddon } from './netlink-addon.js';
import { ownNamespace } from './network-namespace.js';
import { ProcFiles } from './proc-files.js';

/** The stream of these rows. */
export const conntrackStream = { stream: 'conntrack', table: 'conntrack' } as const;

/** The socket is read this often. */
const READ_MS = 20;
/** The stream is declared complete this often while nothing happens. */
const COMPLETE_US: Micros = 100 * MILLISECOND;
/** What has happened may take this long to be on the socket. */
const MARGIN_US: Micros = 2 * MILLISECOND;
/** MARGIN_US, and a millisecond that the clock is rounded by. */
const STOP_MS = 4;
const BUFFER_BYTES = 1 << 18;

export interface ConntrackWatchOptions {
  readonly host: string;
  readonly emit: (rows: HostRow[]) => void;
}

/**
 * Watches which connections this host translates in its own network namespace (NAT, by nftables or iptables), as the kernel tells it over
 * ctnetlink: those that are there at the start, then each that begins or ends. Connections that are not translated are left out. The kernel
 * tells no times, so a row lies between two reads. Needs CAP_NET_ADMIN and a kernel with connection tracking.
 *
 * Messages that the kernel had to drop are told as `lost` rows about the time since the read before.
 */
export class ConntrackWatch {
  readonly #options: ConntrackWatchOptions;
  readonly #addon: NetlinkAddon;
  readonly #socket: number;
  readonly #buffer = new ArrayBuffer(BUFFER_BYTES);
  readonly #boot: string | undefined;
  readonly #namespace: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #before: Micros = nowFloor();
  #completed: Micros = 0;
  #seq = 0;
  #isClosed = false;

  private constructor(options: ConntrackWatchOptions, addon: NetlinkAddon, socket: number) {
    const files = new ProcFiles();
    this.#options = options;
    this.#addon = addon;
    this.#socket = socket;
    this.#boot = files.text('/proc/sys/kernel/random/boot_id')?.trim();
    this.#namespace = ownNamespace(files);
  }

  /** From then on nothing is missed. Undefined where it cannot be had: not built, not permitted, or not in this kernel. */
  static open(options: ConntrackWatchOptions): ConntrackWatch | undefined {
    let addon: NetlinkAddon;
    try {
      addon = loadNetlinkAddon();
    } catch (error) {
      if (error instanceof CorrelateError) return undefined;
      throw error;
    }
    const socket = addon.openConntrack();
    return socket < 0 ? undefined : new ConntrackWatch(options, addon, socket);
  }

  start(): void {
    this.#read();
    this.#timer = setInterval(() => this.#read(), READ_MS);
  }

  /** Takes a last look once all that has happened by now can be seen, tells that it is complete, and ends. */
  async stop(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await setTimeout(STOP_MS);
    this.#read(true);
    closeSync(this.#socket);
  }

  #read(isLast = false): void {
    const rows: HostRow[] = [];
    const since = this.#before;
    let isLost = false;
    let hasMore = true;
    while (hasMore) {
      this.#addon.readEvents(this.#socket, this.#buffer);
      const batch = decodeConntrack(this.#buffer);
      const time = nowFloor() + MILLISECOND;
      for (const event of batch.events) rows.push(this.#row(event, since - MARGIN_US, time));
      // What is not understood is as good as lost.
      isLost ||= batch.isLost || batch.bad > 0;
      hasMore = batch.hasMore;
      if (!hasMore) this.#before = batch.drained;
    }
    const { host } = this.#options;
    const until = this.#before - MARGIN_US;
    const { stream } = conntrackStream;
    if (isLost) rows.push({ kind: 'lost', host, stream, from: since - MARGIN_US, to: this.#before });
    if (isLast || rows.length > 0 || until > this.#completed + COMPLETE_US) {
      this.#completed = until;
      rows.push({ kind: 'complete', host, stream, until });
      this.#options.emit(rows);
    }
  }

  #row({ kind, columns }: ConntrackEvent, since: Micros, time: Micros): TableRow<'conntrack'> {
    return {
      kind: 'row',
      host: this.#options.host,
      ...(this.#boot !== undefined && { boot: this.#boot }),
      ...conntrackStream,
      action: kind === 'ended' ? 'removed' : 'added',
      time,
      ...(kind !== 'standing' && since <= time && { since }),
      resolution: 1,
      seq: this.#seq++,
      columns: { ...columns, ...(this.#namespace !== undefined && { net_namespace: this.#namespace }) },
    };
  }
}

function nowFloor(): Micros {
  return Date.now() * MILLISECOND;
}
