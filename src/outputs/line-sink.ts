import { closeSync, openSync, write as writeFile } from 'node:fs';
import { CorrelateError, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';

const NEWLINE = 10;

/**
 * Lines into a file or standard output. Lines are gathered and written by the thread pool, one write at a time, so that a slow disk
 * does not hold up the joining of records; `drain` is where a producer waits. A failed write (disk full) is told once with
 * OUTPUT_WRITE_FAILED, its lines are counted as lost, and later lines are tried again.
 */
export class LineSink {
  #fd: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #failed = false;
  #torn = false;
  /** Lines that could not be written. */
  linesLost = 0;
  linesWritten = 0;
  /** The reader of a pipe went away: nobody wants the rest. */
  readerGone = false;

  /** `-` is standard output. Throws OUTPUT_OPEN_FAILED. */
  constructor(
    readonly path: string,
    private readonly warn: Warn,
  ) {
    this.#fd = open(path);
  }

  line(text: string): void {
    this.#pending.push(text);
    this.#pendingBytes += text.length + 1;
    if (this.#pendingBytes >= limits.sinkChunkBytes && this.#writing === undefined) this.#start();
  }

  /** True when the producer should wait for `drain` before it goes on. */
  get full(): boolean {
    return this.#pendingBytes >= limits.sinkPendingBytes;
  }

  /** Resolves when everything handed over before has been written or counted as lost. */
  async drain(): Promise<void> {
    while (this.#writing !== undefined || this.#pending.length > 0) {
      if (this.#writing === undefined) this.#start();
      await this.#writing;
    }
  }

  async close(): Promise<void> {
    await this.drain();
    if (this.#fd > 2) closeSync(this.#fd);
  }

  /** Opens the path again, after the file was moved away by a log rotation. */
  async reopen(): Promise<void> {
    await this.drain();
    if (this.#fd <= 2) return;
    closeSync(this.#fd);
    this.#fd = open(this.path);
  }

  #start(): void {
    const lines = this.#pending.length;
    // After a write that broke off inside a line, a line end keeps the next line whole.
    const chunk = Buffer.from(`${this.#torn ? '\n' : ''}${this.#pending.join('\n')}\n`);
    this.#torn = false;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writing = this.#writeAll(chunk, lines).finally(() => {
      this.#writing = undefined;
      if (this.#pendingBytes >= limits.sinkChunkBytes) this.#start();
    });
  }

  async #writeAll(chunk: Buffer, lines: number): Promise<void> {
    let at = 0;
    try {
      while (at < chunk.length) at += await writeSome(this.#fd, chunk, at);
      this.linesWritten += lines;
    } catch (error) {
      let lost = 0;
      for (const byte of chunk.subarray(at)) if (byte === NEWLINE) lost++;
      this.linesLost += lost;
      this.linesWritten += lines - lost;
      this.#torn = at > 0 && chunk[at - 1] !== NEWLINE;
      this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE') {
      this.readerGone = true;
      return;
    }
    if (this.#failed) return;
    this.#failed = true;
    this.warn({ code: 'OUTPUT_WRITE_FAILED', message: error.message, where: this.path });
  }
}

function open(path: string): number {
  if (path === '-') return 1;
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new CorrelateError('OUTPUT_OPEN_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** One write; a pipe that is full and non-blocking (the caller's choice, not ours) is tried again. */
function writeSome(fd: number, chunk: Buffer, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writeFile(fd, chunk, at, chunk.length - at, null, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), 5);
      else reject(error);
    });
  });
}
