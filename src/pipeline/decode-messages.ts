import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../core/errors.js';
import type { Warning } from '../core/warnings.js';
import type { PacketSide } from '../decode/decoded-batch.js';
import type { RingMemory } from './decode-ring.js';
import type { DecodeStart } from './decoded-source.js';

/** What the decoding worker is started with. */
export interface DecodeWorkerStart extends DecodeStart {
  readonly ring: RingMemory;
  /** Where its messages go. */
  readonly port: MessagePort;
}

/** What the worker posts besides the slots of the ring. */
export type FromDecodeWorker =
  | { readonly kind: 'opened'; readonly totalBytes: number | undefined }
  /** Packet batches are numbered in the order in which they are announced. */
  | {
      readonly kind: 'batch';
      readonly buffer: SharedArrayBuffer;
      readonly offset: number;
      readonly length: number;
    }
  /** Of the slot that is read next. */
  | { readonly kind: 'sides'; readonly sides: ReadonlyMap<number, PacketSide> }
  | { readonly kind: 'weirds'; readonly weirds: Readonly<Record<string, number>> }
  | { readonly kind: 'warning'; readonly warning: Warning }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'ended' };
