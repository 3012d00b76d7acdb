/**
 * Every bound of the program in one place. Each has a policy at the bound and a counter, both named beside it.
 * 0 never means unlimited.
 */
export const limits = {
  /** Longest packet record accepted from a file, bytes (libpcap's own maximum). Longer: CAPTURE_BAD_RECORD. */
  packetBytes: 262_144,
  /** Bytes of output lines gathered before they are written. */
  sinkChunkBytes: 1 << 18,
  /** Bytes of output lines that may wait; the producer waits beyond it. */
  sinkPendingBytes: 1 << 24,
} as const;
