import { SECOND } from '../core/time.js';

const FIRST_BYTES = 4096;
const ZERO = 48;
const MINUS = 45;
/** Room behind what is reserved, for the rest of a piece's last word. */
const SPARE = 8;
const DOT = 46;
const QUOTE = 34;
const BACKSLASH = 92;
/** Characters from here to there stand for themselves in JSON, but for two. */
const FIRST_PLAIN = 32;
const LAST_PLAIN = 126;
/** Below this, digits come from 32-bit arithmetic. */
const SMALL = 2 ** 31;
/** Two decimal digits of a number below 100, the first in the low byte. */
const PAIRS = Uint16Array.from({ length: 100 }, (_, i) => (ZERO + Math.floor(i / 10)) | ((ZERO + (i % 10)) << 8));

/** Text of ASCII characters that is written often: in words of eight bytes, the last one filled up. */
export interface Piece {
  readonly length: number;
  readonly words: Float64Array;
}

/** No eight ASCII characters make a number whose bits a copy could change. */
export function ascii(text: string): Piece {
  const bytes = new Uint8Array(8 * Math.ceil(text.length / 8));
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  const words = Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
  return { length: text.length, words };
}

/** Digits of a non-negative integer. */
function digitsOf(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1_000) return 3;
  if (n < 10_000) return 4;
  if (n < 100_000) return 5;
  if (n < 1_000_000) return 6;
  if (n < 10_000_000) return 7;
  if (n < 100_000_000) return 8;
  return n < 1_000_000_000 ? 9 : 10;
}

/**
 * Output lines, built from pieces as bytes. A line of some forty pieces as a string costs four times the time, most of it for
 * collecting the pieces (2026-11).
 */
export class LineBuffer {
  bytes: Buffer;
  length = 0;
  #view: DataView;

  constructor(bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Gives what has been written up and begins anew in other memory. */
  restart(bytes: Buffer): void {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.length = 0;
  }

  /** Makes room for more bytes; to be called before pieces that are written without a check. */
  reserve(bytes: number): void {
    if (this.length + bytes + SPARE <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.length + bytes + SPARE, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.#view = viewOf(grown);
  }

  /** Text made by `ascii`, whose room is reserved. Byte by byte it took three times the time (2026-11). */
  piece({ words, length }: Piece): void {
    this.words(words, length);
  }

  /** The first `length` ASCII characters of words such as a piece has, whose room is reserved. */
  words(words: Float64Array, length: number): void {
    const view = this.#view;
    let at = this.length;
    for (let i = 0; 8 * i < length; i++, at += 8) view.setFloat64(at, words[i]!, true);
    this.length += length;
  }

  /** Text of ASCII characters. The room is reserved. */
  plain(text: string): void {
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Any text. */
  text(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.reserve(3 * text.length);
    this.length += this.bytes.write(text, this.length);
  }

  /** Text that is there as bytes. */
  bytesOf(text: Uint8Array): void {
    this.reserve(text.length);
    this.bytes.set(text, this.length);
    this.length += text.length;
  }

  /** Any text as JSON has it, with its quotes. */
  quoted(text: string): void {
    this.reserve(text.length + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < FIRST_PLAIN || code > LAST_PLAIN || code === QUOTE || code === BACKSLASH) {
        this.text(JSON.stringify(text));
        return;
      }
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** Text that was written before, in words from `from` on. No eight bytes of UTF-8 make a number whose bits a copy could change. */
  copied(words: DataView, from: number, length: number): void {
    this.reserve(length);
    const view = this.#view;
    for (let i = 0, at = this.length; i < length; i += 8, at += 8) {
      view.setFloat64(at, words.getFloat64(from + i, true), true);
    }
    this.length += length;
  }

  /** An integer. The room (at most 22 bytes) is reserved. */
  integer(value: number): void {
    if (value < 0 || value >= SMALL || !Number.isInteger(value)) this.plain(String(value));
    else this.#digits(value | 0, digitsOf(value));
  }

  /** Microseconds as seconds with six decimals, as `formatSeconds` prints them. The room (at most 24 bytes) is reserved. */
  seconds(us: number): void {
    let rest = us;
    if (us < 0) {
      this.bytes[this.length++] = MINUS;
      rest = -us;
    }
    const whole = Math.floor(rest / SECOND);
    this.integer(whole);
    this.bytes[this.length++] = DOT;
    this.#digits((rest - whole * SECOND) | 0, 6);
  }

  /** The last `count` digits of a number, with leading zeros. */
  #digits(value: number, count: number): void {
    const { bytes } = this;
    let rest = value;
    let at = this.length + count;
    const start = this.length;
    this.length = at;
    while (at - start >= 2) {
      const next = (rest / 100) | 0;
      const pair = PAIRS[rest - 100 * next]!;
      bytes[--at] = pair >> 8;
      bytes[--at] = pair & 255;
      rest = next;
    }
    if (at > start) bytes[--at] = ZERO + rest;
  }

  toString(): string {
    return this.bytes.toString('utf8', 0, this.length);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
