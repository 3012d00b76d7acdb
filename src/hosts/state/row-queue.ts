import type { HostColumns } from './host-columns.js';
import { OFFSET, type RecordPages } from './record-pages.js';

/** Words of a host: the row that came last, the one that is to go first, and how many there are. */
const CAME = 0;
const GOES = 1;
const COUNT = 2;

/**
 * The rows of each host in the order in which they came. What comes only names what came before it, so that nothing but the new record is
 * touched; the order of what has come is turned once somebody asks for the oldest. Records are linked by a word of theirs.
 */
export class RowQueue {
  readonly #columns: HostColumns;
  readonly #place: number;
  readonly #pages: RecordPages;
  readonly #link: number;

  /** `place`: of its words in the columns; `link`: the word of records that is the queue's. */
  constructor(columns: HostColumns, place: number, pages: RecordPages, link: number) {
    this.#columns = columns;
    this.#place = place;
    this.#pages = pages;
    this.#link = link;
  }

  count(host: number): number {
    return this.#columns.words[this.#at(host) + COUNT]!;
  }

  add(host: number, handle: number): void {
    const { words } = this.#columns;
    const at = this.#at(host);
    this.#setNext(handle, words[at + CAME]!);
    words[at + CAME] = handle;
    words[at + COUNT]!++;
  }

  /** Counts a row less, which is still to be taken. */
  discount(host: number): void {
    this.#columns.words[this.#at(host) + COUNT]!--;
  }

  /** Takes the row out that came first; 0: there is none. It is not discounted. */
  takeOldest(host: number): number {
    const { words } = this.#columns;
    const at = this.#at(host);
    if (words[at + GOES] === 0) this.#turn(at, 0);
    const oldest = words[at + GOES]!;
    if (oldest !== 0) words[at + GOES] = this.#next(oldest);
    return oldest;
  }

  /** The rows, the oldest first. None may come or go meanwhile. */
  *all(host: number): Generator<number> {
    for (let handle = this.#ordered(host); handle !== 0; handle = this.#next(handle)) yield handle;
  }

  /** Keeps the rows that are to be kept, in their order; the others may be freed as soon as that is asked of them. */
  retain(host: number, isKept: (handle: number) => boolean): void {
    let handle = this.#ordered(host);
    let [first, last, count] = [0, 0, 0];
    while (handle !== 0) {
      const next = this.#next(handle);
      if (isKept(handle)) {
        if (last === 0) first = handle;
        else this.#setNext(last, handle);
        last = handle;
        count++;
      }
      handle = next;
    }
    if (last !== 0) this.#setNext(last, 0);
    const { words } = this.#columns;
    const at = this.#at(host);
    words[at + GOES] = first;
    words[at + COUNT] = count;
  }

  /** The oldest row, from which all others are linked in order; 0: there is none. */
  #ordered(host: number): number {
    const { words } = this.#columns;
    const at = this.#at(host);
    const first = words[at + GOES]!;
    let last = first;
    for (let next = last; next !== 0; next = this.#next(last)) last = next;
    this.#turn(at, last);
    return words[at + GOES]!;
  }

  /** Puts what has come, the oldest first, behind the last of those that are to go; 0: there is none. */
  #turn(at: number, last: number): void {
    const { words } = this.#columns;
    let turned = 0;
    for (let handle = words[at + CAME]!; handle !== 0; ) {
      const before = this.#next(handle);
      this.#setNext(handle, turned);
      turned = handle;
      handle = before;
    }
    words[at + CAME] = 0;
    if (last === 0) words[at + GOES] = turned;
    else this.#setNext(last, turned);
  }

  #at(host: number): number {
    return this.#columns.wordsOf(host) + this.#place;
  }

  #next(handle: number): number {
    return this.#pages.words[handle >>> 16]![(handle & OFFSET) + this.#link]!;
  }

  #setNext(handle: number, next: number): void {
    this.#pages.words[handle >>> 16]![(handle & OFFSET) + this.#link] = next;
  }
}
