import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import {
  DID_CLOSE,
  FIRST_SEEN,
  FLAGS,
  HANDSHAKE_DONE,
  LAST,
  PARTIAL,
  PREVIOUS_STATE,
  START_SEQ,
  STATE_BITS,
  SYN_ANSWERED,
} from './record-layout.js';
import { flipRoles } from './role-flip.js';
import {
  previousStateOf,
  stateOf,
  TCP_CLOSED,
  TCP_ESTABLISHED,
  TCP_INACTIVE,
  TCP_PARTIAL,
  TCP_RESET,
  TCP_SYN_ACK_SENT,
  TCP_SYN_SENT,
  weirdOf,
} from './tcp-state.js';
import type { StreamContext } from './tcp-stream.js';

function isHandshake(state: number): boolean {
  return state <= TCP_SYN_ACK_SENT;
}

function setState(table: ConnectionTable, base: number, dir: number, state: number): void {
  const flags = table.i32[base + FLAGS]!;
  const shift = STATE_BITS * dir;
  const old = (flags >>> shift) & 7;
  if (old === state) return;
  const cleared = flags & ~((7 << shift) | (7 << (PREVIOUS_STATE + shift)));
  let next = cleared | (state << shift) | (old << (PREVIOUS_STATE + shift));
  const peer = (flags >>> (STATE_BITS * (1 - dir))) & 7;
  // From here on the long inactivity timeout holds.
  if (!isHandshake(state) && isHandshake(old) && isHandshake(peer)) next |= HANDSHAKE_DONE;
  table.i32[base + FLAGS] = next;
}

/** What a packet's flags did beyond the states. One object, overwritten by every packet. */
const outcome = { closes: false, flipped: false, resets: false };

/**
 * Moves the states of both ends by the flags of a packet from `dir` (Zeek's UpdateStateMachine). `closes`: the sender has
 * closed its end. `flipped`: originator and responder changed places, so the sender is now the other direction. `resets`: behind its FIN the
 * sender sent a RST, and the other end has not closed.
 */
export function updateState(
  c: StreamContext,
  base: number,
  dir: number,
  flags: number,
  seq: number,
  ack: number,
  length: number,
  delta: number,
): Readonly<typeof outcome> {
  outcome.closes = false;
  outcome.flipped = false;
  outcome.resets = false;
  switch (stateOf(c.table, base, dir)) {
    case TCP_INACTIVE:
      fromInactive(c, base, dir, flags, seq, ack, length);
      break;
    case TCP_SYN_SENT:
    case TCP_SYN_ACK_SENT:
      fromSynSent(c, base, dir, flags, length);
      break;
    case TCP_CLOSED:
      fromClosed(c, base, dir, flags, delta);
      break;
    case TCP_RESET:
      if ((flags & TCP_SYN) !== 0) weirdOf(c, base, 'SYN_after_reset');
      if ((flags & TCP_FIN) !== 0) weirdOf(c, base, 'FIN_after_reset');
      if (length > 0 && (flags & TCP_RST) === 0) weirdOf(c, base, 'data_after_reset');
      break;
    default:
      if ((flags & (TCP_SYN | TCP_FIN | TCP_RST)) !== 0) fromEstablished(c, base, dir, flags);
  }
  return outcome;
}

function fromInactive(
  c: StreamContext,
  base: number,
  sender: number,
  flags: number,
  seq: number,
  ack: number,
  length: number,
): void {
  const { table } = c;
  let dir = sender;
  if ((flags & TCP_SYN) !== 0) {
    if (dir === 1) dir = synFromResponder(c, base, flags, seq, ack);
    else if ((flags & TCP_ACK) !== 0) {
      weirdOf(c, base, 'connection_originator_SYN_ack');
      setState(table, base, dir, TCP_SYN_ACK_SENT);
    } else setState(table, base, dir, TCP_SYN_SENT);
  }
  const peer = stateOf(table, base, 1 - dir);
  if ((flags & TCP_FIN) !== 0) {
    setState(table, base, dir, TCP_CLOSED);
    outcome.closes = true;
    if (peer !== TCP_PARTIAL && (flags & TCP_SYN) === 0) weirdOf(c, base, 'spontaneous_FIN');
  }
  if ((flags & TCP_RST) !== 0) {
    setState(table, base, dir, TCP_RESET);
    outcome.closes = true;
    if (peer === TCP_INACTIVE) weirdOf(c, base, 'spontaneous_RST');
  }
  if (stateOf(table, base, dir) !== TCP_INACTIVE) return;
  // Some answer a SYN with a bare acknowledgement before their own SYN; that makes no partial connection.
  if (dir === 1 && length === 0 && stateOf(table, base, 0) === TCP_SYN_SENT) return;
  if ((flags & TCP_ACK) !== 0 && peer === TCP_ESTABLISHED) {
    // Only the first SYN was missed.
    setState(table, base, dir, TCP_ESTABLISHED);
    table.i32[base + FLAGS] = (table.i32[base + FLAGS]! & ~PARTIAL) | (FIRST_SEEN << dir);
  } else setState(table, base, dir, TCP_PARTIAL);
}

