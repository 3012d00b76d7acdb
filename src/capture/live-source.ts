import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CorrelateError, type ErrorCode, errorCodes, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { filterErrorColumn } from './filter-position.js';
import { BYTES_OFFSET, DEFAULT_DATA_BYTES, HEADER_OFFSETS, PacketBatch } from './packet-batch.js';
import type { CaptureStats, PacketSource } from './packet-source.js';
import type { SharedRoom } from './shared-memory.js';

/** The native capture (`native/capture/binding.cc`). */
export interface CaptureAddon {
  open(options: NativeOptions, buffers: readonly Uint8Array[], ready: () => void): CaptureHandle;
  take(handle: CaptureHandle): number;
  giveBack(handle: CaptureHandle, index: number): void;
  ended(handle: CaptureHandle): boolean;
  throwFailure(handle: CaptureHandle): void;
  stats(handle: CaptureHandle): CaptureStats;
  stop(handle: CaptureHandle): void;
  /** What libpcap says against a filter; empty when it compiles. */
  filterError(filter: string): string;
  /** Offsets in a batch as the C++ compiler sees them. */
  readonly layout: Readonly<Record<string, number>>;
}

type CaptureHandle = { readonly __captureHandle: never };

interface NativeOptions {
  readonly interface: string;
  readonly filter: string;
  readonly snaplen: number;
  readonly ringBytes: number;
  readonly promiscuous: boolean;
}

export interface LiveOptions {
  /** Name of the interface; `any` captures on all of them (Linux cooked). */
  readonly interface: string;
  /** BPF in libpcap's language; every packet unless given. */
  readonly filter?: string;
  /** Bytes kept of each packet, 1 to `limits.packetBytes`, which is the default. */
  readonly snaplen?: number;
  /** Size of the kernel's ring; 64 MiB unless given. Packets that find it full are counted in `kernelDrops`. */
  readonly ringBytes?: number;
  /** Also packets for other stations; true unless given. */
  readonly promiscuous?: boolean;
  /** Where the batches are made, LIVE_BYTES of it; by themselves without. */
  readonly room?: SharedRoom | undefined;
}

/** What the batches of one capture take, each on cache lines. */
export const LIVE_BYTES = limits.batchesPerSource * (BYTES_OFFSET + DEFAULT_DATA_BYTES);
const DEFAULT_RING_BYTES = 64 << 20;
const MAX_RING_BYTES = 2 ** 31 - 1;
const BUILD_LINE = 'apt-get install -y g++ libpcap-dev && node scripts/build-native.mjs';
const LITTLE_ENDIAN = endianness() === 'LE';

/** Where the addon is; the environment variable is for the build with sanitizers. */
function addonPath(): string {
  return process.env.CORRELATE_CAPTURE_ADDON ?? fileURLToPath(new URL('../../build/capture.node', import.meta.url));
}

/** Whether live capture can be tried at all. */
export function captureAddonBuilt(): boolean {
  return existsSync(addonPath());
}

/** @throws CorrelateError CAPTURE_NATIVE_MISSING */
export function loadCaptureAddon(): CaptureAddon {
  const path = addonPath();
  try {
    return createRequire(import.meta.url)(path) as CaptureAddon;
  } catch (error) {
    const reason = existsSync(path) ? messageOf(error) : `${path} does not exist`;
    throw new CorrelateError('CAPTURE_NATIVE_MISSING', `live capture is not built (${reason}); run: ${BUILD_LINE}`, {
      cause: error,
    });
  }
}

/** ` at column N`; empty when only the interface's kind of link makes the filter wrong. */
function filterPlace({ filter = '' }: LiveOptions, addon: CaptureAddon): string {
  const message = addon.filterError(filter);
  if (message === '') return '';
  return ` at column ${filterErrorColumn(filter, message, (text) => addon.filterError(text) === '')}`;
}

/** What the addon threw, as an error of this program with advice. */
function liveError(error: unknown, options: LiveOptions, addon: CaptureAddon): CorrelateError {
  const code = (error as { code?: unknown }).code;
  const known: ErrorCode = typeof code === 'string' && code in errorCodes ? (code as ErrorCode) : 'CAPTURE_OPEN_FAILED';
  const name = options.interface;
  const texts: Partial<Record<ErrorCode, string>> = {
    CAPTURE_PERMISSION: `may not capture on ${name}: the process needs the capability cap_net_raw (run as root, or: setcap cap_net_raw+ep "$(readlink -f "$(command -v node)")")`,
    CAPTURE_NO_INTERFACE: `cannot capture on ${name}`,
    CAPTURE_BAD_FILTER: `the filter "${options.filter}" does not compile${known === 'CAPTURE_BAD_FILTER' ? filterPlace(options, addon) : ''}`,
    CAPTURE_INTERFACE_LOST: `capture on ${name} ended`,
  };
  return new CorrelateError(known, `${texts[known] ?? `cannot capture on ${name}`}: ${messageOf(error)}`, {
    cause: error,
  });
}

