import type { Micros } from '../core/time.js';
import type { Tuple } from '../hosts/state/tuple-table.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import { type ConnectionView, mayBeAnswered } from './connection-view.js';
import { Elsewhere, packetsOf, type Span } from './elsewhere.js';
import { hasFlag, withFlag } from './flags.js';
import type { KeptEnds } from './kept-ends.js';
import type { Moments } from './moments.js';
import { TrackedEnd } from './tracked-end.js';

/** A packet source. */
export interface Capture {
  readonly name: string;
  /** First packet: what began before it was not seen to begin. */
  began: Micros;
}

export type TrackedTuple = Tuple<Tracked, TrackedEnd>;

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

/** Flags of a connection. */
const RETIRED = 1;
const ENDED = 2;
const CLOSED = 4;
const KNOWS_EARLIER = 8;
const SETTLED = 16;
const GONE = 32;
const TOUCHED = 64;
const EVICTED = 128;
const TURNED = 256;

/** A connection that the join still knows. There are very many, hence flags in one number, times in columns, and no private methods, for which each would have a field. */
export class Tracked implements ConnectionView {
  readonly captureHost: string | undefined;
  orig: TrackedEnd;
  resp: TrackedEnd;
  connection: Connection;
  #bits = 0;
  /** Number of lines so far. */
  lines = 0;
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
  /** See ConnectionView. */
  elsewhere: Elsewhere | undefined;

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
    this.orig = new TrackedEnd(this, isForward, 2 * this.number);
    this.resp = new TrackedEnd(this, isSelf || !isForward, 2 * this.number + 1);
  }

  /** Everything about it was told. */
  get isRetired(): boolean {
    return hasFlag(this.#bits, RETIRED);
  }
  get ended(): boolean {
    return hasFlag(this.#bits, ENDED);
  }
  /** See ConnectionView. */
  get closed(): boolean {
    return hasFlag(this.#bits, CLOSED);
  }
  set closed(is: boolean) {
    this.#bits = withFlag(this.#bits, CLOSED, is);
  }
  get isEvicted(): boolean {
    return hasFlag(this.#bits, EVICTED);
  }
  set isEvicted(is: boolean) {
    this.#bits = withFlag(this.#bits, EVICTED, is);
  }
  /** Originator and responder are not those that its first record named. */
  get isTurned(): boolean {
    return hasFlag(this.#bits, TURNED);
  }
  get knowsEarlier(): boolean {
    return hasFlag(this.#bits, KNOWS_EARLIER);
  }
  set knowsEarlier(is: boolean) {
    this.#bits = withFlag(this.#bits, KNOWS_EARLIER, is);
  }
  /** No line that may still come would differ. */
  get settled(): boolean {
    return hasFlag(this.#bits, SETTLED);
  }
  set settled(is: boolean) {
    this.#bits = withFlag(this.#bits, SETTLED, is);
  }
  /** Out of the join: everything about it has been said. */
  get gone(): boolean {
    return hasFlag(this.#bits, GONE);
  }
  set gone(is: boolean) {
    this.#bits = withFlag(this.#bits, GONE, is);
  }
  /** Looked at again in this round, and not told of yet. */
  get isTouched(): boolean {
    return hasFlag(this.#bits, TOUCHED);
  }
  set isTouched(is: boolean) {
    this.#bits = withFlag(this.#bits, TOUCHED, is);
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

  get ends(): KeptEnds {
    return this.#moments.ends;
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

  /** Whether the record has originator and responder the other way round. */
  isTurnedBy({ 'id.orig_h': address, 'id.orig_p': port }: Connection): boolean {
    return this.connection['id.orig_p'] !== port || this.connection['id.orig_h'] !== address;
  }

  /** Originator and responder change places: what is known of their endpoints stays, who owns them is to be found out anew. */
  turn(): void {
    const { orig, resp } = this;
    this.orig = resp;
    this.resp = orig;
    this.#bits = withFlag(this.#bits, TURNED, !this.isTurned);
    for (const end of [orig, resp]) {
      end.forgetOwner();
      if (end.local.isUsedBy(end)) end.local.reintroduce(end);
    }
  }

  take(update: ConnectionUpdate): void {
    const { connection } = update;
    this.connection = connection;
    this.last = Math.max(this.last, connection.ts + (connection.duration ?? 0));
    if (update.cause === 'end') this.#bits = withFlag(this.#bits, ENDED, true);
    if (this.elsewhere === undefined) return;
    this.elsewhere.own.last = this.last;
    this.elsewhere.own.packets = packetsOf(connection);
    this.elsewhere.own.ended = this.ended;
  }

  /** Enters it among the connections of its tuple, between the ones of its capture that began before and after it. Returns their number. */
  enter(): number {
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
    let count = 0;
    for (let other = tuple.connections; other !== undefined; other = other.nextOfTuple) {
      count++;
      if (isElsewhere(this, other)) meet(this, other);
    }
    return count;
  }

  /** Those that ask whether this one is over: the next of its capture, and those over other captures of its host that remember it. */
  get beside(): Tracked[] {
    const beside: Tracked[] = this.next === undefined ? [] : [this.next];
    const { elsewhere } = this;
    if (elsewhere === undefined) return beside;
    for (let other = this.tuple.connections; other !== undefined; other = other.nextOfTuple)
      if (other.elsewhere?.knows(elsewhere) === true) beside.push(other);
    return beside;
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
      end.forgetRivals();
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

  /** Once everything about it was told, of most long before they are let go, what its ends were is not needed any more. */
  retire(): void {
    if (!this.settled || this.isRetired || this.lines === 0) return;
    this.#bits = withFlag(this.#bits, RETIRED, true);
    this.orig.forgetTold();
    this.resp.forgetTold();
  }
}

/** Whether they were captured on the same host, over two captures. */
function isElsewhere(one: Tracked, { captureHost, from }: Tracked): boolean {
  return from !== one.from && captureHost !== undefined && captureHost === one.captureHost;
}

function meet(one: Tracked, other: Tracked): void {
  one.elsewhere ??= new Elsewhere(spanOf(one));
  other.elsewhere ??= new Elsewhere(spanOf(other));
  one.elsewhere.meet(other.elsewhere);
  other.elsewhere.meet(one.elsewhere);
}

function spanOf({ capture, first, last, connection, ended }: Tracked): Span {
  return { capture, first, last, packets: packetsOf(connection), ended };
}

function link(before: Tracked | undefined, after: Tracked | undefined): void {
  if (before !== undefined) before.next = after;
  if (after !== undefined) after.previous = before;
  if (before === undefined || after === undefined) return;
  before.nextFirst = Math.min(before.nextFirst, after.first);
  after.aloneSince = before.first;
}

/** The connection of the tuple that the update is about. */
export function findTracked(tuple: TrackedTuple, { connection: { uid } }: ConnectionUpdate): Tracked | undefined {
  let tracked = tuple.connections;
  while (tracked !== undefined && tracked.connection.uid !== uid) tracked = tracked.nextOfTuple;
  return tracked;
}
