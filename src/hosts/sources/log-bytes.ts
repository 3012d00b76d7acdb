import { createReadStream, fstatSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CorrelateError, fileProblem, messageOf } from '../../core/errors.js';
import { openToRead, pipeStream } from '../../core/named-pipe.js';
import type { Warn } from '../../core/warnings.js';

const CHUNK_BYTES = 262_144;

/** How files begin that are packed in a way that is not read. */
const otherPackers: Readonly<Record<string, string>> = {
  '28b52ffd': 'zstd',
  fd377a58: 'xz',
  '425a6839': 'bzip2',
  '504b0304': 'zip',
};
/** Bytes by which packing is told. */
const MAGIC_BYTES = 4;

/**
 * The bytes of a log in UTF-8: a file, or standard input for `-`, unpacked when they begin as gzip does, and from UTF-16 where a byte
 * order mark says so. A gzip stream that ends early or is damaged gives what came before and a warning. With `stop` the log ends where it
 * has been read to, also while it waits for more. Throws HOST_LOG_OPEN_FAILED, and HOST_LOG_UNKNOWN_FORMAT when the file is packed otherwise.
 */
export async function* readLogBytes(
  path: string,
  where: string,
  warn: Warn,
  stop?: AbortSignal,
): AsyncGenerator<Buffer> {
  const plain = readRaw(path, where, stop);
  const first = await firstChunk(plain, MAGIC_BYTES);
  const packer = otherPackers[first.toString('hex', 0, MAGIC_BYTES)];
  if (packer !== undefined) {
    throw new CorrelateError(
      'HOST_LOG_UNKNOWN_FORMAT',
      `${where} is packed with ${packer}: unpack it, or pack it with gzip`,
    );
  }
  const whole = prepend(first, plain);
  const isGzip = first[0] === 0x1f && first[1] === 0x8b;
  yield* inUtf8(isGzip ? unpack(whole, where, warn) : whole);
}

async function* unpack(whole: AsyncGenerator<Buffer>, where: string, warn: Warn): AsyncGenerator<Buffer> {
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

async function* readRaw(path: string, where: string, stop?: AbortSignal): AsyncGenerator<Buffer> {
  try {
    const stream = path === '-' ? process.stdin : await openStream(path);
    const end = (): void => void stream.destroy();
    if (stop?.aborted === true) end();
    stop?.addEventListener('abort', end, { once: true });
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (stop?.aborted === true) return;
    throw new CorrelateError('HOST_LOG_OPEN_FAILED', `${where}: ${fileProblem(error)}`, { cause: error });
  }
}

async function openStream(path: string): Promise<Readable> {
  const fd = await openToRead(path);
  return fstatSync(fd).isFIFO() ? pipeStream(fd) : createReadStream('', { fd, highWaterMark: CHUNK_BYTES });
}

/** Text in UTF-16 with a byte order mark, such as Windows writes, as UTF-8; anything else as it is. */
async function* inUtf8(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await firstChunk(chunks, 2);
  const whole = prepend(first, chunks);
  const mark = first.length < 2 ? 0 : first.readUInt16BE(0);
  if (mark !== 0xfffe && mark !== 0xfeff) {
    yield* whole;
    return;
  }
  const decoder = new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be');
  for await (const chunk of whole) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

/** At least this many bytes, unless there are fewer. */
async function firstChunk(chunks: AsyncGenerator<Buffer>, least: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < least) {
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
