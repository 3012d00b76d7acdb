/**
 * How many rows may pass in a time: a bucket that fills with `perSecond` and holds at most `burst`. A message is let through as long as
 * the bucket is not empty, and may take it below zero. Times are milliseconds of a clock that only goes forward.
 */
export class RowBudget {
  #rows: number;
  #at: number | undefined;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.#rows = burst;
  }

  /** Milliseconds until the next message may pass; 0 when it may now. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#rows > 0 ? 0 : Math.max(1, Math.ceil(((1 - this.#rows) * 1000) / this.perSecond));
  }

  /** Rows have passed. */
  take(rows: number, now: number): void {
    this.#fill(now);
    this.#rows -= rows;
  }

  /** More has passed than was allowed by at least a whole burst. */
  isOverdrawn(now: number): boolean {
    this.#fill(now);
    return this.#rows < -this.burst;
  }

  #fill(now: number): void {
    if (this.#at !== undefined)
      this.#rows = Math.min(this.burst, this.#rows + ((now - this.#at) * this.perSecond) / 1000);
    this.#at = now;
  }
}
