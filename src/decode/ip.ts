import type { WeirdCounts } from '../core/weird.js';
import { mobilityChecksumHolds, sumBytes } from './checksum.js';
import type { FragmentTable } from './fragment.js';
import { destinationOptions, routingHeader } from './ipv6-named-ends.js';
import type { Packet } from './packet.js';

/** Ends of the frame that a datagram lies in, as absolute offsets: of the captured bytes, and of the wire's. */
export interface IpContext {
  readonly verifyChecksums: boolean;
  readonly weird: WeirdCounts;
  readonly fragments: FragmentTable;
}

const PROTO_HOP_BY_HOP = 0;
const PROTO_ROUTING = 43;
const PROTO_FRAGMENT = 44;
const PROTO_ESP = 50;
const PROTO_AH = 51;
const PROTO_NONE = 59;
const PROTO_DESTINATION = 60;
const PROTO_MOBILITY = 135;

function fail(context: IpContext, name: Parameters<WeirdCounts['count']>[0]): false {
  context.weird.count(name);
  return false;
}

/**
 * Reads an IP header at `at` into `packet`, up to where the transport header starts. `end` is where the captured bytes
 * end, `wireEnd` where the frame ended on the wire. False when there is nothing to go on with: malformed (a weird is
 * counted), encrypted, or a fragment that completes nothing. Checks and their order are Zeek's.
 */
export function decodeIp(context: IpContext, packet: Packet, at: number, end: number, wireEnd: number): boolean {
  if (end - at < 20) return fail(context, 'truncated_IP');
  const version = packet.view.getUint8(at) >>> 4;
  if (version !== 4 && version !== 6) return fail(context, 'unknown_ip_version');
  const isRead =
    version === 4 ? decodeIpv4(context, packet, at, end, wireEnd) : decodeIpv6(context, packet, at, end, wireEnd);
  if (!isRead || packet.proto !== PROTO_NONE) return isRead;
  // Teredo keeps its mappings alive with such packets.
  const isBubble = packet.depth > 0 && packet.tunnel === 'teredo';
  return isBubble ? false : fail(context, 'ipv6_no_next');
}

function decodeIpv4(context: IpContext, packet: Packet, at: number, end: number, wireEnd: number): boolean {
  const view = packet.view;
  const headerBytes = (view.getUint8(at) & 15) << 2;
  const claimed = view.getUint16(at + 2);
  let total = claimed;
  if (total === 0) {
    // Segmentation offload leaves the length empty; with checksums ignored the captured length stands in for it, but
    // the datagram still counts with the length it claims, as in Zeek.
    context.weird.count('ip_hdr_len_zero');
    if (context.verifyChecksums) return false;
    total = end - at;
  }
  if (wireEnd - at < total) return fail(context, 'truncated_IP_len');
  if (headerBytes > total) return fail(context, 'invalid_IP_header_size');
  if (headerBytes > end - at) return fail(context, 'internally_truncated_header');
  if (headerBytes < 20) return fail(context, 'IPv4_min_header_size');
  if (packet.version === 6) packet.src0 = packet.src1 = packet.src2 = packet.dst0 = packet.dst1 = packet.dst2 = 0;
  packet.version = 4;
  packet.src3 = view.getInt32(at + 12);
  packet.dst3 = view.getInt32(at + 16);
  if (context.verifyChecksums && !headerSumHolds(view, at, headerBytes)) return fail(context, 'bad_IP_checksum');
  packet.proto = view.getUint8(at + 9);
  packet.ipBytes = claimed;
  packet.at = at + headerBytes;
  packet.length = total - headerBytes;
  packet.captured = end - at - headerBytes;
  const fragment = view.getUint16(at + 6);
  if ((fragment & 0x3fff) === 0) return true;
  const offset = (fragment & 0x1fff) << 3;
  const more = (fragment & 0x2000) !== 0;
  if ((fragment & 0x4000) !== 0 && packet.captured >= packet.length) context.weird.count('fragment_with_DF');
  // As in Zeek, which takes a fragment's length from its header alone.
  if (claimed === 0) return fail(context, 'fragment_protocol_inconsistency');
  return takeFragment(context, packet, view.getUint16(at + 4), offset, more, headerBytes, packet.proto);
}

/** The header's own checksum (RFC 791 3.1); written out for the usual header without options. */
function headerSumHolds(view: DataView, at: number, headerBytes: number): boolean {
  if (headerBytes !== 20) return sumBytes(view, at, headerBytes) === 0xffff;
  const a = view.getInt32(at, true);
  const b = view.getInt32(at + 4, true);
  const c = view.getInt32(at + 8, true);
  const d = view.getInt32(at + 12, true);
  const e = view.getInt32(at + 16, true);
  const low = (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff) + (e & 0xffff);
  const sum = low + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) + (e >>> 16);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** Hands a fragment to the table; true when `packet` now stands for a whole datagram (or for a lone first fragment). */
