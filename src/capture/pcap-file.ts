import { limits } from '../core/limits.js';
import type { CaptureFailure, CaptureFormat, RecordParser } from './capture-format.js';
import { frameKernel } from './frame-kernel.js';
import { HEADER_OFFSETS, MAX_PACKETS, type PacketBatch } from './packet-batch.js';

const MAGIC_MICROS = 0xa1b2c3d4;
const MAGIC_NANOS = 0xa1b23c4d;
/** Kuznetzov's "modified" pcap, which Red Hat's tcpdump wrote once: interface, protocol and direction stand behind each record's lengths. */
const MAGIC_MODIFIED = 0xa1b2cd34;
const MAGICS: readonly number[] = [MAGIC_MICROS, MAGIC_NANOS, MAGIC_MODIFIED];
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MODIFIED_RECORD_HEADER_BYTES = 24;
/** Before version 2.4 the length on the wire may stand before the captured one: libpcap swapped them with 2.3, other writers later. */
const MINOR_OF_SETTLED_LENGTHS = 4;

/** What of a record's form differs between files. */
interface RecordForm {
  readonly littleEndian: boolean;
  readonly headerBytes: number;
  /** Whether the lesser of the two lengths, and not the first, is the captured one. */
  readonly lesserCaptured: boolean;
  readonly ticksPerMicro: number;
  readonly linkType: number;
}

function swapBytes(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function capturedLength(view: DataView, at: number, { littleEndian, lesserCaptured }: RecordForm): number {
  const first = view.getUint32(at + 8, littleEndian);
  return lesserCaptured ? Math.min(first, view.getUint32(at + 12, littleEndian)) : first;
}

/** Adds the complete records of bytes[start, end) to the batch; stops at an incomplete one, a full batch or a bad length. */
function readRecords(batch: PacketBatch, start: number, end: number, form: RecordForm): number {
  const { view, timeUs, capLen, wireLen, offset, link } = batch;
  const { littleEndian, headerBytes, lesserCaptured, ticksPerMicro, linkType } = form;
  let count = batch.count;
  let at = start;
  while (count < MAX_PACKETS && end - at >= headerBytes) {
    const captured = capturedLength(view, at, form);
    const data = at + headerBytes;
    if (captured > limits.packetBytes || captured > end - data) break;
    const seconds = view.getUint32(at, littleEndian);
    timeUs[count] = seconds * 1_000_000 + Math.floor(view.getUint32(at + 4, littleEndian) / ticksPerMicro);
    capLen[count] = captured;
    const second = view.getUint32(at + 12, littleEndian);
    wireLen[count] = lesserCaptured ? Math.max(view.getUint32(at + 8, littleEndian), second) : second;
    offset[count] = data;
    link[count] = linkType;
    // Told here and not behind the loop: V8 compiles the loop while it runs for the first time, and left that code for the slow one at every
    // end of it, for want of a type (V8 11.3).
    batch.count = ++count;
    at = data + captured;
  }
  return at;
}

function formOf(view: DataView, at: number): RecordForm {
  const littleEndian = MAGICS.includes(view.getUint32(at, true));
  const magic = view.getUint32(at, littleEndian);
  return {
    littleEndian,
    headerBytes: magic === MAGIC_MODIFIED ? MODIFIED_RECORD_HEADER_BYTES : RECORD_HEADER_BYTES,
    lesserCaptured: view.getUint16(at + 6, littleEndian) < MINOR_OF_SETTLED_LENGTHS,
    ticksPerMicro: magic === MAGIC_NANOS ? 1000 : 1,
    // The high 16 bits tell whether frames carry a checksum; the link type is below them.
    linkType: view.getUint32(at + 20, littleEndian) & 0xffff,
  };
}

class PcapParser implements RecordParser {
  readonly skipBytes = 0;
  failure: CaptureFailure | undefined;
  #form: RecordForm | undefined;

  parse(batch: PacketBatch, start: number, end: number): number {
    let at = start;
    if (this.#form === undefined) {
      if (end - at < FILE_HEADER_BYTES) return at;
      this.#form = this.#readHeader(batch.view, at);
      if (this.failure !== undefined) return at;
      at += FILE_HEADER_BYTES;
    }
    const form = this.#form;
    at = this.#readRecords(batch, at, end, form);
    if (batch.count < MAX_PACKETS && end - at >= form.headerBytes) {
      const captured = capturedLength(batch.view, at, form);
      if (captured > limits.packetBytes) {
        this.failure = { code: 'CAPTURE_BAD_RECORD', message: `a record claims ${captured} captured bytes` };
      }
    }
    return at;
  }

  #readRecords(batch: PacketBatch, start: number, end: number, form: RecordForm): number {
    const kernel = frameKernel(batch.memory);
    const usual = form.headerBytes === RECORD_HEADER_BYTES && !form.lesserCaptured;
    if (kernel === undefined || !usual) return readRecords(batch, start, end, form);
    const { littleEndian, ticksPerMicro, linkType } = form;
    const { bytes, count, view } = batch;
    const { packetBytes } = limits;
    const at = kernel.records(bytes.byteOffset, start, end, count, packetBytes, !littleEndian, ticksPerMicro, linkType);
    batch.count = view.getUint32(HEADER_OFFSETS.count, true);
    return at;
  }

  #readHeader(view: DataView, at: number): RecordForm {
    const form = formOf(view, at);
    const major = view.getUint16(at + 4, form.littleEndian);
    if (major !== 2) this.failure = { code: 'CAPTURE_UNSUPPORTED', message: `pcap version ${major} is not read` };
    return form;
  }
}

/** Classic pcap with microseconds or nanoseconds, in either byte order (draft-ietf-opsawg-pcap), and the older forms that libpcap reads. */
export const pcap: CaptureFormat = {
  name: 'pcap',
  recognises: (magic) => MAGICS.includes(magic) || MAGICS.includes(swapBytes(magic)),
  createParser: () => new PcapParser(),
};
