import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';

const FEW = 256;
/** Neighbours of a connection in the order in which they came, by number: the one before it and the one after; 0: none. */
const WIDTH = 2;
const OLDER = 0;
const NEWER = 1;

/**
 * Connections in the order in which they came, which is in columns: a chain of objects that refer to each other is followed by one thread of the
 * garbage collector alone, and with each of them to the next.
 */
export class TrackedList {
  size = 0;
  #oldest = 0;
  #newest = 0;
  readonly #byNumber: (Tracked | undefined)[] = [undefined];
  #neighbours = new Int32Array(FEW);
  /** Hosts on which captures were taken. */
  readonly #captureHosts = new Set<string>();

  add(tracked: Tracked): void {
    const { number } = tracked;
    if (number * WIDTH >= this.#neighbours.length) this.#grow(number);
    this.#neighbours[number * WIDTH + OLDER] = this.#newest;
    this.#neighbours[number * WIDTH + NEWER] = 0;
    this.#follow(this.#newest, number);
    this.#newest = number;
    this.#byNumber[number] = tracked;
    this.size++;
    if (tracked.captureHost !== undefined) this.#captureHosts.add(tracked.captureHost);
  }

  get oldest(): Tracked | undefined {
    return this.#byNumber[this.#oldest];
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

  remove({ number }: Tracked): void {
    const older = this.#neighbours[number * WIDTH + OLDER]!;
    const newer = this.#neighbours[number * WIDTH + NEWER]!;
    this.#follow(older, newer);
    if (newer === 0) this.#newest = older;
    else this.#neighbours[newer * WIDTH + OLDER] = older;
    this.#byNumber[number] = undefined;
    this.size--;
  }

  /** The one that follows another in order; 0 instead of either: none. */
  #follow(older: number, newer: number): void {
    if (older === 0) this.#oldest = newer;
    else this.#neighbours[older * WIDTH + NEWER] = newer;
  }

  #grow(number: number): void {
    const grown = new Int32Array(2 * WIDTH * number);
    grown.set(this.#neighbours);
    this.#neighbours = grown;
  }

  *[Symbol.iterator](): Generator<Tracked> {
    for (let number = this.#oldest; number !== 0; ) {
      const newer = this.#neighbours[number * WIDTH + NEWER]!;
      yield this.#byNumber[number]!;
      number = newer;
    }
  }
}
