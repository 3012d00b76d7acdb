import { limits } from '../core/limits.js';
import { BYTES_OFFSET, PacketBatch } from './packet-batch.js';
import type { SharedRoom } from './shared-memory.js';

/** What a released batch is overwritten with where that is asked for. */
export const RELEASED_BYTE = 0xdb;

export interface BatchPoolOptions {
  /** Room for packet bytes in each batch. */
  readonly dataBytes: number;
  /** Batches at most; `limits.batchesPerSource` unless given. */
  readonly batches?: number;
  /** Where the batches are made; by themselves, in memory of this thread, without. */
  readonly room?: SharedRoom | undefined;
  /** Overwrite a batch when it is given back, so that a view kept too long shows. Costs a pass over it; for tests. */
  readonly overwriteReleased?: boolean;
}

/**
 * The batches of one source, made when first needed and used again after release.
 * Bounded by `batches`; when all are borrowed, `acquire` waits for a release.
 * Releasing a batch that is not borrowed is a programming error and throws.
 */
export class BatchPool {
  readonly #options: BatchPoolOptions;
  readonly #most: number;
  #made = 0;
  readonly #free: PacketBatch[] = [];
  readonly #borrowed = new Set<PacketBatch>();
  readonly #waiting: ((batch: PacketBatch) => void)[] = [];

  constructor(options: BatchPoolOptions) {
    this.#options = options;
    this.#most = options.batches ?? limits.batchesPerSource;
  }

  acquire(): PacketBatch | Promise<PacketBatch> {
    const batch = this.#free.pop();
    if (batch !== undefined) return this.#lend(batch);
    if (this.#made < this.#most) return this.#lend(this.#make());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(batch: PacketBatch): void {
    if (!this.#borrowed.delete(batch))
      throw new Error('a packet batch was released that is not borrowed from this source');
    if (this.#options.overwriteReleased === true) batch.bytes.fill(RELEASED_BYTE);
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#free.push(batch);
    else waiter(this.#lend(batch));
  }

  #make(): PacketBatch {
    const { dataBytes, room } = this.#options;
    this.#made++;
    return new PacketBatch(dataBytes, room?.take(BYTES_OFFSET + dataBytes));
  }

  #lend(batch: PacketBatch): PacketBatch {
    batch.count = 0;
    this.#borrowed.add(batch);
    return batch;
  }
}
