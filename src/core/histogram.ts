import type { HistogramValue } from './metric.js';

/** Counts observations by size. Memory is that of its bounds, however many there are. */
export class Histogram implements HistogramValue {
  readonly counts: number[];
  sum = 0;

  /** `bounds` are the largest values of each bucket, growing; what is larger goes into one more. */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
  }

  /** The smallest bound that at least this share (0 to 1) of the observations does not exceed; Infinity beyond the last, undefined without any. */
  within(share: number): number | undefined {
    const { count } = this;
    if (count === 0) return undefined;
    let below = 0;
    for (const [bucket, bound] of this.bounds.entries()) {
      below += this.counts[bucket]!;
      if (below >= share * count) return bound;
    }
    return Infinity;
  }
}
