import { closeSync, fchownSync, fstatSync, statSync, write as writeFile, writevSync } from 'node:fs';
import { fileProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { openOutput } from '../core/output-file.js';
import type { Warn } from '../core/warnings.js';
import { LineBuffer } from './line-buffer.js';

const NEWLINE = 10;
/** A chunk with less room than this is closed; a longer line makes it grow. */
const USUAL_LINE_BYTES = 4096;
/** Chunks that wait to be used again. Memory that is new costs a page fault for every 4 KiB: 14 µs each on a virtual machine (2026-11). */
const MOST_SPARE = 8;
const LINE_END = Buffer.from([NEWLINE]);

/** What happens when the lines that wait reach their bound: the producer looks at `full` and waits, or lines are lost. */
export type Overflow = 'wait' | 'drop';

/** Whole lines on their way to the file, at the start of `memory`. */
interface Chunk {
  readonly memory: Buffer;
  readonly length: number;
  readonly lines: number;
}

/**
 * Lines into a file or standard output. Lines are gathered and written by the thread pool, one write at a time, so that a slow disk
 * does not hold up the joining of records; `room` is where a producer waits. A failed write (disk full) is told once with
 * OUTPUT_WRITE_FAILED, its lines are counted as lost, and later lines are tried again.
 */
export class LineSink {
  #fd: number;
  /** What the buffer began with, before a long line made it grow. */
  #chunk = newChunk();
  readonly #buffer = new LineBuffer(this.#chunk);
  #spare: Buffer[] = [];
  /** Chunks in a memory that others write to. */
  #lent: readonly Buffer[] = [];
  #lines = 0;
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  /** Chunks are written when they are full, by who fills them. */
  #atOnce = false;
  /** The chunk that is being written. */
  #write: Promise<void> | undefined;
  #failed = false;
  #torn = false;
  /** Lines that could not be written. */
  linesLost = 0;
  linesWritten = 0;
  /** The reader of a pipe went away: nobody wants the rest. */
  readerGone = false;

  /** `-` is standard output. Throws OUTPUT_OPEN_FAILED or OUTPUT_IN_USE. */
  constructor(
    readonly path: string,
    private readonly warn: Warn,
    private overflow: Overflow = 'wait',
  ) {
    this.#fd = path === '-' ? 1 : openOutput(path);
  }

  line(text: string): void {
    const buffer = this.begin();
    if (buffer === undefined) return;
    buffer.text(text);
    this.endLine();
  }

  /** Adds so many whole lines, which are copied. Not where lines may be dropped. */
  lines(text: Uint8Array, count: number): void {
    if (this.#buffer.length + text.length > limits.sinkChunkBytes) this.#enqueue();
    this.#buffer.bytesOf(text);
    this.#lines += count;
  }

  /** Lends chunks of `sinkChunkBytes` each, in a memory that code outside of JavaScript writes to, to be used instead of its own while one is free. */
  lend(chunks: readonly Uint8Array[]): void {
    this.#lent = chunks.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
    this.#spare = [...this.#lent];
  }

  /** The rest of a lent chunk, where such code may put whole lines, to be told of with `put`, in at least so many bytes; undefined while none is free. */
  place(bytes: number): Uint8Array | undefined {
    if (this.#buffer.length + bytes > limits.sinkChunkBytes) this.#enqueue();
    else if (this.#spare.length > 0 && !this.#lent.includes(this.#chunk)) {
      if (this.#buffer.length > 0) this.#enqueue();
      else this.#begin();
    }
    const { bytes: chunk, length } = this.#buffer;
    return this.#lent.includes(chunk) ? chunk.subarray(length) : undefined;
  }

  /** So many bytes of whole lines were put in that place. */
  put(bytes: number, count: number): void {
    this.#buffer.length += bytes;
    this.#lines += count;
  }

  /** Adds so many whole lines in several pieces, which are not copied where lines are written at once. */
  texts(texts: readonly Buffer[], count: number): void {
    if (this.#atOnce) {
      this.#lines += count;
      this.#writeNow(texts);
    } else this.lines(Buffer.concat(texts), count);
  }

  /** Where a line is to be appended, before `endLine`; undefined when it is to be dropped, which has been counted. */
  begin(): LineBuffer | undefined {
    if (this.overflow === 'drop' && this.#queuedBytes >= limits.sinkPendingBytes) {
      this.linesLost++;
      this.#fail('the output takes lines more slowly than they come; lines are dropped');
      return undefined;
    }
    if (this.#buffer.length > limits.sinkChunkBytes - USUAL_LINE_BYTES) this.#enqueue();
    return this.#buffer;
  }

  endLine(): void {
    this.#buffer.reserve(1);
    this.#buffer.bytes[this.#buffer.length++] = NEWLINE;
    this.#lines++;
  }

  /**
   * Resolves when from now on what is written to a file is written by who makes the lines, who has nothing else to do. It then takes no thread to be woken, which is
   * dearer than the write. Pipes and devices, which may make it wait, are written as before.
   */
  async writeAtOnce(): Promise<boolean> {
    await this.drain();
    this.#atOnce = fstatSync(this.#fd).isFile();
    return this.#atOnce;
  }

  /** From now on nothing is dropped: the producer has come to its end, and what it still has is bounded by what it held. */
  keepAll(): void {
    this.overflow = 'wait';
  }

  /** Bytes of lines that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#buffer.length;
  }

  get filePath(): string {
    return this.path;
  }

  /** True when a producer that can wait should do so, see `room`. */
  get full(): boolean {
    return this.#queuedBytes >= limits.sinkQueueBytes;
  }

  /** Resolves when it is not full. */
  async room(): Promise<void> {
    while (this.full && this.#write !== undefined) await this.#write;
  }

  /** Resolves when everything handed over before has been written or counted as lost. */
  async drain(): Promise<void> {
    this.#enqueue();
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.drain();
    if (this.#fd > 2) closeSync(this.#fd);
  }

  /** Makes the file another user's, so that the program can open it again as that user. Pipes and devices stay as they are. */
  giveTo(uid: number, gid: number): void {
    if (this.#fd > 2 && fstatSync(this.#fd).isFile()) fchownSync(this.#fd, uid, gid);
  }

  /** The path still leads to the file that is written: nobody has moved it away. */
  get isInPlace(): boolean {
    if (this.#fd <= 2) return true;
    try {
      const [written, found] = [fstatSync(this.#fd), statSync(this.path)];
      return written.ino === found.ino && written.dev === found.dev;
    } catch {
      return false;
    }
  }

  /**
   * Opens the path again, after the file was moved away by a log rotation; one that is in its place goes on. Rejects with OUTPUT_OPEN_FAILED or OUTPUT_IN_USE
   * and keeps the old file.
   */
  async reopen(): Promise<void> {
    await this.drain();
    if (this.isInPlace) return;
    const old = this.#fd;
    this.#fd = openOutput(this.path);
    this.#atOnce &&= fstatSync(this.#fd).isFile();
    closeSync(old);
  }

  /** What was gathered joins the queue, and a new chunk is begun. */
  #enqueue(): void {
    const { bytes: memory, length } = this.#buffer;
    if (length === 0) return;
    if (this.#atOnce) {
      this.#writeNow([]);
      return;
    }
    this.#queue.push({ memory, length, lines: this.#lines });
    this.#queuedBytes += length;
    this.#lines = 0;
    if (memory !== this.#chunk) this.#giveBack(this.#chunk);
    this.#begin();
    this.#writing ??= this.#writeQueue();
  }

  /** Begins a chunk. */
  #begin(): void {
    this.#chunk = this.#spare.pop() ?? newChunk();
    this.#buffer.restart(this.#chunk);
  }

  /** Takes a chunk back that is no longer used. */
  #giveBack(chunk: Buffer): void {
    const isWanted = this.#lent.length > 0 ? this.#lent.includes(chunk) : chunk.length === limits.sinkChunkBytes;
    if (isWanted && this.#spare.length < MOST_SPARE) this.#spare.push(chunk);
  }

  async #writeQueue(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      this.#write = this.#writeChunk(chunk);
      await this.#write;
    }
    this.#write = undefined;
    this.#writing = undefined;
  }

  async #writeChunk(chunk: Chunk): Promise<void> {
    const whole = this.#wholeLines(chunk);
    let at = 0;
    try {
      while (at < whole.length) at += await writeSome(this.#fd, whole, at);
      this.linesWritten += chunk.lines;
    } catch (error) {
      this.#broken(whole, at, chunk.lines, error);
    }
    this.#queuedBytes -= chunk.length;
    // One that a long line has made grow is not kept.
    this.#giveBack(chunk.memory);
  }

  /** Writes what was gathered and these texts, and begins anew. */
  #writeNow(texts: readonly Buffer[]): void {
    const { bytes: memory, length } = this.#buffer;
    const parts = [this.#wholeLines({ memory, length, lines: this.#lines }), ...texts];
    const lines = this.#lines;
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    let at = 0;
    try {
      while (at < total) at += writevSync(this.#fd, at === 0 ? parts : [Buffer.concat(parts).subarray(at)]);
      this.linesWritten += lines;
    } catch (error) {
      this.#broken(Buffer.concat(parts), at, lines, error);
    }
    this.#lines = 0;
    if (memory !== this.#chunk) this.#giveBack(memory);
    this.#giveBack(this.#chunk);
    this.#begin();
  }

  /** After a write that broke off inside a line, a line end keeps the next line whole. */
  #wholeLines({ memory, length }: Chunk): Buffer {
    const bytes = memory.subarray(0, length);
    const whole = this.#torn ? Buffer.concat([LINE_END, bytes]) : bytes;
    this.#torn = false;
    return whole;
  }

  /** A write of so many lines broke off at `at`. */
  #broken(whole: Buffer, at: number, lines: number, error: unknown): void {
    let lost = 0;
    for (const byte of whole.subarray(at)) if (byte === NEWLINE) lost++;
    this.linesLost += lost;
    this.linesWritten += lines - lost;
    this.#torn = at > 0 && whole[at - 1] !== NEWLINE;
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.readerGone = true;
    else this.#fail(fileProblem(error));
  }

  #fail(message: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.warn({ code: 'OUTPUT_WRITE_FAILED', message, where: this.path });
  }
}

const newChunk = (): Buffer => Buffer.allocUnsafe(limits.sinkChunkBytes);

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
