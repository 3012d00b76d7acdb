import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import { TCP_FIN, TCP_RST } from '../decode/transport.js';
import { hasSeen, SEEN_FIN_RST, SEEN_RST } from './history.js';
import { FLAGS, SENT_FIN } from './record-layout.js';
import { weirdOf } from './tcp-state.js';
import type { StreamContext } from './tcp-stream.js';

/** Zeek's tcp_storm_thresh and tcp_storm_interarrival_thresh. */
const STORM = 1_000;
const INTERARRIVAL_US = SECOND;

/** FINs and RSTs of one end so far, and when it last sent anything. */
interface EndControls {
  fins: number;
  resets: number;
  lastUs: Micros;
}

/**
 * Ends that send FIN or RST over and over: from the thousandth on, each that comes within a second of the end's packet before is Zeek's
 * `FIN_storm` or `RST_storm`. Only connections with a repeated one are kept, by their records' places; from there on none of their packets
 * takes the shortcut for plain ones, so every packet is seen. At `limits.stormConnections` the one kept for longest is forgotten, and its
 * count begins anew (`storm_table_full`).
 */
export class ControlStorms {
  readonly #kept = new Map<number, readonly [EndControls, EndControls]>();

  constructor(private readonly bound: number = limits.stormConnections) {}

  /** To be told of each packet that is not plain, before the record changes. */
  packet(c: StreamContext, base: number, dir: number, flags: number, timeUs: Micros): void {
    const isFin = (flags & TCP_FIN) !== 0;
    const isRst = (flags & TCP_RST) !== 0;
    const isControl = isFin || isRst;
    if (!isControl && this.#kept.size === 0) return;
    let ends = this.#kept.get(base);
    if (ends === undefined) {
      if (!(isFin && hasSentFin(c, base, dir)) && !(isRst && hasSentReset(c, base, dir))) return;
      ends = this.#keep(c, base);
    }
    const end = ends[dir === 0 ? 0 : 1];
    const isSoon = timeUs < end.lastUs + INTERARRIVAL_US;
    end.lastUs = timeUs;
    if (isFin && ++end.fins >= STORM && isSoon) weirdOf(c, base, 'FIN_storm');
    if (isRst && ++end.resets >= STORM && isSoon) weirdOf(c, base, 'RST_storm');
  }

  /** No connection is kept. */
  get isCalm(): boolean {
    return this.#kept.size === 0;
  }

  /** The connection at `base` is gone. */
  end(base: number): void {
    if (this.#kept.size > 0) this.#kept.delete(base);
  }

  #keep(c: StreamContext, base: number): readonly [EndControls, EndControls] {
    if (this.#kept.size >= this.bound) {
      this.#kept.delete(this.#kept.keys().next().value!);
      c.weird.count('storm_table_full');
    }
    const ends = [controlsOf(c, base, 0), controlsOf(c, base, 1)] as const;
    this.#kept.set(base, ends);
    return ends;
  }
}

function hasSentFin(c: StreamContext, base: number, dir: number): boolean {
  return (c.table.i32[base + FLAGS]! & (SENT_FIN << dir)) !== 0;
}

function hasSentReset(c: StreamContext, base: number, dir: number): boolean {
  return hasSeen(c.table, base, dir, SEEN_RST | SEEN_FIN_RST);
}

function controlsOf(c: StreamContext, base: number, dir: number): EndControls {
  return {
    fins: hasSentFin(c, base, dir) ? 1 : 0,
    resets: hasSentReset(c, base, dir) ? 1 : 0,
    lastUs: Number.NEGATIVE_INFINITY,
  };
}
