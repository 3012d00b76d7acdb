import type { Micros } from '../core/time.js';
import {
  META_ODD_SCALE,
  META_SCALE_SHIFT,
  type Packet,
  ROW_ACK,
  ROW_CONTROL,
  ROW_IP_BYTES,
  ROW_LENGTH,
  ROW_SEQ,
  ROW_TIME,
} from '../decode/packet.js';
import { windowScaleOf } from '../decode/tcp-options.js';
import { flagsOf, headerBytesOf, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCP_URG, windowOf } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import type { ControlStorms } from './control-storms.js';
import { forgottenUpTo, keepForgotten } from './forgotten-data.js';
import { addLetterOnce, countLetter, LETTER_A, LETTER_C, LETTER_D, LETTER_W, SEEN_ACK, SEEN_DATA } from './history.js';
import { addIpBytes } from './ip-bytes.js';
import {
  BAD_CHECKSUMS,
  CLOSE_DEFERRED,
  CLOSING,
  CONFIRMED,
  DID_CLOSE,
  DID_EOF,
  FIN_SEQ,
  FIRST_SEEN,
  FLAGS,
  IN_STEP,
  LAST_TIME,
  NEXT,
  PACKETS,
  PARTIAL,
  REASSEMBLED,
  RECORD_WORDS,
  SENT_FIN,
  SKIP_STREAM,
  START_SEQ,
  STATE_BITS,
  STREAMED,
  TUNNELED,
  WAS_WEIRD,
  ZERO_WINDOWS,
} from './record-layout.js';
import { flipLoneSynAck } from './role-flip.js';
import type { StreamAssembler } from './stream/stream-assembler.js';
import { updateHistory } from './tcp-history.js';
import { initEndpoint, relativeSequence, updateAcked, updateLast } from './tcp-sequence.js';
import {
  stateOf,
  TCP_CLOSED,
  TCP_ESTABLISHED,
  TCP_INACTIVE,
  TCP_RESET,
  TCP_SYN_ACK_SENT,
  TCP_SYN_SENT,
  weirdOf,
} from './tcp-state.js';
import { catchUp, findStep, QUARTER } from './tcp-step.js';
import { dataAcked, dataPending, type StreamContext, streamAcked, streamData } from './tcp-stream.js';
import { updateState } from './tcp-transitions.js';
import type { TcpWindows } from './tcp-windows.js';

/*
 * One TCP packet on its connection. The order of effects is Zeek's (TCPSessionAdapter::Process): history and times are
 * told from the state before the packet, gaps from the state after it, and an end closes last.
 */

/** Unacknowledged bytes beyond which the shortcut leaves the judgement to `streamData`. */
const PLAIN_UNACKED = 8_388_608;

/** What the connection needs after the packet. */
export interface TcpContext extends StreamContext {
  /** Takes the bytes of connections marked STREAMED; absent when nobody wants any. */
  readonly streams: StreamAssembler | undefined;
  readonly storms: ControlStorms;
  /** Absent when nobody wants to be told of windows taken back. */
  readonly windows: TcpWindows | undefined;
  /** Set when an end closed so that the connection goes soon: the tracker arms the deadline. */
  closed: boolean;
  /** Set when a packet may bring the deadline of a connection that goes on nearer: the tracker arms it anew. */
  sooner: boolean;
}

/** A fresh record's streams: data starts at relative sequence number 1, behind the SYN. */
export function initTcp(table: ConnectionTable, base: number): void {
  const f = base >> 1;
  table.f64[f + REASSEMBLED] = 1;
  table.f64[f + REASSEMBLED + 1] = 1;
}

function synWeirds(c: StreamContext, base: number, flags: number, length: number): void {
  if ((flags & TCP_RST) !== 0) weirdOf(c, base, 'TCP_christmas');
  if ((flags & TCP_URG) !== 0) weirdOf(c, base, 'baroque_SYN');
  if (length > 0) weirdOf(c, base, 'SYN_with_data');
}

/** An end sent a RST behind its FIN: as in Zeek the connection ends a while after it, whatever comes. */
function tellReset(c: TcpContext, base: number, timeUs: Micros): void {
  if ((c.table.i32[base + FLAGS]! & CLOSING) !== 0) return;
  c.table.resets.set(base / RECORD_WORDS, timeUs);
  c.sooner = true;
}

