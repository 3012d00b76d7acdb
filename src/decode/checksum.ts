import { type FrameKernel, frameKernel, KERNEL_SUM_BYTES } from '../capture/frame-kernel.js';
import type { PacketBatch } from '../capture/packet-batch.js';
import type { Packet } from './packet.js';
import { headerBytesOf, PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from './transport.js';

/** The ones' complement sum of RFC 1071, folded to 16 bits, over `length` bytes; big-endian meaning. */
export function sumBytes(view: DataView, at: number, length: number): number {
  // Words are summed in the machine's order: the sum of swapped words is the swapped sum (RFC 1071, 2.B), and this saves
  // a swap per word. Sums of whole words as doubles stay exact and take 0.6 of the time of sums of halves (2026-11).
  let one = 0;
  let two = 0;
  let i = at;
  const end = at + length;
  for (const last = end - 32; i <= last; i += 32) {
    one +=
      view.getUint32(i, true) +
      view.getUint32(i + 4, true) +
      view.getUint32(i + 8, true) +
      view.getUint32(i + 12, true);
    two +=
      view.getUint32(i + 16, true) +
      view.getUint32(i + 20, true) +
      view.getUint32(i + 24, true) +
      view.getUint32(i + 28, true);
  }
  for (const last = end - 4; i <= last; i += 4) one += view.getUint32(i, true);
  if (i + 2 <= end) {
    two += view.getUint16(i, true);
    i += 2;
  }
  if (i < end) two += view.getUint8(i);
  const total = one + two;
  const low = total >>> 0;
  const high = (total - low) / 0x1_0000_0000;
  return folded((low & 0xffff) + (low >>> 16) + high);
}

/** A sum of words in the machine's order, folded to 16 bits and put in network order. */
function folded(total: number): number {
  let sum = (total & 0xffff) + (total >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** The sums of packets: in WebAssembly for what lies in the batch that is decoded, where its memory allows. */
export class Sums {
  #view: DataView | undefined;
  #offset = 0;
  #kernel: FrameKernel | undefined;

  /** The batch whose packets come next. */
  use({ memory, view }: PacketBatch): void {
    this.#kernel = frameKernel(memory);
    this.#view = view;
    this.#offset = view.byteOffset;
  }

  /** As `sumBytes`. */
  sum(view: DataView, at: number, length: number): number {
    const kernel = this.#kernel;
    if (view !== this.#view || kernel === undefined || length > KERNEL_SUM_BYTES) return sumBytes(view, at, length);
    return folded(kernel.sum(this.#offset + at, length));
  }
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/**
 * Whether the checksum of the `length` bytes of transport header and payload holds, pseudo header included (RFC 9293 3.1, RFC 768,
 * RFC 8200 8.1). Needs all of them captured.
 */
function transportChecksumHolds(packet: Packet, sums: Sums, length: number): boolean {
  const p = packet;
  let sum = halves(p.src3) + halves(p.dst3) + p.proto + halves(length);
  if (p.version === 6)
    sum += halves(p.src0) + halves(p.src1) + halves(p.src2) + halves(p.dst0) + halves(p.dst1) + halves(p.dst2);
  sum += sums.sum(p.view, p.at, length);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

const PROTO_MOBILITY = 135;
const plainSums = new Sums();

/** Whether the checksum of a mobility header (RFC 6275 6.1.1) of `length` bytes at `at` holds. Makes `packet` stand for it. */
export function mobilityChecksumHolds(packet: Packet, at: number, length: number): boolean {
  packet.proto = PROTO_MOBILITY;
  packet.at = at;
  packet.length = length;
  return transportChecksumHolds(packet, plainSums, length);
}

/** VXLAN's port: the checksum of its outer UDP header need not be right (RFC 7348 4.1). */
const VXLAN_PORT = 4789;
const UDP_HEADER = 8;

/** Whether the packet's transport checksum can be verified and is wrong. A packet that the capture cut cannot be judged. */
export function checksumFails(packet: Packet, sums: Sums): boolean {
  // Offloading may leave the IP length empty.
  const length = packet.length === 0 ? packet.captured : packet.length;
  if (packet.captured < length) return false;
  switch (packet.proto) {
    case PROTO_TCP: {
      const headerBytes = headerBytesOf(packet.control);
      return headerBytes >= 20 && headerBytes <= length && !transportChecksumHolds(packet, sums, length);
    }
    case PROTO_UDP:
      return packet.cut === 0 && udpChecksumFails(packet, sums, length);
    case PROTO_ICMP:
      return sums.sum(packet.view, packet.at, length) !== 0xffff;
    case PROTO_ICMPV6:
      return !transportChecksumHolds(packet, sums, length);
    default:
      return false;
  }
}

/** None at all (0) is lawful over IPv4 only (RFC 768). */
function udpChecksumFails(packet: Packet, sums: Sums, length: number): boolean {
  const { view, at } = packet;
  const checksum = view.getUint16(at + 6);
  if (checksum === 0 && packet.version === 4) return false;
  const carriesVxlan = packet.dport === VXLAN_PORT && length > UDP_HEADER + 22 && (view.getUint8(at + 8) & 8) !== 0;
  if (checksum === 0 && carriesVxlan) return false;
  return !transportChecksumHolds(packet, sums, length);
}
