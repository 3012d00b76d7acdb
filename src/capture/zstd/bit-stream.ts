import { corrupt } from './zstd-error.js';

/**
 * Bits read from the end of a piece of bytes to its start, as FSE and Huffman streams are written (RFC 8878 4.1). Bits
 * before the start read as 0 and leave `position` below 0, which the reader of a stream checks.
 */
export class BitStream {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  /** Bits left. */
  position: number;

  /** The stream in `bytes[start, end)`. Its last byte holds a 1 above the highest bit. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? bytes[end - 1]! : 0;
    if (last === 0) corrupt('a bit stream without its end mark');
    this.#bytes = bytes;
    this.#start = start;
    this.position = (end - start) * 8 - Math.clz32(last) + 23;
  }

  /** The next `count` bits, at most 24, without taking them. */
  peek(count: number): number {
    const from = this.position - count;
    if (from < 0) return this.position <= 0 ? 0 : this.#at(0, this.position) << -from;
    return this.#at(from, count);
  }

  /** The next `count` bits, at most 32, as an unsigned number. */
  read(count: number): number {
    if (count > 16) {
      const high = this.read(count - 16);
      return high * 65_536 + this.read(16);
    }
    const bits = this.peek(count);
    this.position -= count;
    return bits;
  }

  #at(from: number, count: number): number {
    const bytes = this.#bytes;
    const at = this.#start + (from >> 3);
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    return (word >>> (from & 7)) & ((1 << count) - 1);
  }
}
