import type { WeirdCounts } from '../core/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { forgottenUpTo } from './forgotten-data.js';
import { countLetter, LETTER_G } from './history.js';
import {
  ACKED,
  FIN_SEQ,
  FLAGS,
  GAPS,
  LAST,
  PARTIAL,
  PREVIOUS_STATE,
  REASSEMBLED,
  RECORD_WORDS,
  SEGMENTS,
  SENT_FIN,
  SKIP_STREAM,
  STATE_BITS,
} from './record-layout.js';
import type { SegmentPool } from './segment-pool.js';
import { TCP_CLOSED, TCP_ESTABLISHED, TCP_RESET, weirdOf } from './tcp-state.js';

/*
 * What Zeek's reassembler knows of a stream, without its bytes: how far it is delivered (REASSEMBLED, relative to the
 * first sequence number, which counts as 0), and the ranges above a hole. An acknowledgement beyond what was delivered
 * means that the capture missed it: a gap.
 */

/** Zeek's tcp_max_above_hole_without_any_acks and tcp_max_initial_window. */
const MAX_ABOVE_HOLE_WITHOUT_ACKS = 16_384;
const MAX_INITIAL_WINDOW = 16_384;
/** Zeek's tcp_excessive_data_without_further_acks. */
const MAX_DATA_WITHOUT_ACKS = 10 * 1024 * 1024;

/** State, weirds and segments that the stream functions work on. */
export interface StreamContext {
  readonly table: ConnectionTable;
  readonly weird: WeirdCounts;
  readonly segments: SegmentPool;
}

function isClean(flags: number, dir: number): boolean {
  const state = (flags >>> (STATE_BITS * dir)) & 7;
  const previous = (flags >>> (PREVIOUS_STATE + STATE_BITS * dir)) & 7;
  return state === TCP_ESTABLISHED || (state === TCP_CLOSED && previous === TCP_ESTABLISHED);
}

/** Relative sequence number behind the FIN; infinite without a FIN that can be trusted. */
function finBound(table: ConnectionTable, base: number, dir: number): number {
  if ((table.i32[base + FLAGS]! & (SENT_FIN << dir)) === 0) return Number.POSITIVE_INFINITY;
  const last = Math.max(0, table.f64[(base >> 1) + LAST + dir]!);
  const fin = last + ((table.i32[base + FIN_SEQ + dir]! - last) | 0);
  return fin > 0 ? fin : Number.POSITIVE_INFINITY;
}

function noDataAcked(table: ConnectionTable, base: number, dir: number): boolean {
  return table.f64[(base >> 1) + ACKED + dir]! <= 1;
}

/** Payload bytes that one end sent, from sequence numbers, without the octets of SYN and FIN (Zeek's TCP_Endpoint::Size). */
export function tcpSize(table: ConnectionTable, base: number, dir: number): number {
  const f = (base >> 1) + dir;
  let size = Math.max(table.f64[f + LAST]!, table.f64[f + ACKED]!);
  if (size > 0) size--;
  if (size > 0 && (table.i32[base + FLAGS]! & (SENT_FIN << dir)) !== 0) size--;
  return Math.max(0, size);
}

/** Whether data was sent that the peer has not acknowledged, or that waits for a hole. */
function hasBlocks(table: ConnectionTable, base: number, dir: number): boolean {
  if (table.i32[base + SEGMENTS + dir]! >= 0) return true;
  if (table.f64[(base >> 1) + REASSEMBLED + dir]! <= forgottenUpTo(table, base, dir)) return false;
  return !(noDataAcked(table, base, dir) && tcpSize(table, base, dir) > MAX_INITIAL_WINDOW);
}

/** Whether a closing end still has data to come (Zeek's TCP_Reassembler::DataPending). */
export function dataPending(table: ConnectionTable, base: number, dir: number): boolean {
  const flags = table.i32[base + FLAGS]!;
  if ((flags & (SKIP_STREAM << dir)) !== 0) return false;
  const delivered = table.f64[(base >> 1) + REASSEMBLED + dir]!;
  const last = table.f64[(base >> 1) + LAST + dir]!;
  if (last < delivered) return false;
  // A FIN takes a sequence number, a RST does not.
  if (delivered !== last - 1 && delivered !== last) return true;
  return ((flags >>> (STATE_BITS * dir)) & 7) !== TCP_RESET && hasBlocks(table, base, 1 - dir);
}

/** Gives up on a stream: no more gaps are told of it. */
function skipStream(context: StreamContext, base: number, dir: number): void {
  const { i32 } = context.table;
  context.segments.drop(i32[base + SEGMENTS + dir]!);
  i32[base + SEGMENTS + dir] = -1;
  i32[base + FLAGS] = i32[base + FLAGS]! | (SKIP_STREAM << dir);
}

