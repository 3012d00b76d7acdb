import { type HashKey, hashFour } from '../../core/hash.js';
import type { Micros } from '../../core/time.js';
import { HashIndex } from './hash-index.js';
import { PidHistory } from './process-history.js';
import { PID, ProcessRecord, type ProcessRow, packProcess } from './process-record.js';
import { LINK, NEXT_OF_HOST, type RowStore } from './row-store.js';

/** One host's rows in order of arrival. */
export interface RowsOfHost {
  oldest: number;
  newest: number;
  count: number;
}

/** Rows about the processes of all hosts, by host and pid. Hosts bound how many they keep. */
export class ProcessTable {
  readonly #key: HashKey;
  readonly #rows: RowStore;
  /** The latest row of each pid; each links to the one before. */
  readonly #index = new HashIndex();

  constructor(key: HashKey, rows: RowStore) {
    this.#key = key;
    this.#rows = rows;
  }

  /** False: it was known. */
  add(list: RowsOfHost, host: number, pid: number, row: ProcessRow): boolean {
    const rows = this.#rows;
    const slot = this.#slotOf(host, pid);
    let after = 0;
    let before = slot < 0 ? 0 : this.#index.value(slot);
    while (before !== 0 && this.#isBefore(row, before)) {
      after = before;
      before = rows.word(before, LINK);
    }
    for (let other = before; other !== 0 && rows.time(other) === row.time; other = rows.word(other, LINK)) {
      if (rows.seq(other) === row.seq && rows.shape(other).stream === row.stream) return false;
    }
    const handle = packProcess(rows, row, pid, host);
    rows.setWord(handle, LINK, before);
    if (slot < 0) this.#index.add(this.#hash(host, pid), handle);
    else if (after === 0) this.#index.replace(slot, handle);
    else rows.setWord(after, LINK, handle);
    if (list.newest === 0) list.oldest = handle;
    else rows.setWord(list.newest, NEXT_OF_HOST, handle);
    list.newest = handle;
    list.count++;
    return true;
  }

  /** Undefined when nothing is known of the pid. `isPartial`: rows about it had to be forgotten. */
  history(host: number, pid: number, isPartial = false): PidHistory | undefined {
    const slot = this.#slotOf(host, pid);
    return slot < 0 ? undefined : this.#historyOf(pid, this.#index.value(slot), isPartial);
  }

  #historyOf(pid: number, newest: number, isPartial: boolean): PidHistory {
    const facts: ProcessRecord[] = [];
    for (let handle = newest; handle !== 0; handle = this.#rows.word(handle, LINK)) {
      facts.push(new ProcessRecord(this.#rows, handle));
    }
    return new PidHistory(pid, facts.reverse(), isPartial);
  }

  /** Forgets the row that came first. Returns whom and when it was about. */
  forgetOldest(list: RowsOfHost): { readonly pid: number; readonly hi: Micros } {
    const handle = list.oldest;
    const { hi } = new ProcessRecord(this.#rows, handle);
    const pid = this.#rows.word(handle, PID);
    list.oldest = this.#rows.word(handle, NEXT_OF_HOST);
    if (list.oldest === 0) list.newest = 0;
    list.count--;
    this.#unlink(handle);
    this.#rows.free(handle);
    return { pid, hi };
  }

  /** Forgets what cannot matter for times from the horizon on. */
  prune(list: RowsOfHost, host: number, horizon: Micros): void {
    const rows = this.#rows;
    const pids = new Set<number>();
    for (let handle = list.oldest; handle !== 0; handle = rows.word(handle, NEXT_OF_HOST))
      pids.add(rows.word(handle, PID));
    const needless = new Set<number>();
    for (const pid of pids) {
      for (const { handle } of this.history(host, pid)!.needless(horizon)) needless.add(handle);
    }
    const kept: RowsOfHost = { oldest: 0, newest: 0, count: 0 };
    for (let handle = list.oldest; handle !== 0; ) {
      const next = rows.word(handle, NEXT_OF_HOST);
      if (needless.has(handle)) {
        this.#unlink(handle);
        rows.free(handle);
      } else {
        if (kept.newest === 0) kept.oldest = handle;
        else rows.setWord(kept.newest, NEXT_OF_HOST, handle);
        rows.setWord(handle, NEXT_OF_HOST, 0);
        kept.newest = handle;
        kept.count++;
      }
      handle = next;
    }
    Object.assign(list, kept);
  }

  /** Takes a row out of the list of its pid. */
  #unlink(handle: number): void {
    const rows = this.#rows;
    const slot = this.#slotOf(rows.host(handle), rows.word(handle, PID));
    const before = rows.word(handle, LINK);
    let other = this.#index.value(slot);
    if (other === handle) {
      if (before === 0) this.#index.remove(slot);
      else this.#index.replace(slot, before);
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
    while (slot >= 0 && !this.#isOf(this.#index.value(slot), host, pid)) slot = this.#index.next(slot, hash);
    return slot;
  }

  #isOf(handle: number, host: number, pid: number): boolean {
    return this.#rows.word(handle, PID) === pid && this.#rows.host(handle) === host;
  }

  #hash(host: number, pid: number): number {
    return hashFour(this.#key.k0, this.#key.k1, host, pid, 0, 0);
  }
}
