import type { WeirdCounts } from '../core/weird.js';
import { behindEtherType, behindPpp, behindPppoe, ethernet, skip } from './ether-type.js';
import type { Packet } from './packet.js';
import { ieee80211, radiotap } from './wireless.js';

/**
 * Finds the IP header behind a link layer: `at` is where the frame starts, `end` where its captured bytes end. Gives the
 * IP header's offset, or -1 when the frame carries no IP (ARP and the like) or is too short (then a weird is counted).
 */
export type LinkDecoder = (packet: Packet, at: number, end: number, weird: WeirdCounts) => number;

/** LINKTYPE_LINUX_SLL: 16 bytes, protocol last. */
function linuxCooked(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 16 >= end) return skip(weird, 'truncated_Linux_SLL_header');
  return behindEtherType(packet, packet.view.getUint16(at + 14), at + 16, end, weird);
}

/** LINKTYPE_LINUX_SLL2: 20 bytes, protocol first. */
function linuxCooked2(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 20 >= end) return skip(weird, 'truncated_Linux_SLL2_header');
  return behindEtherType(packet, packet.view.getUint16(at), at + 20, end, weird);
}

/** Header of FDDI and LLC with SNAP, taken for IP as Zeek does. */
const FDDI_BYTES = 13 + 8;

function fddi(_packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  return at + FDDI_BYTES < end ? at + FDDI_BYTES : skip(weird, 'FDDI_analyzer_failed');
}

function rawIp(_packet: Packet, at: number): number {
  return at;
}

/** BSD loopback: an address family of four bytes in the byte order of the machine that captured, or big-endian. */
function loopback(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 4 >= end) return skip(weird, 'null_analyzer_failed');
  const little = packet.view.getUint32(at, true);
  const family = little > 0xffff ? packet.view.getUint32(at) : little;
  // AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30.
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30 ? at + 4 : -1;
}

/** PPP with or without the HDLC address and control bytes; a protocol field of one byte when it is compressed. */
function ppp(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  let p = at;
  if (p + 2 >= end) return skip(weird, 'truncated_ppp_header');
  if (packet.view.getUint16(p) === 0xff03) {
    p += 2;
    if (p + 2 >= end) return skip(weird, 'truncated_ppp_hdlc_header');
  }
  const first = packet.view.getUint8(p);
  const type = (first & 1) === 1 ? first : packet.view.getUint16(p);
  p += (first & 1) === 1 ? 1 : 2;
  return behindPpp(packet.view, type, p, end, weird);
}

/** DLT_PPP_SERIAL: address and control bytes are always there. */
function pppSerial(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 4 >= end) return skip(weird, 'truncated_ppp_serial_header');
  return behindPpp(packet.view, packet.view.getUint16(at + 2), at + 4, end, weird);
}

/** DLT_PPP_ETHER: PPPoE without Ethernet. */
function pppEther(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  return behindPppoe(packet, at, end, weird);
}

const AF_INET = 2;
const AF_INET6 = 10;
const NFLOG_PAYLOAD = 9;

/** Linux's log of a packet filter: attributes in the byte order of the machine, taken for little-endian, then IP. */
function nflog(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  if (at + 4 >= end) {
    weird.count('truncated_nflog_header');
    return -1;
  }
  const family = view.getUint8(at);
  if (view.getUint8(at + 1) !== 0) {
    weird.count('unknown_nflog_version');
    return -1;
  }
  for (let p = at + 4; p + 4 < end; ) {
    const length = view.getUint16(p, true);
    if (view.getUint16(p + 2, true) === NFLOG_PAYLOAD) return family === AF_INET || family === AF_INET6 ? p + 4 : -1;
    if (length < 4) {
      weird.count('nflog_bad_tlv_len');
      return -1;
    }
    const padded = (length + 3) & ~3;
    if (padded > end - p) {
      weird.count('nflog_bad_tlv_len', { addl: `(${padded} > ${end - p})` });
      return -1;
    }
    p += padded;
  }
  weird.count('nflog_no_pcap_payload');
  return -1;
}

/** PKTAP of macOS, little-endian: the header's length first, the link type of what follows it at 8. */
function pktap(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 12 > end) return skip(weird, 'truncated_pktap_header');
  const frame = at + packet.view.getUint32(at, true);
  const inner = linkDecoder(packet.view.getUint32(at + 8, true));
  if (frame < at + 12 || frame > end) return skip(weird, 'truncated_pktap_header');
  return inner === undefined || inner === pktap ? -1 : inner(packet, frame, end, weird);
}

/** Every link layer that is read. `types` are LINKTYPE_ and DLT_ numbers. */
export const linkLayers: readonly { name: string; types: readonly number[]; decode: LinkDecoder }[] = [
  { name: 'ethernet', types: [1], decode: ethernet },
  { name: 'null', types: [0, 108], decode: loopback },
  { name: 'ppp', types: [9], decode: ppp },
  { name: 'ppp_serial', types: [50], decode: pppSerial },
  { name: 'ppp_ether', types: [51], decode: pppEther },
  { name: 'fddi', types: [10], decode: fddi },
  { name: 'pktap', types: [258], decode: pktap },
  { name: 'raw', types: [12, 14, 101, 228, 229], decode: rawIp },
  { name: 'ieee802_11', types: [105], decode: ieee80211 },
  { name: 'ieee802_11_radio', types: [127], decode: radiotap },
  { name: 'nflog', types: [239], decode: nflog },
  { name: 'linux_sll', types: [113], decode: linuxCooked },
  { name: 'linux_sll2', types: [276], decode: linuxCooked2 },
];

const MAX_TYPE = 512;
const byType: (LinkDecoder | undefined)[] = new Array<LinkDecoder | undefined>(MAX_TYPE).fill(undefined);
for (const layer of linkLayers) for (const type of layer.types) byType[type] = layer.decode;

/** The decoder of a link type, undefined for one that is not read. */
export function linkDecoder(type: number): LinkDecoder | undefined {
  return type < MAX_TYPE ? byType[type] : undefined;
}
