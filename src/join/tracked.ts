import type { Micros } from '../core/time.js';
import type { AddressUser, KnownAddress } from '../hosts/state/address-table.js';
import type { Direction } from '../hosts/state/translations.js';
import type { Tuple } from '../hosts/state/tuple-table.js';
import type { End } from '../records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import { type ConnectionView, type EndView, mayBeAnswered } from './connection-view.js';
import type { Decided } from './decided.js';
import type { Role } from './match.js';
import type { Moments } from './moments.js';
import type { Stitch } from './stitch.js';

/** A packet source. */
export interface Capture {
  readonly name: string;
  /** First packet: what began before it was not seen to begin. */
  began: Micros;
}

export type TrackedTuple = Tuple<Tracked, TrackedEnd>;

/** Rivals remembered of one end; with more, as when a scan has one source port, nothing is believed that any of them may claim. */
const MAX_RIVALS = 16;
const none: readonly TrackedEnd[] = [];
/** Refused connections of one tuple in a row that are passed over; the next counts as answered. */
const MAX_REFUSED = 16;

/** Places in a row of moments; the last packet of the answered connection before is kept when that one is gone. */
const FIRST = 0;
const LAST = 1;
const GONE_AT = 2;
const ALONE_SINCE = 3;
const NEXT_FIRST = 4;
const ALONE_UNTIL = 5;
const PREVIOUS_LAST = 6;
export const HELD_UNTIL = 7;

/** One end of a connection that the join still knows. */
export class TrackedEnd implements EndView, AddressUser {
  /** Its place among those that want to know of its address. */
  place = -1;
  end: End | undefined;
  /** What the last line said of it. */
  shown: End | undefined;
  /** No row that may still come changes it. */
  settled = false;
  /** Who the owner's process was is not all known yet. */
  lacksDetails = false;
  rivals: readonly TrackedEnd[] = none;
  isCrowded = false;
  /** An answer that only watermarks complete. */
  decided: Decided | undefined;

  /** How its packets are translated, as of the last evaluation. */
  stitch: Stitch | undefined;
  /** The endpoints behind the translation. */
  #inner: { readonly tuple: TrackedTuple; readonly isForward: boolean } | undefined;

  constructor(
    readonly tracked: Tracked,
    readonly role: Role,
    /** Its endpoint as it was captured is the first of the connection's tuple. */
    readonly isCapturedForward: boolean,
    /** Tells it from every other end that is known. */
    readonly number: number,
  ) {}

  get tuple(): TrackedTuple {
    return this.#inner === undefined ? this.tracked.tuple : this.#inner.tuple;
  }
  get isForward(): boolean {
    return this.#inner === undefined ? this.isCapturedForward : this.#inner.isForward;
  }
  get local(): KnownAddress<TrackedEnd> {
    return this.isForward ? this.tuple.first : this.tuple.second;
  }
  get localPort(): number {
    return this.isForward ? this.tuple.firstPort : this.tuple.secondPort;
  }
  get remote(): KnownAddress<TrackedEnd> {
    return this.isForward ? this.tuple.second : this.tuple.first;
  }
  get remotePort(): number {
    return this.isForward ? this.tuple.secondPort : this.tuple.firstPort;
  }

  /** The packets that are sent to it, as they were captured. */
  get captured(): Direction {
    const { first, firstPort, second, secondPort } = this.tracked.tuple;
    return this.isCapturedForward
      ? { source: second.text, sourcePort: secondPort, destination: first.text, destinationPort: firstPort }
      : { source: first.text, sourcePort: firstPort, destination: second.text, destinationPort: secondPort };
  }

  /** From now on it has the endpoints of this tuple, or its own again. Returns the tuple that it had instead. */
  move(tuple: TrackedTuple | undefined, isForward: boolean): TrackedTuple | undefined {
    const before = this.#inner;
    const isKept = before?.tuple === tuple && (tuple === undefined || before?.isForward === isForward);
    if (isKept) return undefined;
    const isIn = this.place >= 0;
    if (isIn) this.local.leave(this);
    if (before !== undefined) this.#leaveInner(before.tuple);
    this.#inner = tuple === undefined ? undefined : { tuple, isForward };
    if (tuple !== undefined) tuple.translated = [...(tuple.translated ?? []), this];
    if (isIn) this.local.enter(this);
    else this.place = -1;
    return before?.tuple;
  }

  /** Its connection is let go. Rivals still ask which endpoints it had, the tuple of a translation does not know it any more. Returns that tuple. */
  letGo(): TrackedTuple | undefined {
    const tuple = this.#inner?.tuple;
    if (tuple !== undefined) this.#leaveInner(tuple);
    return tuple;
  }

