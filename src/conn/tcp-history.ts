import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../decode/transport.js';
import {
  addLetter,
  addLetterOnce,
  LETTER_A,
  LETTER_D,
  LETTER_F,
  LETTER_H,
  LETTER_I,
  LETTER_Q,
  LETTER_R,
  LETTER_S,
  SEEN_ACK,
  SEEN_DATA,
  SEEN_FIN,
  SEEN_FIN_RST,
  SEEN_MULTI_FLAG,
  SEEN_RST,
  SEEN_SYN,
} from './history.js';
import { LAST_FIN, LAST_RST, LAST_SYN } from './record-layout.js';
import type { StreamContext } from './tcp-stream.js';

/** The letters of a segment, whose sequence number is `relative` to the first of its direction. */
export function updateHistory(
  c: StreamContext,
  base: number,
  dir: number,
  flags: number,
  relative: number,
  length: number,
): void {
  const { table, weird } = c;
  const control = flags & (TCP_SYN | TCP_FIN | TCP_RST);
  if (control === 0) {
    if (length > 0) addLetterOnce(table, weird, base, dir, SEEN_DATA, LETTER_D);
    else if ((flags & TCP_ACK) !== 0) addLetterOnce(table, weird, base, dir, SEEN_ACK, LETTER_A);
    return;
  }
  if (control === TCP_SYN) {
    const letter = (flags & TCP_ACK) !== 0 ? LETTER_H : LETTER_S;
    controlLetter(c, base, dir, SEEN_SYN, letter, LAST_SYN, relative | 0);
  } else if (control === TCP_FIN) {
    controlLetter(c, base, dir, SEEN_FIN, LETTER_F, LAST_FIN, (relative + length) | 0);
  } else if (control === TCP_RST) {
    controlLetter(c, base, dir, SEEN_RST, LETTER_R, LAST_RST, relative | 0);
  } else if ((flags & TCP_FIN) !== 0 && (flags & TCP_RST) !== 0) {
    addLetterOnce(table, weird, base, dir, SEEN_FIN_RST, LETTER_I);
  } else addLetterOnce(table, weird, base, dir, SEEN_MULTI_FLAG, LETTER_Q);
}

/** SYN, FIN and RST are written again when they come with another sequence number than last time. */
function controlLetter(
  c: StreamContext,
  base: number,
  dir: number,
  mask: number,
  letter: number,
  lastAt: number,
  seq: number,
): void {
  const { table, weird } = c;
  const again = addLetterOnce(table, weird, base, dir, mask, letter);
  if (again && table.i32[base + lastAt + dir] !== seq) addLetter(table, weird, base, dir, letter);
  table.i32[base + lastAt + dir] = seq;
}
