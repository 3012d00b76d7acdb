import type { CaptureStats } from '../capture/packet-source.js';
import type { TrackerOptions, TrackerStats } from '../conn/tracker-options.js';
import type { ErrorCode } from '../core/errors.js';
import type { Micros } from '../core/time.js';
import type { Warning } from '../core/warnings.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Weird } from '../records/weird.js';

/** One interface to capture on, and the host it belongs to where that is known. */
export interface InterfaceRef {
  readonly name: string;
  readonly host?: string;
}

/** What the worker is started with. */
export interface LiveStart {
  readonly interfaces: readonly InterfaceRef[];
  readonly filter?: string;
  readonly snaplen?: number;
  readonly ringBytes?: number;
  readonly tracker: Omit<TrackerOptions, 'emit' | 'onWeird'>;
  /** Hand over weirds one by one too. */
  readonly weirds: boolean;
}

/** What the worker has counted. */
export interface LiveStats {
  readonly capture: CaptureStats;
  readonly tracker: TrackerStats;
  /** Updates and weirds that were not handed over because the other side had too many waiting. */
  readonly updatesDropped: number;
  /** Those that the other side has not dealt with. */
  readonly updatesWaiting: number;
}

/** From the worker: it captures; connections up to the capture time `now`; something went wrong; it has stopped. */
export type FromLiveWorker =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'updates';
      readonly updates: ConnectionUpdate[];
      readonly weirds: Weird[];
      readonly now: Micros;
      readonly stats: LiveStats;
    }
  | { readonly kind: 'warning'; readonly warning: Warning }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'stopped' };

/** To the worker: that many updates and weirds have been dealt with; stop, and report what is open. */
export type ToLiveWorker = { readonly kind: 'taken'; readonly updates: number } | { readonly kind: 'stop' };