  #leaveInner(tuple: TrackedTuple): void {
    const left = tuple.translated!.filter((end) => end !== this);
    tuple.translated = left.length === 0 ? undefined : left;
  }

  /** See EndView.rivals. */
  meet(other: TrackedEnd): void {
    if (other.tracked === this.tracked || this.isCrowded || this.rivals.includes(other)) return;
    if (other.tuple === this.tuple) return;
    if (this.rivals.length < MAX_RIVALS) this.rivals = [...this.rivals, other];
    else this.isCrowded = true;
  }

  /** It wants to know nothing more: news of its address pass it by. */
  rest(): void {
    this.decided = undefined;
    if (this.place >= 0) this.local.rest(this);
  }

  /** Nobody is to meet it any more. */
  leave(): void {
    this.rest();
    if (this.place < 0) return;
    this.local.leave(this);
    this.place = -1;
  }
}

/** A connection that the join still knows. */
export class Tracked implements ConnectionView {
  readonly captureHost: string | undefined;
  readonly orig: TrackedEnd;
  readonly resp: TrackedEnd;
  connection: Connection;
  /** Everything about it was told. */
  isRetired = false;
  ended = false;
  /** See ConnectionView. */
  closed = false;
  knowsEarlier = false;
  /** No line that may still come would differ. */
  settled = false;
  /** Out of the join: everything about it has been said. */
  gone = false;
  /** Number of lines so far. */
  lines = 0;
  /** Looked at again in this round, and not told of yet. */
  isTouched = false;
  /** Tells it from every other one that is known. */
  readonly number: number;
  /** Its row of moments. */
  #row: number;
  #moments: Moments;
  /** Connections of the same tuple and capture, before and after. */
  previous: Tracked | undefined;
  next: Tracked | undefined;
  /** The connection of the same tuple, of any capture, that began after this one. */
  nextOfTuple: Tracked | undefined;
  /** Neighbours in the order in which they came. */
  older: Tracked | undefined;
  newer: Tracked | undefined;

