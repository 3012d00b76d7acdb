import { TCP_FIN, TCP_RST, TCP_SYN } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import { addLetter, isHistoryThreshold, LETTER_T } from './history.js';
import { ACKED, FLAGS, LAST, RETRANSMITS, START_SEQ, WAS_WEIRD } from './record-layout.js';
import {
  previousStateOf,
  stateOf,
  TCP_CLOSED,
  TCP_ESTABLISHED,
  TCP_INACTIVE,
  TCP_RESET,
  TCP_SYN_ACK_SENT,
  TCP_SYN_SENT,
  weirdOf,
} from './tcp-state.js';
import { type StreamContext, tcpSize } from './tcp-stream.js';

/*
 * Sequence numbers of the two ends. They are kept relative to the first of their end and as doubles, so that they do not
 * wrap.
 */

/** A jump that is not believed of a SYN, a RST or an empty acknowledgement number. */
const TOO_LARGE_JUMP = 1_048_576;
/** How many sequence numbers there are. */
const ROUND = 0x1_0000_0000;

/** Absolute sequence number (32 bits, signed) of a relative one. */
export function absolute(table: ConnectionTable, base: number, dir: number, relative: number): number {
  return (table.i32[base + START_SEQ + dir]! + relative) | 0;
}

/** The relative sequence number of `seq`, of direction `dir`; below 0 when it is before the first. */
export function relativeSequence(table: ConnectionTable, base: number, dir: number, seq: number): number {
  const last = table.f64[(base >> 1) + LAST + dir]!;
  if (last < 0) return (seq - table.i32[base + START_SEQ + dir]!) | 0;
  return last + ((seq - absolute(table, base, dir, last)) | 0);
}

function initSequence(table: ConnectionTable, base: number, dir: number, start: number, last: number): void {
  table.i32[base + START_SEQ + dir] = start;
  table.f64[(base >> 1) + ACKED + dir] = 0;
  table.f64[(base >> 1) + LAST + dir] = last;
}

/** Sets the numbers of an end that has not spoken, and again when a SYN begins them anew. */
export function initEndpoint(
  c: StreamContext,
  base: number,
  dir: number,
  flags: number,
  seq: number,
  segment: number,
): void {
  const { table } = c;
  const syn = (flags & TCP_SYN) !== 0;
  switch (stateOf(table, base, dir)) {
    case TCP_INACTIVE:
      // Without a SYN the numbers are set as if there had been one. As in Zeek, which does not see that they wrap around between that one and a
      // first number of 0 (as RSTs have it), LAST is then a round too small, so that what is acknowledged counts instead.
      if (syn) initSequence(table, base, dir, seq, segment);
      else initSequence(table, base, dir, (seq - 1) | 0, seq === 0 ? 1 - ROUND : 1);
      break;
    case TCP_SYN_SENT:
    case TCP_SYN_ACK_SENT:
      if (syn && seq !== table.i32[base + START_SEQ + dir]) {
        weirdOf(c, base, 'SYN_seq_jump');
        initSequence(table, base, dir, seq, segment);
      }
      break;
    case TCP_CLOSED:
      break;
    case TCP_RESET:
      if (syn && previousStateOf(table, base, dir) === TCP_INACTIVE) initSequence(table, base, dir, seq, segment);
      break;
    default:
      if (syn) {
        if (tcpSize(table, base, dir) > 0) weirdOf(c, base, 'SYN_inside_connection');
        if (seq !== table.i32[base + START_SEQ + dir]) weirdOf(c, base, 'SYN_seq_jump');
        initSequence(table, base, dir, seq, segment);
      }
  }
}

/** The acknowledgement number as relative to the peer's start; 0 when it is before that. Moves ACKED on. */
export function updateAcked(c: StreamContext, base: number, dir: number, flags: number, ack: number): number {
  const { table } = c;
  const peer = 1 - dir;
  const f = (base >> 1) + ACKED + peer;
  if (stateOf(table, base, peer) === TCP_INACTIVE) {
    const state = stateOf(table, base, dir);
    const spoke = state === TCP_SYN_SENT || state === TCP_SYN_ACK_SENT || state === TCP_ESTABLISHED;
    if (spoke && (flags & (TCP_SYN | TCP_FIN | TCP_RST)) === 0 && (table.i32[base + FLAGS]! & WAS_WEIRD) === 0) {
      weirdOf(c, base, 'possible_split_routing');
    }
    initSequence(table, base, peer, (ack - 1) | 0, 0);
    return 1;
  }
  const acked = table.f64[f]!;
  const delta = (ack - absolute(table, base, peer, acked)) | 0;
  const relative = acked + delta;
  if (relative < 0) {
    weirdOf(c, base, 'TCP_ack_underflow_or_misorder');
    return 0;
  }
  // What a RST acknowledges is not believed, and an empty number far ahead is more likely broken than right.
  if ((flags & TCP_RST) === 0 && delta > 0 && !(ack === 0 && delta > TOO_LARGE_JUMP)) table.f64[f] = relative;
  return relative;
}

/** Moves LAST on; tells how far, and counts a retransmission when it does not move. */
export function updateLast(
  c: StreamContext,
  base: number,
  dir: number,
  flags: number,
  end: number,
  length: number,
): number {
  const { table } = c;
  const f = (base >> 1) + LAST + dir;
  const last = table.f64[f]!;
  const delta = (end - absolute(table, base, dir, last)) | 0;
  if ((flags & (TCP_SYN | TCP_RST)) !== 0 && (delta > TOO_LARGE_JUMP || delta < -TOO_LARGE_JUMP)) return delta;
  if ((flags & TCP_FIN) !== 0 && (last === 1 || last === 1 - ROUND)) {
    // Only SYN and FIN of a long connection were seen: the distance may be more than half the number space.
    table.f64[f] = last + (delta >>> 0);
  } else if (stateOf(table, base, dir) === TCP_RESET) {
    return delta;
  } else if (delta > 0) {
    table.f64[f] = last + delta;
  } else if (length > 0) {
    retransmitted(c, base, dir);
  }
  return delta;
}

/** Counts a retransmission. */
function retransmitted(c: StreamContext, base: number, dir: number): void {
  const { table } = c;
  const count = table.i32[base + RETRANSMITS + dir]! + 1;
  table.i32[base + RETRANSMITS + dir] = count;
  if (isHistoryThreshold(count)) addLetter(table, c.weird, base, dir, LETTER_T);
}
