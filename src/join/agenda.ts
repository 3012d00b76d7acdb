import { MILLISECOND, type Micros } from '../core/time.js';
import { Heap } from './heap.js';

/** Entries within one span of this length are kept together. */
const SPAN: Micros = 10 * MILLISECOND;

interface Page<T> {
  readonly at: Micros;
  readonly entries: T[];
}

/** Entries by the time at which they are due, for many of which few are due at a time: entering and leaving cost the same however many. */
export class Agenda<T> {
  readonly #dueAt: (entry: T) => Micros;
  readonly #pages = new Map<Micros, Page<T>>();
  readonly #order = new Heap<Page<T>>();

  constructor(dueAt: (entry: T) => Micros) {
    this.#dueAt = dueAt;
  }

  add(entry: T): void {
    const at = Math.floor(this.#dueAt(entry) / SPAN) * SPAN;
    const page = this.#pages.get(at);
    if (page !== undefined) {
      page.entries.push(entry);
      return;
    }
    const fresh = { at, entries: [entry] };
    this.#pages.set(at, fresh);
    this.#order.push(fresh);
  }

  /** Hands over the entries due at or before `now`, in an order that depends on their times and on when they were entered. */
  drain(now: Micros, take: (entry: T) => void): void {
    const later: T[] = [];
    for (let page = this.#order.pop(now); page !== undefined; page = this.#order.pop(now)) {
      this.#pages.delete(page.at);
      for (const entry of page.entries) {
        if (this.#dueAt(entry) <= now) take(entry);
        else later.push(entry);
      }
    }
    for (const entry of later) this.add(entry);
  }
}
