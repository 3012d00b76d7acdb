import fs, { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { CorrelateError, fileProblem } from '../core/errors.js';
import { openToRead, pipeStream } from '../core/named-pipe.js';

const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);

const STDIN_FD = 0;

/** Bytes in order from a file, a pipe or a decompressor, read into memory that the caller owns. */
export interface ByteInput {
  /** Size of the underlying file; absent for pipes. */
  readonly totalBytes?: number;
  /** Bytes taken from the underlying file or pipe so far. */
  readonly readBytes: number;
  /** A read takes the caller's own time, so that nothing is gained by beginning it early. */
  readonly blocking?: true;
  /** Reads 1 to `length` bytes to `target[offset]` and tells how many; 0 at the end. One call at a time. */
  read(target: Uint8Array, offset: number, length: number): Promise<number>;
  /** Works while a read is waiting, which then ends with 0 or rejects. */
  close(): Promise<void>;
}

/**
 * A regular file, read from its position on in libuv's threads, so that reading overlaps with parsing.
 * Closing waits for a read under way, since its descriptor number could be given to another file.
 */
class FileInput implements ByteInput {
  readonly totalBytes: number;
  readBytes = 0;
  readonly #fd: number;
  #reading: Promise<{ bytesRead: number }> | undefined;
  #closed = false;

  constructor(fd: number, totalBytes: number) {
    this.#fd = fd;
    this.totalBytes = totalBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    if (this.#closed) return 0;
    this.#reading = read(this.#fd, target, offset, length, null);
    const { bytesRead } = await this.#reading;
    this.readBytes += bytesRead;
    return bytesRead;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reading?.catch(() => undefined);
    // Standard input stays open: a file opened later would get its number.
    if (this.#fd !== STDIN_FD) await close(this.#fd);
  }
}

/** A regular file, read by the calling thread itself, so that what was read is in the caches of who parses it. */
class BlockingFileInput implements ByteInput {
  readonly blocking = true;
  readonly totalBytes: number;
  readBytes = 0;
  readonly #fd: number;
  #closed = false;

  constructor(fd: number, totalBytes: number) {
    this.#fd = fd;
    this.totalBytes = totalBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    if (this.#closed) return 0;
    const bytesRead = fs.readSync(this.#fd, target, offset, length, null);
    this.readBytes += bytesRead;
    return bytesRead;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await close(this.#fd);
  }
}

/** A stream (pipe, decompressor). Its chunks are copied, which is the price of not knowing their size before. */
class StreamInput implements ByteInput {
  readBytes = 0;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #closed = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#chunk.length === 0) {
      if (this.#closed) return 0;
      const result = await this.#chunks.next().catch((error: unknown) => {
        if (this.#closed) return { done: true as const, value: undefined };
        throw error;
      });
      if (result.done === true) return 0;
      this.#chunk = result.value;
      this.readBytes += this.#chunk.length;
    }
    const taken = Math.min(length, this.#chunk.length);
    target.set(this.#chunk.subarray(0, taken), offset);
    this.#chunk = this.#chunk.subarray(taken);
    return taken;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stream.destroy();
  }
}

/**
 * Opens a file, a named pipe or, for `-`, standard input. `blocking`: a regular file is read by the calling thread.
 * @throws CorrelateError CAPTURE_OPEN_FAILED
 */
export async function openByteInput(path: string, blocking = false): Promise<ByteInput> {
  let fd: number | undefined;
  try {
    fd = path === '-' ? STDIN_FD : await openToRead(path);
    const info = await fstat(fd);
    if (info.isDirectory()) throw new Error('it is a directory');
    if (info.isFile() && blocking && fd !== STDIN_FD) return new BlockingFileInput(fd, info.size);
    if (info.isFile()) return new FileInput(fd, info.size);
    if (fd === STDIN_FD) return new StreamInput(process.stdin);
    if (info.isFIFO()) return new StreamInput(await pipeStream(fd));
    return new StreamInput(createReadStream('', { fd }));
  } catch (error) {
    if (fd !== undefined && fd !== STDIN_FD) await close(fd);
    throw new CorrelateError('CAPTURE_OPEN_FAILED', `cannot open ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
