import { openCaptureFile } from '../capture/capture-file.js';
import { mergeSources } from '../capture/merged-source.js';
import type { PacketBatch } from '../capture/packet-batch.js';
import type { CaptureStats, PacketSource } from '../capture/packet-source.js';
import { SharedRoom, sharedPlace } from '../capture/shared-memory.js';
import type { Warn } from '../core/warnings.js';
import { WeirdCounts } from '../core/weird.js';
import { BatchDecoder, type DecodeOptions } from '../decode/batch-decoder.js';
import { DECODED_AT_ONCE, DECODED_BYTES, DecodedBatch } from '../decode/decoded-batch.js';
import type { LineHelper } from '../outputs/line-help.js';

/** Which files to decode, and how. */
export interface DecodeStart {
  readonly paths: readonly string[];
  readonly decode: DecodeOptions;
  /** Keep the weirds of single packets. */
  readonly weirds: boolean;
  /** Somebody reads the bytes of TCP streams. */
  readonly streams: boolean;
  /** A thread that has read all is to help with lines. */
  readonly helps: boolean;
}

/** Decoded packets of capture files in order of time: pulled, borrowed until the next call. */
export interface DecodedSource {
  /** Size in bytes of what is read; absent for pipes. */
  readonly totalBytes: number | undefined;
  readonly readBytes: number;
  /** The next packets, or undefined at the end. What the call before gave is void from then on. Rejects with CorrelateError. */
  next(): Promise<DecodedBatch | undefined>;
  /** Of what was handed on so far. */
  stats(): CaptureStats;
  /** Weirds of decoding, as WeirdCounts.snapshot. */
  weirds(): Readonly<Record<string, number>>;
  /** The thread that decoded, once it has nothing else to do. */
  readonly helper?: LineHelper | undefined;
  /** Ends the source, also while `next` waits. */
  close(): Promise<void>;
}

/**
 * Opens every file; several are merged by packet time. Batches are made in `room`. `ownThread`: the reader has a thread of its own. Rejects
 * with the CorrelateError of the first that cannot be read.
 */
export async function openFiles(
  paths: readonly string[],
  warn: Warn,
  room: SharedRoom,
  ownThread: boolean,
): Promise<PacketSource> {
  const sources: PacketSource[] = [];
  try {
    for (const path of paths) sources.push(await openCaptureFile(path, { warn, room, blocking: ownThread }));
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
  return mergeSources(sources, ownThread, room);
}

/** For rows and the packet batches of some files. What is not used takes no memory. */
export const INLINE_BYTES = 1 << 26;

/** Reads and decodes in this thread. */
export class InlineDecodedSource implements DecodedSource {
  readonly #source: PacketSource;
  readonly #weird: WeirdCounts;
  readonly #decoder: BatchDecoder;
  readonly #decoded: DecodedBatch;
  #batch: PacketBatch | undefined;
  #taken = 0;

  private constructor(source: PacketSource, start: DecodeStart, decoded: DecodedBatch) {
    this.#source = source;
    this.#decoded = decoded;
    this.#weird = new WeirdCounts(start.weirds);
    this.#decoder = new BatchDecoder(start.decode, this.#weird);
  }

  /** With INLINE_BYTES at `place`. Rejects with the CorrelateError of the first file that cannot be read. */
  static async open(start: DecodeStart, warn: Warn, place = sharedPlace(INLINE_BYTES)): Promise<InlineDecodedSource> {
    const room = new SharedRoom(place, 0, INLINE_BYTES);
    const { buffer, offset, memory } = room.take(DECODED_BYTES);
    const source = await openFiles(start.paths, warn, room, false);
    return new InlineDecodedSource(source, start, new DecodedBatch(buffer, offset, memory));
  }

  async next(): Promise<DecodedBatch | undefined> {
    let batch = this.#batch;
    if (batch !== undefined && this.#taken >= batch.count) {
      this.#source.release(batch);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = await this.#source.next();
      this.#batch = batch;
      this.#taken = 0;
      if (batch === undefined) return undefined;
    }
    const to = Math.min(batch.count, this.#taken + DECODED_AT_ONCE);
    this.#decoder.decode(batch, this.#taken, to, this.#decoded);
    this.#taken = to;
    return this.#decoded;
  }

  get totalBytes(): number | undefined {
    return this.#source.totalBytes;
  }

  get readBytes(): number {
    return this.#source.readBytes;
  }

  stats(): CaptureStats {
    return this.#source.stats();
  }

  weirds(): Readonly<Record<string, number>> {
    return this.#weird.snapshot();
  }

  async close(): Promise<void> {
    this.#taken = Number.POSITIVE_INFINITY;
    await this.#source.close();
  }
}
