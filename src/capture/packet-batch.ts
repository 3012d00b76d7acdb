import type { Micros } from '../core/time.js';

/**
 * A batch of packets in one piece of memory, the same layout from a file reader and from the native capture
 * (`native/capture/batch.h`; `test/capture/layout.test.ts` compares the offsets):
 *
 *     0              header: count u32, byteLength u32, kernelDrops u32, engineDrops u32, captureTimeUs f64, bytesWanted u32 (28 of 64 bytes used)
 *     64             timeUs    f64 x MAX   microseconds since the epoch (nanoseconds are cut)
 *     + 8 MAX        capLen    u32 x MAX   bytes captured
 *     + 4 MAX        wireLen   u32 x MAX   bytes on the wire
 *     + 4 MAX        offset    u32 x MAX   where the packet starts, from the start of the batch
 *     + 4 MAX        link      u32 x MAX   low 16 bits LINKTYPE, high 16 bits index of the source in a merged stream, else 0
 *     BYTES_OFFSET   packet bytes
 *
 * A batch is borrowed: whoever got it from a source gives it back with `release`, after which its views are void.
 */
export const MAX_PACKETS = 8192;
export const HEADER_BYTES = 64;
/** Where the native capture writes the header's fields. A file reader leaves the header alone and sets the members. */
export const HEADER_OFFSETS = { count: 0, byteLength: 4, kernelDrops: 8, engineDrops: 12, captureTimeUs: 16 } as const;
/** Where `frames` of a FrameKernel puts whether there was a packet of which not all is in its row. */
export const BYTES_WANTED_OFFSET = 24;
export const BYTES_OFFSET = HEADER_BYTES + MAX_PACKETS * (8 + 4 + 4 + 4 + 4);
/** Room for packet bytes; also the size of one read from a file. */
export const DEFAULT_DATA_BYTES = 1 << 20;

/** Where something lies in memory that another thread may read too; the offset is a multiple of 8. */
export interface BatchPlace {
  readonly buffer: SharedArrayBuffer;
  /** The memory of WebAssembly that this is the buffer of. */
  readonly memory?: WebAssembly.Memory;
  readonly offset: number;
}

export class PacketBatch {
  readonly buffer: ArrayBufferLike;
  /** The batch from its header on. */
  readonly bytes: Uint8Array;
  /** The same, for reading numbers of either byte order. */
  readonly view: DataView;
  readonly timeUs: Float64Array;
  readonly capLen: Uint32Array;
  readonly wireLen: Uint32Array;
  readonly offset: Uint32Array;
  readonly link: Uint32Array;
  /** Packets in the batch. */
  count = 0;
  /** The capturing host's clock when the batch was closed; absent for files. Packets stamped a block timeout earlier may follow. */
  captureTimeUs: Micros | undefined = undefined;

  /** Memory of WebAssembly that the batch lies in. */
  readonly memory: WebAssembly.Memory | undefined;

  /** `place`: where it lies in a memory; in a buffer of its own without. */
  constructor(dataBytes: number = DEFAULT_DATA_BYTES, place?: BatchPlace) {
    const length = BYTES_OFFSET + dataBytes;
    const start = place?.offset ?? 0;
    this.memory = place?.memory;
    this.buffer = place?.buffer ?? new ArrayBuffer(length);
    this.bytes = new Uint8Array(this.buffer, start, length);
    this.view = new DataView(this.buffer, start, length);
    let at = start + HEADER_BYTES;
    this.timeUs = new Float64Array(this.buffer, at, MAX_PACKETS);
    at += MAX_PACKETS * 8;
    this.capLen = new Uint32Array(this.buffer, at, MAX_PACKETS);
    at += MAX_PACKETS * 4;
    this.wireLen = new Uint32Array(this.buffer, at, MAX_PACKETS);
    at += MAX_PACKETS * 4;
    this.offset = new Uint32Array(this.buffer, at, MAX_PACKETS);
    at += MAX_PACKETS * 4;
    this.link = new Uint32Array(this.buffer, at, MAX_PACKETS);
  }
}
