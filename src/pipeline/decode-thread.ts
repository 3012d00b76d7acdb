import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import type { BatchPlace } from '../capture/packet-batch.js';
import type { CaptureStats } from '../capture/packet-source.js';
import { CorrelateError } from '../core/errors.js';
import type { HashKey } from '../core/hash.js';
import type { Warn } from '../core/warnings.js';
import { hashRows } from '../decode/batch-decoder.js';
import type { DecodedBatch, PacketSide } from '../decode/decoded-batch.js';
import type { LineHelper } from '../outputs/line-help.js';
import type { DecodeWorkerStart, FromDecodeWorker } from './decode-messages.js';
import { type RingMemory, RingReader, ringMemory, spareRoom } from './decode-ring.js';
import type { DecodedSource, DecodeStart } from './decoded-source.js';
import { takeDecodeWorker } from './ready-decode-worker.js';

const NO_BYTES = new DataView(new ArrayBuffer(0));
const NO_STATS: CaptureStats = { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 };

/** Capture files read and decoded by a worker. */
export class DecodeThread implements DecodedSource {
  totalBytes: number | undefined;
  readBytes = 0;
  readonly #ring: RingReader;
  readonly #memory: RingMemory;
  readonly #helps: boolean;
  readonly #key: HashKey;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #warn: Warn;
  readonly #exited: Promise<void>;
  /** Bytes of the packet batches, by their numbers. */
  readonly #views: DataView[] = [];
  readonly #stats: CaptureStats = { ...NO_STATS };
  #weirds: Readonly<Record<string, number>> = {};
  #sides: ReadonlyMap<number, PacketSide> = new Map();
  #lent = false;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;
  #exitCode: number | undefined;

  private constructor(start: DecodeStart, warn: Warn, place: BatchPlace | undefined) {
    const memory = ringMemory(place);
    const { port1, port2 } = new MessageChannel();
    this.#ring = new RingReader(memory);
    this.#memory = memory;
    this.#helps = start.helps;
    this.#key = start.decode.key;
    this.#port = port1;
    this.#warn = warn;
    this.#worker = takeDecodeWorker();
    this.#worker.postMessage({ ...start, ring: memory, port: port2 } satisfies DecodeWorkerStart, [port2]);
    this.#exited = new Promise((resolve) => {
      this.#worker.on('error', (error) => {
        this.#failure ??= error;
      });
      this.#worker.on('exit', (code) => {
        if (!this.#ended && !this.#closed) this.#exitCode = code;
        resolve();
      });
    });
  }

  /** Resolves when every file is open. The ring is made at `place`, if there is one. Rejects with the CorrelateError of the first that cannot be read. */
  static async start(start: DecodeStart, warn: Warn, place?: BatchPlace): Promise<DecodeThread> {
    const thread = new DecodeThread(start, warn, place);
    try {
      await thread.#wait();
      return thread;
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  async next(): Promise<DecodedBatch | undefined> {
    if (this.#lent) this.#ring.done();
    this.#lent = false;
    return this.#wait();
  }

  /** Takes slots until one has packets or, at the start, all files are open. */
  async #wait(): Promise<DecodedBatch | undefined> {
    for (;;) {
      if (this.#closed || this.#ended) return undefined;
      // Signals, outputs, progress.
      await nextTurn();
      if (!this.#ring.ready()) {
        await nextTurn();
        if (this.#failure !== undefined) throw this.#failure;
        // What it handed over before it ended has been taken.
        if (this.#exitCode !== undefined) throw new Error(`the decoding thread ended early with ${this.#exitCode}`);
        continue;
      }
      const { decoded, info } = this.#ring.slot;
      let opened = false;
      for (let i = 0; i < info.messages; i++) opened = this.#takeMessage() || opened;
      if (info.count === 0) {
        this.#ring.done();
        if (opened) return undefined;
        continue;
      }
      this.#lent = true;
      this.#stats.packets += info.count;
      this.#stats.bytes += info.bytes;
      this.readBytes = info.readBytes;
      decoded.count = info.count;
      decoded.wireBytes = info.wireBytes;
      decoded.view = this.#views[info.batch] ?? NO_BYTES;
      decoded.sides = this.#sides;
      if (!info.isHashed) hashRows(decoded, this.#key);
      if (this.#sides.size > 0) this.#sides = new Map();
      return decoded;
    }
  }

  /** True for the message that all files are open. */
  #takeMessage(): boolean {
    const received = receiveMessageOnPort(this.#port);
    if (received === undefined) throw new Error('the decoding thread announced a message that it did not post');
    const message = received.message as FromDecodeWorker;
    switch (message.kind) {
      case 'opened':
        this.totalBytes = message.totalBytes;
        return true;
      case 'batch':
        this.#views.push(new DataView(message.buffer, message.offset, message.length));
        return false;
      case 'sides':
        this.#sides = message.sides;
        return false;
      case 'weirds':
        this.#weirds = message.weirds;
        return false;
      case 'warning':
        this.#warn(message.warning);
        return false;
      case 'failed':
        throw message.code === undefined
          ? new Error(message.message)
          : new CorrelateError(message.code, message.message);
      case 'ended':
        this.#ended = true;
        return false;
    }
  }

  get helper(): LineHelper | undefined {
    const { memory } = this.#memory.place;
    if (!this.#ended || !this.#helps || memory === undefined) return undefined;
    return {
      memory,
      // Nobody has rows there any more.
      ...spareRoom(this.#memory),
      start: (job) => {
        this.#port.postMessage(job);
        this.#ring.call();
      },
    };
  }

  stats(): CaptureStats {
    return { ...this.#stats };
  }

  weirds(): Readonly<Record<string, number>> {
    return this.#weirds;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ring.stop();
    await this.#exited;
    this.#port.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
