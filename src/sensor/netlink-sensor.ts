import { closeSync, read } from 'node:fs';
import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { MILLISECOND, type Micros } from '../core/time.js';
import type { HostRow } from '../records/host-row.js';
import { EventRows } from './event-rows.js';
import type { HostSensor, HostSensorOptions } from './host-sensor.js';
import { type HeldSocket, heldSockets } from './netlink/held-socket.js';
import { batchLayout } from './netlink/message-batch.js';
import { decodeProcessEvents, type ProcessEvent } from './netlink/process-event.js';
import { QuickLooks, quickStream } from './netlink/quick-looks.js';
import { SocketDumps, SYN_SENT } from './netlink/socket-dump.js';
import { loadNetlinkAddon, type NetlinkAddon, systemError } from './netlink-addon.js';
import { namespaceId, ownNamespace } from './network-namespace.js';
import { PollSensor } from './poll-sensor.js';
import { ProcFiles } from './proc-files.js';
import { ProcessImages } from './process-images.js';
import { processPaths } from './process-paths.js';
import { type ProcIds, parseCgroup, parseCmdline, parseIds } from './process-table.js';
import { socketFiles } from './socket-table.js';

/** Looks that are due are taken this often while there are any. */
const LOOK_MS = 1;
/** Share of a core that quick looks may take, beside that of the polls. */
const LOOK_CPU_SHARE = 0.15;
const COMPLETE_US: Micros = 100 * MILLISECOND;
/** An event is timed before it is put on the socket. */
const MARGIN_US: Micros = 2 * MILLISECOND;
/** The kernel walks a large table for them. */
const UNANSWERED_MS = 25;
const BUFFER_BYTES = 1 << 18;
/** Longest message of the process connector, with room to spare. */
const MESSAGE_BYTES = 4_096;

/** What is kept of a process that runs. */
interface Known {
  readonly netns: string | undefined;
  ids: ProcIds | undefined;
}

/**
 * Watches this machine where eBPF cannot be had: the kernel's process connector tells of every fork, exec, change of user and exit, which become rows of
 * `process_events` with what /proc says while the process still runs; its sockets are looked at again and again while it is young; sock_diag
 * and /proc are polled beside it. Needs root (CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN) and must not run in
 * a container. Connections that live for less than a look of an older process are missed, and a program that ends within a
 * millisecond or so has no path.
 *
 * Events that the kernel had to drop are told as `lost` rows about the time since the read before.
 */
export class NetlinkSensor implements HostSensor {
  readonly method = 'netlink';
  private readonly files = new ProcFiles();
  private readonly images = new ProcessImages();
  private readonly rows: EventRows;
  private readonly poll: PollSensor;
  private readonly dumps: SocketDumps;
  private readonly looks: QuickLooks;
  /** When the unanswered connections were asked for last. */
  private askedAt = 0;
  private readonly known = new Map<number, Known>();
  private readonly own: string | undefined;
  private readonly buffer = new ArrayBuffer(BUFFER_BYTES);
  private readonly wakeBuffer = Buffer.alloc(MESSAGE_BYTES);
  private emitPolled: (rows: HostRow[]) => void;
  private timer: NodeJS.Timeout | undefined;
  private drained: Micros = Date.now() * MILLISECOND;
  private completed: Micros = 0;
  private isClosed = false;
  private awoken: () => void = () => {};

  private constructor(
    private readonly options: HostSensorOptions,
    private readonly addon: NetlinkAddon,
    private readonly socket: number,
  ) {
    this.dumps = new SocketDumps(addon);
    const boot = this.files.text('/proc/sys/kernel/random/boot_id')?.trim();
    const { host } = options;
    this.own = ownNamespace(this.files);
    this.rows = new EventRows(host, boot, this.images);
    this.looks = new QuickLooks({
      host,
      boot,
      socketsOf: (pid) => this.socketsOf(pid),
      namespaceOf: (pid) => namespaceId(this.files.link(`/proc/${pid}/ns/net`)),
      cpuShare: LOOK_CPU_SHARE,
    });
    this.emitPolled = options.emit;
    this.poll = new PollSensor({
      ...options,
      dumps: this.dumps,
      otherStreams: [
        { stream: 'process_events', table: 'process_events' },
        { stream: quickStream, table: 'process_open_sockets' },
      ],
      emit: (rows) => this.polled(rows),
    });
  }

