import { Worker } from 'node:worker_threads';
import { CorrelateError } from '../core/errors.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { FromLiveWorker, LiveStart, LiveStats, ToLiveWorker } from './live-messages.js';

/** Gets what the worker hands over: connections, weirds, and the capture time that they go up to. */
export type OnUpdates = (updates: readonly ConnectionUpdate[], weirds: readonly Weird[], now: Micros) => void;

/** The main thread's side of a live capture. */
export class LiveNetwork {
  readonly #worker: Worker;
  /** The worker's latest figures; undefined before its first report. */
  stats: LiveStats | undefined;
  /** When it last reported, milliseconds of performance.now. */
  heardAt = performance.now();
  /** Resolves when the worker has handed over everything and is gone; rejects with what made it fail. */
  readonly finished: Promise<void>;

  private constructor(
    worker: Worker,
    private readonly onUpdates: OnUpdates,
    private readonly warn: Warn,
  ) {
    this.#worker = worker;
    this.finished = new Promise((resolve, reject) => {
      worker.on('message', (message: FromLiveWorker) => this.#take(message, resolve, reject));
      worker.on('error', reject);
      worker.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`the capture thread ended with ${code}`)),
      );
    });
    this.finished.catch(() => {});
  }

  /** Resolves when every interface is captured. Rejects with CAPTURE_* when one cannot be. */
  static async start(start: LiveStart, onUpdates: OnUpdates, warn: Warn): Promise<LiveNetwork> {
    const worker = new Worker(new URL('./live-worker.js', import.meta.url), { workerData: start });
    const network = new LiveNetwork(worker, onUpdates, warn);
    const started = new Promise<void>((resolve) => {
      worker.on('message', (message: FromLiveWorker) => {
        if (message.kind === 'started') resolve();
      });
    });
    await Promise.race([started, network.finished]);
    return network;
  }

  #take(message: FromLiveWorker, resolve: () => void, reject: (error: Error) => void): void {
    switch (message.kind) {
      case 'started':
        return;
      case 'updates':
        this.stats = message.stats;
        this.heardAt = performance.now();
        this.onUpdates(message.updates, message.weirds, message.now);
        this.#taken(message.updates.length + message.weirds.length);
        return;
      case 'warning':
        this.warn(message.warning);
        return;
      case 'failed':
        reject(
          message.code === undefined ? new Error(message.message) : new CorrelateError(message.code, message.message),
        );
        return;
      case 'stopped':
        resolve();
        return;
    }
  }

  /** Ends the capture; open connections are still handed over before `finished` resolves. */
  stop(): void {
    this.#send({ kind: 'stop' });
  }

  #taken(updates: number): void {
    if (updates > 0) this.#send({ kind: 'taken', updates });
  }

  #send(message: ToLiveWorker): void {
    this.#worker.postMessage(message);
  }
}