  constructor(
    update: ConnectionUpdate,
    readonly from: Capture,
    readonly tuple: TrackedTuple,
    moments: Moments,
  ) {
    const { connection } = update;
    this.#moments = moments;
    this.#row = moments.open();
    this.captureHost = update.captureHost;
    this.connection = connection;
    const { values } = moments;
    values[this.#row + FIRST] = connection.ts;
    values[this.#row + LAST] = connection.ts + (connection.duration ?? 0);
    values[this.#row + GONE_AT] = Infinity;
    values[this.#row + ALONE_SINCE] = -Infinity;
    values[this.#row + ALONE_UNTIL] = Infinity;
    values[this.#row + NEXT_FIRST] = Infinity;
    values[this.#row + PREVIOUS_LAST] = -Infinity;
    values[this.#row + HELD_UNTIL] = -Infinity;
    const isForward = tuple.first.text === connection['id.orig_h'] && tuple.firstPort === connection['id.orig_p'];
    const isSelf = tuple.first === tuple.second && tuple.firstPort === tuple.secondPort;
    this.number = moments.numberOf(this.#row);
    this.orig = new TrackedEnd(this, 'orig', isForward, 2 * this.number);
    this.resp = new TrackedEnd(this, 'resp', isSelf || !isForward, 2 * this.number + 1);
  }

  get first(): Micros {
    return this.#moments.values[this.#row + FIRST]!;
  }
  get last(): Micros {
    return this.#moments.values[this.#row + LAST]!;
  }
  set last(at: Micros) {
    this.#moments.values[this.#row + LAST] = at;
  }
  /** When it is let go, capture time; once it has ended. */
  get goneAt(): Micros {
    return this.#moments.values[this.#row + GONE_AT]!;
  }
  set goneAt(at: Micros) {
    this.#moments.values[this.#row + GONE_AT] = at;
  }
  /** When the connections of the same tuple and capture before and after this one began; kept when those are gone. */
  get aloneSince(): Micros {
    return this.#moments.values[this.#row + ALONE_SINCE]!;
  }
  set aloneSince(at: Micros) {
    this.#moments.values[this.#row + ALONE_SINCE] = at;
  }
  get nextFirst(): Micros {
    return this.#moments.values[this.#row + NEXT_FIRST]!;
  }
  set nextFirst(at: Micros) {
    this.#moments.values[this.#row + NEXT_FIRST] = at;
  }
  get aloneUntil(): Micros {
    return this.#moments.values[this.#row + ALONE_UNTIL]!;
  }
  set aloneUntil(at: Micros) {
    this.#moments.values[this.#row + ALONE_UNTIL] = at;
  }

  /** The first line waits for evidence until then at most, capture time; -Infinity: it does not wait. */
  get heldUntil(): Micros {
    return this.#moments.values[this.#row + HELD_UNTIL]!;
  }
  set heldUntil(at: Micros) {
    this.#moments.values[this.#row + HELD_UNTIL] = at;
  }

  get capture(): string {
    return this.from.name;
  }

  get capturedSince(): Micros {
    return this.from.began;
  }

  /** Refused ones are passed over: nobody took them. Datagrams are taken without an answer. */
  get previousLast(): Micros {
    let before = this as Tracked;
    for (let hops = 0; before.previous !== undefined; hops++) {
      before = before.previous;
      if (before.connection.proto !== 'tcp' || mayBeAnswered(before) || hops === MAX_REFUSED) {
        // It may still go on.
        return before.ended || before.closed ? before.last : Infinity;
      }
    }
    return this.#moments.values[before.#row + PREVIOUS_LAST]!;
  }

  take(update: ConnectionUpdate): void {
    const { connection } = update;
    this.connection = connection;
    this.last = Math.max(this.last, connection.ts + (connection.duration ?? 0));
    if (update.cause === 'end') this.ended = true;
  }

  /** Enters it among the connections of its tuple, between the ones of its capture that began before and after it. */
  enter(): void {
    const { tuple } = this;
    let before: Tracked | undefined;
    let previous: Tracked | undefined;
    for (let other = tuple.connections; other !== undefined; other = other.nextOfTuple) {
      if (other.first > this.first) break;
      before = other;
      if (other.from === this.from) previous = other;
    }
    this.nextOfTuple = before === undefined ? tuple.connections : before.nextOfTuple;
    if (before === undefined) tuple.connections = this;
    else before.nextOfTuple = this;
    let next = this.nextOfTuple;
    while (next !== undefined && next.from !== this.from) next = next.nextOfTuple;
    link(previous, this);
    link(this, next);
    this.orig.local.enter(this.orig);
    this.resp.local.enter(this.resp);
  }

  leave(): void {
    const { tuple } = this;
    if (tuple.connections === this) tuple.connections = this.nextOfTuple;
    for (let other = tuple.connections; other !== undefined; other = other.nextOfTuple) {
      if (other.nextOfTuple === this) other.nextOfTuple = this.nextOfTuple;
    }
    const hasRivals = this.orig.rivals.length + this.resp.rivals.length > 0;
    for (const end of [this.orig, this.resp]) {
      end.leave();
      end.rivals = none;
    }
    if (this.next !== undefined) {
      this.#moments.values[this.next.#row + PREVIOUS_LAST] = this.next.previousLast;
      this.next.previous = undefined;
    }
    if (this.previous !== undefined) this.previous.next = undefined;
    const moments = this.#moments;
    // Its rivals still ask when it was.
    if (hasRivals) this.#moments = moments.copy(this.#row);
    moments.close(this.#row);
    this.#row = 0;
  }

  /** Everything about it was told: what its ends were is not needed any more. */
  retire(): void {
    this.isRetired = true;
    for (const end of [this.orig, this.resp]) {
      end.end = undefined;
      end.shown = undefined;
    }
  }
}

function link(before: Tracked | undefined, after: Tracked | undefined): void {
  if (before !== undefined) before.next = after;
  if (after !== undefined) after.previous = before;
  if (before === undefined || after === undefined) return;
  before.nextFirst = Math.min(before.nextFirst, after.first);
  after.aloneSince = before.first;
}

/** Connections in the order in which they came. */
export class TrackedList {
  size = 0;
  oldest: Tracked | undefined;
  #newest: Tracked | undefined;
  readonly #byNumber: (Tracked | undefined)[] = [];

  add(tracked: Tracked): void {
    tracked.older = this.#newest;
    if (this.#newest === undefined) this.oldest = tracked;
    else this.#newest.newer = tracked;
    this.#newest = tracked;
    this.#byNumber[tracked.number] = tracked;
    this.size++;
  }

  /** The end of this number, whose connection is in the list. */
  end(number: number): TrackedEnd {
    const tracked = this.#byNumber[number >>> 1]!;
    return (number & 1) === 0 ? tracked.orig : tracked.resp;
  }

  /** The connection of this number; undefined: it has gone. */
  numbered(number: number): Tracked | undefined {
    return this.#byNumber[number];
  }

  remove(tracked: Tracked): void {
    const { older, newer } = tracked;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    tracked.older = undefined;
    tracked.newer = undefined;
    this.#byNumber[tracked.number] = undefined;
    this.size--;
  }

  *[Symbol.iterator](): Generator<Tracked> {
    for (let tracked = this.oldest; tracked !== undefined; ) {
      const { newer } = tracked;
      yield tracked;
      tracked = newer;
    }
  }
}