function takeFragment(
  context: IpContext,
  packet: Packet,
  id: number,
  offset: number,
  more: boolean,
  headerBytes: number,
  proto: number,
): boolean {
  if (packet.captured < packet.length) {
    // Cut by the capture, so it can never be put together; the first one still shows the ports.
    context.weird.count('incompletely_captured_fragment');
    return offset === 0;
  }
  return context.fragments.add(packet, id, offset, more, headerBytes, proto);
}

function decodeIpv6(context: IpContext, packet: Packet, at: number, end: number, wireEnd: number): boolean {
  const view = packet.view;
  if (end - at < 40) return fail(context, 'truncated_IP');
  const payload = view.getUint16(at + 4);
  const total = payload + 40;
  if (wireEnd - at < total) return fail(context, 'truncated_IP_len');
  packet.version = 6;
  packet.src0 = view.getInt32(at + 8);
  packet.src1 = view.getInt32(at + 12);
  packet.src2 = view.getInt32(at + 16);
  packet.src3 = view.getInt32(at + 20);
  packet.dst0 = view.getInt32(at + 24);
  packet.dst1 = view.getInt32(at + 28);
  packet.dst2 = view.getInt32(at + 32);
  packet.dst3 = view.getInt32(at + 36);
  packet.ipBytes = total;
  return decodeExtensions(context, packet, view.getUint8(at + 6), at + 40, end, total - 40);
}

/** Walks the extension headers of RFC 8200 section 4 and RFC 4302, also those that show only when fragments are put together. */
function decodeExtensions(
  context: IpContext,
  packet: Packet,
  firstType: number,
  firstAt: number,
  firstEnd: number,
  payload: number,
): boolean {
  let type = firstType;
  let at = firstAt;
  let end = firstEnd;
  let claimedEnd = firstAt + payload;
  let named = 0;
  let isWhole = false;
  while (isExtension(type)) {
    const { view } = packet;
    const length = extensionBytes(view, type, at, end);
    // One that the capture cut is not looked into, nor behind; as in Zeek it is then the transport.
    if (length < 0) break;
    if (at + length > claimedEnd) return fail(context, 'invalid_IP_header_size');
    if (type === PROTO_ESP) return false;
    if (type === PROTO_MOBILITY) return mobilityHeader(context, packet, at);
    const header = type;
    type = view.getUint8(at);
    if (header === PROTO_ROUTING) named = routingHeader(context.weird, packet, at, length, named);
    else if (header === PROTO_DESTINATION) named = destinationOptions(context.weird, packet, at, length, named);
    at += length;
    if (header !== PROTO_FRAGMENT) continue;
    const word = view.getUint16(at - 6);
    const id = view.getInt32(at - 4);
    const headerBytes = packet.ipBytes - (claimedEnd - at) - length;
    setTransport(packet, type, at, end, claimedEnd);
    // One within a datagram that was put together, or cut, is the last header to be looked at.
    if (isWhole) return true;
    isWhole = packet.captured >= packet.length;
    if (!takeFragment(context, packet, id, word & 0xfff8, (word & 1) === 1, headerBytes, type)) return false;
    if (!isWhole) return true;
    type = packet.proto;
    at = packet.at;
    end = at + packet.captured;
    claimedEnd = at + packet.length;
  }
  setTransport(packet, type, at, end, claimedEnd);
  return true;
}

function isExtension(type: number): boolean {
  return (
    type === PROTO_HOP_BY_HOP ||
    type === PROTO_ROUTING ||
    type === PROTO_FRAGMENT ||
    type === PROTO_ESP ||
    type === PROTO_AH ||
    type === PROTO_DESTINATION ||
    type === PROTO_MOBILITY
  );
}

/** Bytes of an extension header, from what it says of its length; -1 when they are not all there. */
function extensionBytes(view: DataView, type: number, at: number, end: number): number {
  if (at + 2 > end) return -1;
  const units = view.getUint8(at + 1);
  let bytes = 8;
  if (type === PROTO_AH) bytes = (units + 2) << 2;
  else if (type !== PROTO_FRAGMENT && type !== PROTO_ESP) bytes = (units + 1) << 3;
  return at + bytes > end ? -1 : bytes;
}

/** A signalling message between mobile hosts, which is the last header (RFC 6275 6.1). It makes no connection. */
function mobilityHeader(context: IpContext, packet: Packet, at: number): false {
  const { view } = packet;
  // As in Zeek, which keeps this length in eight bits.
  const length = (8 + 8 * view.getUint8(at + 1)) & 0xff;
  if (context.verifyChecksums && !mobilityChecksumHolds(packet, at, length)) return fail(context, 'bad_MH_checksum');
  if (view.getUint8(at) !== PROTO_NONE) context.weird.count('mobility_piggyback');
  return false;
}

function setTransport(packet: Packet, proto: number, at: number, end: number, claimedEnd: number): void {
  packet.proto = proto;
  packet.at = at;
  packet.length = claimedEnd - at;
  packet.captured = end - at;
}
