import { parentPort, workerData } from 'node:worker_threads';
import { LIVE_BYTES, openLive } from '../capture/live-source.js';
import type { CaptureStats, PacketSource } from '../capture/packet-source.js';
import { SharedRoom } from '../capture/shared-memory.js';
import { ConnectionTracker } from '../conn/connection-tracker.js';
import { CorrelateError, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { MILLISECOND } from '../core/time.js';
import { DECODED_BYTES } from '../decode/decoded-batch.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { FromLiveWorker, LiveStart, ToLiveWorker } from './live-messages.js';

/**
 * The network side of a live run, in a thread of its own so that a garbage collection or a slow rule on the main thread cannot
 * overrun the kernel's ring: captures, follows connections, hands over their records every few milliseconds.
 */

/** Records are handed over this often; half of it is their mean delay. */
const HANDOVER_MS = 20;
/** Packets may still be on their way from the ring: idle connections expire against a clock that is this much behind. */
const IDLE_LAG_US = 500 * MILLISECOND;
/** Captures whose packets lie where WebAssembly decodes them: what they take of its memory, 10 MB each, is bounded. */
const NEAR_CAPTURES = 32;

const port = parentPort!;
const start = workerData as LiveStart;
const send = (message: FromLiveWorker) => port.postMessage(message);

let updates: ConnectionUpdate[] = [];
let weirds: Weird[] = [];
let waiting = 0;
let updatesDropped = 0;
let stopping = false;

const hasRoom = (): boolean => waiting + updates.length + weirds.length < limits.liveUpdates;

const roomBytes = DECODED_BYTES + LIVE_BYTES * Math.min(start.interfaces.length, NEAR_CAPTURES);
const tracker = new ConnectionTracker({
  ...start.tracker,
  roomBytes,
  emit(update) {
    if (hasRoom()) updates.push(update);
    else updatesDropped++;
  },
  ...(start.weirds && {
    onWeird(weird: Weird) {
      if (hasRoom()) weirds.push(weird);
      else updatesDropped++;
    },
  }),
});

function sum(sources: readonly PacketSource[]): CaptureStats {
  const total = { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 };
  for (const source of sources) {
    const stats = source.stats();
    for (const key of Object.keys(total) as (keyof CaptureStats)[]) total[key] += stats[key];
  }
  return total;
}

function handOver(sources: readonly PacketSource[]): void {
  const now = Date.now() * 1000;
  if (!stopping) tracker.advance(now - IDLE_LAG_US);
  waiting += updates.length + weirds.length;
  send({
    kind: 'updates',
    updates,
    weirds,
    now,
    stats: { capture: sum(sources), tracker: tracker.stats, updatesDropped, updatesWaiting: waiting },
  });
  updates = [];
  weirds = [];
}

async function follow(source: PacketSource, index: number): Promise<void> {
  for (;;) {
    const batch = await source.next();
    if (batch === undefined) return;
    if (index > 0) for (let i = 0; i < batch.count; i++) batch.link[i] = (batch.link[i]! & 0xffff) | (index << 16);
    tracker.batch(batch, start.interfaces);
    source.release(batch);
  }
}

async function openAll(): Promise<PacketSource[]> {
  const sources: PacketSource[] = [];
  const room = tracker.room && new SharedRoom(tracker.room, DECODED_BYTES, roomBytes);
  try {
    for (const { name } of start.interfaces) {
      sources.push(
        await openLive({
          interface: name,
          room,
          ...(start.filter !== undefined && { filter: start.filter }),
          ...(start.snaplen !== undefined && { snaplen: start.snaplen }),
          ...(start.ringBytes !== undefined && { ringBytes: start.ringBytes }),
        }),
      );
    }
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
  return sources;
}

async function capture(): Promise<void> {
  const sources = await openAll();
  port.on('message', (message: ToLiveWorker) => {
    if (message.kind === 'taken') waiting -= message.updates;
    else {
      stopping = true;
      for (const source of sources) void source.close();
    }
  });
  send({ kind: 'started' });
  const timer = setInterval(() => handOver(sources), HANDOVER_MS);
  const followed = await Promise.allSettled(sources.map(follow));
  for (const result of followed) {
    if (result.status === 'fulfilled') continue;
    const code = result.reason instanceof CorrelateError ? result.reason.code : 'CAPTURE_INTERFACE_LOST';
    send({ kind: 'warning', warning: { code, message: messageOf(result.reason) } });
  }
  clearInterval(timer);
  stopping = true;
  tracker.end();
  handOver(sources);
}

try {
  await capture();
} catch (error) {
  send({
    kind: 'failed',
    code: error instanceof CorrelateError ? error.code : undefined,
    message: messageOf(error),
  });
}
send({ kind: 'stopped' });
port.unref();
