import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { limits } from '../core/limits.js';
import { MILLISECOND, type Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { HostRow, HostSeen } from '../records/host-row.js';
import { HostPoll } from './host-poll.js';
import type { SocketDumps } from './netlink/socket-dump.js';

export interface PollSensorOptions {
  /** The host's id on its rows. */
  readonly host: string;
  /** Wanted time from the start of one poll to that of the next, milliseconds; 100 by default. */
  readonly intervalMs?: number;
  /** `self`: report only what is in our own network namespace. By default all namespaces that can be reached. */
  readonly netns?: 'self' | 'all';
  /** Streams that another sensor of this host reports; they are announced with these. */
  readonly otherStreams?: HostSeen['streams'];
  /** Asks the kernel for sockets over netlink; absent: /proc/net is read. */
  readonly dumps?: SocketDumps;
  /** Share of one core that polling may use; the interval is stretched to keep it. 0.15 by default. */
  readonly cpuShare?: number;
  /** Takes the rows of one poll: the host at first, then what changed, then a `complete` row per stream. */
  readonly emit: (rows: HostRow[]) => void;
  readonly warn: Warn;
}

const DEFAULT_INTERVAL_MS = 100;
/** Between two polls, milliseconds: a busy machine puts them off. */
const LONGEST_PAUSE_MS = 1_000;
const DEFAULT_CPU_SHARE = 0.15;
/** A poll is complete up to the whole millisecond that it began in. */
const STOP_MS = 2;
/** Polls after which the mean cost is believed: the first ones read everything. */
const WARM_UP_POLLS = 20;

/**
 * Watches this machine by reading /proc again and again, and emits what changed as host rows with osquery's tables and
 * columns. Sees what is there at the moment of a poll: a connection or process that lives shorter than the interval is mostly
 * missed. Needs root to see other users' sockets and other network namespaces.
 */
export class PollSensor {
  readonly method = 'poll';
  /** What cannot be seen, in sentences, each told once as SENSOR_LIMITED; empty when nothing is missing. */
  readonly degradation: string[] = [];
  private readonly poll: HostPoll;
  private readonly intervalMs: number;
  private readonly cpuShare: number;
  private timer: NodeJS.Timeout | undefined;
  private readonly told = new Set<string>();
  private polls = 0;
  private meanCost = 0;

  constructor(private readonly options: PollSensorOptions) {
    this.intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS;
    const { host, netns = 'all', otherStreams = [], dumps } = options;
    this.cpuShare = options.cpuShare ?? DEFAULT_CPU_SHARE;
    const pauseAt = (costMs: number): Micros => this.longestPause(costMs);
    this.poll = new HostPoll(host, netns, pauseAt, otherStreams, dumps);
  }

  /** Mean cost of a poll in milliseconds of one core. */
  get costMs(): number {
    return this.meanCost;
  }

  /** Resolves after the first poll was emitted. On a machine without /proc nothing is emitted, which is told. */
  async start(): Promise<void> {
    if (!existsSync('/proc/self/net/tcp')) {
      this.limit('this machine has no /proc with network tables, so it is not watched');
      return;
    }
    this.pollAndSchedule();
  }

  /** Polls a last time, after all that has happened by now, emits that with a host_timeout at its end, and ends. */
  async stop(): Promise<void> {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    await setTimeout(STOP_MS);
    this.pollOnce(true);
  }

  /** What two polls are never further apart where one costs so many milliseconds. */
  private longestPause(costMs: number): Micros {
    return Math.ceil(Math.max(LONGEST_PAUSE_MS, 2 * this.interval(costMs))) * MILLISECOND;
  }

  /** Time from the start of one poll to that of the next, milliseconds. */
  private interval(costMs: number): number {
    return Math.max(this.intervalMs, costMs / this.cpuShare);
  }

  private pollAndSchedule(): void {
    const costMs = this.pollOnce(false);
    const interval = this.interval(this.meanCost);
    this.timer = globalThis.setTimeout(() => this.pollAndSchedule(), Math.max(1, interval - costMs));
  }

  private pollOnce(last: boolean): number {
    const cpu = process.cpuUsage();
    const wall = performance.now();
    const rows = this.poll.look(last);
    const wallMs = performance.now() - wall;
    const { user, system } = process.cpuUsage(cpu);
    // Either may be too much: other threads use the processor too, and other programs keep it from us.
    const costMs = Math.min(wallMs, (user + system) / 1000);
    this.polls++;
    this.meanCost = this.polls === 1 ? costMs : this.meanCost * 0.9 + costMs * 0.1;
    this.tellLimits();
    this.options.emit(rows);
    return wallMs;
  }

  private tellLimits(): void {
    // Where events are seen too, they name the owners, and little is missed between two polls.
    const isAlone = this.options.otherStreams === undefined;
    const denied = this.poll.deniedProcesses;
    if (isAlone && denied > 0) {
      this.limit(`${denied} processes may not be read (root may): their sockets have no known owner`, 'denied');
    }
    if (this.poll.overflow) {
      this.limit(
        `more than ${limits.sensorSockets} sockets, ${limits.sensorProcesses} processes or ${limits.sensorNamespaces} network namespaces: the rest is not reported`,
      );
    }
    if (isAlone && this.polls > WARM_UP_POLLS && this.meanCost / this.cpuShare > this.intervalMs * 1.1) {
      const stretched = Math.round(this.meanCost / this.cpuShare);
      this.limit(
        `a poll costs too much for every ${this.intervalMs} ms: polling about every ${stretched} ms`,
        'interval',
      );
    }
  }

  private limit(message: string, topic = message): void {
    if (this.told.has(topic)) return;
    this.told.add(topic);
    this.degradation.push(message);
    this.options.warn({ code: 'SENSOR_LIMITED', message });
  }
}
