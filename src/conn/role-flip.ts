import type { WeirdCounts } from '../core/weird.js';
import { META_IPV6 } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { flipForgotten } from './forgotten-data.js';
import { addLetter, isLoneSynAck, LETTER_FLIP, LETTER_H, writeFlipped } from './history.js';
import {
  ACKED,
  BAD_CHECKSUMS,
  FIN_SEQ,
  FIRST_SEEN,
  FLAGS,
  GAPS,
  IP_BYTES,
  IP_BYTES_HIGH,
  IPV6_WORDS,
  LAST,
  LAST_FIN,
  LAST_RST,
  LAST_SYN,
  META,
  ORIG_WORD,
  PACKETS,
  PARTIAL,
  PORTS,
  REASSEMBLED,
  RESP_WORD,
  RETRANSMITS,
  SEGMENTS,
  START_SEQ,
  STATE_BITS,
  ZERO_WINDOWS,
} from './record-layout.js';

const WORD_PAIRS = [START_SEQ, SEGMENTS, RETRANSMITS, LAST_SYN, LAST_FIN, LAST_RST, FIN_SEQ];
const DOUBLE_PAIRS = [LAST, ACKED, REASSEMBLED];
const HALF_PAIRS = [ZERO_WINDOWS, GAPS, BAD_CHECKSUMS];

function swap(array: Int32Array | Float64Array | Uint16Array, one: number, two: number): void {
  const kept = array[one]!;
  array[one] = array[two]!;
  array[two] = kept;
}

/** Swaps the bits of the two directions in FLAGS. */
function swapFlags(flags: number): number {
  const states = ((flags & 0o07_07) << STATE_BITS) | ((flags & 0o70_70) >>> STATE_BITS);
  const low = 0b01_0101_0101 << 12;
  const pairs = flags & (0b11_1111_1111 << 12);
  const single = flags & ~(0o77_77 | (0b11_1111_1111 << 12));
  return states | ((pairs & low) << 1) | ((pairs >>> 1) & low) | single;
}

/** Originator and responder change places with the packets of each, and with nothing else; the history gets a ^. */
export function flipEnds(table: ConnectionTable, weird: WeirdCounts, base: number): void {
  const { i32 } = table;
  swap(i32, base + ORIG_WORD, base + RESP_WORD);
  const ports = i32[base + PORTS]!;
  i32[base + PORTS] = (ports << 16) | (ports >>> 16);
  if ((i32[base + META]! & META_IPV6) !== 0) {
    for (let i = 0; i < 3; i++) swap(i32, base + IPV6_WORDS + i, base + IPV6_WORDS + 3 + i);
  }
  swap(i32, base + PACKETS, base + PACKETS + 1);
  swap(i32, base + IP_BYTES, base + IP_BYTES + 1);
  swap(table.u16, (base << 1) + IP_BYTES_HIGH, (base << 1) + IP_BYTES_HIGH + 1);
  addLetter(table, weird, base, 0, LETTER_FLIP);
}

/** The ends of a TCP connection change places. */
export function flipRoles(table: ConnectionTable, weird: WeirdCounts, base: number): void {
  const { i32, f64, u16 } = table;
  for (const at of WORD_PAIRS) swap(i32, base + at, base + at + 1);
  for (const at of DOUBLE_PAIRS) swap(f64, (base >> 1) + at, (base >> 1) + at + 1);
  for (const at of HALF_PAIRS) swap(u16, (base << 1) + at, (base << 1) + at + 1);
  i32[base + FLAGS] = swapFlags(i32[base + FLAGS]!) & ~PARTIAL;
  flipForgotten(table, base);
  flipEnds(table, weird, base);
}

/**
 * To be asked before an acknowledgement or data changes the record. A connection that began with a SYN ACK is taken for a scan's
 * probe, whose sender is the originator, until now: nobody answers a probe so, and its sender does not go on so either. Then the sender
 * was the responder, and the SYN was missed. Answers whether they changed places; the history is then as if the flip had come first.
 */
export function flipLoneSynAck(table: ConnectionTable, weird: WeirdCounts, base: number): boolean {
  if (!isLoneSynAck(table, base)) return false;
  flipRoles(table, weird, base);
  writeFlipped(table, base, LETTER_H);
  table.i32[base + FLAGS] = table.i32[base + FLAGS]! | FIRST_SEEN;
  return true;
}
