import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** One message of rows as it goes over the wire. */
export interface JournalEntry {
  /** Sequence of its first row, and how many rows it has. */
  readonly first: number;
  readonly count: number;
  readonly text: string;
}

/**
 * A part of the journal: entries that follow each other, as lines `FIRST COUNT MESSAGE` of a file named by its first sequence, or in
 * memory alone. A line that was not written to its end, as after a crash, is cut off when the file is opened again.
 */
export class JournalSegment {
  readonly first: number;
  next: number;
  bytes = 0;
  readonly #path: string | undefined;
  /** All entries, while rows are still added, or when there is no file. */
  #entries: JournalEntry[] | undefined;

  private constructor(first: number, path: string | undefined) {
    this.first = first;
    this.next = first;
    this.#path = path;
  }

  static create(first: number, folder: string | undefined): JournalSegment {
    const segment = new JournalSegment(first, folder && join(folder, segmentName(first)));
    segment.#entries = [];
    return segment;
  }

  /** A file of an earlier run. Its torn tail is cut off; undefined when nothing is left of it. */
  static recover(folder: string, name: string): JournalSegment | undefined {
    const first = firstOf(name)!;
    const segment = new JournalSegment(first, join(folder, name));
    const bytes = readFileSync(segment.#path!);
    const { entries, length } = parseEntries(bytes);
    const last = entries.at(-1);
    if (last === undefined) {
      segment.remove();
      return undefined;
    }
    if (length < bytes.length) truncateSync(segment.#path!, length);
    segment.next = last.first + last.count;
    segment.bytes = length;
    return segment;
  }

  /** Adds an entry. Throws what the file system throws; the entry is not added then. */
  append(entry: JournalEntry): void {
    const line = `${entry.first} ${entry.count} ${entry.text}\n`;
    if (this.#path !== undefined) appendFileSync(this.#path, line, { mode: 0o600 });
    this.#entries!.push(entry);
    this.next = entry.first + entry.count;
    this.bytes += Buffer.byteLength(line);
  }

  /** No more entries come. */
  seal(): void {
    if (this.#path !== undefined) this.#entries = undefined;
  }

  /** The entries; read from the file where they are not in memory. */
  entries(): readonly JournalEntry[] {
    return this.#entries ?? parseEntries(readFileSync(this.#path!)).entries;
  }

  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}

const segmentName = (first: number): string => `${String(first).padStart(16, '0')}.rows`;

/** The first sequence out of a file's name; undefined when it is no segment's. */
export function firstOf(name: string): number | undefined {
  const match = /^(\d{16})\.rows$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The whole entries at the start of a file, and how many bytes they take. */
function parseEntries(bytes: Buffer): { entries: JournalEntry[]; length: number } {
  const entries: JournalEntry[] = [];
  let length = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, length)) {
    const match = /^(\d{1,16}) (\d{1,9}) (\{.*\})$/.exec(bytes.toString('utf8', length, end));
    if (match === null) break;
    entries.push({ first: Number(match[1]), count: Number(match[2]), text: match[3]! });
    length = end + 1;
  }
  return { entries, length };
}
