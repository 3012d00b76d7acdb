import { limits } from '../core/limits.js';
import { type BatchPlace, BYTES_OFFSET, PacketBatch } from './packet-batch.js';

/** What a released batch is overwritten with where that is asked for. */
export const RELEASED_BYTE = 0xdb;

/** A page of WebAssembly's memory. */
const PAGE_BYTES = 65_536;
/** Batches start on cache lines. */
const ALIGNMENT = 64;

export interface BatchPoolOptions {
  /** Room for packet bytes in each batch. */
  readonly dataBytes: number;
  /** Batches at most; `limits.batchesPerSource` unless given. */
  readonly batches?: number;
  /** In memory that another thread may read too, of WebAssembly where it can be had. */
  readonly shared?: boolean;
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
  /** Bytes from one batch of the memory to the next. */
  readonly #stride: number;
  readonly #memory: Pick<BatchPlace, 'buffer' | 'memory'> | undefined;
  #made = 0;
  readonly #free: PacketBatch[] = [];
  readonly #borrowed = new Set<PacketBatch>();
  readonly #waiting: ((batch: PacketBatch) => void)[] = [];

  constructor(options: BatchPoolOptions) {
    this.#options = options;
    this.#most = options.batches ?? limits.batchesPerSource;
    this.#stride = Math.ceil((BYTES_OFFSET + options.dataBytes) / ALIGNMENT) * ALIGNMENT;
    this.#memory = options.shared === true ? sharedMemory(this.#most * this.#stride) : undefined;
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
    const offset = this.#made++ * this.#stride;
    const place = this.#memory && { ...this.#memory, offset };
    return new PacketBatch(this.#options.dataBytes, place);
  }

  #lend(batch: PacketBatch): PacketBatch {
    batch.count = 0;
    this.#borrowed.add(batch);
    return batch;
  }
}

/** WebAssembly wants gigabytes of addresses around a memory, which a limit of the process may refuse it. */
function sharedMemory(bytes: number): Pick<BatchPlace, 'buffer' | 'memory'> {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return { buffer: memory.buffer, memory };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { buffer: new SharedArrayBuffer(bytes) };
  }
}
