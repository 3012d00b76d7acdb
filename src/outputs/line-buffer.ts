import { SECOND } from '../core/time.js';

const FIRST_BYTES = 4096;
const ZERO = 48;
const MINUS = 45;
/** Room behind what is reserved, for the rest of a piece's last word. */
const SPARE = 8;
/** Room for all pieces. */
const PIECE_WORDS = 1024;
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

/** Text of ASCII characters that is written often: in words of eight bytes among those of all pieces, the last one filled up. */
export interface Piece {
  readonly from: number;
  readonly length: number;
}

/** The words of all pieces, together, since each in memory of its own takes lines of the cache that others want meanwhile. */
const pieces = new Float64Array(PIECE_WORDS);
let pieceWords = 0;

/** No eight ASCII characters make a number whose bits a copy could change. */
export function ascii(text: string): Piece {
  const from = pieceWords;
  pieceWords += Math.ceil(text.length / 8);
  if (pieceWords > PIECE_WORDS) throw new Error('there are more pieces of text than there is room for');
  new Uint8Array(pieces.buffer).set(Buffer.from(text, 'latin1'), 8 * from);
  return { from, length: text.length };
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
  piece({ from, length }: Piece): void {
    const view = this.#view;
    let at = this.length;
    for (let i = from, end = at + length; at < end; i++, at += 8) view.setFloat64(at, pieces[i]!, true);
    this.length += length;
  }

  /** The first `length` ASCII characters of words such as pieces have, whose room is reserved. */
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

  /** Puts what was written from `from` on at `at`. */
  copyTo(words: DataView, at: number, from: number): void {
    const view = this.#view;
    const end = this.length;
    let i = from;
    let to = at;
    for (; i + 8 <= end; i += 8, to += 8) words.setFloat64(to, view.getFloat64(i, true), true);
    for (; i < end; i++, to++) words.setUint8(to, view.getUint8(i));
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
