const LEAST = 256;

/** Bytes that come piece by piece. Memory grows with what came, not with what is announced. */
export class GatheredBytes {
  bytes = Buffer.allocUnsafeSlow(LEAST);
  length = 0;

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
