import type { Connection, ConnectionUpdate } from '../records/connection.js';
import type { CaptureNames } from './capture-names.js';
import type { ConnectionTable } from './connection-table.js';
import type { ConnectionView } from './connection-view.js';
import { CAPTURE, FLAGS, GAPS, LETTERS_INLINE, RECORD_BYTES, RECORD_WORDS, SEEN, TUNNELED } from './record-layout.js';

/** Records that are lent at once. */
export const MOST_ENDED = 512;

/**
 * Connections that ended, in the order in which they did, lent in their records, which say all that there is to say of them: code of
 * WebAssembly takes many at once. They lie in a memory of WebAssembly.
 */
export class EndedRecords {
  count = 0;
  readonly #table: ConnectionTable;
  readonly #view: ConnectionView;
  readonly #captures: CaptureNames;
  readonly #places: Int32Array;
  readonly #emit: (records: EndedRecords) => void;

  /** `places`: where their addresses are put, `TableMemory.places` for MOST_ENDED. */
  constructor(
    table: ConnectionTable,
    view: ConnectionView,
    captures: CaptureNames,
    places: Int32Array,
    emit: (records: EndedRecords) => void,
  ) {
    this.#emit = emit;
    this.#table = table;
    this.#view = view;
    this.#captures = captures;
    this.#places = places;
  }

  /** Whether all that there is to say of a connection lies in its record. */
  takes(base: number): boolean {
    const { i32 } = this.#table;
    if ((i32[base + FLAGS]! & TUNNELED) !== 0 || i32[base + SEEN]! >>> 16 > LETTERS_INLINE) return false;
    return i32[base + GAPS / 2] === 0;
  }

  /** There has to be room for it. */
  add(base: number): void {
    this.#places[this.count++] = this.#table.recordsAt + 4 * base;
  }

  get isFull(): boolean {
    return this.count === MOST_ENDED;
  }

  /** Takes a connection that ended, to be told with others; false when it is to be told by itself. */
  lend(base: number): boolean {
    if (!this.takes(base)) return false;
    if (this.isFull) this.tell();
    this.add(base);
    return true;
  }

  tell(): void {
    if (this.count === 0) return;
    this.#emit(this);
    this.count = 0;
  }

  /** Tells those that have been removed from the table, whose slots are used again then. */
  release(): void {
    if (this.count === 0) return;
    const { count } = this;
    this.tell();
    this.#table.releaseAll(this.#places, count);
  }

  get memory(): WebAssembly.Memory | undefined {
    return this.#table.memory;
  }

  /** Where in it the addresses of the records are. */
  get placesAt(): number {
    return this.#places.byteOffset;
  }

  /** Room in it for what is written of them. */
  texts(): Uint8Array[] {
    return this.#table.texts();
  }

  slot(i: number): number {
    return (this.#places[i]! - this.#table.recordsAt) / RECORD_BYTES;
  }

  /** Number of the capture that a connection came from. */
  capture(i: number): number {
    return this.#table.u16[((this.slot(i) * RECORD_WORDS) << 1) + CAPTURE]!;
  }

  /** What stands for the capture's name in its uid. */
  captureWord(i: number): number {
    return this.#captures.wordOf(this.capture(i));
  }

  /** What would have been told of a connection by itself. Its connection is a ConnectionView. */
  update(i: number): ConnectionUpdate {
    const capture = this.#captures.get(this.capture(i))!;
    const connection = this.#view.at(this.slot(i) * RECORD_WORDS, this.captureWord(i)) as Connection;
    const update: ConnectionUpdate = { cause: 'end', capture: capture.name, connection };
    return capture.host === undefined ? update : { ...update, captureHost: capture.host };
  }
}
