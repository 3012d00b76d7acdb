import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import { type ByteInput, StreamInput } from './byte-input.js';

const COMPRESSED_CHUNK_BYTES = 1 << 16;

async function* chunksOf(input: ByteInput, head: Uint8Array): AsyncGenerator<Uint8Array> {
  yield head;
  for (;;) {
    const chunk = new Uint8Array(COMPRESSED_CHUNK_BYTES);
    const length = await input.read(chunk, 0, chunk.length);
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
}

/**
 * The content of a gzip file (RFC 1952), decompressed as it is read. A torn or corrupt one ends where it can no longer be
 * read, with the warning CAPTURE_TRUNCATED or CAPTURE_BAD_RECORD.
 */
export class GzipInput implements ByteInput {
  readonly totalBytes?: number;
  readonly #compressed: ByteInput;
  readonly #content: StreamInput;
  readonly #where: string;
  readonly #warn: Warn;

  /** `head` is what has been read of the compressed input already. */
  constructor(compressed: ByteInput, head: Uint8Array, where: string, warn: Warn) {
    this.#compressed = compressed;
    this.#where = where;
    this.#warn = warn;
    if (compressed.totalBytes !== undefined) this.totalBytes = compressed.totalBytes;
    const gunzip = createGunzip({ chunkSize: 1 << 18 });
    const source = Readable.from(chunksOf(compressed, head), { objectMode: false });
    source.on('error', (error) => gunzip.destroy(error));
    this.#content = new StreamInput(source.pipe(gunzip));
  }

  get readBytes(): number {
    return this.#compressed.readBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    try {
      return await this.#content.read(target, offset, length);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === undefined || !code.startsWith('Z_')) throw error;
      const torn = code === 'Z_BUF_ERROR';
      const at = `at compressed byte ${this.readBytes} or before`;
      this.#warn({
        code: torn ? 'CAPTURE_TRUNCATED' : 'CAPTURE_BAD_RECORD',
        message: torn ? `the gzip file ends early, ${at}` : `the gzip file is corrupt ${at}: ${messageOf(error)}`,
        where: this.#where,
      });
      return 0;
    }
  }

  async close(): Promise<void> {
    await this.#content.close();
    await this.#compressed.close();
  }
}