/** Delivers the ranges that now touch the delivered part. */
function deliverTouching(context: StreamContext, base: number, dir: number): void {
  const { i32, f64 } = context.table;
  const at = (base >> 1) + REASSEMBLED + dir;
  let head = i32[base + SEGMENTS + dir]!;
  while (head >= 0 && context.segments.from(head) <= f64[at]!) {
    if (context.segments.to(head) > f64[at]!) f64[at] = context.segments.to(head);
    head = context.segments.dropFirst(head);
  }
  i32[base + SEGMENTS + dir] = head;
}

/** Data of `dir` at the relative sequence number `start`. */
export function streamData(context: StreamContext, base: number, dir: number, start: number, length: number): void {
  const { i32, f64 } = context.table;
  const flags = i32[base + FLAGS]!;
  if ((flags & (SKIP_STREAM << dir)) !== 0) return;
  const at = (base >> 1) + REASSEMBLED + dir;
  const delivered = f64[at]!;
  const to = start + length;
  // What was acknowledged is not taken any more, though it may lie in the place of a FIN.
  const acked = Math.max(f64[(base >> 1) + ACKED + dir]!, forgottenUpTo(context.table, base, dir));
  if (to <= acked) return;
  const from = Math.max(start, acked);
  if (to > delivered) {
    if (from <= delivered) {
      f64[at] = to;
      if (i32[base + SEGMENTS + dir]! >= 0) deliverTouching(context, base, dir);
    } else {
      const head = context.segments.add(i32[base + SEGMENTS + dir]!, from, to);
      if (head === -2) {
        context.weird.count('segment_list_full');
        skipStream(context, base, dir);
        return;
      }
      i32[base + SEGMENTS + dir] = head;
    }
  }
  checkVolume(context, base, dir);
}

/** Zeek's two bounds on data that nobody acknowledges. */
function checkVolume(context: StreamContext, base: number, dir: number): void {
  const { table, segments } = context;
  const head = table.i32[base + SEGMENTS + dir]!;
  const delivered = table.f64[(base >> 1) + REASSEMBLED + dir]!;
  let top = delivered;
  let held = 0;
  for (let node = head; node >= 0; node = segments.next(node)) {
    top = segments.to(node);
    held += top - segments.from(node);
  }
  if (top - delivered > MAX_ABOVE_HOLE_WITHOUT_ACKS && noDataAcked(table, base, dir)) {
    weirdOf(context, base, 'above_hole_data_without_any_acks');
    skipStream(context, base, dir);
    return;
  }
  const unacked = delivered - forgottenUpTo(table, base, dir);
  if (unacked + held > MAX_DATA_WITHOUT_ACKS && !noDataAcked(table, base, dir)) {
    weirdOf(context, base, 'excessive_data_without_further_acks');
    skipStream(context, base, dir);
  }
}

function gap(context: StreamContext, base: number, dir: number, length: number): void {
  const { table } = context;
  const flags = table.i32[base + FLAGS]!;
  // Elsewhere gaps are seen that are none: sequence numbers of a RST, packets before the capture began.
  if (!isClean(flags, 0) || !isClean(flags, 1)) return;
  countLetter(table, context.weird, base, dir, GAPS, LETTER_G);
  const slot = base / RECORD_WORDS;
  table.missedBytes.set(slot, (table.missedBytes.get(slot) ?? 0) + length);
}

/** Up to where data of `dir` is acknowledged by the number `seq`: not beyond a FIN. */
export function dataAcked(table: ConnectionTable, base: number, dir: number, seq: number): number {
  const fin = finBound(table, base, dir);
  return seq >= fin ? fin - 1 : seq;
}

/** The peer acknowledged data of `dir` up to `upTo`. What was not delivered by then is a gap. */
export function streamAcked(context: StreamContext, base: number, dir: number, upTo: number): void {
  const { table, segments } = context;
  const { i32, f64 } = table;
  const at = (base >> 1) + REASSEMBLED + dir;
  if (upTo <= f64[at]!) return;
  const flags = i32[base + FLAGS]!;
  // The start of a partial connection was guessed, so the first byte or two are no gap.
  if (upTo <= 2 && (flags & PARTIAL) !== 0) return;
  if ((flags & (SKIP_STREAM << dir)) === 0) {
    let head = i32[base + SEGMENTS + dir]!;
    while (head >= 0 && segments.from(head) < upTo) {
      gap(context, base, dir, segments.from(head) - f64[at]!);
      f64[at] = segments.to(head);
      head = segments.dropFirst(head);
    }
    i32[base + SEGMENTS + dir] = head;
    if (upTo > f64[at]!) gap(context, base, dir, upTo - f64[at]!);
  }
  if (upTo > f64[at]!) f64[at] = upTo;
  deliverTouching(context, base, dir);
}
