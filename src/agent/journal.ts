import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorrelateError, messageOf } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import type { HostRow, Lost } from '../records/host-row.js';
import { encodeFrames, type RowBatch } from '../wire/row-message.js';
import { readAgentMessage } from '../wire/validator.js';
import { firstOf, type JournalEntry, JournalSegment } from './journal-segment.js';

export interface JournalOptions {
  readonly host: string;
  /** Where segments lie. Absent: in memory, so that a restart of the agent forgets them. */
  readonly folder?: string;
  /** Most bytes of all segments. Beyond, the oldest segment goes; its rows that no engine has are counted and told as lost. */
  readonly maxBytes: number;
  readonly warn: Warn;
}

/** Which rows of which streams went at the bound. */
type Spans = Map<string, { from: number; to: number }>;

const HEADER = 'journal.json';

/**
 * All rows that left the sensor, in order and numbered, until the engine lets them go: what it has received it may still need
 * again after a restart, so only `release` frees them. Rows are kept as the messages that carry them. What is in the files outlives
 * the agent; a crash of the machine may take the last moments with it.
 */
export class Journal {
  readonly #options: JournalOptions;
  #id: string;
  #segments: JournalSegment[] = [];
  #next = 0;
  #received = -1;
  #openedAt = 0;
  #loaded: { segment: JournalSegment; entries: readonly JournalEntry[] } | undefined;
  /** Rows went that an engine had received and another, or the same after a restart, may still ask for. */
  readonly #forgotten: Spans = new Map();
  #isFailing = false;
  /** Rows that went at the bound before any engine had them. */
  dropped = 0;

  private constructor(options: JournalOptions, id: string) {
    this.#options = options;
    this.#id = id;
  }

