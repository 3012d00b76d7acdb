import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { HostTable } from '../../records/host-tables.js';
import { PART_HEAD } from './common-parts.js';
import type { HeadColumns } from './head-columns.js';

/** How a value is kept: a whole number in a word, any number in two, a text by its number, one that spells a whole number as that, else aside. */
export const INT = 0;
export const WIDE = 1;
export const TEXT = 2;
export const DIGITS = 3;
const WIDE_DIGITS = 4;
export const OTHER = 5;
/** From here on: the value is in a place of the head, see HeadColumns. */
export const IN_HEAD = 16;

/** Whether values of the kind take two words. */
export function isWide(kind: number): boolean {
  return kind === WIDE || kind === WIDE_DIGITS;
}

/** What many rows have in common: the stream, the columns in their order, and how each is kept. */
export interface RowShape {
  readonly id: number;
  readonly stream: string;
  readonly table: HostTable;
  readonly action: AnyTableRow['action'];
  readonly resolution: Micros;
  /** Sequence divided by 2 to the 32nd: rows have the rest. */
  readonly seqHigh: number;
  readonly hasSince: boolean;
  /** What else the kind of row found to be alike; it tells what the bits mean. */
  readonly traits: number;
  readonly names: readonly string[];
  readonly kinds: Uint8Array;
  /** Where each value is in the record, or in the part that records have in common, as far as it is not in the head. */
  readonly offsets: Uint16Array;
  /** 1: the value is in the common part. */
  readonly areCommon: Uint8Array;
  /** What the head has of the columns, where it has any. */
  readonly head: HeadColumns | undefined;
  /** 1: values of the column may have a place in the head. */
  readonly mayBeInHead: Uint8Array;
  /** Place of a column by its name. */
  readonly places: ReadonlyMap<string, number>;
  /** Of the `since`, where rows have it, and of the handle of the common part, where there is one. */
  readonly sinceOffset: number;
  readonly partOffset: number;
  /** Length of a record, and of the common part, words; 0: there is none. */
  readonly words: number;
  readonly partWords: number;
  /** Rows of this shape. */
  uses: number;
}

/** Columns of a row as they are read, and what is found of each. */
export class RowReading {
  readonly names: string[] = [];
  readonly kinds = new Uint8Array(MAX_COLUMNS);
  /** Of values that are numbers, or spell one. */
  readonly numbers = new Float64Array(MAX_COLUMNS);
  /** Of the others. */
  readonly values: unknown[] = [];
  count = 0;

  /**
   * Reads columns of which it is supposed that they are those of the shape, each kept as there, which mostly is all there is to know: what
   * the head has is only compared. Returns whether they are.
   */
  isOf(columns: Readonly<Record<string, unknown>>, { names, kinds, head, mayBeInHead }: RowShape): boolean {
    let at = 0;
    for (const name in columns) {
      if (at === names.length || names[at] !== name) return false;
      const value = columns[name];
      const kind = kinds[at]!;
      if (kind >= IN_HEAD) {
        if (!head!.gives(kind - IN_HEAD, value)) return false;
      } else if (mayBeInHead[at] === 1 && head!.find(name, value) >= 0) return false;
      else if (this.#kindOf(at, value) !== kind) return false;
      at++;
    }
    return at === names.length;
  }

  read(columns: Readonly<Record<string, unknown>>, head: HeadColumns | undefined): void {
    let at = 0;
    for (const name in columns) {
      if (at === MAX_COLUMNS) break;
      const value = columns[name];
      const place = head === undefined ? -1 : head.find(name, value);
      this.names[at] = name;
      this.kinds[at] = place >= 0 ? IN_HEAD + place : this.#kindOf(at, value);
      at++;
    }
    this.count = at;
  }

  #kindOf(at: number, value: unknown): number {
    if (typeof value === 'number') {
      this.numbers[at] = value;
      return (value | 0) === value ? INT : WIDE;
    }
    const digits = typeof value === 'string' ? spelled(value) : -1;
    if (digits < 0) {
      this.values[at] = value;
      return typeof value === 'string' ? TEXT : OTHER;
    }
    this.numbers[at] = digits;
    return digits <= 0x7fff_ffff ? DIGITS : WIDE_DIGITS;
  }
}

/** Columns of one row; sources bound them by `limits.hostRowColumns`, and there are no more in any table. */
const MAX_COLUMNS = 512;
/** Digits that a number holds exactly. */
const MAX_DIGITS = 15;
const ZERO = 0x30;
const NINE = 0x39;

/** The whole number that the text is, written the only way; -1: it is none. */
function spelled(text: string): number {
  const { length } = text;
  if (length === 0 || length > MAX_DIGITS) return -1;
  const first = text.charCodeAt(0);
  if (first < ZERO || first > NINE || (first === ZERO && length > 1)) return -1;
  let number = first - ZERO;
  for (let i = 1; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return -1;
    number = 10 * number + (code - ZERO);
  }
  return number;
}

/** What is alike on many rows of a table: which program, where and as whom. */
const common: Partial<Record<HostTable, ReadonlySet<string>>> = {
  processes: new Set(
    'name path state cwd root uid gid euid egid suid sgid on_disk nice cgroup_path net_namespace'.split(' '),
  ),
  process_events: new Set(
    'path mode cwd auid uid euid gid egid owner_uid status syscall cgroup_path net_namespace'.split(' '),
  ),
  socket_events: new Set('path auid uid status success cgroup_path net_namespace'.split(' ')),
};
/** Fewer common values are not worth a part of their own. */
const MIN_COMMON = 3;
const noneCommon: ReadonlySet<string> = new Set();

/** High part of a sequence, see RowShape. */
export const SEQ_STEP = 0x1_0000_0000;

