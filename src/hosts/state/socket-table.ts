import { inserted } from '../../core/short-list.js';
import { type HostColumns, SOCKET_QUEUE } from './host-columns.js';
import { RowQueue } from './row-queue.js';
import { LINK, NEXT_OF_HOST, type RowStore } from './row-store.js';
import type { SocketFact } from './socket-fact.js';
import { behind, MANY_BEHIND, setForward, setLoose } from './socket-link.js';
import { packSocket } from './socket-record.js';
import type { SocketPlace } from './tuple-table.js';

/** Rows about the sockets of all hosts. Hosts bound how many they keep. */
export class SocketTable {
  readonly #rows: RowStore;
  /** Those of each host. */
  readonly queue: RowQueue;

  constructor(rows: RowStore, columns: HostColumns) {
    this.#rows = rows;
    this.queue = new RowQueue(columns, SOCKET_QUEUE, rows.pages, NEXT_OF_HOST);
  }

  /** Takes a row that names both endpoints over, in order of time, the latest first. False: it was known. */
  add(host: number, place: SocketPlace, fact: SocketFact): boolean {
    const rows = this.#rows;
    let after = 0;
    let before = place.latest;
    while (before !== 0 && rows.time(before) > fact.lo) {
      after = before;
      before = rows.word(before, LINK);
    }
    for (let other = before; other !== 0 && rows.time(other) === fact.lo; other = rows.word(other, LINK)) {
      if (this.#isSame(host, other, fact)) return false;
    }
    const handle = packSocket(rows, fact, host, place);
    setForward(rows, handle, place.isForward, before === 0 ? 0 : behind(rows, before) + 1);
    rows.setWord(handle, LINK, before);
    if (after === 0) place.replace(handle);
    else {
      rows.setWord(after, LINK, handle);
      setForward(rows, place.latest, place.isForward, behind(rows, place.latest) + 1);
    }
    this.queue.add(host, handle);
    return true;
  }

  /** Unlinks the earliest row of a host between two endpoints where there are more than `most`; 0: there are not. */
  takeSurplus(host: number, { latest }: SocketPlace, most: number): number {
    const rows = this.#rows;
    if (behind(rows, latest) < MANY_BEHIND) return 0;
    let [count, earliest, after] = [0, 0, 0];
    for (let before = 0, handle = latest; handle !== 0; before = handle, handle = rows.word(handle, LINK)) {
      if (rows.host(handle) !== host) continue;
      count++;
      earliest = handle;
      after = before;
    }
    // The latest of all stays, by which the others are found.
    if (count <= most || after === 0) return 0;
    rows.setWord(after, LINK, rows.word(earliest, LINK));
    setLoose(rows, earliest);
    return earliest;
  }

  /** As `add`, of a row with a blank, among those that name what it does, the latest last. The list with it, which replaces the other; undefined: it was known. */
  addBlank(host: number, found: number[], fact: SocketFact): number[] | undefined {
    const rows = this.#rows;
    let at = found.length;
    while (at > 0 && rows.time(found[at - 1]!) > fact.lo) at--;
    for (let i = at - 1; i >= 0 && rows.time(found[i]!) === fact.lo; i--) {
      if (this.#isSame(host, found[i]!, fact)) return undefined;
    }
    const handle = packSocket(rows, fact, host);
    this.queue.add(host, handle);
    return inserted(found, at, handle);
  }

  #isSame(host: number, handle: number, { row }: SocketFact): boolean {
    const rows = this.#rows;
    return rows.seq(handle) === row.seq && rows.host(handle) === host && rows.shape(handle).stream === row.stream;
  }
}
