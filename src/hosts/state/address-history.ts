import type { Micros } from '../../core/time.js';

/** A poll saw the address come or go. */
interface Change {
  readonly isGone: boolean;
  readonly time: Micros;
  readonly since: Micros | undefined;
  readonly seq: number;
  readonly source: string;
}

/** Changes kept for one address; of more the oldest are forgotten, and the address counts as the host's before the others. */
const MAX_CHANGES = 64;

/**
 * The addresses of one host over time, on its clock: from its interface table where it reports one, else those that its
 * sockets showed, which it then has for good. Rows may come in any order.
 */
export class AddressHistory {
  readonly #changes = new Map<string, Change[]>();
  readonly #shown = new Set<string>();
  hasTable = false;

  get size(): number {
    return this.#changes.size + this.#shown.size;
  }

  /** Takes a row of the interface table; `source` tells interfaces and streams apart. Returns whether the address is news. */
  change(address: string, change: Change): boolean {
    this.hasTable = true;
    const changes = this.#changes.get(address);
    if (changes === undefined) {
      this.#changes.set(address, [change]);
      return true;
    }
    if (changes.some((c) => c.source === change.source && c.seq === change.seq && c.time === change.time)) return false;
    changes.push(change);
    changes.sort((a, b) => a.time - b.time || a.seq - b.seq);
    if (changes.length > MAX_CHANGES) changes.shift();
    return true;
  }

  /** A socket of the host had this local address. Returns whether that is news. */
  shown(address: string): boolean {
    if (this.#shown.has(address)) return false;
    this.#shown.add(address);
    return !this.#changes.has(address);
  }

  /** Whether the host can have had the address at some moment in [from, to] of its clock. */
  had(address: string, from: Micros, to: Micros): boolean {
    if (!this.hasTable) return this.#shown.has(address);
    const open = new Map<string, Micros>();
    for (const change of this.#changes.get(address) ?? []) {
      const { source, since = -Infinity, time } = change;
      if (!change.isGone) {
        if (!open.has(source)) open.set(source, since);
        continue;
      }
      if ((open.get(source) ?? -Infinity) <= to && time >= from) return true;
      open.delete(source);
    }
    for (const since of open.values()) if (since <= to) return true;
    return false;
  }
}
