import { type HashKey, hashWords } from './hash.js';

/** Fixed keys: a uid must be the same in every run over the same input. */
const KEY_A: HashKey = { k0: 0x0f1e2d3c, k1: 0x4b5a6978 };
const KEY_B: HashKey = { k0: 0x21436587, k1: 0x1234abcd };

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The two digits of a number below 62²: the first in the low byte. */
const PAIRS = Uint16Array.from(
  { length: 62 * 62 },
  (_, i) => DIGITS.charCodeAt(Math.floor(i / 62)) | (DIGITS.charCodeAt(i % 62) << 8),
);

const out = new Int32Array(4);
const digits = new Uint16Array(9);

/** Six base-62 digits, which hold any 32-bit word. */
function writeSix(word: number, at: number): void {
  const low = word >>> 0;
  const middle = Math.floor(low / 3844);
  const high = Math.floor(middle / 3844);
  digits[at] = PAIRS[high]!;
  digits[at + 1] = PAIRS[middle - high * 3844]!;
  digits[at + 2] = PAIRS[low - middle * 3844]!;
}

/**
 * Unique id of a connection in Zeek's form: `C` and 18 base-62 digits, 96 bits of a fixed-key hash of the first `count`
 * words (which say source, tuple, first packet's time and ordinal). Two of a billion connections share one with a
 * probability of about 10^-11.
 */
export function connectionUid(words: Int32Array, count: number): string {
  hashWords(KEY_A, words, count, out, 0);
  hashWords(KEY_B, words, count, out, 2);
  for (let i = 0; i < 3; i++) writeSix(out[i]!, 3 * i);
  const w = digits;
  return String.fromCharCode(
    67,
    w[0]! & 255,
    w[0]! >> 8,
    w[1]! & 255,
    w[1]! >> 8,
    w[2]! & 255,
    w[2]! >> 8,
    w[3]! & 255,
    w[3]! >> 8,
    w[4]! & 255,
    w[4]! >> 8,
    w[5]! & 255,
    w[5]! >> 8,
    w[6]! & 255,
    w[6]! >> 8,
    w[7]! & 255,
    w[7]! >> 8,
    w[8]! & 255,
    w[8]! >> 8,
  );
}

/** A name (of an interface or a file) as one word for `connectionUid`: FNV-1a. */
export function nameWord(name: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}
