/** Something that has frames to be worked on. */
export interface Feeder {
  /** The queue's own note. A set of those that are in it would make a new table every few of them, and each would keep the next alive. */
  isQueued: boolean;
  /** Works on its oldest frame. Returns whether there are more. */
  work(): boolean;
}

/** Work goes on this long before everything else has its turn. */
const SLICE_MS = 10;

/**
 * Works on what connections have received, one frame of each in turn, so that a host that sends much delays itself and not the others,
 * and in short slices, so that the program keeps answering.
 */
export class IntakeQueue {
  readonly #waiting: Feeder[] = [];
  #isScheduled = false;

  /** A feeder has at least one frame. */
  add(feeder: Feeder): void {
    if (feeder.isQueued) return;
    feeder.isQueued = true;
    this.#waiting.push(feeder);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#slice());
  }

  /** Between slices: how many feeders have frames. */
  get length(): number {
    return this.#waiting.length;
  }

  #slice(): void {
    const until = performance.now() + SLICE_MS;
    let at = 0;
    while (at < this.#waiting.length && performance.now() < until) {
      const feeder = this.#waiting[at++]!;
      feeder.isQueued = feeder.work();
      if (feeder.isQueued) this.#waiting.push(feeder);
    }
    this.#waiting.splice(0, at);
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) setImmediate(() => this.#slice());
  }
}
