import type { RowStore } from '../hosts/state/row-store.js';
import type { DueEnds } from './appointments.js';
import type { Tracked } from './tracked.js';
import type { TrackedList } from './tracked-list.js';
import type { Turns } from './turns.js';

/** What as many ends take stays in the processor's cache until they are looked at. */
const MOST = 256;
/** For fewer it is not worth it. */
const FEW = 4;
/** The last word that every row about a socket has; it may lie in another line of the cache than the first. */
const LAST_WORD = 9;

/**
 * Reads ahead what a watermark releases, step by step for all ends at once: reads that do not depend on each other are waited for
 * together, while one end after the other would be waited for read by read. Nothing but speed depends on it.
 */
export class ReadAhead {
  readonly #kept: TrackedList;
  readonly #rows: RowStore;
  readonly #connections: (Tracked | undefined)[] = new Array<Tracked | undefined>(MOST).fill(undefined);
  /** What was read must have a use, or it would not be read. */
  sum = 0;

  constructor(kept: TrackedList, rows: RowStore) {
    this.#kept = kept;
    this.#rows = rows;
  }

  ends({ ends, turns: made, count: all }: DueEnds, turns: Turns): void {
    const connections = this.#connections;
    const count = Math.min(all, MOST);
    if (count < FEW) return;
    for (let i = 0; i < count; i++) {
      const end = ends[i]!;
      connections[i] = turns.holds(end, made[i]!) ? this.#kept.numbered(end >>> 1) : undefined;
    }
    let sum = 0;
    for (let i = 0; i < count; i++) sum += connections[i]?.lines ?? 0;
    for (let i = 0; i < count; i++) {
      const tracked = connections[i];
      if (tracked === undefined) continue;
      const { orig, resp, tuple, connection, first } = tracked;
      sum += orig.number + resp.number + tuple.forward + tuple.firstPort;
      sum += connection['id.orig_p'] + (connection.ip_proto ?? 0) + (first > 0 ? 1 : 0);
    }
    for (let i = 0; i < count; i++) {
      const tracked = connections[i];
      if (tracked === undefined) continue;
      const { tuple, connection } = tracked;
      sum += this.#row(tuple.forward) + this.#row(tuple.backward);
      sum += connection.uid.charCodeAt(0) + (connection.ts > 0 ? 1 : 0);
      connections[i] = undefined;
    }
    this.sum = sum | 0;
  }

  #row(handle: number): number {
    if (handle === 0) return 0;
    return this.#rows.word(handle, 0) + this.#rows.word(handle, LAST_WORD);
  }
}
