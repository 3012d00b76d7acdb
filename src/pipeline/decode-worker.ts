import { once } from 'node:events';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { totalOf } from '../capture/frame-kernel.js';
import type { PacketBatch } from '../capture/packet-batch.js';
import type { PacketSource } from '../capture/packet-source.js';
import { CorrelateError, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { WeirdCounts } from '../core/weird.js';
import { BatchDecoder } from '../decode/batch-decoder.js';
import type { DecodedBatch } from '../decode/decoded-batch.js';
import { helpWithLines, type LineJob } from '../outputs/line-help.js';
import type { DecodeWorkerStart, FromDecodeWorker } from './decode-messages.js';
import { batchRoom, RingWriter, SLOT_ROWS, type SlotInfo } from './decode-ring.js';
import { openFiles } from './decoded-source.js';

/** Reads and decodes capture files in a thread of its own, while the main thread follows the connections. */

// Set by the main thread's first message, before anything else runs.
let start!: DecodeWorkerStart;
let ring!: RingWriter;
let weird!: WeirdCounts;
let decoder!: BatchDecoder;

/** Batches that the main thread knows, in the order in which they were announced. */
const announced: PacketBatch[] = [];
/** Batches on which rows still stand, and the number of the slot that was their last. */
const lent: { readonly batch: PacketBatch; readonly until: number }[] = [];
let messages = 0;
let weirdsTold = 0;

function send(message: FromDecodeWorker): void {
  messages++;
  start.port.postMessage(message);
}

function publish(slot: Omit<SlotInfo, 'messages'>): void {
  if (weird.total > weirdsTold) {
    weirdsTold = weird.total;
    send({ kind: 'weirds', weirds: weird.snapshot() });
  }
  ring.publish({ ...slot, messages });
  messages = 0;
}

/** A slot without packets, for messages alone. */
function tell(message: FromDecodeWorker): void {
  if (ring.claim() === undefined) return;
  send(message);
  publish({ batch: -1, count: 0, wireBytes: 0, bytes: 0, readBytes: 0, isHashed: true });
  ring.flush();
}

function numberOf(batch: PacketBatch): number {
  const known = announced.indexOf(batch);
  if (known >= 0) return known;
  const { byteOffset, byteLength } = batch.bytes;
  send({ kind: 'batch', buffer: batch.buffer as SharedArrayBuffer, offset: byteOffset, length: byteLength });
  return announced.push(batch) - 1;
}

/** The slot that is being filled, of packets of several batches. */
let filling: DecodedBatch | undefined;
let bytes = 0;

/** False when the main thread wants no more. */
function decode(batch: PacketBatch, source: PacketSource): boolean {
  if (filling !== undefined && filling.count + batch.count > SLOT_ROWS) handOver(-1, source);
  filling ??= ring.claim();
  if (filling === undefined) return false;
  decoder.decode(batch, 0, batch.count, filling, true, filling.count > 0);
  bytes += totalOf(batch, batch.capLen, 0, batch.count);
  if (start.streams || !filling.isAllInRows) {
    const number = numberOf(batch);
    handOver(number, source);
    lent.push({ batch, until: ring.produced });
    return true;
  }
  // Memory that nobody reads any more is used again while it is in the caches.
  source.release(batch);
  if (filling.sides.size > 0 || filling.count > SLOT_ROWS - batch.count) handOver(-1, source);
  return true;
}

/** Hands over the slot that is being filled, whose rows stand on the batch with this number. */
function handOver(batch: number, source: PacketSource): void {
  if (filling === undefined) return;
  const { wireBytes, isHashed, count, sides } = filling;
  if (sides.size > 0) send({ kind: 'sides', sides });
  publish({ batch, count, wireBytes, bytes, readBytes: source.readBytes, isHashed });
  filling.clear();
  filling = undefined;
  bytes = 0;
}

/** Gives back the batches that the main thread is done with; waits for the oldest when only a few are left. */
function release(source: PacketSource): void {
  const most = limits.batchesPerThread - 3;
  if (lent.length > most) ring.untilConsumed(lent[0]!.until);
  while (lent.length > 0 && lent[0]!.until <= ring.consumed) source.release(lent.shift()!.batch);
}

async function read(): Promise<void> {
  const source = await openFiles(
    start.paths,
    (warning) => send({ kind: 'warning', warning }),
    batchRoom(start.ring),
    true,
  );
  try {
    tell({ kind: 'opened', totalBytes: source.totalBytes });
    for (;;) {
      const batch = await source.next();
      if (batch === undefined || !decode(batch, source)) break;
      release(source);
    }
    handOver(-1, source);
  } finally {
    await source.close();
  }
}

async function main(): Promise<void> {
  [start] = (await once(parentPort!, 'message')) as [DecodeWorkerStart];
  ring = new RingWriter(start.ring);
  weird = new WeirdCounts(start.weirds);
  decoder = new BatchDecoder(start.decode, weird);
  try {
    await read();
    tell({ kind: 'ended' });
  } catch (error) {
    const code = error instanceof CorrelateError ? error.code : undefined;
    tell({ kind: 'failed', code, message: messageOf(error) });
    return;
  }
  if (!start.helps || !ring.untilCalled()) return;
  const job = receiveMessageOnPort(start.port)?.message as LineJob | undefined;
  if (job !== undefined) helpWithLines(job);
}

void main();
