import { inserted } from '../../core/short-list.js';
import { type HostColumns, SOCKET_QUEUE } from './host-columns.js';
import { RowQueue } from './row-queue.js';
import { LINK, NEXT_OF_HOST, type RowStore } from './row-store.js';
import type { SocketFact } from './socket-fact.js';
import { packSocket, setForward } from './socket-record.js';
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
    setForward(rows, handle, place.isForward);
    rows.setWord(handle, LINK, before);
    if (after !== 0) rows.setWord(after, LINK, handle);
    else place.replace(handle);
    this.queue.add(host, handle);
    return true;
  }

  /** The same of a row with a blank, among those that name what it does, the latest last. The list with it, which replaces the other; undefined: it was known. */
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