  /** Takes up the journal of an earlier run, or begins one. Throws SPOOL_FAILED. */
  static open(options: JournalOptions): Journal {
    const { folder } = options;
    if (folder === undefined) return new Journal(options, randomUUID());
    try {
      makeFolder(folder, 0o700);
      const header = readHeader(folder);
      const journal = new Journal(options, header?.id ?? randomUUID());
      if (header === undefined) writeHeader(folder, journal.id);
      const names = readdirSync(folder).filter((name) => firstOf(name) !== undefined);
      for (const name of names.sort()) {
        const segment = JournalSegment.recover(folder, name);
        if (segment !== undefined) journal.#segments.push(segment);
      }
      journal.#next = journal.#segments.at(-1)?.next ?? header?.next ?? 0;
      return journal;
    } catch (error) {
      throw new CorrelateError('SPOOL_FAILED', `${folder}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Sequences are unique within this id. */
  get id(): string {
    return this.#id;
  }

  /** The sequence that the next row gets. */
  get next(): number {
    return this.#next;
  }

  /** The lowest sequence that is held; `next` when nothing is. */
  get first(): number {
    return this.#segments[0]?.first ?? this.#next;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Adds rows; returns them in the order of their sequences, the first of which is `first`. */
  append(rows: readonly HostRow[], boot: string | undefined, now: number): { first: number; rows: readonly HostRow[] } {
    const first = this.#next;
    const added = this.#add(rows, boot, now);
    const lost = this.#shrink();
    return lost.length === 0 ? { first, rows: added } : { first, rows: [...added, ...this.#add(lost, boot, now)] };
  }

  #add(rows: readonly HostRow[], boot: string | undefined, now: number): readonly HostRow[] {
    const added: HostRow[] = [];
    for (const { text, rows: inOrder } of encodeFrames(rows, this.#next, boot)) {
      // What is too long for a frame would never get through, and hold up all that comes behind.
      if (Buffer.byteLength(text) > limits.wireFrameBytes) this.dropped += inOrder.length;
      else this.#write({ first: this.#next, count: inOrder.length, text }, now);
      this.#next += inOrder.length;
      added.push(...inOrder);
    }
    return added;
  }

  #write(entry: JournalEntry, now: number): void {
    let segment = this.#segments.at(-1);
    const isFull = segment !== undefined && (segment.bytes > SEGMENT_BYTES || now - this.#openedAt > SEGMENT_MS);
    if (segment === undefined || isFull || this.#openedAt === 0) {
      segment?.seal();
      segment = this.#begin(entry.first, now, this.#options.folder);
    }
    try {
      segment.append(entry);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#warn('SPOOL_FAILED', `rows are kept in memory: ${messageOf(error)}`);
      this.#isFailing = true;
      segment.seal();
      this.#begin(entry.first, now, undefined).append(entry);
    }
  }

  #begin(first: number, now: number, folder: string | undefined): JournalSegment {
    const segment = JournalSegment.create(first, folder);
    this.#segments.push(segment);
    this.#openedAt = now;
    return segment;
  }

  /** Drops the oldest segments beyond the bound and returns what has to be told of it. */
  #shrink(): Lost[] {
    let { bytes } = this;
    const lost: Spans = new Map();
    while (bytes > this.#options.maxBytes && this.#segments.length > 1) {
      const segment = this.#segments.shift()!;
      bytes -= segment.bytes;
      for (const entry of segment.entries()) {
        const batch = this.#read(entry);
        if (batch === undefined) continue;
        const isNews = entry.first + entry.count - 1 > this.#received;
        if (isNews) this.dropped += entry.count;
        for (const row of batch.rows) widen(isNews ? lost : this.#forgotten, row);
      }
      this.#remove(segment);
    }
    if (lost.size > 0) this.#warn('SPOOL_FULL', `more than ${this.#options.maxBytes} bytes wait for the engine`);
    return this.#lostRows(lost);
  }

  /** What was dropped though an engine that has none of this journal needs it; told once. */
  takeForgotten(): Lost[] {
    const rows = this.#lostRows(this.#forgotten);
    this.#forgotten.clear();
    return rows;
  }

  #lostRows(spans: Spans): Lost[] {
    const { host } = this.#options;
    return [...spans].map(([stream, { from, to }]) => ({ kind: 'lost', host, stream, from, to }));
  }

  /** The entry with the first row that is held at or after a sequence; undefined when there is none yet. */
  entry(from: number): JournalEntry | undefined {
    const segment = this.#segments.find(({ next }) => next > from);
    if (segment === undefined) return undefined;
    const isOpen = segment === this.#segments.at(-1);
    if (isOpen || this.#loaded?.segment !== segment) this.#loaded = { segment, entries: segment.entries() };
    const { entries } = this.#loaded;
    let low = 0;
    let high = entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entries[middle]!.first + entries[middle]!.count > from) high = middle;
      else low = middle + 1;
    }
    return entries[low];
  }

  /** The last message of the journal, read. */
  tail(): RowBatch | undefined {
    const last = this.#segments.at(-1)?.entries().at(-1);
    return last && this.#read(last);
  }

  #read(entry: JournalEntry): RowBatch | undefined {
    const batch = readAgentMessage(entry.text, this.#options.host);
    return batch.type === 'rows' ? batch : undefined;
  }

  /** The engine has everything up to here. */
  acknowledge(received: number): void {
    this.#received = Math.max(this.#received, received);
  }

  /** Nobody will ask for rows up to here again. */
  release(until: number): void {
    while (this.#segments.length > 1 && this.#segments[0]!.next <= until + 1) this.#remove(this.#segments.shift()!);
  }

  /**
   * The engine knows rows of this journal that it does not hold, since a crash of the machine took them: numbers would be given twice,
   * so it goes on under a new id.
   */
  renew(): void {
    for (const segment of this.#segments) this.#remove(segment);
    this.#segments = [];
    this.#id = randomUUID();
    this.#received = -1;
    this.#openedAt = 0;
    if (this.#options.folder !== undefined) writeHeader(this.#options.folder, this.#id, this.#next);
  }

  /** Writes what a later run needs to go on. */
  close(): void {
    if (this.#options.folder !== undefined) writeHeader(this.#options.folder, this.#id, this.#next);
  }

  #remove(segment: JournalSegment): void {
    if (this.#loaded?.segment === segment) this.#loaded = undefined;
    segment.remove();
  }

  #warn(code: 'SPOOL_FAILED' | 'SPOOL_FULL', message: string): void {
    this.#options.warn({ code, message: `${this.#options.folder ?? 'spool'}: ${message}` });
  }
}

/** A segment ends at this size or age, so that released rows leave in time. */
const SEGMENT_BYTES = 1 << 20;
const SEGMENT_MS = 60_000;
interface Header {
  readonly id: string;
  readonly next?: number;
}

/** The header of a journal; undefined when there is none, or none that was written to its end. */
function readHeader(folder: string): Header | undefined {
  try {
    const header = JSON.parse(readFileSync(join(folder, HEADER), 'utf8')) as Partial<Header>;
    if (typeof header.id !== 'string' || header.id === '') return undefined;
    return Number.isSafeInteger(header.next) ? { id: header.id, next: header.next! } : { id: header.id };
  } catch {
    return undefined;
  }
}

function writeHeader(folder: string, id: string, next?: number): void {
  const path = join(folder, HEADER);
  writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, id, ...(next !== undefined && { next }) })}\n`);
  renameSync(`${path}.new`, path);
}

/** A dropped row that told of a loss is itself a loss. */
function widen(spans: Spans, row: HostRow): void {
  if (row.kind !== 'row' && row.kind !== 'lost') return;
  const from = row.kind === 'lost' ? row.from : (row.since ?? row.time);
  const to = row.kind === 'lost' ? row.to : row.time + row.resolution;
  const span = spans.get(row.stream);
  if (span === undefined) spans.set(row.stream, { from, to });
  else {
    span.from = Math.min(span.from, from);
    span.to = Math.max(span.to, to);
  }
}
