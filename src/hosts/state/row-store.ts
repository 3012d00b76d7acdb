import type { HashKey } from '../../core/hash.js';
import { secretKey } from '../../core/secret-key.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import { CommonParts } from './common-parts.js';
import type { HeadColumns } from './head-columns.js';
import { HostColumns } from './host-columns.js';
import { MAX_RECORD_WORDS, OFFSET, RecordPages } from './record-pages.js';
import { RowOrigins } from './row-origins.js';
import {
  DIGITS,
  IN_HEAD,
  INT,
  isWide,
  OTHER,
  RowReading,
  type RowShape,
  SEQ_STEP,
  ShapeTable,
  TEXT,
  WIDE,
} from './row-shape.js';
import { TextPool } from './text-pool.js';

/**
 * Words that every record begins with: its shape and above it a tag that is the caller's, its origin, its time as a double, the low half of
 * its sequence, and two links for the lists that the kind of row is kept in. What a kind adds comes next, then the values.
 */
const SHAPE = 0;
const ORIGIN = 1;
const TIME = 1;
const SEQ = 4;
export const LINK = 5;
export const NEXT_OF_HOST = 6;
export const HEAD = 7;

const TAG_SHIFT = 28;
const SHAPE_MASK = (1 << TAG_SHIFT) - 1;

/**
 * Rows of all hosts, packed: some 40 to 80 bytes each outside of the garbage collected heap, texts shared, and what is alike on many rows
 * of a table too. A row comes back as it was given. `TIME` counts doubles, the others words. A row is named by a handle until it is freed;
 * bounded by what its users keep.
 */
export class RowStore {
  readonly pages = new RecordPages();
  readonly texts = new TextPool();
  readonly shapes = new ShapeTable();
  readonly origins: RowOrigins;
  readonly parts: CommonParts;
  readonly #reading = new RowReading();
  /** A common part as it is read. */
  readonly #part = new Int32Array(MAX_RECORD_WORDS);
  readonly #partDoubles = new Float64Array(this.#part.buffer);
  /** Values that are neither number nor text. */
  readonly #others: unknown[] = [];
  readonly #othersFree: number[] = [];

  constructor(
    key: HashKey = secretKey(),
    readonly columns = new HostColumns(),
  ) {
    this.origins = new RowOrigins(this.texts, key, columns);
    this.parts = new CommonParts(this.pages, key);
  }