  /**
   * From then on no process is missed.
   * @throws CorrelateError SENSOR_NATIVE_MISSING, SENSOR_PERMISSION or SENSOR_UNSUPPORTED
   */
  static open(options: HostSensorOptions): NetlinkSensor {
    const addon = loadNetlinkAddon();
    const socket = addon.openEvents();
    if (socket >= 0) return new NetlinkSensor(options, addon, socket);
    const reason = systemError(socket);
    const isRefused = /permitted|denied/.test(reason);
    throw new CorrelateError(
      isRefused ? 'SENSOR_PERMISSION' : 'SENSOR_UNSUPPORTED',
      `the process connector cannot be listened to: ${reason}`,
    );
  }

  get degradation(): string[] {
    return this.poll.degradation;
  }

  async start(): Promise<void> {
    this.images.seed(this.files);
    for (const name of this.files.names('/proc') ?? []) {
      const pid = Number(name);
      if (Number.isSafeInteger(pid)) this.meet(pid);
    }
    await this.poll.start();
    this.wait();
  }

  async stop(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    const awoken = new Promise<void>((resolve) => {
      this.awoken = resolve;
    });
    const last: HostRow[] = [];
    this.emitPolled = (rows) => last.push(...rows);
    // Not after the wait for the thread: what is open now may be gone by then.
    await this.poll.stop();
    await awoken;
    this.drain();
    this.options.emit(this.watermarks(this.drained - MARGIN_US));
    closeSync(this.socket);
    this.options.emit(last);
  }

  /** Sleeps in a thread until the kernel tells something, or half a second has passed. */
  private wait(): void {
    read(this.socket, this.wakeBuffer, 0, MESSAGE_BYTES, null, (error, bytes) => {
      const isLost = error?.code === 'ENOBUFS';
      if (error === null && bytes > 0) this.drain(this.wakeBuffer.subarray(0, bytes));
      else this.drain(undefined, isLost);
      if (this.isClosed) this.awoken();
      else this.wait();
    });
  }

  /** Takes all that waits on the socket, after `first`. */
  private drain(first?: Uint8Array, wasLost = false): void {
    const out: HostRow[] = [];
    let isLost = wasLost;
    let before = first;
    let hasMore = true;
    while (hasMore) {
      this.addon.readEvents(this.socket, this.buffer);
      const batch = decodeProcessEvents(this.buffer);
      if (before !== undefined) this.takeAll(decodeProcessEvents(inBatch(before, this.buffer)).events, out);
      before = undefined;
      this.takeAll(batch.events, out);
      isLost ||= batch.isLost;
      hasMore = batch.hasMore;
      if (isLost && !hasMore) {
        const [from, to] = [this.drained - MARGIN_US, batch.drained];
        out.push({ kind: 'lost', host: this.options.host, stream: 'process_events', from, to });
      }
      if (!hasMore) this.drained = batch.drained;
    }
    this.finish(out);
  }

  private takeAll(events: readonly ProcessEvent[], out: HostRow[]): void {
    for (const event of events) this.take(event, out);
  }

  private take(event: ProcessEvent, out: HostRow[]): void {
    const { pid, time } = event;
    switch (event.kind) {
      case 'fork': {
        const parent = this.known.get(event.parent) ?? this.meet(event.parent);
        this.known.set(pid, { netns: parent?.netns, ids: parent?.ids });
        this.tell(event, out, event.parent);
        this.begin(pid, time);
        return;
      }
      case 'exec': {
        const known = this.meet(pid) ?? this.known.get(pid);
        if (known !== undefined) this.known.set(pid, known);
        this.tell(event, out);
        this.begin(pid, time);
        return;
      }
      case 'exit':
        out.push(...this.looks.end(pid, time));
        this.tell(event, out);
        this.known.delete(pid);
        return;
      case 'group':
        this.change(pid, { gid: event.real, egid: event.effective });
        return;
      case 'user':
        this.change(pid, { uid: event.real, euid: event.effective });
        this.tell(event, out);
        // Its sockets may be older than this.
        if (this.isOurs(pid)) this.looks.begin(pid, undefined, performance.now());
    }
  }

  private change(pid: number, ids: Partial<ProcIds>): void {
    const known = this.known.get(pid);
    if (known?.ids !== undefined) known.ids = { ...known.ids, ...ids };
  }

