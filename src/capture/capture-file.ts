import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import { BatchPool } from './batch-pool.js';
import { type ByteInput, openByteInput } from './byte-input.js';
import { MAX_RECORD_BYTES } from './capture-format.js';
import { FileSource, type Piece, READ_OFFSET } from './file-source.js';
import { DEFAULT_DATA_BYTES } from './packet-batch.js';
import type { PacketSource } from './packet-source.js';
import { pcap } from './pcap-file.js';
import { pcapng } from './pcapng-file.js';
import type { SharedRoom } from './shared-memory.js';

/** Every capture file format that is read. */
export const captureFormats = [pcap, pcapng] as const;

const MAGIC_BYTES = 4;
const GZIP_MAGIC = 0x8b1f;
const ZSTD_MAGIC = 0xfd2fb528;

export interface CaptureFileOptions {
  /** Gets CAPTURE_TRUNCATED and CAPTURE_BAD_RECORD; the packets before are handed over all the same. */
  readonly warn: Warn;
  /** Size of one read, bytes, at least 1; 1 MiB unless given. */
  readonly readBytes?: number;
  /** Where the batches are made; by themselves without. */
  readonly room?: SharedRoom | undefined;
  /** The calling thread reads regular files itself, as a thread that does nothing else should. */
  readonly blocking?: boolean;
  /** Overwrite released batches, so that a view kept too long shows (tests). */
  readonly overwriteReleased?: boolean;
}

/** Reads until the magic is there, or the end. */
async function readFirst(input: ByteInput, pool: BatchPool, readBytes: number): Promise<Piece> {
  const batch = await pool.acquire();
  let end = READ_OFFSET;
  let last = false;
  while (!last && end - READ_OFFSET < MAGIC_BYTES) {
    const length = await input.read(batch.bytes, end, Math.max(readBytes, MAGIC_BYTES) - (end - READ_OFFSET));
    end += length;
    last = length === 0;
  }
  return { batch, start: READ_OFFSET, end, last };
}

function magicOf({ batch, start, end }: Piece): number | undefined {
  return end - start < MAGIC_BYTES ? undefined : batch.view.getUint32(start, true);
}

async function openInput(input: ByteInput, path: string, options: CaptureFileOptions): Promise<PacketSource> {
  const { readBytes = DEFAULT_DATA_BYTES } = options;
  const pool = new BatchPool({
    dataBytes: MAX_RECORD_BYTES + Math.max(readBytes, MAGIC_BYTES),
    batches: options.blocking === true ? limits.batchesPerThread : limits.batchesPerSource,
    room: options.room,
    overwriteReleased: options.overwriteReleased ?? false,
  });
  const name = path === '-' ? 'standard input' : path;
  let content = input;
  let first = await readFirst(content, pool, readBytes);
  let magic = magicOf(first);
  if (magic !== undefined && (magic & 0xffff) === GZIP_MAGIC) {
    // Decompressors are loaded where they are needed, since a run waits for what reads its first packet.
    const { GzipInput } = await import('./gzip-input.js');
    content = new GzipInput(input, first.batch.bytes.slice(first.start, first.end), name, options.warn);
    pool.release(first.batch);
    first = await readFirst(content, pool, readBytes);
    magic = magicOf(first);
  }
  if (magic === ZSTD_MAGIC) {
    const { ZstdInput } = await import('./zstd-input.js');
    content = new ZstdInput(content, first.batch.bytes.slice(first.start, first.end), name, options.warn);
    pool.release(first.batch);
    first = await readFirst(content, pool, readBytes);
    magic = magicOf(first);
  }
  const format = magic === undefined ? undefined : captureFormats.find((candidate) => candidate.recognises(magic));
  if (format === undefined) {
    const names = captureFormats.map((candidate) => candidate.name).join(' nor ');
    const what = first.start === first.end ? 'empty' : `neither ${names}`;
    throw new CorrelateError('CAPTURE_WRONG_MAGIC', `${name} is ${what}`);
  }
  const parser = format.createParser();
  return new FileSource({ name, input: content, pool, parser, first, readBytes, warn: options.warn });
}

/**
 * Opens a capture file, plain, gzip or zstd, whose format is recognised by its content; `-` is standard input.
 * @throws CorrelateError CAPTURE_OPEN_FAILED, CAPTURE_WRONG_MAGIC (also for a file of less than four bytes),
 *   CAPTURE_UNSUPPORTED
 */
export async function openCaptureFile(path: string, options: CaptureFileOptions): Promise<PacketSource> {
  const input = await openByteInput(path, options.blocking);
  try {
    return await openInput(input, path, options);
  } catch (error) {
    await input.close();
    throw error;
  }
}
