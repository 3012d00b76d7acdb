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
    if (words[at + GOES] === 0) words[at + GOES] = this.#turned(at);
    const oldest = words[at + GOES]!;
    if (oldest !== 0) words[at + GOES] = this.#next(oldest);
    return oldest;
  }

  /** Keeps the rows that are to be kept; it is asked of each, the oldest first, and the others may be freed as soon as that is asked of them. */
  retain(host: number, isKept: (handle: number) => boolean): void {
    const at = this.#at(host);
    let [first, last, count] = [0, 0, 0];
    // Rows lie scattered: each is touched as seldom as can be.
    for (const oldest of [this.#columns.words[at + GOES]!, this.#turned(at)]) {
      for (let handle = oldest; handle !== 0; ) {
        const next = this.#next(handle);
        if (isKept(handle)) {
          if (last === 0) first = handle;
          else this.#setNext(last, handle);
          last = handle;
          count++;
        }
        handle = next;
      }
    }
    if (last !== 0) this.#setNext(last, 0);
    const { words } = this.#columns;
    words[at + GOES] = first;
    words[at + COUNT] = count;
  }

  /** Takes what has come, from now on the oldest first; 0: there is none. */
  #turned(at: number): number {
    const { words } = this.#columns;
    let turned = 0;
    for (let handle = words[at + CAME]!; handle !== 0; ) {
      const before = this.#next(handle);
      this.#setNext(handle, turned);
      turned = handle;
      handle = before;
    }
    words[at + CAME] = 0;
    return turned;
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
