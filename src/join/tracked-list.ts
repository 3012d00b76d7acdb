import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';

/** Connections in the order in which they came. */
export class TrackedList {
  size = 0;
  oldest: Tracked | undefined;
  #newest: Tracked | undefined;
  readonly #byNumber: (Tracked | undefined)[] = [];
  /** Hosts on which captures were taken. */
  readonly #captureHosts = new Set<string>();

  add(tracked: Tracked): void {
    tracked.older = this.#newest;
    if (this.#newest === undefined) this.oldest = tracked;
    else this.#newest.newer = tracked;
    this.#newest = tracked;
    this.#byNumber[tracked.number] = tracked;
    this.size++;
    if (tracked.captureHost !== undefined) this.#captureHosts.add(tracked.captureHost);
  }

  /** The end of this number, whose connection is in the list. */
  end(number: number): TrackedEnd {
    const tracked = this.#byNumber[number >>> 1]!;
    return ((number & 1) === 0) !== tracked.isTurned ? tracked.orig : tracked.resp;
  }

  /** The connection of this number; undefined: it has gone. */
  numbered(number: number): Tracked | undefined {
    return this.#byNumber[number];
  }

  /** Ends of which the packets were captured on this host. */
  *seenOn(host: string): Generator<TrackedEnd> {
    if (!this.#captureHosts.has(host)) return;
    for (const { captureHost, orig, resp } of this) if (captureHost === host) yield* [orig, resp];
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
