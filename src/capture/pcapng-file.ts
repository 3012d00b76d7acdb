import { limits } from '../core/limits.js';
import { type CaptureFailure, type CaptureFormat, MAX_RECORD_BYTES, type RecordParser } from './capture-format.js';
import { type FrameKernel, frameKernel } from './frame-kernel.js';
import { HEADER_OFFSETS, MAX_PACKETS, type PacketBatch } from './packet-batch.js';
import { FINEST_EXACT_TICKS, microsecondClock, type TimestampClock, ticksToMicros } from './timestamp-clock.js';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_END = 0;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** Type, length, and the length again at the end. */
const BLOCK_FRAME_BYTES = 12;
const SECTION_HEADER_BYTES = 28;
const INTERFACE_BLOCK_BYTES = 20;
const PACKET_HEADER_BYTES = 28;
const SIMPLE_HEADER_BYTES = 12;
const TRAILER_BYTES = 4;

interface CaptureInterface {
  readonly linkType: number;
  /** 0 means that packets are not cut. */
  readonly snapLength: number;
  readonly clock: TimestampClock;
}

/** What one block came to: it was used, more bytes are needed, or reading ends (`failure` is set). */
type BlockOutcome = 'done' | 'incomplete' | 'failed';

class PcapngParser implements RecordParser {
  skipBytes = 0;
  failure: CaptureFailure | undefined;
  #littleEndian = true;
  /** Interfaces of this section; a packet names one by its index here. */
  #interfaces: CaptureInterface[] = [];
  /** For simple packets, which carry no time. */
  #lastTimeUs = 0;
  /** Interface of the last packet that was not read by the kernel, which reads those of one at a time. */
  #kernelInterface = 0;

  parse(batch: PacketBatch, start: number, end: number): number {
    let at = start + this.#takeSkip(end - start);
    const kernel = frameKernel(batch.memory);
    while (batch.count < MAX_PACKETS && end - at >= BLOCK_FRAME_BYTES) {
      const from = at;
      if (kernel !== undefined) at = this.#readWith(kernel, batch, at, end);
      if (at > from) continue;
      const type = batch.view.getUint32(at, this.#littleEndian);
      if (type === SECTION_HEADER && !this.#setByteOrder(batch.view.getUint32(at + 8, true))) return at;
      const length = batch.view.getUint32(at + 4, this.#littleEndian);
      if (length < BLOCK_FRAME_BYTES || length % 4 !== 0) {
        this.#fail(`a block claims ${length} bytes`);
        return at;
      }
      if (this.#readBlock(batch, type, at, length, end) !== 'done') return at;
      this.skipBytes = length;
      at += this.#takeSkip(end - at);
    }
    return at;
  }

  /** Has the kernel read what it can; gives where it stopped. */
  #readWith(kernel: FrameKernel, batch: PacketBatch, at: number, end: number): number {
    const id = this.#kernelInterface;
    const from = this.#interfaces[id];
    if (from === undefined) return at;
    const { divide, multiply, offsetUs } = from.clock;
    if (multiply !== 1 || divide > FINEST_EXACT_TICKS || offsetUs !== 0) return at;
    const { bytes, count, timeUs, view } = batch;
    const isSwapped = !this.#littleEndian;
    const most = limits.packetBytes;
    const next = kernel.blocks(bytes.byteOffset, at, end, count, most, isSwapped, id, divide, from.linkType);
    batch.count = view.getUint32(HEADER_OFFSETS.count, true);
    if (next > at) this.#lastTimeUs = timeUs[batch.count - 1]!;
    return next;
  }

  #takeSkip(available: number): number {
    const taken = Math.min(this.skipBytes, available);
    this.skipBytes -= taken;
    return taken;
  }

  #fail(message: string, code: CaptureFailure['code'] = 'CAPTURE_BAD_RECORD'): BlockOutcome {
    this.failure = { code, message };
    return 'failed';
  }

  #setByteOrder(magicReadLittle: number): boolean {
    if (magicReadLittle === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (magicReadLittle === 0x4d3c2b1a) this.#littleEndian = false;
    else this.#fail('a section header has no byte order mark');
    return this.failure === undefined;
  }

  /** Blocks of other types (names, statistics, secrets, ...) hold no packet: only passed over, however long they are. */
  #readBlock(batch: PacketBatch, type: number, at: number, length: number, end: number): BlockOutcome {
    switch (type) {
      case ENHANCED_PACKET:
      case OBSOLETE_PACKET:
        return this.#readPacket(batch, type, at, length, end);
      case SIMPLE_PACKET:
        return this.#readSimplePacket(batch, at, length, end);
      case INTERFACE_DESCRIPTION:
        return this.#readInterface(batch.view, at, length, end);
      case SECTION_HEADER:
        return this.#readSection(batch.view, at, length, end);
      default:
        return 'done';
    }
  }

