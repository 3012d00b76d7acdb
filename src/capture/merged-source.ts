import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { BatchPool } from './batch-pool.js';
import { BYTES_OFFSET, DEFAULT_DATA_BYTES, MAX_PACKETS, type PacketBatch } from './packet-batch.js';
import type { CaptureStats, PacketSource } from './packet-source.js';
import type { SharedRoom } from './shared-memory.js';

/** One of the merged sources with the batch it is at. */
interface Feed {
  readonly source: PacketSource;
  readonly index: number;
  batch: PacketBatch;
  /** First packet of the batch that has not been passed on. */
  position: number;
}

/** Time of the feed's next packet. */
function headUs(feed: Feed): number {
  return feed.batch.timeUs[feed.position]!;
}

/** Whether a's next packet comes before b's: by time, ties by the order of the sources. */
function precedes(a: Feed, b: Feed): boolean {
  const difference = headUs(a) - headUs(b);
  return difference < 0 || (difference === 0 && a.index < b.index);
}

/** End of the run of packets that come before the limit, which is the next packet of another feed. */
function endOfRun(batch: PacketBatch, from: number, limitUs: number, winsTies: boolean): number {
  const { timeUs, count } = batch;
  let end = from;
  while (end < count && (timeUs[end]! < limitUs || (winsTies && timeUs[end] === limitUs))) end++;
  return end;
}

/**
 * Appends packets [from, to) to a batch, in one copy of the bytes they span. Returns how far it came: less than `to`
 * when the batch is full, `from` when not even one fits.
 */
function appendRun(
  out: PacketBatch,
  used: number,
  from: PacketBatch,
  start: number,
  to: number,
  index: number,
): number {
  const origin = from.offset[start]!;
  const room = out.bytes.length - used;
  let end = start;
  let bytes = 0;
  while (end < to && out.count + (end - start) < MAX_PACKETS) {
    const next = from.offset[end]! + from.capLen[end]! - origin;
    if (next > room) break;
    bytes = next;
    end++;
  }
  out.bytes.set(from.bytes.subarray(origin, origin + bytes), used);
  for (let i = start; i < end; i++) {
    const at = out.count++;
    out.timeUs[at] = from.timeUs[i]!;
    out.capLen[at] = from.capLen[i]!;
    out.wireLen[at] = from.wireLen[i]!;
    out.offset[at] = from.offset[i]! - origin + used;
    out.link[at] = (from.link[i]! & 0xffff) | (index << 16);
  }
  return end;
}

/** Where the next packet's bytes go in a merged batch. */
function usedBytes(batch: PacketBatch): number {
  return batch.count === 0 ? BYTES_OFFSET : batch.offset[batch.count - 1]! + batch.capLen[batch.count - 1]!;
}

/**
 * Several sources as one, in order of packet time, ties in the order given. The order within a source is kept, even where
 * its times run backwards. Packets are copied where sources interleave; a batch that lies before all other packets is
 * handed through as it is. The high 16 bits of the link column tell the source's index.
 */
class MergedSource implements PacketSource {
  readonly name: string;
  readonly totalBytes?: number;
  readonly #sources: readonly PacketSource[];
  readonly #pool: BatchPool;
  /** Sources that have more packets, unordered; undefined before the first call. */
  #feeds: Feed[] | undefined;
  /** Whose batch it is, for batches handed through. */
  readonly #owners = new Map<PacketBatch, PacketSource>();

  constructor(sources: readonly PacketSource[], forThread: boolean, room: SharedRoom | undefined) {
    this.#sources = sources;
    const batches = forThread ? limits.batchesPerThread : limits.batchesPerSource;
    this.#pool = new BatchPool({ dataBytes: DEFAULT_DATA_BYTES, batches, room });
    this.name = sources.map((source) => source.name).join(', ');
    const sizes = sources.map((source) => source.totalBytes);
    if (sizes.every((size) => size !== undefined)) this.totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  }

  get readBytes(): number {
    return this.#sources.reduce((sum, source) => sum + source.readBytes, 0);
  }

  async next(): Promise<PacketBatch | undefined> {
    this.#feeds ??= await this.#openFeeds();
    let out: PacketBatch | undefined;
    while (this.#feeds.length > 0) {
      const { first, second } = firstTwo(this.#feeds);
      const end =
        second === undefined
          ? first.batch.count
          : endOfRun(first.batch, first.position, headUs(second), first.index < second.index);
      const whole = first.position === 0 && end === first.batch.count;
      if (whole && out !== undefined) return out;
      if (whole) return this.#handThrough(first);
      out ??= await this.#pool.acquire();
      first.position = appendRun(out, usedBytes(out), first.batch, first.position, end, first.index);
      if (first.position < end) return out;
      if (first.position === first.batch.count) {
        first.source.release(first.batch);
        await this.#advance(first);
      }
    }
    return out;
  }

  release(batch: PacketBatch): void {
    const owner = this.#owners.get(batch);
    this.#owners.delete(batch);
    if (owner === undefined) this.#pool.release(batch);
    else owner.release(batch);
  }

  stats(): CaptureStats {
    const total: CaptureStats = { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 };
    for (const source of this.#sources) {
      const stats = source.stats();
      for (const key of Object.keys(total) as (keyof CaptureStats)[]) total[key] += stats[key];
    }
    return total;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  async #openFeeds(): Promise<Feed[]> {
    const feeds: Feed[] = [];
    for (const [index, source] of this.#sources.entries()) {
      const batch = await nextPackets(source);
      if (batch !== undefined) feeds.push({ source, index, batch, position: 0 });
    }
    return feeds;
  }

  async #handThrough(feed: Feed): Promise<PacketBatch> {
    const { batch, source, index } = feed;
    for (let i = 0; i < batch.count; i++) batch.link[i] = (batch.link[i]! & 0xffff) | (index << 16);
    this.#owners.set(batch, source);
    await this.#advance(feed);
    return batch;
  }

  /** Moves a feed to its next batch, or takes it out at its end. */
  async #advance(feed: Feed): Promise<void> {
    const batch = await nextPackets(feed.source);
    if (batch === undefined) {
      this.#feeds = this.#feeds?.filter((other) => other !== feed);
      return;
    }
    feed.batch = batch;
    feed.position = 0;
  }
}

/** The next batch that holds a packet, which orders its source among the others. */
async function nextPackets(source: PacketSource): Promise<PacketBatch | undefined> {
  for (;;) {
    const batch = await source.next();
    if (batch === undefined || batch.count > 0) return batch;
    source.release(batch);
  }
}

/** The feed whose packet is next, and the one after it. */
function firstTwo(feeds: readonly Feed[]): { first: Feed; second: Feed | undefined } {
  let first = feeds[0]!;
  let second: Feed | undefined;
  for (let i = 1; i < feeds.length; i++) {
    const feed = feeds[i]!;
    if (precedes(feed, first)) {
      second = first;
      first = feed;
    } else if (second === undefined || precedes(feed, second)) second = feed;
  }
  return { first, second };
}

/**
 * Merges sources by packet time. One source is returned as it is, at no cost. `forThread`: another thread sees the batches, which are made
 * in `room` if there is one.
 * @throws CorrelateError USAGE for more than `limits.captureFiles`
 */
export function mergeSources(sources: readonly PacketSource[], forThread = false, room?: SharedRoom): PacketSource {
  if (sources.length > limits.captureFiles) {
    throw new CorrelateError(
      'USAGE',
      `${sources.length} captures are given; at most ${limits.captureFiles} are merged`,
    );
  }
  const only = sources[0];
  return only !== undefined && sources.length === 1 ? only : new MergedSource(sources, forThread, room);
}
