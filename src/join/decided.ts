import type { Micros } from '../core/time.js';
import { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { ProcessMoment } from '../hosts/state/process-history.js';
import type { RowStore } from '../hosts/state/row-store.js';
import { SocketRecord } from '../hosts/state/socket-record.js';
import type { End } from '../records/attributed-connection.js';
import type { Candidate } from './candidate.js';
import type { ConnectionView } from './connection-view.js';
import { attributed, type OwnerContext, processOf } from './end-record.js';
import type { HostClock } from './host-clocks.js';
import type { HostKnowledge } from './host-knowledge.js';
import type { Matched } from './match.js';
import type { OwnerChoice } from './owner-choice.js';

/**
 * One certain call of the full tuple and nothing beside it: whatever other rows say, it owns the end. What may still come is who its
 * process was. Void when a row of the tuple, a clock, a loss or a neighbour of the connection comes. There is one for every
 * end that waits, so it keeps the call's handle and makes the rest anew when it is needed.
 */
export class Decided {
  readonly host: HostState;
  readonly clock: HostClock;
  /** The call is a connect, not an accept. */
  readonly isConnect: boolean;
  end: End;
  hasDetails: boolean;
  readonly #match: Matched;
  readonly #rows: RowStore;
  readonly #call: number;
  readonly #stamp: number;
  /** The owner's process is known for sure. */
  #isFound: boolean;

  constructor(choice: OwnerChoice, known: HostKnowledge) {
    const { host, socket, match } = choice.owner;
    const { rows, handle } = socket.record;
    const found = processOf(choice.owner, known);
    this.host = host;
    this.clock = known.clock;
    this.isConnect = socket.source === 'connect';
    this.hasDetails = known.hasDetails;
    this.end = attributed(choice, known, found);
    this.#match = match;
    this.#rows = rows;
    this.#call = handle;
    this.#stamp = rows.stamp(handle);
    this.#isFound = found !== undefined;
  }

  /** The first packet at the latest, host clock. */
  firstLatest({ first }: ConnectionView): Micros {
    return first + this.clock.offset + this.clock.err;
  }

  /** The last one known so far. */
  lastLatest({ last }: ConnectionView): Micros {
    return last + this.clock.offset + this.clock.err;
  }

  /** Up to here it must be known who the process was. */
  detailsMoment(view: ConnectionView): Micros {
    return this.#isKept ? Math.max(this.firstLatest(view), this.#record.hi) : this.firstLatest(view);
  }

  /** Takes in how far the host's streams and the connection have come. Returns whether no row that may still come changes the end. */
  complete(view: ConnectionView): boolean {
    if (!this.hasDetails && this.host.progress.detailsUntil >= this.detailsMoment(view)) this.#addDetails(view);
    return view.closed || (view.ended && this.#isLasting(view));
  }

  #addDetails(view: ConnectionView): void {
    this.hasDetails = true;
    // A call that had to be let go has no more details to give.
    if (!this.#isKept) return;
    const record = this.#record;
    const socket = new HeldSocket(record, record.lo, record.hi, record.lo, Infinity);
    const owner: Candidate = { host: this.host, socket, match: this.#match };
    const context: OwnerContext = {
      clock: this.clock,
      first: view.first + this.clock.offset,
      lastLatest: this.lastLatest(view),
      hasDetails: true,
    };
    const found: ProcessMoment | undefined = processOf(owner, context);
    this.#isFound = found !== undefined;
    this.end = attributed({ kind: 'owner', owner, method: this.#match.method, sharers: [] }, context, found);
  }

  get #isKept(): boolean {
    return this.#rows.isOf(this.#call, this.#stamp);
  }

  get #record(): SocketRecord {
    return new SocketRecord(this.#rows, this.#call);
  }

  /**
   * Whether no row that may still come changes the end: only on a host that lost nothing, since a removal tells of times long before
   * it, and only when the process is known. All else is looked at once more when the lateness is over.
   */
  #isLasting(view: ConnectionView): boolean {
    const { progress } = this.host;
    const last = this.lastLatest(view);
    if (!this.hasDetails || Math.min(progress.socketsUntil, progress.eventsUntil) < last) return false;
    return !progress.hasLost(last) && (!progress.hasProcessStream || this.#isFound);
  }
}