/** The end `dir` has closed, unless data of it is still to come (Zeek's ConnectionClosed). */
function endClosed(c: TcpContext, base: number, dir: number): void {
  const { i32 } = c.table;
  if (dataPending(c.table, base, dir)) {
    i32[base + FLAGS] = i32[base + FLAGS]! | CLOSE_DEFERRED;
    return;
  }
  const flags = i32[base + FLAGS]! & ~CLOSE_DEFERRED;
  i32[base + FLAGS] = flags;
  if ((flags & (DID_CLOSE << dir)) !== 0) return;
  i32[base + FLAGS] = flags | (DID_CLOSE << dir);
  const peer = 1 - dir;
  const complete =
    stateOf(c.table, base, dir) === TCP_RESET ||
    (flags & (DID_CLOSE << peer)) !== 0 ||
    stateOf(c.table, base, peer) === TCP_INACTIVE;
  if (complete) i32[base + FLAGS] = i32[base + FLAGS]! | CLOSING;
  c.closed = complete;
}

/** Tells once that all data of a closing end has come; a close that waited for it happens now. */
function checkEof(c: TcpContext, base: number, dir: number): void {
  const flags = c.table.i32[base + FLAGS]!;
  if ((flags & (DID_EOF << dir)) !== 0) return;
  const state = (flags >>> (STATE_BITS * dir)) & 7;
  const closing = (flags & (SENT_FIN << dir)) !== 0 || state === TCP_CLOSED || state === TCP_RESET;
  if (!closing || dataPending(c.table, base, dir)) return;
  c.table.i32[base + FLAGS] = flags | (DID_EOF << dir);
  if ((flags & CLOSE_DEFERRED) !== 0) {
    endClosed(c, base, dir);
    c.table.i32[base + FLAGS] = c.table.i32[base + FLAGS]! & ~CLOSE_DEFERRED;
  }
}

/** Whether a SYN on an existing connection begins a new one with the same ends (Zeek's IsReuse). */
export function isReuse(c: StreamContext, base: number, packet: Packet, now: Micros, lingerUs: Micros): boolean {
  const flags = flagsOf(packet.control);
  if ((flags & TCP_SYN) === 0 || headerBytesOf(packet.control) < 20) return false;
  const { table } = c;
  const orig = stateOf(table, base, 0);
  const resp = stateOf(table, base, 1);
  const answers = (flags & TCP_ACK) !== 0;
  if (answers && orig !== TCP_INACTIVE) return false;
  const { seq } = packet;
  const closed = table.i32[base + FLAGS]! & ((DID_CLOSE << 1) | DID_CLOSE);
  if (closed === 0) {
    if (seq === table.i32[base + START_SEQ + (answers ? 1 : 0)]) return false;
    // SYN and its answer captured in the wrong order.
    const reversed = !answers && orig === TCP_SYN_ACK_SENT && resp === TCP_INACTIVE;
    if (reversed && seq === table.i32[base + START_SEQ + 1]) return false;
    const starting = (answers ? resp : orig) === TCP_SYN_SENT;
    c.weird.count(starting ? 'SYN_seq_jump' : 'active_connection_reuse', { source: 'TCP' });
  } else if (orig !== TCP_RESET && resp !== TCP_RESET) {
    const active =
      (orig !== TCP_INACTIVE && (closed & DID_CLOSE) === 0) ||
      (resp !== TCP_INACTIVE && (closed & (DID_CLOSE << 1)) === 0);
    if (active) c.weird.count('active_connection_reuse');
    else if (now - table.f64[(base >> 1) + LAST_TIME]! < lingerUs) c.weird.count('premature_connection_reuse');
  }
  return true;
}

/** Takes a packet of direction `dir` into the record at `base`. */
export function tcpPacket(c: TcpContext, base: number, dir: number, packet: Packet): void {
  const { table, weird } = c;
  const headerBytes = headerBytesOf(packet.control);
  if (headerBytes < 20) {
    weirdOf(c, base, 'bad_TCP_header_len');
    return;
  }
  // Offloading may leave the IP length empty.
  const segmentBytes = packet.length === 0 ? packet.captured : packet.length;
  if (headerBytes > segmentBytes || headerBytes > packet.captured) {
    weirdOf(c, base, 'truncated_header');
    return;
  }
  if (packet.badChecksum) {
    weirdOf(c, base, 'bad_TCP_checksum');
    countLetter(table, weird, base, dir, BAD_CHECKSUMS, LETTER_C);
    return;
  }
  const complete = packet.captured >= segmentBytes;
  segment(c, base, dir, packet, segmentBytes - headerBytes, complete);
}

