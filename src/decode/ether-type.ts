import type { WeirdCounts } from '../core/weird.js';
import type { WeirdName } from '../core/weird-table.js';
import type { Packet } from './packet.js';

export const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_RARP = 0x8035;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;
const ETHERTYPE_QINQ_OLD = 0x9100;
const ETHERTYPE_PPPOE = 0x8864;
const ETHERTYPE_MPLS = 0x8847;
const ETHERTYPE_MPLS_MULTICAST = 0x8848;
const ETHERTYPE_VNTAG = 0x8926;
/** Provider backbone bridges (802.1ah): a service tag of 4 bytes, then the customer's Ethernet frame. */
const ETHERTYPE_PBB = 0x88e7;
/** Cisco FabricPath: the whole header is one of 16 bytes, then an Ethernet frame. */
const ETHERTYPE_FABRICPATH = 0x8903;
/** Zeek's bound, bytes. */
const SHORTEST_FRAME = 17;
const MAX_802_3_LENGTH = 1500;
const MIN_ETHERTYPE = 1536;
const ARP_FIXED = 8;
const PPPOE_HEADER = 6;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;
const PPP_MPLS_MULTICAST = 0x0283;

/** Tags and Ethernet headers in one frame. More are not looked behind: the frame is skipped, `max_packet_analyzer_depth_exceeded`. */
const MAX_TAGS = 16;

/** Counts why a frame is not looked into. */
export function skip(weird: WeirdCounts, name: WeirdName): -1 {
  weird.count(name);
  return -1;
}

/** Skips an MPLS label stack (RFC 3032). Nothing names what follows; as Zeek, only IP is looked for, by its version. */
function behindLabels(view: DataView, start: number, end: number, weird: WeirdCounts): number {
  for (let at = start; at + 4 < end; at += 4) if ((view.getUint8(at + 2) & 1) === 1) return at + 4;
  return skip(weird, 'truncated_link_header');
}

/** What a PPP protocol number names (RFC 1661, RFC 3032): IP's offset or -1. */
export function behindPpp(view: DataView, type: number, at: number, end: number, weird: WeirdCounts): number {
  if (type === PPP_IPV4 || type === PPP_IPV6) return at;
  return type === PPP_MPLS || type === PPP_MPLS_MULTICAST ? behindLabels(view, at, end, weird) : -1;
}

/** Skips a PPPoE session header and the PPP protocol in it (RFC 2516). Padding of the frame lies behind the length. */
export function behindPppoe(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  if (at + 8 >= end) return skip(weird, 'truncated_pppoe_header');
  // The protocol counts as payload.
  const behind = at + PPPOE_HEADER + view.getUint16(at + 4);
  if (behind < end) weird.count('pppoe_extra_data_after_payload');
  else if (behind > end) weird.count('pppoe_truncated_payload');
  packet.linkEnd = Math.max(at + 8, Math.min(behind, end));
  return behindPpp(view, view.getUint16(at + 6), at + 8, packet.linkEnd, weird);
}

/** Bytes of an LLC header of which three are there: the control field of other than unnumbered frames has two bytes. */
function llcBytes(view: DataView, at: number): number {
  return (view.getUint8(at + 2) & 3) === 3 ? 3 : 4;
}

/** Behind the EtherType in an 802.2 SNAP header without organization at `at`; -1 for other LLC and for one that is cut. */
function behindLlc(view: DataView, at: number, end: number, weird: WeirdCounts): number {
  const points = view.getUint16(at);
  // Novell's IPX without LLC.
  if (points === 0xffff) return skip(weird, 'no_suitable_analyzer_found');
  if (points !== 0xaaaa) {
    return at + 3 > end || at + llcBytes(view, at) > end ? skip(weird, 'truncated_llc_header') : -1;
  }
  if (at + 3 > end) return skip(weird, 'truncated_snap_llc_header');
  const organization = at + llcBytes(view, at);
  if (organization + 5 > end) return skip(weird, 'truncated_snap_header');
  return view.getUint16(organization) === 0 && view.getUint8(organization + 2) === 0 ? organization + 5 : -1;
}

/** Looks whether an ARP or RARP packet (RFC 826) is all there; nothing else of it is of interest. */
function checkArp(view: DataView, at: number, end: number, weird: WeirdCounts): -1 {
  // Two of each kind of address, of the lengths that its fixed part tells.
  const bytes = at + ARP_FIXED <= end ? ARP_FIXED + 2 * (view.getUint8(at + 4) + view.getUint8(at + 5)) : ARP_FIXED;
  return at + bytes > end ? skip(weird, 'truncated_ARP') : -1;
}

