import type { CaptureStats } from '../capture/packet-source.js';
import { ConnectionTracker, type TrackerOptions, type TrackerStats } from '../conn/connection-tracker.js';
import { secretKey } from '../core/hash.js';
import type { Warn } from '../core/warnings.js';
import { addWeirds } from '../core/weird.js';
import type { ConnectionUpdate } from '../records/connection.js';
import { DecodeThread } from './decode-thread.js';
import { type DecodedSource, InlineDecodedSource, openFiles } from './decoded-source.js';
import { worthAThread } from './ready-decode-worker.js';

/** Connections open at the end of the input are handed on in lists of this many, so that the outputs keep up. */
const ENDED_AT_ONCE = 512;
/** Packets are handed on after about this many packets. */
const PACKETS_AT_ONCE = 2048;

export interface FileNetworkOptions extends Omit<TrackerOptions, 'emit' | 'key'> {
  /** Threads to use: 1, or 2 with one that reads and decodes. Absent: as it is worth it. */
  readonly threads?: 1 | 2;
}

/** The network side from capture files: read, decoded and followed as fast as the disk gives. */
export class FileNetwork {
  readonly #source: DecodedSource;
  readonly #captures: readonly { readonly name: string }[];
  readonly #tracker: ConnectionTracker;
  #updates: ConnectionUpdate[] = [];

  private constructor(source: DecodedSource, names: readonly string[], options: Omit<TrackerOptions, 'emit'>) {
    this.#source = source;
    this.#captures = names.map((name) => ({ name }));
    this.#tracker = new ConnectionTracker({ ...options, emit: (update) => this.#updates.push(update) });
  }

  /** Opens every file; several are merged by packet time. Rejects with the CorrelateError of the first that cannot be read. */
  static async open(paths: readonly string[], options: FileNetworkOptions, warn: Warn): Promise<FileNetwork> {
    const key = secretKey();
    const { threads = worthAThread(paths) ? 2 : 1, ...tracker } = options;
    const start = {
      paths,
      decode: { verifyChecksums: options.checksums === 'verify', key },
      weirds: options.onWeird !== undefined,
    };
    const source =
      threads === 2
        ? await DecodeThread.start(start, warn)
        : new InlineDecodedSource(await openFiles(paths, warn), start);
    return new FileNetwork(source, paths, { ...tracker, key });
  }

  /** Connections as they end, a list for every few thousand packets, which may be empty; the open ones at the end of the input. */
  async *updates(): AsyncGenerator<ConnectionUpdate[]> {
    try {
      let packets = 0;
      for (;;) {
        const batch = await this.#source.next();
        if (batch === undefined) break;
        this.#tracker.decoded(batch, this.#captures);
        packets += batch.count;
        if (packets < PACKETS_AT_ONCE) continue;
        packets = 0;
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
    const stats = this.#tracker.stats;
    return { ...stats, weirds: addWeirds(stats.weirds, this.#source.weirds()) };
  }
}
