import { CorrelateError, type ErrorCode, fileProblem } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import type { BatchPool } from './batch-pool.js';
import type { ByteInput } from './byte-input.js';
import { MAX_RECORD_BYTES, type RecordParser } from './capture-format.js';
import { totalOf } from './frame-kernel.js';
import { BYTES_OFFSET, MAX_PACKETS, type PacketBatch } from './packet-batch.js';
import type { CaptureStats, PacketSource } from './packet-source.js';

/** Where a read is put in a batch: behind room for the unfinished record of the batch before. */
export const READ_OFFSET = BYTES_OFFSET + MAX_RECORD_BYTES;

/** Bytes of the file in a batch, not yet parsed. */
export interface Piece {
  readonly batch: PacketBatch;
  readonly start: number;
  readonly end: number;
  /** Nothing follows. */
  readonly last: boolean;
}

/** The next piece, and where it will start: moved down when an unfinished record is put before it. */
interface ReadAhead {
  readonly batch: PacketBatch;
  /** Of the read under way; absent where it begins when the piece is wanted. */
  readonly length: Promise<number> | undefined;
  start: number;
}

export interface FileSourceParts {
  readonly name: string;
  readonly input: ByteInput;
  /** Batches with room for `MAX_RECORD_BYTES + readBytes`. */
  readonly pool: BatchPool;
  readonly parser: RecordParser;
  /** What was read to recognise the format. */
  readonly first: Piece;
  /** Size of one read. */
  readonly readBytes: number;
  readonly warn: Warn;
}

/**
 * Packets of a capture file. While a piece is parsed the next one is being read, unless reading takes the caller's own time. A record that straddles two pieces is
 * moved to the front of the second; when a batch is full of packets, the rest of its bytes goes into a batch of its own.
 */
export class FileSource implements PacketSource {
  readonly name: string;
  readonly totalBytes?: number;
  readonly #parts: FileSourceParts;
  readonly #stats: CaptureStats = { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 };
  /** Bytes that the parser has used: the offset in the (decompressed) file where it stands. */
  #parsedBytes = 0;
  /** A piece that is in memory already and comes before the one being read. */
  #ready: Piece | undefined;
  #ahead: ReadAhead | undefined;
  #ended = false;

  constructor(parts: FileSourceParts) {
    this.#parts = parts;
    this.name = parts.name;
    if (parts.input.totalBytes !== undefined) this.totalBytes = parts.input.totalBytes;
    this.#ready = parts.first;
  }

  get readBytes(): number {
    return this.#parts.input.readBytes;
  }

  async next(): Promise<PacketBatch | undefined> {
    const { parser, pool } = this.#parts;
    while (!this.#ended) {
      const piece = await this.#takePiece();
      if (piece === undefined) return undefined;
      const { batch, start, end } = piece;
      const at = parser.parse(batch, start, end);
      this.#parsedBytes += at - start;
      this.#countPackets(batch);
      if (parser.failure !== undefined) this.#endEarly(parser.failure.code, parser.failure.message);
      else await this.#carry(piece, at);
      if (batch.count > 0) return batch;
      pool.release(batch);
    }
    return undefined;
  }

  release(batch: PacketBatch): void {
    this.#parts.pool.release(batch);
  }

  stats(): CaptureStats {
    return { ...this.#stats };
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#parts.input.close();
  }

  async #takePiece(): Promise<Piece | undefined> {
    let piece = this.#ready;
    this.#ready = undefined;
    if (piece === undefined && this.#ahead !== undefined) {
      const { batch, length } = this.#ahead;
      const bytes = await (length ?? this.#read(batch)).catch((error: unknown) => this.#readFailed(error));
      piece = { batch, start: this.#ahead.start, end: READ_OFFSET + bytes, last: bytes === 0 };
      this.#ahead = undefined;
    }
    if (this.#ended) return undefined;
    if (this.#ahead === undefined && piece?.last === false) await this.#readAhead();
    return piece;
  }

  async #readAhead(): Promise<void> {
    const batch = await this.#parts.pool.acquire();
    const length = this.#parts.input.blocking === true ? undefined : this.#read(batch);
    // Whoever takes the piece gets the rejection; this only keeps it from counting as unhandled until then.
    length?.catch(() => undefined);
    this.#ahead = { batch, length, start: READ_OFFSET };
  }

  #read(batch: PacketBatch): Promise<number> {
    const { input, readBytes } = this.#parts;
    return input.read(batch.bytes, READ_OFFSET, readBytes);
  }

  #readFailed(error: unknown): number {
    if (this.#ended) return 0;
    this.#ended = true;
    throw new CorrelateError('CAPTURE_OPEN_FAILED', `cannot read ${this.name}: ${fileProblem(error)}`, {
      cause: error,
    });
  }

  /** Moves what the parser left over to where the next parse starts, or ends the source. */
  async #carry({ batch, end, last }: Piece, at: number): Promise<void> {
    const rest = batch.bytes.subarray(at, end);
    if (batch.count === MAX_PACKETS && rest.length > 0) {
      const fresh = await this.#parts.pool.acquire();
      fresh.bytes.set(rest, BYTES_OFFSET);
      this.#ready = { batch: fresh, start: BYTES_OFFSET, end: BYTES_OFFSET + rest.length, last };
    } else if (last) {
      this.#ended = true;
      if (rest.length > 0 || this.#parts.parser.skipBytes > 0)
        this.#endEarly('CAPTURE_TRUNCATED', 'the file ends inside a record');
    } else if (rest.length > 0 && this.#ahead !== undefined) {
      this.#ahead.start -= rest.length;
      this.#ahead.batch.bytes.set(rest, this.#ahead.start);
    }
  }

  #countPackets(batch: PacketBatch): void {
    const { capLen, count } = batch;
    this.#stats.packets += count;
    this.#stats.bytes += totalOf(batch, capLen, 0, count);
  }

  #endEarly(code: ErrorCode, what: string): void {
    this.#ended = true;
    const where = `byte ${this.#parsedBytes}, after ${this.#stats.packets} packets`;
    this.#parts.warn({ code, message: `${what} (${where}); what comes before was used`, where: this.name });
  }
}