  #readPacket(batch: PacketBatch, type: number, at: number, length: number, end: number): BlockOutcome {
    const { view } = batch;
    const little = this.#littleEndian;
    if (end - at < PACKET_HEADER_BYTES) return 'incomplete';
    const captured = view.getUint32(at + 20, little);
    if (captured > limits.packetBytes || PACKET_HEADER_BYTES + captured + TRAILER_BYTES > length) {
      return this.#fail(`a packet block of ${length} bytes claims ${captured} captured bytes`);
    }
    if (end - at < PACKET_HEADER_BYTES + captured) return 'incomplete';
    const id = type === ENHANCED_PACKET ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little);
    const from = this.#interfaces[id];
    if (from === undefined) return this.#fail(`a packet names interface ${id}, which the section does not describe`);
    this.#kernelInterface = id;
    const time = ticksToMicros(from.clock, view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    this.#addPacket(batch, time, captured, view.getUint32(at + 24, little), at + PACKET_HEADER_BYTES, from.linkType);
    return 'done';
  }

  #readSimplePacket(batch: PacketBatch, at: number, length: number, end: number): BlockOutcome {
    if (end - at < SIMPLE_HEADER_BYTES) return 'incomplete';
    const from = this.#interfaces[0];
    if (from === undefined) return this.#fail('a simple packet stands before any interface');
    const original = batch.view.getUint32(at + 8, this.#littleEndian);
    const room = length - SIMPLE_HEADER_BYTES - TRAILER_BYTES;
    const snap = from.snapLength === 0 ? original : from.snapLength;
    const captured = Math.min(original, snap, room);
    if (room < 0 || captured > limits.packetBytes) {
      return this.#fail(`a simple packet block of ${length} bytes claims ${captured} captured bytes`);
    }
    if (end - at < SIMPLE_HEADER_BYTES + captured) return 'incomplete';
    this.#addPacket(batch, this.#lastTimeUs, captured, original, at + SIMPLE_HEADER_BYTES, from.linkType);
    return 'done';
  }

  #addPacket(batch: PacketBatch, timeUs: number, captured: number, wire: number, offset: number, link: number): void {
    const index = batch.count++;
    batch.timeUs[index] = timeUs;
    batch.capLen[index] = captured;
    batch.wireLen[index] = wire;
    batch.offset[index] = offset;
    batch.link[index] = link;
    this.#lastTimeUs = timeUs;
  }

  #readSection(view: DataView, at: number, length: number, end: number): BlockOutcome {
    if (length < SECTION_HEADER_BYTES) return this.#fail(`a section header claims ${length} bytes`);
    if (end - at < SECTION_HEADER_BYTES) return 'incomplete';
    const major = view.getUint16(at + 12, this.#littleEndian);
    if (major !== 1) return this.#fail(`pcapng version ${major} is not read`, 'CAPTURE_UNSUPPORTED');
    this.#interfaces = [];
    return 'done';
  }

  #readInterface(view: DataView, at: number, length: number, end: number): BlockOutcome {
    if (length < INTERFACE_BLOCK_BYTES || length > MAX_RECORD_BYTES) {
      return this.#fail(`an interface description claims ${length} bytes`);
    }
    if (end - at < length) return 'incomplete';
    if (this.#interfaces.length === limits.captureInterfaces) {
      return this.#fail(`a section describes more than ${limits.captureInterfaces} interfaces`);
    }
    this.#interfaces.push({
      linkType: view.getUint16(at + 8, this.#littleEndian),
      snapLength: view.getUint32(at + 12, this.#littleEndian),
      clock: readClock(view, at + 16, at + length - TRAILER_BYTES, this.#littleEndian),
    });
    return 'done';
  }
}

/** The clock that the options in [at, end) of an interface description give. Options that run out of it are ignored. */
function readClock(view: DataView, at: number, end: number, little: boolean): TimestampClock {
  let resolution = 6;
  let offsetSeconds = 0;
  let next = at;
  while (end - next >= 4) {
    const code = view.getUint16(next, little);
    const length = view.getUint16(next + 2, little);
    const value = next + 4;
    if (code === OPTION_END || length > end - value) break;
    if (code === OPTION_TSRESOL && length >= 1) resolution = view.getUint8(value);
    if (code === OPTION_TSOFFSET && length >= 8) offsetSeconds = Number(view.getBigInt64(value, little));
    next = value + ((length + 3) & ~3);
  }
  return microsecondClock(resolution, offsetSeconds);
}

/**
 * pcapng with sections of either byte order, several interfaces and link types (draft-ietf-opsawg-pcapng).
 * A simple packet has no time of its own and gets that of the packet before it.
 */
export const pcapng: CaptureFormat = {
  name: 'pcapng',
  recognises: (magic) => magic === SECTION_HEADER,
  createParser: () => new PcapngParser(),
};
