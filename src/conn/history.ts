import { limits } from '../core/limits.js';
import type { WeirdCounts } from '../core/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { FLAGS, LETTERS, LETTERS_INLINE, LONG_HISTORY, RECORD_WORDS, SEEN } from './record-layout.js';

/** Bits of SEEN for letters that a direction gets once; the responder's are seven bits higher. */
export const SEEN_SYN = 1;
export const SEEN_FIN = 2;
export const SEEN_RST = 4;
export const SEEN_FIN_RST = 8;
export const SEEN_DATA = 16;
export const SEEN_ACK = 32;
export const SEEN_MULTI_FLAG = 64;
/** Of the connection as a whole: only with direction 0. */
export const SEEN_LIMIT = 1 << 14;
const RESPONDER_SHIFT = 7;
const COUNT_SHIFT = 16;

/** Character codes of Zeek's history letters as the originator's. */
export const LETTER_A = 65;
export const LETTER_C = 67;
export const LETTER_D = 68;
export const LETTER_F = 70;
export const LETTER_G = 71;
export const LETTER_H = 72;
export const LETTER_I = 73;
export const LETTER_Q = 81;
export const LETTER_R = 82;
export const LETTER_S = 83;
export const LETTER_T = 84;
export const LETTER_W = 87;
export const LETTER_X = 88;
export const LETTER_FLIP = 94;

/** Adds a letter, in lower case when the responder (dir 1) earned it. At `limits.historyLetters` it is left out and counted. */
export function addLetter(table: ConnectionTable, weird: WeirdCounts, base: number, dir: number, letter: number): void {
  const { i32 } = table;
  const code = dir === 1 && letter !== LETTER_FLIP ? letter | 32 : letter;
  const seen = i32[base + SEEN]!;
  const count = seen >>> COUNT_SHIFT;
  if (count >= limits.historyLetters) {
    weird.count('history_full');
    return;
  }
  i32[base + SEEN] = seen + (1 << COUNT_SHIFT);
  if (count < LETTERS_INLINE) {
    table.u8[(base << 2) + LETTERS + count] = code;
    return;
  }
  const slot = base / RECORD_WORDS;
  i32[base + FLAGS] = i32[base + FLAGS]! | LONG_HISTORY;
  table.longHistories.set(slot, (table.longHistories.get(slot) ?? '') + String.fromCharCode(code));
}

/** Adds a letter the first time that `mask` occurs in this direction. Answers whether it had occurred before. */
export function addLetterOnce(
  table: ConnectionTable,
  weird: WeirdCounts,
  base: number,
  dir: number,
  mask: number,
  letter: number,
): boolean {
  const bit = dir === 1 ? mask << RESPONDER_SHIFT : mask;
  const seen = table.i32[base + SEEN]!;
  if ((seen & bit) !== 0) return true;
  table.i32[base + SEEN] = seen | bit;
  addLetter(table, weird, base, dir, letter);
  return false;
}

/** Letters C, G, T and W are written at the 1st, 10th, 100th … occurrence. */
export function isHistoryThreshold(count: number): boolean {
  return (
    count === 1 ||
    count === 10 ||
    count === 100 ||
    count === 1_000 ||
    count === 10_000 ||
    (count >= 100_000 && isPowerOfTen(count))
  );
}

function isPowerOfTen(count: number): boolean {
  let rest = count;
  while (rest % 10 === 0) rest /= 10;
  return rest === 1;
}

/** Counts one more in a 16-bit counter, which stays at its top, and writes the letter at the thresholds. */
export function countLetter(
  table: ConnectionTable,
  weird: WeirdCounts,
  base: number,
  dir: number,
  counter: number,
  letter: number,
): void {
  const at = (base << 1) + counter + dir;
  const count = table.u16[at]! + 1;
  if (count > 0xffff) return;
  table.u16[at] = count;
  if (isHistoryThreshold(count)) addLetter(table, weird, base, dir, letter);
}

/** Whether one of the letters of `mask` has occurred in this direction. */
export function hasSeen(table: ConnectionTable, base: number, dir: number, mask: number): boolean {
  return (table.i32[base + SEEN]! & (dir === 1 ? mask << RESPONDER_SHIFT : mask)) !== 0;
}

/** Whether all that has happened so far is a SYN ACK of the originator. */
export function isLoneSynAck(table: ConnectionTable, base: number): boolean {
  return table.i32[base + SEEN]! >>> COUNT_SHIFT === 1 && table.u8[(base << 2) + LETTERS] === LETTER_H;
}

/** Writes a history of two letters anew, the second one as the responder's. */
export function writeFlipped(table: ConnectionTable, base: number, letter: number): void {
  const start = (base << 2) + LETTERS;
  table.u8[start] = LETTER_FLIP;
  table.u8[start + 1] = letter | 32;
}

/** The history of a record, undefined without letters. */
export function historyOf(table: ConnectionTable, base: number): string | undefined {
  const count = table.i32[base + SEEN]! >>> COUNT_SHIFT;
  if (count === 0) return undefined;
  const { u8 } = table;
  const start = (base << 2) + LETTERS;
  const inline = Math.min(count, LETTERS_INLINE);
  let text = '';
  for (let i = 0; i < inline; i++) text += LETTER_TEXT[u8[start + i]!]!;
  return count > LETTERS_INLINE ? text + (table.longHistories.get(base / RECORD_WORDS) ?? '') : text;
}

const LETTER_TEXT: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
