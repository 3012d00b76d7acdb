import { type HashKey, hashFour } from '../../core/hash.js';
import type { Micros } from '../../core/time.js';
import { HashIndex } from './hash-index.js';
import { PROCESS_QUEUE } from './host-columns.js';
import { PidHistory, START_SLACK } from './process-history.js';
import { isEndBefore, isExit, PID, ProcessRecord, type ProcessRow, packProcess } from './process-record.js';
import { RowQueue } from './row-queue.js';
import { LINK, NEXT_OF_HOST, type RowStore } from './row-store.js';

/** Histories remembered until a row comes or goes. */
const RECENT = 4;

/** Rows of processes that stand which an eviction passes over before it takes one of them. */
const MAX_SPARED = 64;

const MARKED = 1;
const HANDLE = ~MARKED;

/** Whether a row was taken, and whether something may have been worked out from the rows of its pid before. */
export type Added = 'known' | 'taken' | 'outdates';

/** Rows about the processes of all hosts, by host and pid. Hosts bound how many they keep. */
export class ProcessTable {
  readonly #key: HashKey;
  readonly #rows: RowStore;
  /** The latest row of each pid, each links to the one before; with MARKED where something was worked out of the pid, as handles are even. */
  readonly #index = new HashIndex();
  readonly #queue: RowQueue;
  /** The histories that were asked for last, their hosts, how many there are: who made a call takes several questions about the same pids. */
  readonly #recent: PidHistory[] = [];
  readonly #recentHosts: number[] = [];
  #recentCount = 0;
  /** Hosts of which events tell when processes end. */
  readonly #tellExits = new Set<number>();

  constructor(key: HashKey, rows: RowStore) {
    this.#key = key;
    this.#rows = rows;
    this.#queue = new RowQueue(rows.columns, PROCESS_QUEUE, rows.pages, NEXT_OF_HOST);
  }

  /** Rows of a host. */
  count(host: number): number {
    return this.#queue.count(host);
  }

  add(host: number, pid: number, row: ProcessRow): Added {
    const rows = this.#rows;
    const slot = this.#slotOf(host, pid);
    const known = slot < 0 ? MARKED : this.#index.value(slot);
    let after = 0;
    let before = known & HANDLE;
    while (before !== 0 && this.#isBefore(row, before)) {
      after = before;
      before = rows.word(before, LINK);
    }
    for (let other = before; other !== 0 && rows.time(other) === row.time; other = rows.word(other, LINK)) {
      if (rows.seq(other) === row.seq && rows.shape(other).stream === row.stream) return 'known';
    }
    this.#recentCount = 0;
    const handle = packProcess(rows, row, pid, host);
    rows.setWord(handle, LINK, before);
    if (isExit(rows, handle)) this.#tellExits.add(host);
    if (slot < 0) this.#index.add(this.#hash(host, pid), handle);
    else {
      if (after !== 0) rows.setWord(after, LINK, handle);
      if (after === 0 || known !== (known & HANDLE)) this.#index.replace(slot, after === 0 ? handle : known & HANDLE);
    }
    this.#queue.add(host, handle);
    return (known & MARKED) === 0 ? 'taken' : 'outdates';
  }

  /** Something is worked out from the rows of the pid: the next one outdates it. */
  mark(host: number, pid: number): void {
    const slot = this.#slotOf(host, pid);
    if (slot >= 0) this.#index.replace(slot, this.#index.value(slot) | MARKED);
  }