/**
 * The shortcut for what most packets are: data or an acknowledgement in order, on an established connection in step. Takes a packet
 * row that has META_PLAIN_TCP. Answers false, having changed nothing, when the packet is not of that kind; `segment` would do the
 * same to the record.
 */
export function plainSegment(
  c: TcpContext,
  base: number,
  dir: number,
  rows: Int32Array,
  rowTimes: Float64Array,
  row: number,
): boolean {
  const { table } = c;
  const { i32 } = table;
  // Here, since the compiler folds what is written in the function.
  const mask =
    0o77 |
    (3 * DID_CLOSE) |
    (3 * FIRST_SEEN) |
    (3 * DID_EOF) |
    (3 * SKIP_STREAM) |
    (3 * SENT_FIN) |
    CLOSE_DEFERRED |
    CLOSING |
    STREAMED |
    TUNNELED |
    IN_STEP;
  const plain = TCP_ESTABLISHED | (TCP_ESTABLISHED << STATE_BITS) | (3 * FIRST_SEEN) | IN_STEP;
  if ((i32[base + FLAGS]! & mask) !== plain) return false;
  const next = i32[base + NEXT + dir]!;
  if (rows[row + ROW_SEQ] !== next) return false;
  const peer = 1 - dir;
  const ack = rows[row + ROW_ACK]!;
  const confirmed = i32[base + CONFIRMED + peer]!;
  if (((ack - confirmed) | 0) < 0 || ((i32[base + NEXT + peer]! - ack) | 0) < 0) return false;
  const length = rows[row + ROW_LENGTH]! - headerBytesOf(rows[row + ROW_CONTROL]!);
  const to = (next + length) | 0;
  if ((((to ^ next) | (ack ^ confirmed)) & QUARTER) !== 0) return false;
  if (((to - i32[base + CONFIRMED + dir]!) | 0) > PLAIN_UNACKED) return false;
  if (length > 0) addLetterOnce(table, c.weird, base, dir, SEEN_DATA, LETTER_D);
  else addLetterOnce(table, c.weird, base, dir, SEEN_ACK, LETTER_A);
  i32[base + NEXT + dir] = to;
  i32[base + CONFIRMED + peer] = ack;
  table.f64[(base >> 1) + LAST_TIME] = rowTimes[(row >> 1) + ROW_TIME]!;
  i32[base + PACKETS + dir] = i32[base + PACKETS + dir]! + 1;
  addIpBytes(table, base, dir, rows[row + ROW_IP_BYTES]!);
  return true;
}

/** The window of a packet that `plainSegment` took. */
export function plainWindow(c: TcpContext, base: number, dir: number, rows: Int32Array, row: number): void {
  const window = windowOf(rows[row + ROW_CONTROL]!);
  const isRecision = c.windows?.offer(
    base,
    dir,
    0,
    rows[row + ROW_SEQ]!,
    rows[row + ROW_ACK]!,
    window,
    TCP_ESTABLISHED,
  );
  if (isRecision === true) weirdOf(c, base, 'window_recision');
}

function offerWindow(
  c: TcpContext,
  windows: TcpWindows,
  base: number,
  dir: number,
  flags: number,
  { seq, ack, control, meta }: Packet,
): void {
  if (windows.offer(base, dir, flags, seq, ack, windowOf(control), stateOf(c.table, base, dir))) {
    weirdOf(c, base, 'window_recision');
  }
  if ((flags & TCP_SYN) === 0) return;
  const scale = ((meta >>> META_SCALE_SHIFT) & 15) - 1;
  windows.scale(base, dir, (flags & TCP_ACK) !== 0, scale, seq, ack);
}

function markPartial(table: ConnectionTable, base: number, dir: number, flags: number): void {
  const before = table.i32[base + FLAGS]!;
  if ((before & (FIRST_SEEN << dir)) !== 0) return;
  const opens = (flags & TCP_SYN) !== 0 && (dir === 1 || (flags & TCP_ACK) === 0);
  if (dir === 0) table.i32[base + FLAGS] = opens ? before & ~PARTIAL : before | PARTIAL;
  else if (!opens) table.i32[base + FLAGS] = before | PARTIAL;
}

/** Originator and responder have changed places in the record. */
function tellFlip(c: TcpContext, base: number): void {
  c.streams?.flip(base);
  c.windows?.flip(base);
}