/** Shapes compared before the table is asked. */
const RECENT = 8;
/** Shapes that no row has any more are dropped when there are more than this. */
const SPARE = 1_024;

/** The shapes of all rows. There are never many more than rows. */
export class ShapeTable {
  readonly #byKey = new Map<string, RowShape>();
  readonly #byId: (RowShape | undefined)[] = [];
  readonly #free: number[] = [];
  /** The latest ones of each stream name. */
  readonly #recent = new Map<string, RowShape[]>();
  /** Those of the stream that was asked for last, and of the one before. */
  #stream: string | undefined;
  #ofStream: RowShape[] = [];
  #streamBefore: string | undefined;
  #ofStreamBefore: RowShape[] = [];

  get(id: number): RowShape {
    return this.#byId[id]!;
  }

  /**
   * The shape of a row, which `reading` reads and whose records begin with as many words of head as the traits want. It counts as used once
   * more.
   */
  open(row: AnyTableRow, reading: RowReading, words: number, head: HeadColumns | undefined, traits: number): RowShape {
    const recent = this.#recentOf(row.stream);
    for (let i = 0; i < recent.length; i++) {
      const known = recent[i]!;
      if (known.traits !== traits || known.head !== head || !isAlike(known, row)) continue;
      if (!reading.isOf(row.columns, known)) continue;
      known.uses++;
      return known;
    }
    reading.read(row.columns, head);
    const shape = this.#find(row, reading, words, head, traits);
    recent.unshift(shape);
    if (recent.length > RECENT) recent.pop();
    shape.uses++;
    return shape;
  }

  #recentOf(stream: string): RowShape[] {
    if (stream === this.#stream) return this.#ofStream;
    const before = this.#ofStream;
    if (stream === this.#streamBefore) this.#ofStream = this.#ofStreamBefore;
    else {
      let recent = this.#recent.get(stream);
      if (recent === undefined) {
        recent = [];
        this.#recent.set(stream, recent);
      }
      this.#ofStream = recent;
    }
    this.#streamBefore = this.#stream;
    this.#ofStreamBefore = before;
    this.#stream = stream;
    return this.#ofStream;
  }

  release(shape: RowShape): void {
    if (--shape.uses > 0 || this.#byKey.size <= SPARE) return;
    for (const [key, known] of this.#byKey) {
      if (known.uses > 0) continue;
      this.#byKey.delete(key);
      this.#byId[known.id] = undefined;
      this.#free.push(known.id);
    }
    this.#recent.clear();
    this.#stream = undefined;
    this.#streamBefore = undefined;
  }

  #find(
    row: AnyTableRow,
    { names, kinds, count }: RowReading,
    words: number,
    head: HeadColumns | undefined,
    traits: number,
  ): RowShape {
    const { stream, table, action, resolution, since } = row;
    const seqHigh = Math.floor(row.seq / SEQ_STEP);
    const hasSince = since !== undefined;
    const columns = Array.from({ length: count }, (_, i) => [names[i], kinds[i]]);
    const key = JSON.stringify([stream, table, action, resolution, seqHigh, hasSince, traits, columns]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const id = this.#free.pop() ?? this.#byId.length;
    const alike = { id, stream, table, action, resolution, seqHigh, hasSince, traits, head, uses: 0 };
    const mayBeInHead = Uint8Array.from(names.slice(0, count), (name) => (head?.mayHave(name) === true ? 1 : 0));
    const shape = {
      ...alike,
      mayBeInHead,
      ...layOut(table, names.slice(0, count), kinds.slice(0, count), words, hasSince),
    };
    this.#byKey.set(key, shape);
    this.#byId[id] = shape;
    return shape;
  }
}

/** Where values go in a record or a part of one: pairs of words lie even. */
class Layout {
  /** A single word that the last pair has left free; 0: none. */
  #hole = 0;

  constructor(public words: number) {}

  place(isPair: boolean): number {
    if (!isPair && this.#hole !== 0) {
      const at = this.#hole;
      this.#hole = 0;
      return at;
    }
    if (isPair && this.words % 2 === 1) this.#hole = this.words++;
    const at = this.words;
    this.words += isPair ? 2 : 1;
    return at;
  }
}

function layOut(table: HostTable, names: string[], kinds: Uint8Array, head: number, hasSince: boolean) {
  const told = common[table] ?? noneCommon;
  const mayShare = names.map((name, at) => told.has(name) && kinds[at]! !== OTHER && kinds[at]! < IN_HEAD);
  const hasPart = mayShare.filter(Boolean).length >= MIN_COMMON;
  const areCommon = Uint8Array.from(mayShare, (is) => (is && hasPart ? 1 : 0));
  const offsets = new Uint16Array(names.length);
  const own = new Layout(head);
  const part = new Layout(PART_HEAD);
  const sinceOffset = hasSince ? own.place(true) : 0;
  const partOffset = hasPart ? own.place(false) : 0;
  for (const [at, kind] of kinds.entries()) {
    if (kind < IN_HEAD) offsets[at] = (areCommon[at] === 1 ? part : own).place(isWide(kind));
  }
  return {
    names,
    kinds,
    offsets,
    areCommon,
    places: new Map(names.map((name, at) => [name, at])),
    sinceOffset,
    partOffset,
    words: own.words,
    partWords: hasPart ? part.words : 0,
  };
}

/** Whether the row is as those of the shape, its columns and its stream aside. */
function isAlike(shape: RowShape, row: AnyTableRow): boolean {
  if (shape.action !== row.action || shape.resolution !== row.resolution || shape.table !== row.table) return false;
  return shape.hasSince === (row.since !== undefined) && shape.seqHigh === Math.floor(row.seq / SEQ_STEP);
}
