import { endianness } from 'node:os';
import type { Micros } from '../../core/time.js';

/** Offsets of native/netlink/netlink.h; a test compares them with the compiler's. */
export const eventLayout = { wallOffset: 0, drained: 8, bytes: 16, isLost: 20, hasMore: 24, batchBytes: 32 } as const;

/** What a process did, as the kernel's process connector tells it (linux/cn_proc.h). Threads are left out. */
export type ProcessEvent =
  | { readonly kind: 'fork'; readonly pid: number; readonly parent: number; readonly time: Micros }
  | { readonly kind: 'exec'; readonly pid: number; readonly time: Micros }
  | { readonly kind: 'exit'; readonly pid: number; readonly exitCode: number; readonly time: Micros }
  /** Its real and effective user, or group, are these now. */
  | {
      readonly kind: 'user' | 'group';
      readonly pid: number;
      readonly real: number;
      readonly effective: number;
      readonly time: Micros;
    };

export interface ProcessEventBatch {
  readonly events: readonly ProcessEvent[];
  /** Host clock just before the socket was read. */
  readonly drained: Micros;
  /** The kernel dropped messages since the read before. */
  readonly isLost: boolean;
  readonly hasMore: boolean;
  /** Messages that are too short for what they say to be. */
  readonly bad: number;
}

const little = endianness() === 'LE';
const NETLINK_HEADER = 16;
const CONNECTOR_HEADER = 20;
/** In a proc_event: what, cpu, time in nanoseconds, and then what depends on `what`. */
const EVENT = { what: 0, time: 8, data: 16, least: 24 } as const;
const what = { fork: 1, exec: 2, user: 4, group: 0x40, exit: 0x80000000 } as const;

/** Reads a batch as the addon wrote it. Never throws: what does not fit is counted as bad. */
export function decodeProcessEvents(buffer: ArrayBuffer): ProcessEventBatch {
  const empty = { events: [], drained: 0, isLost: false, hasMore: false };
  if (buffer.byteLength < eventLayout.batchBytes) return { ...empty, bad: 1 };
  const view = new DataView(buffer);
  const end = view.getUint32(eventLayout.bytes, little);
  if (end > buffer.byteLength) return { ...empty, bad: 1 };
  const offset = Math.round(Number(view.getBigInt64(eventLayout.wallOffset, little)) / 1000);
  const events: ProcessEvent[] = [];
  let bad = 0;
  let start: number = eventLayout.batchBytes;
  while (start + NETLINK_HEADER <= end) {
    const size = view.getUint32(start, little);
    if (size < NETLINK_HEADER || start + size > end) {
      bad++;
      break;
    }
    const at = start + NETLINK_HEADER + CONNECTOR_HEADER;
    if (at + EVENT.least > start + size) bad++;
    else {
      const event = decodeEvent(view, at, start + size, offset);
      if (event !== undefined) events.push(event);
    }
    start += (size + 3) & ~3;
  }
  return {
    events,
    drained: Math.round(Number(view.getBigInt64(eventLayout.drained, little)) / 1000) + offset,
    isLost: view.getUint32(eventLayout.isLost, little) !== 0,
    hasMore: view.getUint32(eventLayout.hasMore, little) !== 0,
    bad,
  };
}

/** `offset` from the monotonic clock to the host's. */
function decodeEvent(view: DataView, at: number, end: number, offset: Micros): ProcessEvent | undefined {
  const word = (index: number): number => {
    const place = at + EVENT.data + 4 * index;
    return place + 4 <= end ? view.getUint32(place, little) : 0;
  };
  const time = Math.round(Number(view.getBigUint64(at + EVENT.time, little)) / 1000) + offset;
  const kind = view.getUint32(at + EVENT.what, little);
  if (kind === what.fork) {
    const [, parent, thread, pid] = [word(0), word(1), word(2), word(3)];
    return thread === pid ? { kind: 'fork', pid, parent, time } : undefined;
  }
  const [thread, pid] = [word(0), word(1)];
  // An exec in any thread leaves the process with that one alone.
  if (kind === what.exec) return { kind: 'exec', pid, time };
  if (thread !== pid) return undefined;
  if (kind === what.exit) return { kind: 'exit', pid, exitCode: word(2), time };
  if (kind === what.user || kind === what.group) {
    return { kind: kind === what.user ? 'user' : 'group', pid, real: word(2), effective: word(3), time };
  }
  return undefined;
}
