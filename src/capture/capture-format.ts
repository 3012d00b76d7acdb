import type { ErrorCode } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { PacketBatch } from './packet-batch.js';

/** Longest stretch of bytes that a parser wants to see at once: a packet of the greatest length with its header. */
export const MAX_RECORD_BYTES = limits.packetBytes + 64;

/** Why a parser cannot go on. The position is where it stopped. */
export interface CaptureFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Reads the records of one file, given to it piece by piece. It writes the columns of a batch over bytes that lie in
 * that batch already; it copies nothing and allocates nothing by a claimed length.
 */
export interface RecordParser {
  /**
   * Adds the packets of `batch.bytes[start, end)` to the batch. Returns where it stopped: at `end`, at a record that is
   * not complete (at most `MAX_RECORD_BYTES` are left then), at a full batch, or at the failure.
   */
  parse(batch: PacketBatch, start: number, end: number): number;
  /** Bytes of a record already begun that are still to be passed over in the next pieces. */
  readonly skipBytes: number;
  /** Set once, when nothing after the returned position can be read. */
  readonly failure: CaptureFailure | undefined;
}

/** A capture file format, recognised by its first four bytes. */
export interface CaptureFormat {
  readonly name: string;
  recognises(magic: number): boolean;
  createParser(): RecordParser;
}
