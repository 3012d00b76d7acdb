import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from './packet.js';

/**
 * Finds the IP header behind a link layer: `at` is where the frame starts, `end` where its captured bytes end. Gives the
 * IP header's offset, or -1 when the frame carries no IP (ARP and the like) or is too short (then a weird is counted).
 */
export type LinkDecoder = (packet: Packet, at: number, end: number, weird: WeirdCounts) => number;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;
const ETHERTYPE_QINQ_OLD = 0x9100;
const ETHERTYPE_PPPOE = 0x8864;
const ETHERTYPE_MPLS = 0x8847;
const ETHERTYPE_MPLS_MULTICAST = 0x8848;
const ETHERTYPE_VNTAG = 0x8926;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

/** Tags and labels in one frame. More are not looked behind: the frame is skipped. */
const MAX_TAGS = 16;

function tooShort(weird: WeirdCounts): number {
  weird.count('truncated_link_header');
  return -1;
}

/** Follows VLAN tags, VN-tags, MPLS labels and PPPoE from an EtherType to IP. */
function behindEtherType(packet: Packet, firstType: number, start: number, end: number, weird: WeirdCounts): number {
  const view = packet.view;
  let type = firstType;
  let at = start;
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    switch (type) {
      case ETHERTYPE_IPV4:
      case ETHERTYPE_IPV6:
        return at;
      case ETHERTYPE_VLAN:
      case ETHERTYPE_QINQ:
      case ETHERTYPE_QINQ_OLD: {
        if (at + 4 > end) return tooShort(weird);
        const id = view.getUint16(at) & 0xfff;
        if (packet.vlan < 0) packet.vlan = id;
        else if (packet.innerVlan < 0) packet.innerVlan = id;
        type = view.getUint16(at + 2);
        at += 4;
        break;
      }
      case ETHERTYPE_VNTAG:
        if (at + 6 > end) return tooShort(weird);
        type = view.getUint16(at + 4);
        at += 6;
        break;
      case ETHERTYPE_MPLS:
      case ETHERTYPE_MPLS_MULTICAST: {
        if (at + 4 > end) return tooShort(weird);
        const bottom = (view.getUint8(at + 2) & 1) === 1;
        at += 4;
        // Nothing names what follows the last label; as Zeek, only IP is looked for, by its version.
        if (bottom) return at;
        break;
      }
      case ETHERTYPE_PPPOE:
        if (at + 8 > end) return tooShort(weird);
        type = view.getUint16(at + 6);
        at += 8;
        return type === PPP_IPV4 || type === PPP_IPV6 ? at : -1;
      default:
        return -1;
    }
  }
  return -1;
}

function ethernet(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 14 > end) {
    weird.count('truncated_ethernet_frame');
    return -1;
  }
  const type = packet.view.getUint16(at + 12);
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return at + 14;
  return behindEtherType(packet, type, at + 14, end, weird);
}

/** LINKTYPE_LINUX_SLL: 16 bytes, protocol last. */
function linuxCooked(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 16 > end) return tooShort(weird);
  return behindEtherType(packet, packet.view.getUint16(at + 14), at + 16, end, weird);
}

/** LINKTYPE_LINUX_SLL2: 20 bytes, protocol first. */
function linuxCooked2(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 20 > end) return tooShort(weird);
  return behindEtherType(packet, packet.view.getUint16(at), at + 20, end, weird);
}

function rawIp(_packet: Packet, at: number): number {
  return at;
}

/** BSD loopback: an address family of four bytes in the byte order of the machine that captured, or big-endian. */
function loopback(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  if (at + 4 > end) return tooShort(weird);
  const little = packet.view.getUint32(at, true);
  const family = little > 0xffff ? packet.view.getUint32(at) : little;
  // AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30.
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30 ? at + 4 : -1;
}

/** PPP with or without the HDLC address and control bytes; a protocol field of one byte when it is compressed. */
function ppp(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  let p = at;
  if (p + 4 > end) return tooShort(weird);
  if (packet.view.getUint16(p) === 0xff03) p += 2;
  const first = packet.view.getUint8(p);
  const type = (first & 1) === 1 ? first : packet.view.getUint16(p);
  p += (first & 1) === 1 ? 1 : 2;
  return type === PPP_IPV4 || type === PPP_IPV6 ? p : -1;
}

/** Every link layer that is read. `types` are LINKTYPE_ and DLT_ numbers. */
export const linkLayers: readonly { name: string; types: readonly number[]; decode: LinkDecoder }[] = [
  { name: 'ethernet', types: [1], decode: ethernet },
  { name: 'null', types: [0, 108], decode: loopback },
  { name: 'ppp', types: [9], decode: ppp },
  { name: 'raw', types: [12, 14, 101, 228, 229], decode: rawIp },
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
