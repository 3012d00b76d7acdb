import { type HashKey, hashWords } from './hash.js';

/** Fixed keys: a uid must be the same in every run over the same input. */
const KEY_A: HashKey = { k0: 0x0f1e2d3c, k1: 0x4b5a6978 };
const KEY_B: HashKey = { k0: 0x21436587, k1: 0x1234abcd };

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PAIRS: readonly string[] = Array.from(
  { length: 62 * 62 },
  (_, i) => DIGITS.charAt(Math.floor(i / 62)) + DIGITS.charAt(i % 62),
);

const out = new Int32Array(4);

/** Six base-62 digits, which hold any 32-bit word. */
function sixDigits(word: number): string {
  const low = word >>> 0;
  const middle = Math.floor(low / 3844);
  const high = Math.floor(middle / 3844);
  return PAIRS[high]! + PAIRS[middle - high * 3844]! + PAIRS[low - middle * 3844]!;
}

/**
 * Unique id of a connection in Zeek's form: `C` and 18 base-62 digits, 96 bits of a fixed-key hash of the first `count`
 * words (which say source, tuple, first packet's time and ordinal). Two of a billion connections share one with a
 * probability of about 10^-11.
 */
export function connectionUid(words: Int32Array, count: number): string {
  hashWords(KEY_A, words, count, out, 0);
  hashWords(KEY_B, words, count, out, 2);
  return `C${sixDigits(out[0]!)}${sixDigits(out[1]!)}${sixDigits(out[2]!)}`;
}

/** A name (of an interface or a file) as one word for `connectionUid`: FNV-1a. */
export function nameWord(name: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}