class LiveSource implements PacketSource {
  readonly name: string;
  readonly #options: LiveOptions;
  readonly #addon: CaptureAddon;
  readonly #handle: CaptureHandle;
  readonly #batches: readonly PacketBatch[];
  readonly #borrowed = new Set<PacketBatch>();
  #readBytes = 0;
  #wake: (() => void) | undefined;

  constructor(options: LiveOptions, addon: CaptureAddon) {
    this.name = options.interface;
    this.#options = options;
    this.#addon = addon;
    const { room } = options;
    this.#batches = Array.from({ length: limits.batchesPerSource }, () => {
      return new PacketBatch(DEFAULT_DATA_BYTES, room?.take(BYTES_OFFSET + DEFAULT_DATA_BYTES));
    });
    const native: NativeOptions = {
      interface: options.interface,
      filter: options.filter ?? '',
      snaplen: options.snaplen ?? limits.packetBytes,
      ringBytes: options.ringBytes ?? DEFAULT_RING_BYTES,
      promiscuous: options.promiscuous ?? true,
    };
    const buffers = this.#batches.map((batch) => batch.bytes);
    this.#handle = addon.open(native, buffers, () => this.#wake?.());
  }

  get readBytes(): number {
    return this.#readBytes;
  }

  async next(): Promise<PacketBatch | undefined> {
    for (;;) {
      // Asked first: what becomes ready before the end is then certain to be found by take.
      const ended = this.#addon.ended(this.#handle);
      const index = this.#addon.take(this.#handle);
      if (index >= 0) return this.#lend(this.#batches[index]!);
      if (ended) {
        this.#throwFailure();
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  release(batch: PacketBatch): void {
    if (!this.#borrowed.delete(batch))
      throw new Error('a packet batch was released that is not borrowed from this source');
    this.#addon.giveBack(this.#handle, this.#batches.indexOf(batch));
  }

  stats(): CaptureStats {
    return this.#addon.stats(this.#handle);
  }

  /** Ends the capture; the packets that came before are still handed over by `next`. Takes up to some 10 ms. */
  async close(): Promise<void> {
    this.#addon.stop(this.#handle);
    this.#wake?.();
  }

  #lend(batch: PacketBatch): PacketBatch {
    batch.count = batch.view.getUint32(HEADER_OFFSETS.count, LITTLE_ENDIAN);
    batch.captureTimeUs = batch.view.getFloat64(HEADER_OFFSETS.captureTimeUs, LITTLE_ENDIAN);
    this.#readBytes += batch.view.getUint32(HEADER_OFFSETS.byteLength, LITTLE_ENDIAN);
    this.#borrowed.add(batch);
    return batch;
  }

  #throwFailure(): void {
    try {
      this.#addon.throwFailure(this.#handle);
    } catch (error) {
      throw liveError(error, this.#options, this.#addon);
    }
  }
}

function checkRange(name: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  throw new CorrelateError('USAGE', `${name} is to be a whole number from 1 to ${most}, not ${value}`);
}

/**
 * Captures on an interface. A batch is handed over when it is full, or a few milliseconds after its first packet; an
 * empty one now and then while nothing comes. Its buffers belong to the native thread when they are not borrowed: they must
 * not be transferred to another thread. The thread keeps the process alive until `close`.
 * @throws CorrelateError CAPTURE_NATIVE_MISSING, CAPTURE_NO_INTERFACE, CAPTURE_PERMISSION, CAPTURE_BAD_FILTER,
 *   CAPTURE_OPEN_FAILED, USAGE; `next` rejects with CAPTURE_INTERFACE_LOST
 */
export async function openLive(options: LiveOptions): Promise<PacketSource> {
  checkRange('snaplen', options.snaplen, limits.packetBytes);
  checkRange('ringBytes', options.ringBytes, MAX_RING_BYTES);
  const addon = loadCaptureAddon();
  try {
    return new LiveSource(options, addon);
  } catch (error) {
    throw liveError(error, options, addon);
  }
}