  /** Undefined when nothing is known of the pid. `isPartial`: rows about it had to be forgotten. */
  history(host: number, pid: number, isPartial = false): PidHistory | undefined {
    for (let i = 0; i < this.#recentCount; i++) {
      const known = this.#recent[i]!;
      if (known.pid === pid && this.#recentHosts[i] === host && known.isPartial === isPartial) return known;
    }
    const slot = this.#slotOf(host, pid);
    if (slot < 0) return undefined;
    const history = this.#historyOf(pid, this.#latest(slot), isPartial);
    if (this.#recentCount === RECENT) this.#recentCount = 0;
    this.#recent[this.#recentCount] = history;
    this.#recentHosts[this.#recentCount++] = host;
    return history;
  }

  #historyOf(pid: number, newest: number, isPartial: boolean): PidHistory {
    const facts: ProcessRecord[] = [];
    for (let handle = newest; handle !== 0; handle = this.#rows.word(handle, LINK)) {
      facts.push(new ProcessRecord(this.#rows, handle));
    }
    return new PidHistory(pid, facts.reverse(), isPartial);
  }

  /**
   * Forgets the row that came first, of a process that has ended where there is one: servers stand since long before thousands that came and went,
   * and serve any later connection. Returns whom and when it was about.
   */
  forgetOldest(host: number): { readonly pid: number; readonly hi: Micros } {
    let handle = this.#queue.takeOldest(host);
    for (let tries = 0; tries < MAX_SPARED && this.#stands(host, handle); tries++) {
      this.#queue.discount(host);
      this.#queue.add(host, handle);
      handle = this.#queue.takeOldest(host);
    }
    this.#queue.discount(host);
    const { hi } = new ProcessRecord(this.#rows, handle);
    const pid = this.#rows.word(handle, PID);
    this.#unlink(handle);
    this.#rows.free(handle);
    return { pid, hi };
  }

  /** Whether a row is about a pid whose process has not ended, as far as rows tell. Where no events tell of ends, only a poll shows that it stood for long. */
  #stands(host: number, handle: number): boolean {
    const latest = this.#latest(this.#slotOf(host, this.#rows.word(handle, PID)));
    if (this.#rows.shape(latest).table === 'process_events') {
      return this.#tellExits.has(host) && !isExit(this.#rows, latest);
    }
    return !isEndBefore(this.#rows, latest, Infinity);
  }

  /** Forgets what cannot matter for times from the horizon on. `outdatedUntil`: of all that stood later rows told anew. */
  prune(host: number, horizon: Micros, outdatedUntil: Micros = -Infinity): void {
    const rows = this.#rows;
    this.#recentCount = 0;
    /** Whether anything is kept of a pid. */
    const isKept = new Map<number, boolean>();
    const needless = new Set<number>();
    this.#queue.retain(host, (handle) => {
      const pid = rows.word(handle, PID);
      let kept = isKept.get(pid);
      if (kept === undefined) {
        kept = this.#isKept(host, pid, horizon, outdatedUntil, needless);
        isKept.set(pid, kept);
      }
      if (kept) {
        if (!needless.has(handle)) return true;
        this.#unlink(handle);
      }
      rows.free(handle);
      return false;
    });
  }

  /** False: no row of the pid matters any more, and it is not found from now on. Adds to `needless` what does not matter of others. */
  #isKept(host: number, pid: number, horizon: Micros, outdatedUntil: Micros, needless: Set<number>): boolean {
    const slot = this.#slotOf(host, pid);
    const latest = this.#latest(slot);
    if (isEndBefore(this.#rows, latest, horizon) || this.#endOf(latest) <= outdatedUntil) {
      this.#index.remove(slot);
      return false;
    }
    // Most pids are of short-lived processes, whose rows need no look at who had the pid when.
    if (this.#areEventsFrom(latest, horizon + START_SLACK)) return true;
    for (const { handle } of this.#historyOf(pid, latest, false).needless(horizon)) needless.add(handle);
    if (outdatedUntil === -Infinity) return true;
    for (let handle = latest; handle !== 0; handle = this.#rows.word(handle, LINK)) {
      if (this.#endOf(handle) <= outdatedUntil) needless.add(handle);
    }
    return true;
  }

  /** The last possible moment of a row. */
  #endOf(handle: number): Micros {
    return this.#rows.time(handle) + Math.max(this.#rows.shape(handle).resolution, 1) - 1;
  }

  /** Whether this row and all before it of its pid are events at or after `from`, of which none is needless. */
  #areEventsFrom(latest: number, from: Micros): boolean {
    const rows = this.#rows;
    for (let handle = latest; handle !== 0; handle = rows.word(handle, LINK)) {
      if (rows.time(handle) < from || rows.shape(handle).table !== 'process_events') return false;
    }
    return true;
  }

  /** Takes a row out of the list of its pid. */
  #unlink(handle: number): void {
    this.#recentCount = 0;
    const rows = this.#rows;
    const slot = this.#slotOf(rows.host(handle), rows.word(handle, PID));
    const before = rows.word(handle, LINK);
    let other = this.#latest(slot);
    if (other === handle) {
      if (before === 0) this.#index.remove(slot);
      else this.#index.replace(slot, before | MARKED);
      return;
    }
    while (rows.word(other, LINK) !== handle) other = rows.word(other, LINK);
    rows.setWord(other, LINK, before);
  }

  #isBefore({ time, seq }: ProcessRow, other: number): boolean {
    const otherTime = this.#rows.time(other);
    return time < otherTime || (time === otherTime && seq < this.#rows.seq(other));
  }

  #slotOf(host: number, pid: number): number {
    const hash = this.#hash(host, pid);
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isOf(this.#latest(slot), host, pid)) slot = this.#index.next(slot, hash);
    return slot;
  }

  #latest(slot: number): number {
    return this.#index.value(slot) & HANDLE;
  }

  #isOf(handle: number, host: number, pid: number): boolean {
    return this.#rows.word(handle, PID) === pid && this.#rows.host(handle) === host;
  }

  #hash(host: number, pid: number): number {
    return hashFour(this.#key.k0, this.#key.k1, host, pid, 0, 0);
  }
}
