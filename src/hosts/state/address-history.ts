import type { Micros } from '../../core/time.js';

/** A poll saw the address come or go; `time` is the last possible moment of that poll, `since` the first of the one before. */
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

  /** Whether the host had the address throughout [from, to] of its clock, had it possibly at some moment of it, or not. */
  had(address: string, from: Micros, to: Micros): 'surely' | 'maybe' | 'no' {
    if (!this.hasTable) return this.#shown.has(address) ? 'surely' : 'no';
    const changes = this.#changes.get(address);
    if (changes === undefined) return 'no';
    const [only] = changes;
    if (changes.length === 1 && !only!.isGone) {
      if (only!.time <= from) return 'surely';
      return (only!.since ?? -Infinity) > to ? 'no' : 'maybe';
    }
    const open = new Map<string, Change>();
    let answer: 'maybe' | 'no' = 'no';
    const judge = (came: Change | undefined, went: Change | undefined): boolean => {
      if ((came?.since ?? -Infinity) > to || (went?.time ?? Infinity) < from) return false;
      answer = 'maybe';
      const seenFrom = came?.time ?? went?.since ?? Infinity;
      return seenFrom <= from && (went === undefined || (went.since ?? -Infinity) >= to);
    };
    for (const change of changes) {
      const { source } = change;
      if (!change.isGone) {
        if (!open.has(source)) open.set(source, change);
        continue;
      }
      if (judge(open.get(source), change)) return 'surely';
      open.delete(source);
    }
    for (const came of open.values()) if (judge(came, undefined)) return 'surely';
    return answer;
  }
}
