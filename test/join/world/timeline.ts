import type { Micros } from '../../../src/core/time.js';

/** The world's clockwork: actions run in order of their true time, and in order of scheduling where times are equal. */
export class Timeline {
  now: Micros;
  #queue: { at: Micros; order: number; action: () => void }[] = [];
  #order = 0;

  constructor(start: Micros) {
    this.now = start;
  }

  at(time: Micros, action: () => void): void {
    this.#queue.push({ at: Math.max(time, this.now), order: this.#order++, action });
  }

  run(): void {
    while (this.#queue.length > 0) {
      this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
      // Everything before the first action that an executed one could still precede may run without sorting again.
      const batch = this.#queue.splice(0, 1);
      for (const entry of batch) {
        this.now = entry.at;
        entry.action();
      }
    }
  }
}
