import type { WeirdCounts } from '../core/weird.js';
import { behindEtherType, skip } from './ether-type.js';
import type { Packet } from './packet.js';

const MIN_HEADER = 24;
const ADDRESS = 6;
const QOS = 2;
const SUBFRAME_HEADER = 14;
const SNAP_HEADER = 8;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_RARP = 0x8035;

/** Second nibble of frame control: the type in the low bits, of data frames the subtype's bits in the high ones. */
const TYPE_MASK = 0x0c;
const TYPE_DATA = 0x08;
const WITHOUT_DATA = 0x40;
const WITH_QOS = 0x80;
const BOTH_DS = 0x03;
const PROTECTED = 0x40;

/**
 * 802.11: IP behind LLC/SNAP in data frames that are not encrypted. Of several packets aggregated in one frame (A-MSDU) it finds the
 * first, and leaves what is behind it in `packet.rest`.
 */
export function ieee80211(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  if (at + MIN_HEADER >= end) return skip(weird, 'truncated_802_11_header');
  const control = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  if ((control & TYPE_MASK) !== TYPE_DATA || (control & WITHOUT_DATA) !== 0 || (flags & PROTECTED) !== 0) return -1;
  let body = at + MIN_HEADER + ((flags & BOTH_DS) === BOTH_DS ? ADDRESS : 0);
  let isAggregate = false;
  if ((control & WITH_QOS) !== 0) {
    if (body >= end) return skip(weird, 'truncated_802_11_header');
    isAggregate = (view.getUint8(body) & 0x80) !== 0;
    body += QOS;
  }
  if (body >= end) return skip(weird, 'truncated_802_11_header');
  return isAggregate ? firstOfAggregate(packet, body, end, weird) : behindSnap(packet, body, end, weird);
}

/**
 * IP in the subframe at `at` of an aggregate that ends at `end`. More subframes behind it are left in `packet.rest`, unless this one
 * has nothing that is known.
 */
export function firstOfAggregate(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + SUBFRAME_HEADER > end) return skip(weird, 'truncated_802_11_amsdu_header');
  const first = at + SUBFRAME_HEADER;
  const last = first + packet.view.getUint16(first - 2);
  if (last > end) return skip(weird, 'truncated_802_11_amsdu_packet');
  packet.linkEnd = last;
  const ip = behindSnap(packet, first, last, weird);
  if (ip < 0 && !isArp(packet.view, first, last)) return skip(weird, 'invalid_802_11_amsdu_inner_packet');
  // All but the last are filled up to four bytes.
  const next = at + ((last - at + 3) & ~3);
  if (next < end) {
    const { view, cut, depth, tunnel, parent } = packet;
    packet.rest = { view, at: next, end, cut, depth, tunnel, parent };
  }
  return ip;
}

function behindSnap(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  if (at + SNAP_HEADER > end) return skip(weird, 'truncated_802_11_llc_header');
  // Both service access points AA, an unnumbered frame, organization 0.
  if (view.getUint32(at) !== 0xaaaa0300 || view.getUint16(at + 4) !== 0) return -1;
  return behindEtherType(packet, view.getUint16(at + 6), at + SNAP_HEADER, end, weird);
}

function isArp(view: DataView, at: number, end: number): boolean {
  const type = at + SNAP_HEADER <= end ? view.getUint16(at + 6) : 0;
  return type === ETHERTYPE_ARP || type === ETHERTYPE_RARP;
}

/** Radiotap: what the receiver says of an 802.11 frame, its own length at 2, little-endian. */
export function radiotap(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const frame = at + 4 <= end ? at + packet.view.getUint16(at + 2, true) : end;
  return frame >= end ? skip(weird, 'truncated_radiotap_header') : ieee80211(packet, frame, end, weird);
}
