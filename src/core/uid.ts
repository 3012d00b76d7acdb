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

/** Characters of a uid. */
const UID_LENGTH = 19;
const FIRST_LETTER = 67;

const out = new Int32Array(4);
const text = new Uint8Array(UID_LENGTH);

/** Six base-62 digits, which hold any 32-bit word, into `text`. */
function putSix(word: number, at: number): void {
  const low = word >>> 0;
  const middle = Math.floor(low / 3844);
  const high = Math.floor(middle / 3844);
  const first = PAIRS[high]!;
  const second = PAIRS[middle - high * 3844]!;
  const third = PAIRS[low - middle * 3844]!;
  text[at] = first & 255;
  text[at + 1] = first >> 8;
  text[at + 2] = second & 255;
  text[at + 3] = second >> 8;
  text[at + 4] = third & 255;
  text[at + 5] = third >> 8;
}

/**
 * Unique id of a connection in Zeek's form: `C` and 18 base-62 digits, 96 bits of a fixed-key hash of the first `count`
 * words (which say source, tuple, first packet's time and ordinal). Two of a billion connections share one with a
 * probability of about 10^-11.
 */
export function connectionUid(words: Int32Array, count: number): string {
  hashWords(KEY_A, words, count, out, 0);
  hashWords(KEY_B, words, count, out, 2);
  text[0] = FIRST_LETTER;
  for (let i = 0; i < 3; i++) putSix(out[i]!, 1 + 6 * i);
  // One call makes a flat string.
  return String.fromCharCode(
    text[0]!,
    text[1]!,
    text[2]!,
    text[3]!,
    text[4]!,
    text[5]!,
    text[6]!,
    text[7]!,
    text[8]!,
    text[9]!,
    text[10]!,
    text[11]!,
    text[12]!,
    text[13]!,
    text[14]!,
    text[15]!,
    text[16]!,
    text[17]!,
    text[18]!,
  );
}

/** A name (of an interface or a file) as one word for `connectionUid`: FNV-1a. */
export function nameWord(name: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}
