import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { HeadColumns } from './head-columns.js';
import { OFFSET, RecordPages } from './record-pages.js';
import {
  DIGITS,
  IN_HEAD,
  INT,
  isWide,
  OTHER,
  RowReading,
  type RowShape,
  ShapeTable,
  TEXT,
  WIDE,
  WIDE_DIGITS,
} from './row-shape.js';
import { TextPool } from './text-pool.js';

/**
 * Words that every record begins with: its shape, its host, its time and sequence as doubles, and two links for the lists that the
 * kind of row is kept in. What a kind adds comes next, then the values.
 */
export const SHAPE = 0;
export const HOST = 1;
export const TIME = 1;
export const SEQ = 2;
export const LINK = 6;
export const NEXT_OF_HOST = 7;
export const HEAD = 8;

/**
 * Rows of all hosts, packed: some 100 bytes each outside of the garbage collected heap, texts shared. A row comes back as it was given.
 * `TIME` and `SEQ` count doubles, the others words. A row is named by a handle until it is freed; bounded by what its users keep.
 */
export class RowStore {
  readonly pages = new RecordPages();
  readonly texts = new TextPool();
  readonly shapes = new ShapeTable();
  readonly #reading = new RowReading();
  /** Ids of hosts by their number. */
  readonly #hosts: string[] = [];
  /** Values that are neither number nor text. */
  readonly #others: unknown[] = [];
  readonly #othersFree: number[] = [];

  /** A number for a host; hosts are never forgotten. */
  addHost(id: string): number {
    return this.#hosts.push(id) - 1;
  }

