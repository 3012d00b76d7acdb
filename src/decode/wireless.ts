import type { WeirdCounts } from '../core/weird.js';
import { behindEtherType, snapType } from './ether-type.js';
import type { Packet } from './packet.js';

const MIN_HEADER = 24;
const ADDRESS = 6;
const QOS = 2;
const SUBFRAME_HEADER = 14;

/** Second nibble of frame control: the type in the low bits, of data frames the subtype's bits in the high ones. */
const TYPE_MASK = 0x0c;
const TYPE_DATA = 0x08;
const WITHOUT_DATA = 0x40;
const WITH_QOS = 0x80;
const BOTH_DS = 0x03;
const PROTECTED = 0x40;

function cut(weird: WeirdCounts, name: Parameters<WeirdCounts['count']>[0]): -1 {
  weird.count(name);
  return -1;
}

/**
 * 802.11: IP behind LLC/SNAP in data frames that are not encrypted. Of several packets aggregated in one frame (A-MSDU) only the
 * first is read, the others are counted as `wireless_rest_of_aggregate`.
 */
export function ieee80211(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  if (at + MIN_HEADER >= end) return cut(weird, 'truncated_802_11_header');
  const control = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  if ((control & TYPE_MASK) !== TYPE_DATA || (control & WITHOUT_DATA) !== 0 || (flags & PROTECTED) !== 0) return -1;
  let body = at + MIN_HEADER + ((flags & BOTH_DS) === BOTH_DS ? ADDRESS : 0);
  let isAggregate = false;
  if ((control & WITH_QOS) !== 0) {
    if (body >= end) return cut(weird, 'truncated_802_11_header');
    isAggregate = (view.getUint8(body) & 0x80) !== 0;
    body += QOS;
  }
  if (body >= end) return cut(weird, 'truncated_802_11_header');
  if (!isAggregate) return behindSnap(packet, body, end, weird);
  if (body + SUBFRAME_HEADER > end) return cut(weird, 'truncated_802_11_amsdu_header');
  const first = body + SUBFRAME_HEADER;
  const last = first + view.getUint16(body + 12);
  if (last > end) return cut(weird, 'truncated_802_11_amsdu_packet');
  if (last + SUBFRAME_HEADER <= end) weird.count('wireless_rest_of_aggregate');
  return behindSnap(packet, first, last, weird);
}

function behindSnap(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 8 > end) return cut(weird, 'truncated_802_11_llc_header');
  const type = snapType(packet.view, at, end, weird);
  return type === 0 ? -1 : behindEtherType(packet, type, at + 8, end, weird);
}

/** Radiotap: what the receiver says of an 802.11 frame, its own length at 2, little-endian. */
export function radiotap(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const frame = at + 4 <= end ? at + packet.view.getUint16(at + 2, true) : end;
  return frame >= end ? cut(weird, 'truncated_radiotap_header') : ieee80211(packet, frame, end, weird);
}
