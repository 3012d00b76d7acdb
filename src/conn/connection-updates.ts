import type { Connection, ConnectionCause } from '../records/connection.js';
import type { CaptureNames } from './capture-names.js';
import { connectionRecord } from './connection-record.js';
import type { ConnectionTable } from './connection-table.js';
import { ConnectionView } from './connection-view.js';
import { EndedRecords, MOST_ENDED } from './ended-records.js';
import { CAPTURE } from './record-layout.js';
import type { TrackerOptions } from './tracker-options.js';

/** Tells what becomes of connections, in order: each by itself, or those that ended many at once where they are wanted so. */
export class ConnectionUpdates {
  readonly #table: ConnectionTable;
  readonly #captures: CaptureNames;
  readonly #options: TrackerOptions;
  readonly #view: ConnectionView;
  /** Those that ended and are still to be told, where they are told many at once. */
  readonly #lent: EndedRecords | undefined;

  constructor(table: ConnectionTable, captures: CaptureNames, options: TrackerOptions) {
    this.#table = table;
    this.#captures = captures;
    this.#options = options;
    this.#view = new ConnectionView(table);
    const places = options.emitEnded && table.places(MOST_ENDED);
    this.#lent =
      places && new EndedRecords(table, this.#view, captures, places, (records) => options.emitEnded?.(records));
  }

  /** Tells of a connection by itself. */
  emit(cause: ConnectionCause, base: number): void {
    // They ended before.
    this.release();
    const id = this.#table.u16[(base << 1) + CAPTURE]!;
    const capture = this.#captures.get(id)!;
    const view = this.#view.at(base, this.#captures.wordOf(id));
    // To whoever only reads it, a field that is undefined is one that is absent.
    const connection = this.#options.lends === true ? (view as Connection) : connectionRecord(view);
    this.#options.emit(
      capture.host === undefined
        ? { cause, capture: capture.name, connection }
        : { cause, capture: capture.name, captureHost: capture.host, connection },
    );
  }

  /** Tells for the last time of a connection. True when that is still to be done with others, and its record is to stay until then. */
  end(base: number): boolean {
    if (this.#lent?.lend(base) === true) return true;
    this.emit('end', base);
    return false;
  }

  /** Takes a connection of which `end` answered true out of the table. */
  unlink(slot: number): void {
    this.#table.unlink(slot);
    if (this.#lent?.isFull === true) this.#lent.release();
  }

  /** Those that are still to be told, for code that ends connections by itself; undefined where each is told by itself. */
  get lent(): EndedRecords | undefined {
    return this.#lent;
  }

  /** Such code has ended others, and with them so many wait. */
  ended(count: number): void {
    const lent = this.#lent;
    if (lent === undefined || count === lent.count) return;
    this.#table.removed(count - lent.count);
    lent.count = count;
    if (lent.isFull) lent.release();
  }

  /** Those that are open at the end, whose addresses these are in the memory of the table; undefined where each is told by itself. */
  open(places: Int32Array): EndedRecords | undefined {
    if (this.#lent === undefined) return undefined;
    const records = new EndedRecords(this.#table, this.#view, this.#captures, places, () => {});
    records.count = places.length;
    return records;
  }

  /** Tells of those that ended and are in the table. */
  tell(): void {
    this.#lent?.tell();
  }

  /** Tells of those that were unlinked, whose slots are used again then. */
  release(): void {
    this.#lent?.release();
  }
}
