import type { Packet } from './packet.js';

/** The ones' complement sum of RFC 1071, folded to 16 bits, over `length` bytes; big-endian meaning. */
export function sumBytes(view: DataView, at: number, length: number): number {
  // Words are summed in the machine's order: the sum of swapped words is the swapped sum (RFC 1071, 2.B), and this saves
  // a swap per word. Two halves cannot overflow 32 bits within one datagram.
  let low = 0;
  let high = 0;
  let i = at;
  const end = at + length;
  for (const last = end - 16; i <= last; i += 16) {
    const a = view.getInt32(i, true);
    const b = view.getInt32(i + 4, true);
    const c = view.getInt32(i + 8, true);
    const d = view.getInt32(i + 12, true);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
  }
  for (; i + 4 <= end; i += 4) {
    const word = view.getInt32(i, true);
    low += word & 0xffff;
    high += word >>> 16;
  }
  if (i + 2 <= end) {
    low += view.getUint16(i, true);
    i += 2;
  }
  if (i < end) low += view.getUint8(i);
  let sum = (low & 0xffff) + (low >>> 16) + (high & 0xffff) + (high >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/**
 * Whether the checksum of the transport header and payload holds, pseudo header included (RFC 9293 3.1, RFC 768,
 * RFC 8200 8.1). Needs all `packet.length` bytes captured.
 */
export function transportChecksumHolds(packet: Packet): boolean {
  const p = packet;
  let sum = halves(p.src3) + halves(p.dst3) + p.proto + halves(p.length);
  if (p.version === 6)
    sum += halves(p.src0) + halves(p.src1) + halves(p.src2) + halves(p.dst0) + halves(p.dst1) + halves(p.dst2);
  sum += sumBytes(p.view, p.at, p.length);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}
