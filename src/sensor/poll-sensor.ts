import type { Warn } from '../core/warnings.js';
import type { HostRow } from '../records/host-row.js';

export interface PollSensorOptions {
  /** The host's id on its rows. */
  readonly host: string;
  /** Wanted time between two polls, milliseconds; stretched when a poll costs too much. */
  readonly intervalMs?: number;
  /** Takes the rows of one poll: changes first, then a `complete` row per stream. */
  readonly emit: (rows: HostRow[]) => void;
  readonly warn: Warn;
}

/** Watches this machine by reading /proc again and again, and emits what changed as host rows. */
export class PollSensor {
  /** What cannot be seen, in sentences; empty when nothing is missing. */
  readonly degradation: string[] = [];

  constructor(options: PollSensorOptions) {
    void options;
  }

  /** Resolves after the first poll was emitted. */
  async start(): Promise<void> {}

  /** Polls a last time, emits that and ends. */
  async stop(): Promise<void> {}
}