/**
 * Follows tags, labels, PPPoE and Ethernet in Ethernet from an EtherType, whose payload is at `start`, to IP. `passed`
 * tags lie before it.
 */
export function behindEtherType(
  packet: Packet,
  firstType: number,
  start: number,
  linkEnd: number,
  weird: WeirdCounts,
  passed = 0,
): number {
  const view = packet.view;
  let type = firstType;
  let at = start;
  let end = linkEnd;
  // Whether the type is of a VLAN tag, where it may be a length instead, as in 802.3 itself.
  let isTag = false;
  for (let tags = passed; tags < MAX_TAGS; tags++) {
    switch (type) {
      case ETHERTYPE_IPV4:
      case ETHERTYPE_IPV6:
        return at;
      case ETHERTYPE_VLAN:
      case ETHERTYPE_QINQ:
      case ETHERTYPE_QINQ_OLD: {
        if (at + 4 >= end) return skip(weird, 'truncated_VLAN_header');
        const id = view.getUint16(at) & 0xfff;
        if (packet.vlan < 0) packet.vlan = id;
        else {
          if (packet.innerVlan >= 0) {
            weird.count('triple_tagged_vlan_unsupported', { addl: 'inner VLAN tag overwritten' });
          }
          packet.innerVlan = id;
        }
        type = view.getUint16(at + 2);
        at += 4;
        isTag = true;
        break;
      }
      case ETHERTYPE_VNTAG:
        if (at + 6 >= end) return skip(weird, 'truncated_vntag_header');
        type = view.getUint16(at + 4);
        at += 6;
        isTag = false;
        break;
      case ETHERTYPE_MPLS:
      case ETHERTYPE_MPLS_MULTICAST:
        return behindLabels(view, at, end, weird);
      case ETHERTYPE_ARP:
      case ETHERTYPE_RARP:
        return checkArp(view, at, end, weird);
      case ETHERTYPE_PPPOE:
        return behindPppoe(packet, at, end, weird);
      case ETHERTYPE_PBB:
        if (at + 18 >= end) return skip(weird, 'truncated_PBB_header');
        return ethernet(packet, at + 4, end, weird, tags + 1);
      default:
        if (!isTag || type >= MIN_ETHERTYPE) return -1;
        if (type > MAX_802_3_LENGTH) return skip(weird, 'undefined_vlan_protocol');
        if (at + 2 > end) return skip(weird, 'truncated_VLAN_header');
        // Padding of the frame lies behind the length.
        end = Math.min(end, at + type);
        packet.linkEnd = end;
        at = behindLlc(view, at, end, weird);
        if (at < 0) return -1;
        type = view.getUint16(at - 2);
        isTag = false;
    }
  }
  return skip(weird, 'max_packet_analyzer_depth_exceeded');
}

/** Ethernet II and 802.3, with FabricPath before them or not. `passed` as for `behindEtherType`. */
export function ethernet(packet: Packet, at: number, end: number, weird: WeirdCounts, passed = 0): number {
  const { view } = packet;
  if (at + SHORTEST_FRAME > end) return skip(weird, 'truncated_ethernet_frame');
  let start = at + 14;
  let type = view.getUint16(start - 2);
  if (type === ETHERTYPE_FABRICPATH) {
    // 14 of its 16 bytes look like an Ethernet header and have been passed.
    start += 16;
    if (start >= end) return skip(weird, 'truncated_link_header_cfp');
    type = view.getUint16(start - 2);
  }
  if (type >= MIN_ETHERTYPE) return behindEtherType(packet, type, start, end, weird, passed);
  if (type > MAX_802_3_LENGTH) return skip(weird, 'undefined_ether_type');
  // LLC follows, and padding of the frame lies behind the length; of a frame that is cut there is less than the length says.
  if (start + 2 > end) return skip(weird, 'truncated_ethernet_frame');
  const llcEnd = Math.min(end, start + type);
  packet.linkEnd = llcEnd;
  const behind = behindLlc(view, start, llcEnd, weird);
  return behind < 0 ? -1 : behindEtherType(packet, view.getUint16(behind - 2), behind, llcEnd, weird, passed);
}
