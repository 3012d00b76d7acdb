import { endianness } from 'node:os';
import type { Micros } from '../../core/time.js';
import { header, type MessageBatch, type NetlinkMessage, readMessages } from './message-batch.js';

/** What a process did, as the kernel's process connector tells it (linux/cn_proc.h). Threads are left out. */
export type ProcessEvent =
  | { readonly kind: 'fork'; readonly pid: number; readonly parent: number; readonly time: Micros }
  | { readonly kind: 'exec'; readonly pid: number; readonly time: Micros }
  | { readonly kind: 'exit'; readonly pid: number; readonly exitCode: number; readonly time: Micros }
  | ({ readonly kind: 'user' } & ChangedId)
  | ({ readonly kind: 'group' } & ChangedId);

/** Real and effective user, or group, of a process are these now. */
interface ChangedId {
  readonly pid: number;
  readonly real: number;
  readonly effective: number;
  readonly time: Micros;
}

const little = endianness() === 'LE';
const CONNECTOR_HEADER = 20;
/** In a proc_event: what, cpu, time in nanoseconds, and then what depends on `what`. */
const EVENT = { what: 0, time: 8, data: 16, least: 24 } as const;
const what = { fork: 1, exec: 2, user: 4, group: 0x40, exit: 0x80000000 } as const;

/** Reads a batch as the addon wrote it. */
export function decodeProcessEvents(buffer: ArrayBuffer): MessageBatch<ProcessEvent> {
  return readMessages(buffer, decodeEvent);
}

function decodeEvent({ view, start, end, offset }: NetlinkMessage): ProcessEvent | 'bad' | undefined {
  const at = start + header.bytes + CONNECTOR_HEADER;
  if (at + EVENT.least > end) return 'bad';
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
