import { limits } from './limits.js';

let pool = new Map<string, string>();

/** Longer text is seldom told twice. */
const LONGEST = 256;

/**
 * The same string object for equal text: hosts tell the same paths, names and users over and over, and each is kept once. At
 * `limits.internedTexts` the pool starts anew, which only costs memory.
 */
export function intern(text: string): string {
  if (text.length > LONGEST) return text;
  const known = pool.get(text);
  if (known !== undefined) return known;
  if (pool.size >= limits.internedTexts) pool = new Map();
  pool.set(text, text);
  return text;
}
