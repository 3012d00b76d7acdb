import type { Micros } from '../../../src/core/time.js';

/** The world's clockwork: actions run in order of their true time, and in order of scheduling where times are equal. */
export class Timeline {
  now: Micros;
  readonly #queue: { readonly at: Micros; readonly action: () => void }[] = [];

  constructor(start: Micros) {
    this.now = start;
  }

  at(time: Micros, action: () => void): void {
    const at = Math.max(time, this.now);
    let lo = 0;
    let hi = this.#queue.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      // The queue's last entry is the next one to run, so later times stand further left, and a newcomer left of its equals.
      if (this.#queue[mid]!.at > at) lo = mid + 1;
      else hi = mid;
    }
    this.#queue.splice(lo, 0, { at, action });
  }

  after(delay: Micros, action: () => void): void {
    this.at(this.now + delay, action);
  }

  run(until: Micros): void {
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
      if (next.at > until) break;
      this.now = next.at;
      next.action();
    }
    this.now = until;
  }
}