  /** A connection that is not answered yet does not tell its peer to whoever holds it, but it does to sock_diag. */
  private socketsOf(pid: number): HeldSocket[] | undefined {
    const sockets = heldSockets(this.addon, pid);
    const isUnanswered = ({ state, remote_port }: HeldSocket): boolean => state === 'SYN_SENT' && remote_port === 0;
    const first = sockets?.find(isUnanswered);
    const now = performance.now();
    if (sockets === undefined || first === undefined || now - this.askedAt < UNANSWERED_MS) return sockets;
    this.askedAt = now;
    const file = socketFiles.find(({ family, protocol }) => family === first.family && protocol === 6)!;
    const unanswered = this.dumps.read(pid, file, limits.sensorSockets, SYN_SENT)?.sockets ?? [];
    return sockets.map((socket) => {
      const found = isUnanswered(socket) ? unanswered.find(({ inode }) => inode === socket.inode) : undefined;
      return found === undefined ? socket : { ...found, fd: socket.fd };
    });
  }

  private begin(pid: number, time: Micros): void {
    if (this.isOurs(pid)) this.looks.begin(pid, time, performance.now());
  }

  /** Reads of a process what its events do not tell. */
  private meet(pid: number): Known | undefined {
    const ids = parseIds(this.files.text(`/proc/${pid}/status`) ?? '');
    if (ids === undefined) return undefined;
    const known = { netns: namespaceId(this.files.link(`/proc/${pid}/ns/net`)), ids };
    this.known.set(pid, known);
    return known;
  }

  private isOurs(pid: number): boolean {
    return this.options.netns !== 'self' || this.known.get(pid)?.netns === this.own;
  }

  /** A row of process_events. */
  private tell(
    event: Extract<ProcessEvent, { kind: 'fork' | 'exec' | 'exit' | 'user' }>,
    out: HostRow[],
    parent?: number,
  ): void {
    const { kind, pid, time } = event;
    const { ids, netns } = this.known.get(pid) ?? {};
    // Without a user the row would tell of root.
    if (ids === undefined) return;
    const image = kind === 'exec' ? this.imageOf(pid) : {};
    const row = this.rows.row({
      kind,
      time,
      pid,
      ...(parent !== undefined && { parent }),
      ...image,
      uid: ids.uid,
      euid: ids.euid,
      gid: ids.gid,
      egid: ids.egid,
      exitCode: event.kind === 'exit' ? event.exitCode : 0,
      ...(netns !== undefined && { netns: Number(netns) }),
    });
    if (this.isOurs(pid)) out.push(row);
  }

  private imageOf(pid: number): { path?: string; args?: string; cwd?: string; cgroup?: string } {
    const { path, cwd } = processPaths(this.files, pid);
    const args = parseCmdline(this.files.text(`/proc/${pid}/cmdline`) ?? '');
    const cgroup = parseCgroup(this.files.text(`/proc/${pid}/cgroup`) ?? '');
    return {
      ...(path !== undefined && { path }),
      ...(args !== '' && { args }),
      ...(cwd !== undefined && { cwd }),
      ...(cgroup !== undefined && { cgroup }),
    };
  }

  /** Who turns out to have new sockets is looked at more often from then on. */
  private polled(rows: HostRow[]): void {
    for (const row of rows) {
      if (row.kind !== 'row' || row.table !== 'process_open_sockets' || row.action !== 'added') continue;
      const { pid, state } = row.columns;
      const opens = state === 'LISTEN' || row.since !== undefined;
      if (pid !== undefined && opens && this.known.has(pid)) {
        this.looks.begin(pid, undefined, performance.now());
      }
    }
    this.emitPolled(rows);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.isClosed || this.looks.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.finish(this.looks.look(performance.now()));
    }, LOOK_MS);
  }

  /** Hands rows on, with watermarks from time to time. */
  private finish(out: HostRow[]): void {
    const until = this.drained - MARGIN_US;
    if (until > this.completed + COMPLETE_US) out.push(...this.watermarks(until));
    if (out.length > 0) this.options.emit(out);
    this.schedule();
  }

  private watermarks(until: Micros): HostRow[] {
    this.completed = until;
    const { host } = this.options;
    return ['process_events', quickStream, 'processes'].map((stream) => ({ kind: 'complete', host, stream, until }));
  }
}

/** A message that was read by itself, as a batch with the clocks of another. */
function inBatch(message: Uint8Array, clocks: ArrayBuffer): ArrayBuffer {
  const batch = new Uint8Array(batchLayout.batchBytes + message.length);
  batch.set(new Uint8Array(clocks, 0, batchLayout.batchBytes));
  batch.set(message, batchLayout.batchBytes);
  new Uint32Array(batch.buffer, batchLayout.bytes, 1)[0] = batch.length;
  return batch.buffer;
}
