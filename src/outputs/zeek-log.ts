import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { LineSink, type Overflow } from './line-sink.js';
import { jsonWriter, tsvFooter, tsvHeader, tsvWriter, type ZeekField } from './zeek-fields.js';

export const zeekFormats = ['tsv', 'json'] as const;
export type ZeekFormat = (typeof zeekFormats)[number];

/** A kind of log: its columns, and the first and last moment of the traffic that a record tells of. */
export interface ZeekLogKind<T> {
  readonly fields: readonly ZeekField<T>[];
  readonly from: (record: T) => Micros;
  readonly to: (record: T) => Micros;
}

/** Where the log of this `#path` is written. */
export const zeekLogFile = (folder: string, path: string): string => join(folder, `${path}.log`);

/**
 * One log file. The header comes with the first line, since `#open` is a time of the traffic and not of a clock, so that the file
 * depends on the input alone. A log without a line is removed at the end, as Zeek makes none.
 */
export class ZeekLog<T> {
  readonly #sink: LineSink;
  readonly #line: (record: T) => string;
  /** Latest moment told of in this file; undefined while it has no header. */
  #latest: Micros | undefined;
  #isEmpty = true;
  /** Records that come while the file is reopened: they belong into the new one. Producers wait meanwhile, see `full`. */
  #held: T[] | undefined;
  #reopening: Promise<void> | undefined;

  /** `path` is Zeek's `#path`, which names the file. Throws OUTPUT_OPEN_FAILED. */
  constructor(
    folder: string,
    private readonly path: string,
    private readonly kind: ZeekLogKind<T>,
    private readonly format: ZeekFormat,
    warn: Warn,
    overflow: Overflow,
  ) {
    this.#line = (format === 'json' ? jsonWriter : tsvWriter)(kind.fields);
    this.#sink = new LineSink(zeekLogFile(folder, path), warn, overflow);
  }

  write(record: T): void {
    if (this.#held === undefined) this.#write(record);
    else this.#held.push(record);
  }

  #write(record: T): void {
    const { fields, from, to } = this.kind;
    this.#isEmpty = false;
    if (this.format === 'json') {
      this.#sink.line(this.#line(record));
      return;
    }
    if (this.#latest === undefined) {
      for (const line of tsvHeader(this.path, fields, from(record))) this.#sink.line(line);
    }
    this.#latest = Math.max(this.#latest ?? Number.NEGATIVE_INFINITY, to(record));
    this.#sink.line(this.#line(record));
  }

  /** True when a producer that can wait should do so, see `room`. */
  get full(): boolean {
    return this.#sink.full || this.#held !== undefined;
  }

  /** Resolves when it is not full. */
  async room(): Promise<void> {
    await this.#reopening?.catch(() => {});
    await this.#sink.room();
  }

  async drain(): Promise<void> {
    // Who asked for the reopening is told of its failure.
    await this.#reopening?.catch(() => {});
    await this.#sink.drain();
  }

  /**
   * Ends this file, when a log rotation has moved it away, and begins another at the same path, with a header of its own. Rejects with
   * OUTPUT_OPEN_FAILED.
   */
  reopen(): Promise<void> {
    if (this.#sink.isInPlace) return Promise.resolve();
    this.#reopening ??= this.#reopen();
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    this.#foot();
    const held: T[] = [];
    this.#held = held;
    try {
      await this.#sink.reopen();
      this.#isEmpty = true;
    } finally {
      this.#held = undefined;
      this.#reopening = undefined;
      for (const record of held) this.#write(record);
    }
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => {});
    this.#foot();
    await this.#sink.close();
    if (!this.#isEmpty) return;
    try {
      rmSync(this.#sink.path, { force: true });
    } catch {
      // Rights given up since it was made may be missing: then the empty file stays.
    }
  }

  keepAll(): void {
    this.#sink.keepAll();
  }

  giveTo(uid: number, gid: number): void {
    this.#sink.giveTo(uid, gid);
  }

  get filePath(): string {
    return this.#sink.path;
  }

  #foot(): void {
    if (this.#latest !== undefined) this.#sink.line(tsvFooter(this.#latest));
    this.#latest = undefined;
  }

  get linesWritten(): number {
    return this.#sink.linesWritten;
  }

  get queuedBytes(): number {
    return this.#sink.queuedBytes;
  }

  get linesLost(): number {
    return this.#sink.linesLost;
  }

  get readerGone(): boolean {
    return this.#sink.readerGone;
  }
}
