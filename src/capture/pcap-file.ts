import { limits } from '../core/limits.js';
import type { CaptureFailure, CaptureFormat, RecordParser } from './capture-format.js';
import { frameKernel } from './frame-kernel.js';
import { HEADER_OFFSETS, MAX_PACKETS, type PacketBatch } from './packet-batch.js';

const MAGIC_MICROS = 0xa1b2c3d4;
const MAGIC_NANOS = 0xa1b23c4d;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

function swapBytes(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Adds the complete records of bytes[start, end) to the batch; stops at an incomplete one, a full batch or a bad length. */
function readRecords(
  batch: PacketBatch,
  start: number,
  end: number,
  littleEndian: boolean,
  ticksPerMicro: number,
  linkType: number,
): number {
  const { view, timeUs, capLen, wireLen, offset, link } = batch;
  let count = batch.count;
  let at = start;
  while (count < MAX_PACKETS && end - at >= RECORD_HEADER_BYTES) {
    const captured = view.getUint32(at + 8, littleEndian);
    const data = at + RECORD_HEADER_BYTES;
    if (captured > limits.packetBytes || captured > end - data) break;
    const seconds = view.getUint32(at, littleEndian);
    timeUs[count] = seconds * 1_000_000 + Math.floor(view.getUint32(at + 4, littleEndian) / ticksPerMicro);
    capLen[count] = captured;
    wireLen[count] = view.getUint32(at + 12, littleEndian);
    offset[count] = data;
    link[count] = linkType;
    // Told here and not behind the loop: V8 compiles the loop while it runs for the first time, and left that code for the slow one at every
    // end of it, for want of a type (V8 11.3).
    batch.count = ++count;
    at = data + captured;
  }
  return at;
}

class PcapParser implements RecordParser {
  readonly skipBytes = 0;
  failure: CaptureFailure | undefined;
  #headerRead = false;
  #littleEndian = false;
  #ticksPerMicro = 1;
  #linkType = 0;

  parse(batch: PacketBatch, start: number, end: number): number {
    let at = start;
    if (!this.#headerRead) {
      if (end - at < FILE_HEADER_BYTES) return at;
      this.#readHeader(batch.view, at);
      if (this.failure !== undefined) return at;
      at += FILE_HEADER_BYTES;
    }
    at = this.#readRecords(batch, at, end);
    if (batch.count < MAX_PACKETS && end - at >= RECORD_HEADER_BYTES) {
      const captured = batch.view.getUint32(at + 8, this.#littleEndian);
      if (captured > limits.packetBytes) {
        this.failure = { code: 'CAPTURE_BAD_RECORD', message: `a record claims ${captured} captured bytes` };
      }
    }
    return at;
  }

  #readRecords(batch: PacketBatch, start: number, end: number): number {
    const littleEndian = this.#littleEndian;
    const ticks = this.#ticksPerMicro;
    const link = this.#linkType;
    const kernel = frameKernel(batch.memory);
    if (kernel === undefined) return readRecords(batch, start, end, littleEndian, ticks, link);
    const { bytes, count, view } = batch;
    const at = kernel.records(bytes.byteOffset, start, end, count, limits.packetBytes, !littleEndian, ticks, link);
    batch.count = view.getUint32(HEADER_OFFSETS.count, true);
    return at;
  }

  #readHeader(view: DataView, at: number): void {
    const magic = view.getUint32(at, true);
    this.#littleEndian = magic === MAGIC_MICROS || magic === MAGIC_NANOS;
    this.#ticksPerMicro = view.getUint32(at, this.#littleEndian) === MAGIC_NANOS ? 1000 : 1;
    const major = view.getUint16(at + 4, this.#littleEndian);
    if (major !== 2) this.failure = { code: 'CAPTURE_UNSUPPORTED', message: `pcap version ${major} is not read` };
    // The high 16 bits tell whether frames carry a checksum; the link type is below them.
    this.#linkType = view.getUint32(at + 20, this.#littleEndian) & 0xffff;
    this.#headerRead = true;
  }
}

/** Classic pcap with microseconds or nanoseconds, in either byte order (draft-ietf-opsawg-pcap). */
export const pcap: CaptureFormat = {
  name: 'pcap',
  recognises(magic) {
    const swapped = swapBytes(magic);
    return magic === MAGIC_MICROS || magic === MAGIC_NANOS || swapped === MAGIC_MICROS || swapped === MAGIC_NANOS;
  },
  createParser: () => new PcapParser(),
};