  /**
   * Takes a row over. Its record begins with `words` words of head, of which those from HEAD on are the caller's to fill, with the
   * columns that `head` found a place for too.
   */
  pack(row: AnyTableRow, host: number, words: number, head?: HeadColumns): number {
    const reading = this.#reading;
    reading.read(row.columns, head);
    const shape = this.shapes.open(row, reading, words, head);
    const handle = this.pages.allocate(shape.words);
    const record = this.pages.words[handle >>> 16]!;
    const doubles = this.pages.doubles[handle >>> 16]!;
    const at = handle & OFFSET;
    record[at + SHAPE] = shape.id;
    record[at + HOST] = host;
    doubles[(at >>> 1) + TIME] = row.time;
    doubles[(at >>> 1) + SEQ] = row.seq;
    record[at + LINK] = 0;
    record[at + NEXT_OF_HOST] = 0;
    if (shape.hasSince) doubles[(at + shape.sinceOffset) >>> 1] = row.since!;
    if (shape.hasBoot) record[at + shape.bootOffset] = this.texts.open(row.boot!);
    const { kinds, offsets } = shape;
    const { numbers, values } = reading;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]!;
      const place = at + offsets[i]!;
      if (kind >= IN_HEAD) continue;
      if (isWide(kind)) doubles[place >>> 1] = numbers[i]!;
      else if (kind === TEXT) record[place] = this.texts.open(values[i] as string);
      else if (kind === OTHER) record[place] = this.#keepOther(values[i]);
      else record[place] = numbers[i]!;
    }
    return handle;
  }

  free(handle: number): void {
    const shape = this.shape(handle);
    const words = this.pages.words[handle >>> 16]!;
    const at = handle & OFFSET;
    const { kinds, offsets } = shape;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]!;
      if (kind === TEXT) this.texts.release(words[at + offsets[i]!]!);
      else if (kind === OTHER) this.#dropOther(words[at + offsets[i]!]!);
    }
    if (shape.hasBoot) this.texts.release(words[at + shape.bootOffset]!);
    // Whoever still has the handle sees that the row is gone.
    this.pages.doubles[handle >>> 16]![(at >>> 1) + TIME] = Number.NaN;
    this.pages.free(handle, shape.words);
    this.shapes.release(shape);
  }

  /** The row as it was given; undefined when the handle does not name the row of that stamp any more. */
  row(handle: number, stamp: number): AnyTableRow | undefined {
    if (!this.isOf(handle, stamp)) return undefined;
    const { table, action, stream, resolution, hasSince, hasBoot, sinceOffset, bootOffset, names } = this.shape(handle);
    const columns: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) columns[names[i]!] = this.#value(handle, i);
    const words = this.pages.words[handle >>> 16]!;
    const at = handle & OFFSET;
    const row = {
      kind: 'row',
      host: this.#hosts[words[at + HOST]!]!,
      ...(hasBoot && { boot: this.texts.text(words[at + bootOffset]!) }),
      stream,
      table,
      action,
      time: this.time(handle),
      ...(hasSince && { since: this.pages.doubles[handle >>> 16]![(at + sinceOffset) >>> 1] }),
      resolution,
      seq: this.seq(handle),
      columns,
    };
    return row as unknown as AnyTableRow;
  }

  /**
   * A number that tells whether a handle still names the same row, see `isOf`: the low bits of its time. Rows that had a handle in turn have
   * times that differ by far less than repeats them.
   */
  stamp(handle: number): number {
    return this.time(handle) | 0;
  }

  isOf(handle: number, stamp: number): boolean {
    const time = this.time(handle);
    return (time | 0) === stamp && !Number.isNaN(time);
  }

  shape(handle: number): RowShape {
    return this.shapes.get(this.pages.words[handle >>> 16]![(handle & OFFSET) + SHAPE]!);
  }

  time(handle: number): Micros {
    return this.pages.doubles[handle >>> 16]![((handle & OFFSET) >>> 1) + TIME]!;
  }

  seq(handle: number): number {
    return this.pages.doubles[handle >>> 16]![((handle & OFFSET) >>> 1) + SEQ]!;
  }

  since(handle: number): Micros | undefined {
    const { hasSince, sinceOffset } = this.shape(handle);
    return hasSince ? this.pages.doubles[handle >>> 16]![((handle & OFFSET) + sinceOffset) >>> 1] : undefined;
  }

  /** A word of the record, and one to be set. */
  word(handle: number, offset: number): number {
    return this.pages.words[handle >>> 16]![(handle & OFFSET) + offset]!;
  }

  setWord(handle: number, offset: number, value: number): void {
    this.pages.words[handle >>> 16]![(handle & OFFSET) + offset] = value;
  }

  /** A column that holds text; undefined: absent, empty or no text. */
  text(handle: number, name: string): string | undefined {
    const shape = this.shape(handle);
    const place = shape.places.get(name);
    if (place === undefined) return undefined;
    const value = this.#value(handle, place, shape);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  /** A column that holds a number; undefined: absent or no number. */
  number(handle: number, name: string): number | undefined {
    const shape = this.shape(handle);
    const place = shape.places.get(name);
    if (place === undefined) return undefined;
    const value = this.#value(handle, place, shape);
    return typeof value === 'number' ? value : undefined;
  }

  #value(handle: number, place: number, { kinds, offsets, head } = this.shape(handle)): unknown {
    if (kinds[place]! >= IN_HEAD) return head!.value(this, handle, kinds[place]! - IN_HEAD);
    const at = (handle & OFFSET) + offsets[place]!;
    switch (kinds[place]) {
      case INT:
        return this.pages.words[handle >>> 16]![at];
      case WIDE:
        return this.pages.doubles[handle >>> 16]![at >>> 1];
      case TEXT:
        return this.texts.text(this.pages.words[handle >>> 16]![at]!);
      case DIGITS:
        return String(this.pages.words[handle >>> 16]![at]);
      case WIDE_DIGITS:
        return String(this.pages.doubles[handle >>> 16]![at >>> 1]);
      default:
        return this.#others[this.pages.words[handle >>> 16]![at]!];
    }
  }

  #keepOther(value: unknown): number {
    const place = this.#othersFree.pop() ?? this.#others.length;
    this.#others[place] = value;
    return place;
  }

  #dropOther(place: number): void {
    this.#others[place] = undefined;
    this.#othersFree.push(place);
  }
}
