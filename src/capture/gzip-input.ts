import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import type { ByteInput } from './byte-input.js';

/** zlib hands over its output in pieces of this size and loses the unfinished one when it meets a corrupt place. */
const CONTENT_CHUNK_BYTES = 1 << 14;
/** Compressed bytes given to zlib at once. They become at most 1032 times as many, which bounds what waits here. */
const COMPRESSED_CHUNK_BYTES = 1 << 15;

/**
 * The content of a gzip file (RFC 1952), decompressed as it is read. A torn or corrupt one ends where it can no longer be
 * read, with the warning CAPTURE_TRUNCATED or CAPTURE_BAD_RECORD; what was decompressed before is handed over first.
 */
export class GzipInput implements ByteInput {
  readonly totalBytes?: number;
  readonly #compressed: ByteInput;
  readonly #gunzip = createGunzip({ chunkSize: CONTENT_CHUNK_BYTES });
  readonly #where: string;
  readonly #warn: Warn;
  /** Decompressed and not yet read. */
  readonly #content: Uint8Array[] = [];
  /** Compressed, read to recognise the format. */
  #head: Uint8Array | undefined;
  #failure: NodeJS.ErrnoException | undefined;
  #writeDone: (() => void) | undefined;
  #ended = false;
  /** Compressed bytes handed to zlib. */
  #given = 0;
  /** zlib has given all it will give. */
  #isOver = false;

  /** `head` is what has been read of the compressed input already. */
  constructor(compressed: ByteInput, head: Uint8Array, where: string, warn: Warn) {
    this.#compressed = compressed;
    this.#head = head;
    this.#where = where;
    this.#warn = warn;
    if (compressed.totalBytes !== undefined) this.totalBytes = compressed.totalBytes;
    this.#gunzip.on('data', (chunk: Uint8Array) => this.#content.push(chunk));
    // zlib ends by itself where no further member follows, and then calls back for nothing more.
    this.#gunzip.on('end', () => {
      this.#isOver = true;
      this.#writeDone?.();
    });
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
      this.#writeDone?.();
    });
  }

  get readBytes(): number {
    return this.#compressed.readBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#content.length === 0) {
      if (this.#ended) return 0;
      await this.#decompress();
    }
    const chunk = this.#content[0]!;
    const taken = Math.min(length, chunk.length);
    target.set(chunk.subarray(0, taken), offset);
    if (taken === chunk.length) this.#content.shift();
    else this.#content[0] = chunk.subarray(taken);
    return taken;
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#gunzip.destroy();
    this.#writeDone?.();
    await this.#compressed.close();
  }

  /** Puts one more piece of the compressed input through zlib. */
  async #decompress(): Promise<void> {
    const chunk = await this.#nextCompressed();
    if (this.#ended) return;
    if (chunk === undefined) {
      this.#ended = true;
      // Its rejection is the failure that is kept already.
      if (!this.#isOver) await once(this.#gunzip.end(), 'end').catch(() => undefined);
    } else if (this.#isOver) {
      // Zeros fill up a tape's block; anything else was meant to be read.
      if (chunk.some((byte) => byte !== 0)) this.#endWith(new Error('more follows behind its end'));
      return;
    } else {
      // zlib does not call back for the write that fails.
      await new Promise<void>((resolve) => {
        this.#writeDone = resolve;
        this.#given += chunk.length;
        this.#gunzip.write(chunk, () => resolve());
      });
    }
    if (this.#failure !== undefined) this.#endWith(this.#failure);
    else if (this.#isOver && chunk !== undefined) this.#head = this.#unread(chunk);
  }

  /** What zlib left of the last chunk; absent when nothing. */
  #unread(chunk: Uint8Array): Uint8Array | undefined {
    const left = this.#given - this.#gunzip.bytesWritten;
    return left > 0 ? chunk.subarray(Math.max(0, chunk.length - left)) : undefined;
  }

  async #nextCompressed(): Promise<Uint8Array | undefined> {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined) return head;
    const chunk = new Uint8Array(COMPRESSED_CHUNK_BYTES);
    const length = await this.#compressed.read(chunk, 0, chunk.length);
    return length === 0 ? undefined : chunk.subarray(0, length);
  }

  #endWith(failure: NodeJS.ErrnoException): void {
    this.#ended = true;
    const torn = failure.code === 'Z_BUF_ERROR';
    const at = `at byte ${this.readBytes} of it or before`;
    this.#warn({
      code: torn ? 'CAPTURE_TRUNCATED' : 'CAPTURE_BAD_RECORD',
      message: torn ? `the gzip file ends early, ${at}` : `the gzip file is corrupt, ${at}: ${messageOf(failure)}`,
      where: this.#where,
    });
  }
}