/** A SYN, with or without ACK, from the responder. Gives the direction of the sender, which a flip changes. */
function synFromResponder(c: StreamContext, base: number, flags: number, seq: number, ack: number): number {
  const { table } = c;
  let dir = 1;
  const peer = stateOf(table, base, 0);
  if ((flags & TCP_ACK) !== 0) {
    if (peer !== TCP_INACTIVE && peer !== TCP_PARTIAL) {
      const offset = (ack - table.i32[base + START_SEQ]!) >>> 0;
      if (offset > table.f64[(base >> 1) + LAST]! >>> 0) weirdOf(c, base, 'bad_SYN_ack');
    }
  } else if (peer === TCP_SYN_ACK_SENT && seq === table.i32[base + START_SEQ + 1]) {
    // SYN and its answer were captured in the wrong order.
    flipRoles(table, c.weird, base);
    outcome.flipped = true;
    dir = 0;
    setState(table, base, 1, TCP_ESTABLISHED);
    table.i32[base + FLAGS] = table.i32[base + FLAGS]! | FIRST_SEEN;
  } else weirdOf(c, base, 'simultaneous_open');
  const other = stateOf(table, base, 1 - dir);
  if (other === TCP_SYN_SENT) setState(table, base, 1 - dir, TCP_ESTABLISHED);
  else if (other === TCP_INACTIVE) weirdOf(c, base, 'unsolicited_SYN_response');
  setState(table, base, dir, TCP_ESTABLISHED);
  if (stateOf(table, base, 1 - dir) !== TCP_PARTIAL) table.i32[base + FLAGS] = table.i32[base + FLAGS]! | SYN_ANSWERED;
  return dir;
}

function fromSynSent(c: StreamContext, base: number, dir: number, flags: number, length: number): void {
  const { table } = c;
  const state = stateOf(table, base, dir);
  const peer = stateOf(table, base, 1 - dir);
  if ((flags & TCP_SYN) !== 0) {
    const answers = (flags & TCP_ACK) !== 0;
    if (dir === 0 && answers && (flags & (TCP_FIN | TCP_RST)) === 0 && state !== TCP_SYN_ACK_SENT) {
      weirdOf(c, base, 'repeated_SYN_with_ack');
    } else if (dir === 1 && !answers && state !== TCP_SYN_SENT) weirdOf(c, base, 'repeated_SYN_reply_wo_ack');
  }
  if ((flags & TCP_FIN) !== 0) {
    if (peer === TCP_INACTIVE || peer === TCP_SYN_SENT) weirdOf(c, base, 'inappropriate_FIN');
    setState(table, base, dir, TCP_CLOSED);
    outcome.closes = true;
  }
  if ((flags & TCP_RST) !== 0) {
    setState(table, base, dir, TCP_RESET);
    outcome.closes = true;
  } else if (length > 0) weirdOf(c, base, 'data_before_established');
}

function fromEstablished(c: StreamContext, base: number, dir: number, flags: number): void {
  const { table } = c;
  const peer = 1 - dir;
  if (
    (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN &&
    stateOf(table, base, dir) === TCP_PARTIAL &&
    stateOf(table, base, peer) === TCP_INACTIVE
  ) {
    weirdOf(c, base, 'SYN_after_partial');
    setState(table, base, dir, TCP_SYN_SENT);
  }
  if ((flags & (TCP_FIN | TCP_RST)) === TCP_FIN) {
    setState(table, base, dir, TCP_CLOSED);
    // The peer sent a FIN and then a RST: that was a normal end after all.
    if (stateOf(table, base, peer) === TCP_RESET && previousStateOf(table, base, peer) === TCP_CLOSED) {
      setState(table, base, peer, TCP_CLOSED);
    }
    outcome.closes = true;
  }
  if ((flags & TCP_RST) !== 0) {
    setState(table, base, dir, TCP_RESET);
    outcome.closes = true;
  }
}

function fromClosed(c: StreamContext, base: number, dir: number, flags: number, delta: number): void {
  const { table } = c;
  if ((flags & TCP_SYN) !== 0) weirdOf(c, base, 'SYN_after_close');
  if ((flags & TCP_FIN) !== 0 && delta > 0) weirdOf(c, base, 'FIN_advanced_last_seq');
  // After FINs from both ends a RST changes nothing.
  if ((flags & TCP_RST) !== 0 && stateOf(table, base, 1 - dir) !== TCP_CLOSED) {
    setState(table, base, dir, TCP_RESET);
    outcome.resets = true;
    if ((table.i32[base + FLAGS]! & (DID_CLOSE << dir)) === 0) outcome.closes = true;
  }
}
