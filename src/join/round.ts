import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { Complete, HostRow } from '../records/host-row.js';
import type { Deciding } from './deciding.js';
import type { Telling } from './telling.js';
import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';

/** More ends than these do not wait for the end of a frame. */
const MOST_NEWS = 256;

/**
 * What came and has still to be worked off: ends with news are looked at again, ends that a watermark releases completed, then of their connections
 * is told what has changed, once of each. Inputs by themselves are worked off at once, those of a frame at its end, and watermarks, of which those of
 * one host mostly come behind each other, with the next input.
 */
export class Round {
  readonly #deciding: Deciding;
  readonly #telling: Telling;
  readonly #keptUs: Micros;
  /** Rows that come are of one frame. */
  #isTogether = false;
  /** Ends for which some of these came. */
  readonly #news: TrackedEnd[] = [];
  /** The host whose watermarks came last. */
  #completed: HostState | undefined;
  /** Connections that were looked at again, to be told of if they changed. */
  #touched: Tracked[] = [];

  /** `keptUs`: rows of times so long before a host's watermark are let go. */
  constructor(deciding: Deciding, telling: Telling, keptUs: Micros) {
    this.#deciding = deciding;
    this.#telling = telling;
    this.#keptUs = keptUs;
  }

  /** Rows that `take` hands in are of one frame. Where it throws, those before are worked off with what comes next, which is by itself again. */
  together(take: () => void): void {
    this.workOff();
    this.#isTogether = true;
    try {
      take();
    } finally {
      this.#isTogether = false;
    }
    this.workOff();
  }

  /** A watermark came. */
  complete(host: HostState, { stream, until }: Complete): void {
    if (host !== this.#completed && this.#completed !== undefined) this.workOff();
    if (host.progress.complete(stream, until)) this.#completed = host;
  }

  /** Another row comes. */
  begin({ kind }: HostRow): void {
    const goesOn = this.#isTogether && kind === 'row' && this.#completed === undefined;
    if (!goesOn || this.#news.length > MOST_NEWS) this.workOff();
  }

  /** It was taken. */
  finish(): void {
    if (!this.#isTogether) this.tell();
  }

  /** A row came that an end may be looked at for with others of its frame. */
  hear(end: TrackedEnd): void {
    if (this.#isTogether) this.#news.push(end);
    else this.reviewEnd(end);
  }

  /** Looks again at a connection that was told of, or waits to be. */
  review({ orig, resp }: Tracked): void {
    this.reviewEnd(orig);
    this.reviewEnd(resp);
  }

  reviewEnd(end: TrackedEnd): void {
    const { tracked } = end;
    if (end.settled || tracked.gone) return;
    this.#deciding.look(end);
    this.#touch(tracked);
  }

  /** Works off rows that came together and the watermarks of the host that told some last, all of its streams at once. */
  workOff(): void {
    const host = this.#completed;
    const news = this.#news;
    if (host === undefined && news.length === 0 && this.#touched.length === 0) return;
    this.#completed = undefined;
    for (let i = 0; i < news.length; i++) this.reviewEnd(news[i]!);
    news.length = 0;
    if (host !== undefined) this.#release(host);
    this.tell();
  }

  /** Tells what has changed of the connections that were looked at again. */
  tell(): void {
    if (this.#touched.length === 0) return;
    const touched = this.#touched;
    this.#touched = [];
    for (const tracked of touched) {
      tracked.isTouched = false;
      if (tracked.gone) continue;
      this.#telling.again(tracked);
      tracked.retire();
    }
  }

  #release(host: HostState): void {
    this.#deciding.release(host, (end) => this.#completeEnd(end));
    const { socketsUntil, eventsUntil, detailsUntil } = host.progress;
    const horizon = Math.min(socketsUntil, eventsUntil, detailsUntil) - this.#keptUs;
    if (!Number.isFinite(horizon)) return;
    this.#deciding.lookBefore(horizon);
    if (!host.prune(horizon)) return;
    this.#deciding.prunedUntil = Math.max(this.#deciding.prunedUntil, horizon);
  }

  #completeEnd(end: TrackedEnd): void {
    const { tracked } = end;
    if (end.settled || tracked.gone) return;
    this.#deciding.complete(end);
    this.#touch(tracked);
  }

  #touch(tracked: Tracked): void {
    if (tracked.isTouched) return;
    tracked.isTouched = true;
    this.#touched.push(tracked);
  }
}
