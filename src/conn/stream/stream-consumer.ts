import type { Micros } from '../../core/time.js';

/** 0: bytes of the originator; 1: of the responder. */
export type StreamDirection = 0 | 1;

/** What is known of a connection when its first bytes come. */
export interface StreamStart {
  readonly uid: string;
  readonly ts: Micros;
  readonly origPort: number;
  readonly respPort: number;
  /** The capture began in the middle of the connection. */
  readonly isPartial: boolean;
}

/**
 * Takes the bytes of one TCP connection, each direction in order and each byte once; where segments overlap, the one that came first
 * holds. Calls happen while a packet is taken. A consumer that answers false wants nothing more: it is let go without `close`, and
 * the connection costs what it does without one.
 */
export interface StreamConsumer {
  /** The next bytes of a direction, at least one. The view is borrowed: it is void when the call returns. */
  data(direction: StreamDirection, bytes: Uint8Array): boolean;
  /** That many bytes of a direction are missing: the capture lost them, or a bound was met. What comes next lies behind them. */
  gap(direction: StreamDirection, length: number): boolean;
  /** The direction has ended with a FIN or RST, and all its bytes have come. */
  end(direction: StreamDirection): void;
  /** Originator and responder have changed places: what was direction 0 is 1 from now on. Only before the first bytes. */
  flip(): void;
  /** The connection is over; its record comes next. */
  close(): void;
}

/** Gives the consumer of a connection whose first bytes have come; undefined when nobody wants them. */
export type OpenStream = (start: StreamStart) => StreamConsumer | undefined;
