import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CorrelateError, messageOf } from '../../core/errors.js';
import type { Warn } from '../../core/warnings.js';

const CHUNK_BYTES = 262_144;

/**
 * The bytes of a log: a file, or standard input for `-`, unpacked when they begin as gzip does. A gzip stream that ends
 * early or is damaged gives what came before and a warning. Throws HOST_LOG_OPEN_FAILED.
 */
export async function* readLogBytes(path: string, where: string, warn: Warn): AsyncGenerator<Buffer> {
  const plain = readRaw(path, where);
  const first = await firstChunk(plain);
  const whole = prepend(first, plain);
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    yield* whole;
    return;
  }
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  // The error, if any, comes out of the iteration below.
  pipeline(Readable.from(whole), unpacked, () => {});
  try {
    for await (const chunk of unpacked) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof CorrelateError) throw error;
    warn({ code: 'HOST_LOG_BAD_LINE', message: `the gzip data end or break early: ${messageOf(error)}`, where });
  }
}

async function* readRaw(path: string, where: string): AsyncGenerator<Buffer> {
  const stream: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw new CorrelateError('HOST_LOG_OPEN_FAILED', `${where}: ${messageOf(error)}`, { cause: error });
  }
}

/** At least two bytes, unless there are fewer. */
async function firstChunk(chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    bytes = bytes.length === 0 ? next.value : Buffer.concat([bytes, next.value]);
  }
  return bytes;
}

async function* prepend(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
