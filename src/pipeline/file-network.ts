import type { CaptureStats } from '../capture/packet-source.js';
import { ConnectionTracker } from '../conn/connection-tracker.js';
import type { EndedRecords } from '../conn/ended-records.js';
import type { TrackerOptions, TrackerStats } from '../conn/tracker-options.js';
import { secretKey } from '../core/secret-key.js';
import type { Warn } from '../core/warnings.js';
import { addWeirds } from '../core/weird.js';
import type { LineHelper } from '../outputs/line-help.js';
import type { ConnectionUpdate } from '../records/connection.js';
import { RING_BYTES } from './decode-ring.js';
import { DecodeThread } from './decode-thread.js';
import { type DecodedSource, INLINE_BYTES, InlineDecodedSource } from './decoded-source.js';
import { worthAThread } from './ready-decode-worker.js';

/** How many of the connections open at the end of the input are handed on at once. */
const ENDED_AT_ONCE = 512;
/** How many packets are followed at once, about. */
const PACKETS_AT_ONCE = 2048;

export interface FileNetworkOptions extends Omit<TrackerOptions, 'emit' | 'key' | 'roomBytes'> {
  /** Threads to use: 1, or 2 with one that reads and decodes. Absent: as it is worth it. */
  readonly threads?: 1 | 2;
  /** As `emitEnded`, of those open at the end of the input, which are lent until it is done. */
  readonly emitOpen?: (records: EndedRecords, helper: LineHelper | undefined) => Promise<void>;
}

/** The network side from capture files: read, decoded and followed as fast as the disk gives. */
export class FileNetwork {
  // Opened with the tracker's room for rows, before anybody has the network.
  #source!: DecodedSource;
  readonly #captures: readonly { readonly name: string }[];
  readonly #tracker: ConnectionTracker;
  readonly #emitOpen: FileNetworkOptions['emitOpen'];
  #take: (update: ConnectionUpdate) => void = () => {};

  private constructor(
    names: readonly string[],
    options: Omit<TrackerOptions, 'emit'>,
    emitOpen: FileNetworkOptions['emitOpen'],
  ) {
    this.#emitOpen = emitOpen;
    this.#captures = names.map((name) => ({ name }));
    this.#tracker = new ConnectionTracker({ ...options, emit: (update) => this.#take(update) });
  }

  /** Opens every file; several are merged by packet time. Rejects with the CorrelateError of the first that cannot be read. */
  static async open(paths: readonly string[], options: FileNetworkOptions, warn: Warn): Promise<FileNetwork> {
    const key = secretKey();
    const { threads = worthAThread(paths) ? 2 : 1, emitOpen, ...tracker } = options;
    const start = {
      paths,
      decode: { verifyChecksums: options.checksums === 'verify', key },
      weirds: options.onWeird !== undefined,
      streams: options.openStream !== undefined,
      helps: emitOpen !== undefined,
    };
    const roomBytes = threads === 2 ? RING_BYTES : INLINE_BYTES;
    const network = new FileNetwork(paths, { ...tracker, key, roomBytes }, emitOpen);
    const { room } = network.#tracker;
    const opened = threads === 2 ? DecodeThread.start(start, warn, room) : InlineDecodedSource.open(start, warn, room);
    network.#source = await opened;
    return network;
  }

  /**
   * Hands connections to `take` as they end, and at the end of the input the open ones. Comes back for a moment after every few thousand
   * packets and every few hundred of the open ones, so that the outputs keep up.
   */
  async *follow(take: (update: ConnectionUpdate) => void): AsyncGenerator<void> {
    this.#take = take;
    try {
      let packets = 0;
      for (;;) {
        const batch = await this.#source.next();
        if (batch === undefined) break;
        this.#tracker.decoded(batch, this.#captures);
        packets += batch.count;
        if (packets < PACKETS_AT_ONCE) continue;
        packets = 0;
        yield;
      }
      const open = this.#emitOpen && this.#tracker.lendOpen();
      if (open !== undefined) await this.#emitOpen?.(open, this.#source.helper);
      for (let ended = false; !ended; ) {
        ended = this.#tracker.end(ENDED_AT_ONCE);
        yield;
      }
    } finally {
      await this.#source.close();
    }
  }

  /** The connections of `follow` in lists, which may be empty; not with `lends`. */
  async *updates(): AsyncGenerator<ConnectionUpdate[]> {
    let updates: ConnectionUpdate[] = [];
    for await (const _ of this.follow((update) => updates.push(update))) {
      yield updates;
      updates = [];
    }
  }

  /** Ends the reading as if the input ended here. */
  stop(): void {
    void this.#source.close();
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