  /**
   * Takes a row over. Its record begins with `words` words of head, of which those from HEAD on are the caller's to fill, with the
   * columns that `head` found a place for too. `traits`: see RowShape; `local`: the text of the host's own address in the row, 0 for none.
   */
  pack(row: AnyTableRow, host: number, words: number, head?: HeadColumns, traits = 0, local = 0): number {
    const shape = this.shapes.open(row, this.#reading, words, head, traits);
    const handle = this.pages.allocate(shape.words);
    const record = this.pages.words[handle >>> 16]!;
    const doubles = this.pages.doubles[handle >>> 16]!;
    const at = handle & OFFSET;
    record[at + SHAPE] = shape.id;
    record[at + ORIGIN] = this.origins.open(host, row.boot, local);
    doubles[(at >>> 1) + TIME] = row.time;
    record[at + SEQ] = row.seq - shape.seqHigh * SEQ_STEP;
    record[at + LINK] = 0;
    record[at + NEXT_OF_HOST] = 0;
    if (shape.hasSince) doubles[(at + shape.sinceOffset) >>> 1] = row.since!;
    this.#write(shape, 0, record, doubles, at);
    if (shape.partWords > 0) record[at + shape.partOffset] = this.#openPart(shape);
    return handle;
  }

  /** Writes the values that are common, or those that are not, of the row that was read; texts count as used once more. */
  #write({ kinds, offsets, areCommon }: RowShape, wanted: 0 | 1, words: Int32Array, doubles: Float64Array, at: number) {
    const { numbers, values } = this.#reading;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]!;
      if (kind >= IN_HEAD || areCommon[i] !== wanted) continue;
      const place = at + offsets[i]!;
      if (isWide(kind)) doubles[place >>> 1] = numbers[i]!;
      else if (kind === TEXT) words[place] = this.texts.open(values[i] as string);
      else if (kind === OTHER) words[place] = this.#keepOther(values[i]);
      else words[place] = numbers[i]!;
    }
  }

  #openPart(shape: RowShape): number {
    const part = this.#part;
    part.fill(0, 0, shape.partWords);
    this.#write(shape, 1, part, this.#partDoubles, 0);
    const known = this.parts.open(shape.id, part, shape.partWords);
    if (known === 0) return this.parts.add(shape.id, part, shape.partWords);
    this.#drop(shape, 1, part, 0);
    return known;
  }

  /** Lets go of the values that are common, or of those that are not. */
  #drop({ kinds, offsets, areCommon }: RowShape, wanted: 0 | 1, words: Int32Array, at: number): void {
    for (let i = 0; i < kinds.length; i++) {
      if (areCommon[i] !== wanted) continue;
      const kind = kinds[i]!;
      if (kind === TEXT) this.texts.release(words[at + offsets[i]!]!);
      else if (kind === OTHER) this.#dropOther(words[at + offsets[i]!]!);
    }
  }

  free(handle: number): void {
    const shape = this.shape(handle);
    const words = this.pages.words[handle >>> 16]!;
    const at = handle & OFFSET;
    this.#drop(shape, 0, words, at);
    if (shape.partWords > 0) {
      const part = words[at + shape.partOffset]!;
      if (this.parts.release(part)) {
        this.#drop(shape, 1, this.pages.words[part >>> 16]!, part & OFFSET);
        this.parts.remove(part, shape.partWords);
      }
    }
    this.origins.release(words[at + ORIGIN]!);
    // Whoever still has the handle sees that the row is gone.
    this.pages.doubles[handle >>> 16]![(at >>> 1) + TIME] = Number.NaN;
    this.pages.free(handle, shape.words);
    this.shapes.release(shape);
  }

  /** The row as it was given; undefined when the handle does not name the row of that stamp any more. */
  row(handle: number, stamp: number): AnyTableRow | undefined {
    if (!this.isOf(handle, stamp)) return undefined;
    const { table, action, stream, resolution, hasSince, sinceOffset, names } = this.shape(handle);
    const columns: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) columns[names[i]!] = this.#value(handle, i);
    const at = handle & OFFSET;
    const origin = this.word(handle, ORIGIN);
    const boot = this.origins.boot(origin);
    const row = {
      kind: 'row',
      host: this.origins.hostId(origin),
      ...(boot !== undefined && { boot }),
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
    return this.shapes.get(this.pages.words[handle >>> 16]![(handle & OFFSET) + SHAPE]! & SHAPE_MASK);
  }

  /** A number of 4 bits that the user of the row sets. */
  tag(handle: number): number {
    return this.pages.words[handle >>> 16]![(handle & OFFSET) + SHAPE]! >>> TAG_SHIFT;
  }

  setTag(handle: number, tag: number): void {
    const words = this.pages.words[handle >>> 16]!;
    const at = (handle & OFFSET) + SHAPE;
    words[at] = (words[at]! & SHAPE_MASK) | (tag << TAG_SHIFT);
  }

  /** Number of the host. */
  host(handle: number): number {
    return this.origins.host(this.pages.words[handle >>> 16]![(handle & OFFSET) + ORIGIN]!);
  }

  /** The text of the host's own address in the row, 0 for none. */
  local(handle: number): number {
    return this.origins.local(this.pages.words[handle >>> 16]![(handle & OFFSET) + ORIGIN]!);
  }

  /** Boot of the host that the row names. */
  boot(handle: number): string | undefined {
    return this.origins.boot(this.word(handle, ORIGIN));
  }

  time(handle: number): Micros {
    return this.pages.doubles[handle >>> 16]![((handle & OFFSET) >>> 1) + TIME]!;
  }

  seq(handle: number): number {
    const low = this.pages.words[handle >>> 16]![(handle & OFFSET) + SEQ]! >>> 0;
    return this.shape(handle).seqHigh * SEQ_STEP + low;
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

  #value(handle: number, place: number, shape = this.shape(handle)): unknown {
    const kind = shape.kinds[place]!;
    if (kind >= IN_HEAD) return shape.head!.value(this, handle, kind - IN_HEAD);
    const record = shape.areCommon[place] === 1 ? this.word(handle, shape.partOffset) : handle;
    const at = (record & OFFSET) + shape.offsets[place]!;
    if (isWide(kind)) {
      const number = this.pages.doubles[record >>> 16]![at >>> 1]!;
      return kind === WIDE ? number : String(number);
    }
    const word = this.pages.words[record >>> 16]![at]!;
    switch (kind) {
      case INT:
        return word;
      case TEXT:
        return this.texts.text(word);
      case DIGITS:
        return String(word);
      default:
        return this.#others[word];
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
