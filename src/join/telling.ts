import { MILLISECOND, type Micros } from '../core/time.js';
import type { AttributedConnection, Cause } from '../records/attributed-connection.js';
import type { ConnectionCause } from '../records/connection.js';
import { Agenda } from './agenda.js';
import type { Deciding } from './deciding.js';
import { pending } from './end-record.js';
import type { Moments } from './moments.js';
import { HELD_UNTIL, type Tracked } from './tracked.js';
import type { TrackedList } from './tracked-list.js';

/**
 * How long the first line of a connection waits, once one owner is known, for that of the other end, if its host has still to tell: agents read
 * what their sensors saw every 20 ms, each at moments of its own.
 */
const SECOND_OWNER_WAIT: Micros = 50 * MILLISECOND;

export interface TellingOptions {
  /** How long the first line of a connection, ended or not, waits for its owners before it says `pending`: capture time since its first packet. */
  readonly attrWaitUs: Micros;
  /** One line for each connection, when nothing more can change. */
  readonly finalOnly: boolean;
  readonly emit: (connection: AttributedConnection) => void;
}

/** The lines of connections: which there are, when the first may wait, and which say something new. */
export class Telling {
  readonly #options: TellingOptions;
  readonly #kept: TrackedList;
  readonly #moments: Moments;
  readonly #deciding: Deciding;
  /** Connections by number whose first lines wait, by the capture time at which they come anyway. Most were told by then, which costs no look at them. */
  readonly #held: Agenda<number>;
  lines = 0;
  /** Lines that told of new evidence about a connection already told of. */
  revisions = 0;

  constructor(options: TellingOptions, kept: TrackedList, moments: Moments, deciding: Deciding) {
    this.#deciding = deciding;
    this.#options = options;
    this.#kept = kept;
    this.#moments = moments;
    this.#held = new Agenda((number) => moments.ofNumber(number, HELD_UNTIL));
  }

  /** The capture has told of the connection. */
  update(tracked: Tracked, cause: ConnectionCause): void {
    if (this.#options.finalOnly) {
      if (tracked.ended && tracked.settled) this.#tell(tracked, 'end');
    } else if (cause === 'interim' || tracked.lines > 0 || !this.#holds(tracked)) this.#tell(tracked, cause);
  }

  /** The connection was looked at again. */
  again(tracked: Tracked): void {
    if (this.#options.finalOnly) {
      if (tracked.settled && tracked.ended) this.#tell(tracked, 'end');
    } else if (tracked.heldUntil !== -Infinity) {
      if (!this.#holds(tracked)) this.#tellFirst(tracked);
    } else if (tracked.lines > 0) this.#tellChange(tracked);
  }

  /** Whether the first line waits: for an owner, or shortly for that of the other end. */
  #holds(tracked: Tracked): boolean {
    const { now } = this.#deciding;
    let until = tracked.first + this.#options.attrWaitUs;
    if (isDecided(tracked)) {
      if (!this.#deciding.awaitsCalls(tracked)) return false;
      until = Math.min(until, Math.max(now, tracked.last) + SECOND_OWNER_WAIT);
    }
    const { heldUntil } = tracked;
    if (heldUntil !== -Infinity && heldUntil <= until) return true;
    if (until <= now) return false;
    tracked.heldUntil = until;
    this.#held.add(tracked.number);
    return true;
  }

  /** Capture time has reached `now`: first lines that have waited long enough come as they are. */
  advance(now: Micros): void {
    this.#held.drain(now, (number) => {
      if (this.#moments.ofNumber(number, HELD_UNTIL) !== -Infinity) this.#tellFirst(this.#kept.numbered(number)!);
    });
  }

  /** The connection is decided and let go: what is left to say. */
  last(tracked: Tracked): void {
    if (tracked.lines === 0) this.#tell(tracked, tracked.ended || this.#options.finalOnly ? 'end' : 'start');
    else if (!this.#options.finalOnly) this.#tellChange(tracked);
  }

  /** The line that waited: of most connections that are over soon the only one. */
  #tellFirst(tracked: Tracked): void {
    this.#tell(tracked, tracked.ended ? 'end' : 'start');
  }

  #tellChange(tracked: Tracked): void {
    const { orig, resp } = tracked;
    if (orig.isTold && resp.isTold) return;
    this.revisions++;
    this.#tell(tracked, 'evidence');
  }

  #tell(tracked: Tracked, cause: Cause): void {
    if (this.#options.finalOnly && tracked.lines > 0) return;
    if (tracked.lines === 0) this.#deciding.lookNow(tracked);
    const { connection, capture, lines } = tracked;
    const { end: orig = pending } = tracked.orig;
    const { end: resp = pending } = tracked.resp;
    tracked.heldUntil = -Infinity;
    tracked.orig.shown = orig;
    tracked.resp.shown = resp;
    tracked.lines++;
    this.lines++;
    this.#options.emit({ connection, capture, cause, rev: lines, orig, resp });
  }
}

/** The first line has something to say: an owner, or nothing is still open that it could wait for. */
function isDecided({ orig, resp }: Tracked): boolean {
  if (orig.lacksDetails || resp.lacksDetails) return false;
  return orig.isOwned || resp.isOwned || (orig.end?.state !== 'pending' && resp.end?.state !== 'pending');
}
