import { openCaptureFile } from '../capture/capture-file.js';
import { mergeSources } from '../capture/merged-source.js';
import type { CaptureStats, PacketSource } from '../capture/packet-source.js';
import { ConnectionTracker, type TrackerOptions, type TrackerStats } from '../conn/connection-tracker.js';
import type { Warn } from '../core/warnings.js';
import type { ConnectionUpdate } from '../records/connection.js';

/** Connections open at the end of the input are handed on in lists of this many, so that the outputs keep up. */
const ENDED_AT_ONCE = 2048;

/** The network side from capture files: read, decoded and followed in this thread, as fast as the disk gives. */
export class FileNetwork {
  readonly #source: PacketSource;
  readonly #captures: readonly { readonly name: string }[];
  readonly #tracker: ConnectionTracker;
  #updates: ConnectionUpdate[] = [];

  private constructor(source: PacketSource, names: readonly string[], options: Omit<TrackerOptions, 'emit'>) {
    this.#source = source;
    this.#captures = names.map((name) => ({ name }));
    this.#tracker = new ConnectionTracker({ ...options, emit: (update) => this.#updates.push(update) });
  }

  /** Opens every file; several are merged by packet time. Rejects with the CorrelateError of the first that cannot be read. */
  static async open(paths: readonly string[], options: Omit<TrackerOptions, 'emit'>, warn: Warn): Promise<FileNetwork> {
    const sources: PacketSource[] = [];
    try {
      for (const path of paths) sources.push(await openCaptureFile(path, { warn }));
    } catch (error) {
      for (const source of sources) await source.close();
      throw error;
    }
    return new FileNetwork(mergeSources(sources), paths, options);
  }

  /** Connections as they end, a list for each batch of packets, which may be empty; the open ones at the end of the input. */
  async *updates(): AsyncGenerator<ConnectionUpdate[]> {
    try {
      for (;;) {
        const batch = await this.#source.next();
        if (batch === undefined) break;
        this.#tracker.batch(batch, this.#captures);
        this.#source.release(batch);
        yield this.#take();
      }
      for (let ended = false; !ended; ) {
        ended = this.#tracker.end(ENDED_AT_ONCE);
        yield this.#take();
      }
    } finally {
      await this.#source.close();
    }
  }

  /** Ends the reading as if the input ended here. */
  stop(): void {
    void this.#source.close();
  }

  #take(): ConnectionUpdate[] {
    const updates = this.#updates;
    this.#updates = [];
    return updates;
  }

  get readBytes(): number {
    return this.#source.readBytes;
  }

  get totalBytes(): number | undefined {
    return this.#source.totalBytes;
  }

  get captureStats(): CaptureStats {
    return this.#source.stats();
  }

  get trackerStats(): TrackerStats {
    return this.#tracker.stats;
  }
}
