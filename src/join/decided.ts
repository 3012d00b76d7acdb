import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { RowStore } from '../hosts/state/row-store.js';
import type { SocketRecord } from '../hosts/state/socket-record.js';
import { CONNECT_LEAD } from './call-times.js';
import { callerOf, toldProcess } from './caller.js';
import { type ConnectionView, mayBeAnswered } from './connection-view.js';
import type { HostClock } from './host-clocks.js';
import type { Matched } from './match.js';
import { OwnedEnd } from './owned-end.js';

const TCP = 6;

/**
 * Whether a call's socket may have been closed before the connection began, by a call that the host has still to tell: it need not name any endpoints.
 */
export function mayHaveClosed(
  host: HostState,
  { lo }: SocketRecord,
  { first }: ConnectionView,
  clock: HostClock,
): boolean {
  const at = first + clock.offset;
  return lo < at - clock.err && host.progress.eventsUntil < at + clock.err;
}

/** What a connection that goes on leaves of the verdict about a call. */
type Upholding = 'always' | 'whileTaken' | 'unsure';

/**
 * One certain call of the full tuple and nothing beside it: whatever other rows say, it owns the end. What may still come is who its
 * process was: no close that may still come is before it (mayHaveClosed). Void when a row of the tuple, a clock, a loss or a neighbour of the connection comes. There is one for every
 * end that waits, so it keeps the call's handle and makes the rest anew when it is needed.
 */
export class Decided {
  readonly host: HostState;
  readonly clock: HostClock;
  hasDetails: boolean;
  readonly #match: Matched;
  readonly #rows: RowStore;
  readonly #call: number;
  /** The last possible moment of the call. */
  readonly #callHi: Micros;
  /** How much later that is than the first one. */
  readonly #callSpan: Micros;
  readonly #stamp: number;
  /** What the call itself tells of its host and process; its row may be let go before anybody asks. */
  readonly #boot: string | undefined;
  readonly #pid: number;
  readonly #path: string | undefined;
  readonly #uid: number | undefined;
  /** Made when it is asked for: before the details have come mostly nobody does. */
  #end: OwnedEnd | undefined;
  /** See isUpheldBy. */
  readonly #upholds: Upholding;
  /** The owner's process is known for sure. */
  #isFound = false;

  /** `isSole`: of the end's tuple and direction no other row is known. */
  constructor(
    host: HostState,
    clock: HostClock,
    match: Matched,
    call: SocketRecord,
    view: ConnectionView,
    isSole: boolean,
  ) {
    const { rows, handle } = call;
    this.host = host;
    this.clock = clock;
    this.#match = match;
    this.#rows = rows;
    this.#call = handle;
    this.#callHi = call.hi;
    this.#callSpan = call.hi - call.lo;
    this.#stamp = rows.stamp(handle);
    const isAfterFirst = isSole && call.lo >= view.first + clock.offset - clock.err;
    this.#upholds = call.source === 'connect' ? 'always' : isAfterFirst ? 'whileTaken' : 'unsure';
    this.#boot = call.boot;
    this.#pid = call.pid;
    this.#path = call.path;
    this.#uid = call.uid;
    this.hasDetails = host.progress.detailsUntil >= this.detailsMoment(view);
    if (this.hasDetails) this.#end = this.#endOf(true);
  }

  /** The end with its owner, as far as it is known. */
  get end(): OwnedEnd {
    this.#end ??= this.#endOf(false);
    return this.#end;
  }

  /**
   * Whether how the connection has gone on since says nothing against the call, provided that every connection before it is known and none came beside it. Of a connect
   * it never does. An accept that is the only row of its tuple, and that is not before the first packet, is as certain as it was
   * unless it came after the last packet or nobody took the connection after all: the end of the connection changes nothing else that `fitAccept` asks.
   */
  isUpheldBy(view: ConnectionView): boolean {
    if (this.#upholds !== 'whileTaken') return this.#upholds === 'always';
    return this.#callHi <= this.lastLatest(view) && (view.tuple.protocol !== TCP || mayBeAnswered(view));
  }

  /** The first packet at the latest, host clock. */
  firstLatest({ first }: ConnectionView): Micros {
    return first + this.clock.offset + this.clock.err;
  }

  /** The last one known so far. */
  lastLatest({ last }: ConnectionView): Micros {
    return last + this.clock.offset + this.clock.err;
  }

  /** Whether the host has told everything of the time of the connection, as far as that is known. */
  isAllTold(view: ConnectionView): boolean {
    const { socketsUntil, eventsUntil } = this.host.progress;
    return Math.min(socketsUntil, eventsUntil) >= this.lastLatest(view);
  }

  /** Up to here it must be known who the process was. */
  detailsMoment(view: ConnectionView): Micros {
    const first = this.firstLatest(view);
    // The row is looked at only where that matters: mostly the call came before, and the row is no longer in the processor's cache.
    return this.#callHi > first && this.#isKept ? this.#callHi : first;
  }

  /** Takes in how far the host's streams and the connection have come. Returns whether no row that may still come changes the end. */
  complete(view: ConnectionView): boolean {
    if (!this.hasDetails && this.host.progress.detailsUntil >= this.detailsMoment(view)) {
      this.hasDetails = true;
      // A call that had to be let go has no more details to give.
      if (this.#isKept) this.#end = this.#endOf(true);
    }
    return view.closed || (view.ended && this.#isLasting(view));
  }

  #endOf(hasDetails: boolean): OwnedEnd {
    const { host, clock } = this;
    const [pid, path] = [this.#pid, this.#path];
    const hi = this.#callHi;
    const caller = hasDetails ? callerOf(host, pid, hi - this.#callSpan, hi, path) : undefined;
    this.#isFound = caller?.isFound === true;
    // Programs change users after they began, so what the call says comes first.
    const uid = this.#uid ?? caller?.uid;
    return new OwnedEnd(
      this.#match.method,
      host.shownAt(this.#boot, hi),
      clock.measured ? clock.shown : undefined,
      caller?.process ?? toldProcess(host, pid, path),
      uid === undefined ? undefined : host.user(uid),
      caller?.container,
      [],
      this.#rows,
      this.#call,
      this.#stamp,
      caller?.image,
    );
  }

  get #isKept(): boolean {
    return this.#rows.isOf(this.#call, this.#stamp);
  }

  /**
   * Whether no row that may still come changes the end: only on a host that lost nothing, since a removal tells of times long before
   * it, and only when the process is known. All else is looked at once more when the lateness is over.
   */
  #isLasting(view: ConnectionView): boolean {
    const { progress } = this.host;
    const last = this.lastLatest(view);
    const since = view.first + this.clock.offset - this.clock.err - CONNECT_LEAD;
    if (!this.hasDetails || !this.isAllTold(view) || progress.hasLost(since, last)) return false;
    // The next connection may yet show that the call may be its own.
    if (progress.watchedSince > since) return false;
    return !progress.hasProcessStream || this.#isFound;
  }
}
