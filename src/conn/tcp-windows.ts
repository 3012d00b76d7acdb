import { TCP_FIN, TCP_RST, TCP_SYN } from '../decode/transport.js';
import { RECORD_WORDS } from './record-layout.js';
import { TCP_CLOSED, TCP_RESET } from './tcp-state.js';

/** Words of a connection; `+ dir` marks a pair. */
const WORDS = 8;
const WINDOW = 0;
/** Acknowledgement and sequence number of the packet that the window came with. */
const AT_ACK = 2;
const AT_SEQ = 4;
const SCALE = 6;

/**
 * The windows that TCP ends have offered, to tell when one is taken back: Zeek's `window_recision`, its update_window and init_window.
 * They take 32 bytes for each slot of the connection table and a further cache line with every packet, so they are kept only for who wants
 * to be told.
 */
export class TcpWindows {
  #words = new Int32Array(WORDS * 1024);

  /** Forgets what was offered on the connection whose record was at `base` before. */
  begin(base: number): void {
    const at = place(base);
    if (at >= this.#words.length) {
      const words = new Int32Array(Math.max(2 * this.#words.length, at + WORDS));
      words.set(this.#words);
      this.#words = words;
    }
    this.#words.fill(0, at, at + WORDS);
  }

  /** Takes the window of a packet. `state`: of its sender, before it. Whether it takes back what was offered. */
  offer(base: number, dir: number, flags: number, seq: number, ack: number, window: number, state: number): boolean {
    // Ends that close often shrink their windows.
    if ((flags & (TCP_SYN | TCP_FIN | TCP_RST)) !== 0 || state === TCP_CLOSED || state === TCP_RESET) return false;
    const words = this.#words;
    const at = place(base) + dir;
    if (((seq - words[at + AT_SEQ]!) | 0) < 0 || ((ack - words[at + AT_ACK]!) | 0) < 0) return false;
    const scale = words[at + SCALE]!;
    const scaled = window << scale;
    const back = (words[at + AT_ACK]! + words[at + WINDOW]! - ack - scaled) | 0;
    words[at + WINDOW] = scaled;
    words[at + AT_ACK] = ack;
    words[at + AT_SEQ] = seq;
    // Less than one step of the scale is rounding.
    return back >= 1 << scale;
  }

  /** Takes the scale of a SYN, -1 without one. */
  scale(base: number, dir: number, isAnswer: boolean, scale: number, seq: number, ack: number): void {
    const words = this.#words;
    const at = place(base);
    const peer = 1 - dir;
    if (scale < 0) {
      words[at + SCALE + dir] = 0;
      // An answer without the option means that nobody scales.
      if (isAnswer) words[at + SCALE + peer] = 0;
      return;
    }
    words[at + SCALE + dir] = scale;
    words[at + AT_SEQ + dir] = seq;
    words[at + AT_ACK + dir] = ack;
    words[at + AT_SEQ + peer] = ack;
    words[at + AT_ACK + peer] = seq;
  }

  /** Originator and responder change places. */
  flip(base: number): void {
    const words = this.#words;
    for (let pair = place(base), end = pair + WORDS; pair < end; pair += 2) {
      const first = words[pair]!;
      words[pair] = words[pair + 1]!;
      words[pair + 1] = first;
    }
  }
}

function place(base: number): number {
  return (base / RECORD_WORDS) * WORDS;
}
