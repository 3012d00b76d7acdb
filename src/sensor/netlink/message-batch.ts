import { endianness } from 'node:os';
import type { Micros } from '../../core/time.js';

/** Offsets of native/netlink/netlink.h; a test compares them with the compiler's. */
export const batchLayout = { wallOffset: 0, drained: 8, bytes: 16, isLost: 20, hasMore: 24, batchBytes: 32 } as const;

/** What one read of a netlink socket gave. */
export interface MessageBatch<Event> {
  readonly events: readonly Event[];
  /** Host clock just before the socket was read. */
  readonly drained: Micros;
  /** The kernel dropped messages since the read before. */
  readonly isLost: boolean;
  readonly hasMore: boolean;
  /** Messages that are too short for what they say to be. */
  readonly bad: number;
}

/** A message of the kernel, header and all, in the bytes from `start` to `end`. */
export interface NetlinkMessage {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  /** From the monotonic clock to the host's. */
  readonly offset: Micros;
}

/** Of each message (linux/netlink.h): its length, its type and flags. */
export const header = { length: 0, type: 4, flags: 6, bytes: 16 } as const;

const little = endianness() === 'LE';

/**
 * Reads a batch as the addon wrote it. `decode` says what a message tells, undefined for nothing of interest. Never throws unless `decode`
 * does: what does not fit is counted as bad, and reading stops at a message whose length is impossible.
 */
export function readMessages<Event>(
  buffer: ArrayBuffer,
  decode: (message: NetlinkMessage) => Event | 'bad' | undefined,
): MessageBatch<Event> {
  const empty = { events: [], drained: 0, isLost: false, hasMore: false };
  if (buffer.byteLength < batchLayout.batchBytes) return { ...empty, bad: 1 };
  const view = new DataView(buffer);
  const last = view.getUint32(batchLayout.bytes, little);
  if (last > buffer.byteLength) return { ...empty, bad: 1 };
  const offset = Math.round(Number(view.getBigInt64(batchLayout.wallOffset, little)) / 1000);
  const events: Event[] = [];
  let bad = 0;
  let start: number = batchLayout.batchBytes;
  while (start + header.bytes <= last) {
    const size = view.getUint32(start + header.length, little);
    const end = start + size;
    if (size < header.bytes || end > last) {
      bad++;
      break;
    }
    const event = decode({ view, start, end, offset });
    if (event === 'bad') bad++;
    else if (event !== undefined) events.push(event);
    start += (size + 3) & ~3;
  }
  return {
    events,
    drained: Math.round(Number(view.getBigInt64(batchLayout.drained, little)) / 1000) + offset,
    isLost: view.getUint32(batchLayout.isLost, little) !== 0,
    hasMore: view.getUint32(batchLayout.hasMore, little) !== 0,
    bad,
  };
}
