/** Something that has frames to be worked on. */
export interface Feeder {
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
  #waiting: Feeder[] = [];
  readonly #queued = new Set<Feeder>();
  #isScheduled = false;

  /** A feeder has at least one frame. */
  add(feeder: Feeder): void {
    if (this.#queued.has(feeder)) return;
    this.#queued.add(feeder);
    this.#waiting.push(feeder);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#slice());
  }

  get length(): number {
    return this.#queued.size;
  }

  #slice(): void {
    const until = performance.now() + SLICE_MS;
    let at = 0;
    while (at < this.#waiting.length && performance.now() < until) {
      const feeder = this.#waiting[at++]!;
      if (feeder.work()) this.#waiting.push(feeder);
      else this.#queued.delete(feeder);
    }
    this.#waiting = this.#waiting.slice(at);
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) setImmediate(() => this.#slice());
  }
}