/** Any packet. `length`: its payload; `complete`: all of it was captured. */
export function segment(
  c: TcpContext,
  base: number,
  sender: number,
  packet: Packet,
  length: number,
  complete: boolean,
): void {
  const { table, weird } = c;
  const { i32, f64 } = table;
  const f = base >> 1;
  let dir = sender;
  const { seq, ack, control } = packet;
  const flags = flagsOf(control);
  catchUp(table, base);
  let forgotten = forgottenUpTo(table, base, 1 - dir);
  const ownForgotten = forgottenUpTo(table, base, dir);
  markPartial(table, base, dir, flags);
  // SYN and FIN take a sequence number each; the data of a RST is not part of the stream.
  const isRst = (flags & TCP_RST) !== 0;
  const isSyn = (flags & TCP_SYN) !== 0;
  const segmentLength = (isRst ? 0 : length) + (isSyn ? 1 : 0) + (flags & TCP_FIN);
  initEndpoint(c, base, dir, flags, seq, segmentLength);
  const relative = relativeSequence(table, base, dir, seq);
  const underflow = relative < 0;
  if (underflow && !isRst) weirdOf(c, base, 'TCP_seq_underflow_or_misorder');
  const isAck = (flags & TCP_ACK) !== 0;
  const isPlain = !isSyn && !isRst && (flags & TCP_FIN) === 0;
  if (isPlain && (isAck || length > 0) && flipLoneSynAck(table, weird, base)) {
    dir = 1 - dir;
    tellFlip(c, base);
  }
  c.storms.packet(c, base, dir, flags, packet.timeUs);
  updateHistory(c, base, dir, flags, relative, length);
  if (c.windows !== undefined) offerWindow(c, c.windows, base, dir, flags, packet);
  if (
    !isRst &&
    windowOf(control) === 0 &&
    stateOf(table, base, 1 - dir) !== TCP_CLOSED &&
    stateOf(table, base, dir) !== TCP_RESET
  ) {
    countLetter(table, weird, base, dir, ZERO_WINDOWS, LETTER_W);
  }
  const bothClosed = (DID_CLOSE << 1) | DID_CLOSE;
  if ((i32[base + FLAGS]! & bothClosed) !== bothClosed) f64[f + LAST_TIME] = packet.timeUs;
  if (isSyn) {
    synWeirds(c, base, flags, length);
    const isOdd = (packet.meta & META_ODD_SCALE) !== 0;
    if (isOdd && (i32[base + FLAGS]! & WAS_WEIRD) === 0) {
      weirdOf(c, base, 'TCP_scale_range', { addl: String(windowScaleOf(packet)) });
    }
  }
  if ((flags & TCP_FIN) !== 0) {
    i32[base + FLAGS] = i32[base + FLAGS]! | (SENT_FIN << dir);
    i32[base + FIN_SEQ + dir] = (relative + segmentLength) | 0;
  }
  const relativeAck = isAck ? updateAcked(c, base, dir, flags, ack) : 0;
  const delta = updateLast(c, base, dir, flags, (seq + segmentLength) | 0, length);
  const now = updateState(c, base, dir, flags, seq, ack, length, delta);
  if (now.flipped) {
    dir = 1 - dir;
    tellFlip(c, base);
  }
  keepForgotten(table, base, dir, ownForgotten);
  const acked = isAck ? dataAcked(table, base, 1 - dir, relativeAck) : 0;
  const acksNew = acked > forgotten;
  if (acksNew) {
    streamAcked(c, base, 1 - dir, acked);
    forgotten = acked;
  }
  keepForgotten(table, base, 1 - dir, forgotten);
  if (acksNew) checkEof(c, base, 1 - dir);
  i32[base + FLAGS] = i32[base + FLAGS]! | (FIRST_SEEN << dir);
  if (length > 0 && !isRst && !underflow) {
    if (complete) streamData(c, base, dir, isSyn ? relative + 1 : relative, length);
    else weirdOf(c, base, 'truncated_tcp_payload');
    keepForgotten(table, base, dir, ownForgotten);
  }
  checkEof(c, base, dir);
  if ((i32[base + FLAGS]! & STREAMED) !== 0) {
    const offset = headerBytesOf(packet.control);
    const taken = complete && !isRst && !underflow ? length : 0;
    c.streams?.packet(base, dir, packet, offset, isSyn ? relative + 1 : relative, taken);
  }
  if (now.resets) tellReset(c, base, packet.timeUs);
  if (now.closes) endClosed(c, base, dir);
  i32[base + PACKETS + dir] = i32[base + PACKETS + dir]! + 1;
  addIpBytes(table, base, dir, packet.ipBytes);
  findStep(table, base);
}
