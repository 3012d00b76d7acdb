import type { PacketBatch } from './packet-batch.js';

/** What a source has counted so far. Drops are packets that never reached a batch. */
export interface CaptureStats {
  /** Packets handed over. */
  packets: number;
  /** Bytes of those packets as captured. */
  bytes: number;
  /** Dropped by the kernel because its ring was full (libpcap ps_drop). 0 for files. */
  kernelDrops: number;
  /** Dropped by the interface or its driver (libpcap ps_ifdrop). 0 for files. */
  interfaceDrops: number;
  /** Dropped because no batch buffer was free. */
  engineDrops: number;
}

/**
 * Where packets come from: a capture file, standard input, an interface. Pulled, never pushed.
 */
export interface PacketSource {
  /** Name for records and messages: the file's path as given, or the interface. */
  readonly name: string;
  /** Size in bytes of what is read, for a progress bar; absent for interfaces and pipes. */
  readonly totalBytes?: number;
  /** Bytes consumed so far. */
  readonly readBytes: number;
  /**
   * The next batch, or undefined at the end. A batch from an idle interface may be empty. Rejects with CorrelateError.
   * One call at a time. A source owns `limits.batchesPerSource` batches, of which a reader may keep a few: when none is
   * free the call waits for a release.
   */
  next(): Promise<PacketBatch | undefined>;
  /** Gives a batch back; its bytes may be overwritten from now on. */
  release(batch: PacketBatch): void;
  stats(): CaptureStats;
  /** Ends the source, also while `next` waits. Batches still borrowed stay valid. */
  close(): Promise<void>;
}
