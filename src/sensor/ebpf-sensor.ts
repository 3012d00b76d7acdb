import { CorrelateError, type ErrorCode, errorCodes, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { MILLISECOND, type Micros } from '../core/time.js';
import type { HostRow } from '../records/host-row.js';
import { EventRows, type EventTable, eventTables } from './event-rows.js';
import type { HostSensor, HostSensorOptions } from './host-sensor.js';
import { ownNamespace } from './network-namespace.js';
import { PollSensor } from './poll-sensor.js';
import { ProcFiles } from './proc-files.js';
import { ProcessImages } from './process-images.js';
import { decodeBatch } from './ring-record.js';
import { loadSensorAddon, type SensorAddon, type SensorHandle } from './sensor-addon.js';

/** The ring is read this often. */
const READ_MS = 20;
/** /proc is read this often, for what events do not tell: the state at the start, addresses, users, who holds a descriptor too. */
const POLL_MS = 1000;
/** Less often where that would take more than this share of a core. */
const POLL_CPU_SHARE = 0.04;
/** Streams without new rows are declared complete this often. */
const COMPLETE_US: Micros = 100 * MILLISECOND;
/** With the events also the polled processes are complete: all that happens to processes after the first poll is an event. */
const completedStreams = [...eventTables, 'processes'] as const;
/** An event's time may be taken this long before its record is in the ring. */
const MARGIN_US: Micros = 2 * MILLISECOND;
/** The kernel's first pid namespace (PROC_PID_INIT_INO), whose numbers the programs in the kernel see. */
const INITIAL_PIDS = 'pid:[4026531836]';
const BUFFER_BYTES = 1 << 20;
/** Buffers read at a time before other work gets its turn. */
const READS = 16;

/**
 * Watches this machine with programs in the kernel: every connect, accept, listen, bind, close and first datagram, every exec, fork and
 * exit, with the process and the whole tuple, however short it lives. Needs Linux 5.12, root (or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN,
 * CAP_DAC_READ_SEARCH, and CAP_SYS_ADMIN where tracefs is not mounted), and cgroup v2. Emits events as rows of `socket_events` and `process_events`, and what a slow PollSensor sees.
 *
 * Records that found the ring full are told as `lost` rows about the time since the read before.
 */
export class EbpfSensor implements HostSensor {
  readonly method = 'ebpf';
  private readonly files = new ProcFiles();
  private readonly images = new ProcessImages();
  private readonly rows: EventRows;
  private readonly poll: PollSensor;
  private readonly buffer = new ArrayBuffer(BUFFER_BYTES);
  private timer: NodeJS.Timeout | undefined;
  private emitPolled: (rows: HostRow[]) => void;
  private before: Progress = { drained: Date.now() * MILLISECOND, lostSockets: 0, lostProcesses: 0 };
  private completed: Micros = 0;
  private badTold = false;
  private isClosed = false;

  private constructor(
    private readonly options: HostSensorOptions,
    private readonly addon: SensorAddon,
    private readonly handle: SensorHandle,
  ) {
    const boot = this.files.text('/proc/sys/kernel/random/boot_id')?.trim();
    this.rows = new EventRows(options.host, boot, this.images);
    this.emitPolled = options.emit;
    this.poll = new PollSensor({
      ...options,
      intervalMs: POLL_MS,
      cpuShare: POLL_CPU_SHARE,
      otherStreams: eventTables.map((table) => ({ stream: table, table })),
      emit: (rows) => this.emitPolled(rows),
    });
  }

  /**
   * Puts the programs into the kernel; from then on nothing is missed. `ringBytes` is a power of two and of pages.
   * @throws CorrelateError SENSOR_NATIVE_MISSING, SENSOR_PERMISSION or SENSOR_UNSUPPORTED
   */
  static open(options: HostSensorOptions, ringBytes: number = limits.sensorRingBytes): EbpfSensor {
    const addon = loadSensorAddon();
    const files = new ProcFiles();
    const own = ownNamespace(files);
    if (own === undefined || files.link('/proc/self/ns/pid') !== INITIAL_PIDS) {
      throw new CorrelateError(
        'SENSOR_UNSUPPORTED',
        'in a container the kernel numbers processes otherwise than /proc',
      );
    }
    try {
      return new EbpfSensor(options, addon, addon.open(options.netns === 'self' ? Number(own) : 0, ringBytes));
    } catch (error) {
      throw sensorError(error);
    }
  }

  get degradation(): string[] {
    return this.poll.degradation;
  }

  async start(): Promise<void> {
    this.images.seed(this.files);
    await this.poll.start();
    this.schedule(READ_MS);
  }

  /** Takes a last look, then the programs out of the kernel, and emits what they told until then. */
  async stop(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    const last: HostRow[] = [];
    this.emitPolled = (rows) => last.push(...rows);
    await this.poll.stop();
    this.addon.detach(this.handle);
    this.read(Number.POSITIVE_INFINITY);
    this.addon.close(this.handle);
    // The end of the watch comes last.
    this.options.emit(last);
  }

  private schedule(waitMs: number): void {
    this.timer = setTimeout(() => this.schedule(this.read(READS) ? 0 : READ_MS), waitMs);
  }

  /** Reads the ring until it is empty, at most `reads` buffers. Returns whether there is more. */
  private read(reads: number): boolean {
    const out: HostRow[] = [];
    let hasMore = true;
    for (let i = 0; i < reads && hasMore; i++) {
      this.addon.read(this.handle, this.buffer);
      const batch = decodeBatch(this.buffer);
      for (const record of batch.records) out.push(this.rows.row(record));
      if (batch.bad > 0) this.tellBad();
      this.tellLost(batch, out);
      hasMore = batch.hasMore;
    }
    if (!hasMore) this.complete(out);
    if (out.length > 0) this.options.emit(out);
    return hasMore;
  }

  private tellLost(batch: Progress, out: HostRow[]): void {
    const { before } = this;
    const lost = (stream: EventTable): HostRow => ({
      kind: 'lost',
      host: this.options.host,
      stream,
      from: before.drained - MARGIN_US,
      to: batch.drained,
    });
    if (batch.lostSockets > before.lostSockets) out.push(lost('socket_events'));
    if (batch.lostProcesses > before.lostProcesses) out.push(lost('process_events'));
    this.before = batch;
  }

  private complete(out: HostRow[]): void {
    const until = this.before.drained - MARGIN_US;
    if (until <= this.completed || (out.length === 0 && until < this.completed + COMPLETE_US)) return;
    this.completed = until;
    for (const stream of completedStreams) out.push({ kind: 'complete', host: this.options.host, stream, until });
  }

  private tellBad(): void {
    if (this.badTold) return;
    this.badTold = true;
    this.options.warn({ code: 'SENSOR_LIMITED', message: 'the kernel wrote a record that is not understood' });
  }
}

interface Progress {
  readonly drained: Micros;
  readonly lostSockets: number;
  readonly lostProcesses: number;
}

/** What the addon threw, as an error of this program. */
function sensorError(error: unknown): CorrelateError {
  const code = (error as { code?: unknown }).code;
  const known: ErrorCode = typeof code === 'string' && code in errorCodes ? (code as ErrorCode) : 'SENSOR_UNSUPPORTED';
  // bpf_get_socket_cookie in tracing programs came with 5.12; the other helpers and the ring are older.
  const needs = known === 'SENSOR_UNSUPPORTED' ? ' (needed: Linux 5.12 or newer with BTF, and cgroup v2)' : '';
  return new CorrelateError(known, `${messageOf(error)}${needs}`, { cause: error });
}
