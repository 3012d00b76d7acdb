/** The most that is taken for what is announced alone. */
const AHEAD_BYTES = 1 << 15;

/** Bytes that come piece by piece. */
export class GatheredBytes {
  bytes: Buffer;
  length = 0;

  /** `expected`: how many will come, as far as the sender is believed. */
  constructor(expected: number) {
    this.bytes = Buffer.allocUnsafeSlow(Math.min(expected, AHEAD_BYTES));
  }

  append(source: Buffer, from: number, to: number): void {
    const length = this.length + to - from;
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.bytes.length));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    source.copy(this.bytes, this.length, from, to);
    this.length = length;
  }
}
