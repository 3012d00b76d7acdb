import { icmpCounterpart } from '../core/community-id.js';
import type { HashKey } from '../core/hash.js';
import { limits } from '../core/limits.js';
import type { WeirdCounts } from '../core/weird.js';
import { checksumFails, Sums, sumBytes } from './checksum.js';
import { behindEtherType, ethernet } from './ether-type.js';
import { setFlowKey } from './flow-key.js';
import { FragmentTable } from './fragment.js';
import { decodeIp, type IpContext } from './ip.js';
import { linkDecoder } from './link.js';
import { META_PLAIN_TCP, META_PLAIN_UDP, META_VALID, type Packet, type RestOfFrame } from './packet.js';
import { keepEnds } from './packet-ends.js';
import { isPlainUdp } from './plain-udp.js';
import { scaleMeta } from './tcp-options.js';
import {
  flagsOf,
  headerBytesOf,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_TCP,
  PROTO_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  windowOf,
} from './transport.js';
import { erspan } from './tunnel/erspan.js';
import { IpTunnelUids } from './tunnel/ip-tunnel-uid.js';
import { ipTunnel, udpTunnel } from './tunnel/registry.js';
import { Inside, type Tunnel, type TunnelVerdict } from './tunnel/tunnel.js';
import { decodeUsualFrame, LINKTYPE_ETHERNET } from './usual-frame.js';
import { firstOfAggregate, ieee80211 } from './wireless.js';

const PROTO_IGMP = 2;
const PROTO_IPV4 = 4;
const PROTO_IPV6 = 41;
const PROTO_GRE = 47;
const UDP_HEADER = 8;
const SHORTEST_TCP_HEADER = 20;

/** Bytes to the transport layer, one packet at a time. */
export class Decoder {
  readonly #key: HashKey;
  readonly #ip: IpContext;
  readonly sums = new Sums();
  readonly #inside = new Inside();
  readonly #ipTunnelUids = new IpTunnelUids();

  constructor(verifyChecksums: boolean, key: HashKey, weird: WeirdCounts) {
    this.#key = key;
    this.#ip = { verifyChecksums, weird, fragments: new FragmentTable(key, weird) };
  }

  /**
   * Decodes the frame of link type `type` at `at` of `view` into `packet`; tunnels straight over IP are opened, so that
   * `packet` stands for what is inside. False when it belongs to no connection; what was odd has been counted. `mayBeUsual`: nobody has
   * looked yet whether it is a usual frame.
   */
  decode(
    packet: Packet,
    view: DataView,
    type: number,
    at: number,
    capLen: number,
    wireLen: number,
    mayBeUsual = true,
  ): boolean {
    packet.view = view;
    if (mayBeUsual && type === LINKTYPE_ETHERNET) {
      const { i32, base } = packet;
      const { verifyChecksums } = this.#ip;
      if (decodeUsualFrame(i32, base, view, at, capLen, wireLen, verifyChecksums, this.sums, this.#key)) return true;
    }
    packet.meta = 0;
    packet.cut = wireLen > capLen ? wireLen - capLen : 0;
    packet.vlan = -1;
    packet.innerVlan = -1;
    packet.depth = 0;
    const weird = this.#ip.weird;
    if (capLen === 0 || wireLen === 0) {
      weird.count('empty_pcap_header');
      return false;
    }
    const link = linkDecoder(type);
    // What is not known is taken for IP, as in Zeek.
    if (link === undefined) weird.count('unknown_link_type');
    const end = Math.min(at + capLen, view.byteLength);
    packet.linkEnd = end;
    const ip = link === undefined ? at : link(packet, at, end, weird);
    if (ip < 0 || !decodeIp(this.#ip, packet, ip, packet.linkEnd, at + wireLen)) return false;
    if (readPorts(packet, weird)) {
      this.#complete(packet);
      return true;
    }
    return isIpTunnel(packet.proto) && this.#openIpTunnel(packet);
  }

  /** Decodes the next packet of a frame with several into `packet`. False as for `decode`. */
  decodeRest(packet: Packet, rest: RestOfFrame): boolean {
    const { weird } = this.#ip;
    packet.view = rest.view;
    packet.meta = 0;
    packet.cut = rest.cut;
    packet.vlan = -1;
    packet.innerVlan = -1;
    packet.depth = rest.depth;
    packet.tunnel = rest.tunnel;
    packet.parent = rest.parent;
    weird.inTunnel = rest.depth > 0;
    packet.linkEnd = rest.end;
    const ip = firstOfAggregate(packet, rest.at, rest.end, weird);
    return this.#decodeFromIp(packet, ip, rest.end);
  }

  /** What the rest of the row says is known: adds the checksum's verdict and the key of the connection. */
  #complete(packet: Packet): void {
    packet.badChecksum = this.#ip.verifyChecksums && checksumFails(packet, this.sums);
    setFlowKey(this.#key, packet);
    if (isPlainTcp(packet)) packet.meta |= META_VALID | META_PLAIN_TCP;
    else packet.meta |= META_VALID | (isPlainUdp(packet) ? META_PLAIN_UDP : scaleOf(packet));
  }

  /** The tunnel that the UDP packet `outer`, on a connection to `responderPort`, may be. */
  udpTunnel(outer: Packet, responderPort: number): Tunnel | undefined {
    return udpTunnel(outer.view, outer.at + UDP_HEADER, payloadEnd(outer), responderPort);
  }

  /**
   * Looks for the tunnel's header in the UDP packet `outer`. When there is a packet inside, `decodeInner` decodes it. `isConfirmed`: see
   * `Inside`.
   */
  openUdp(tunnel: Tunnel, outer: Packet, isConfirmed: boolean): TunnelVerdict {
    const { weird } = this.#ip;
    this.#inside.isConfirmed = isConfirmed;
    weird.inTunnel = outer.depth > 0;
    const verdict = tunnel.open(outer, outer.at + UDP_HEADER, payloadEnd(outer), this.#inside, weird);
    weird.inTunnel = false;
    return verdict;
  }

  /** Counts a tunnel that is left closed because `limits.tunnelDepth` of them lie around it. */
  countTooDeep({ name }: Tunnel): void {
    this.#ip.weird.inTunnel = true;
    const source = name === 'ip' ? 'IPINIP' : name.toUpperCase();
    if (name === 'gtpv1') this.#ip.weird.count('tunnel_depth');
    else this.#ip.weird.count('exceeded_tunnel_max_depth', { source });
    this.#ip.weird.inTunnel = false;
  }

  /**
   * Decodes into `packet` what `openUdp` has just found in `outer`; `parent` is the uid of the connection that carries
   * it. False as for `decode`.
   */
  decodeInner(packet: Packet, outer: Packet, tunnel: Tunnel, parent: string): boolean {
    packet.meta = 0;
    packet.view = outer.view;
    packet.timeUs = outer.timeUs;
    packet.source = outer.source;
    packet.cut = outer.cut;
    packet.depth = outer.depth + 1;
    packet.tunnel = tunnel.name;
    // GRE is the same tunnel with and without UDP below.
    packet.parent = tunnel.name === 'gre' ? this.#ipTunnelUids.uidOf(outer) : parent;
    return this.#decodeInside(packet);
  }

  /** Makes `packet`, a tunnel straight over IP, stand for what is inside. */
  #openIpTunnel(packet: Packet): boolean {
    const tunnel = ipTunnel(packet.proto);
    if (tunnel === undefined) return false;
    if (packet.depth >= limits.tunnelDepth) {
      this.countTooDeep(tunnel);
      return false;
    }
    const { weird } = this.#ip;
    weird.inTunnel = packet.depth > 0;
    const verdict = tunnel.open(packet, packet.at, payloadEnd(packet), this.#inside, weird);
    weird.inTunnel = false;
    if (verdict !== 'inside') return false;
    keepEnds(weird, packet);
    packet.depth++;
    packet.tunnel = tunnel.name;
    packet.parent = this.#ipTunnelUids.uidOf(packet);
    return this.#decodeInside(packet);
  }

  #decodeInside(packet: Packet): boolean {
    const { weird } = this.#ip;
    const { layer, etherType, at, end } = this.#inside;
    packet.vlan = -1;
    packet.innerVlan = -1;
    weird.inTunnel = true;
    packet.linkEnd = end;
    let ip = at;
    if (layer === 'ethernet') ip = ethernet(packet, at, end, weird);
    else if (layer === 'ether_type') ip = behindEtherType(packet, etherType, at, end, weird);
    else if (layer === 'erspan') ip = erspan(packet, at, end, weird);
    else if (layer === 'ieee802_11') ip = ieee80211(packet, at, end, weird);
    return this.#decodeFromIp(packet, ip, end);
  }

  /** Decodes what lies at `ip`, if that is 0 or more, in a frame whose captured bytes end at `end`; resets `weird.inTunnel`. */
  #decodeFromIp(packet: Packet, ip: number, end: number): boolean {
    const { weird } = this.#ip;
    const isIp = ip >= 0 && decodeIp(this.#ip, packet, ip, packet.linkEnd, end + packet.cut);
    const belongs = isIp && readPorts(packet, weird);
    weird.inTunnel = false;
    if (belongs) this.#complete(packet);
    return belongs || (isIp && isIpTunnel(packet.proto) && this.#openIpTunnel(packet));
  }
}

/** Where the captured payload of the IP packet ends; padding of the link layer lies behind it. */
function payloadEnd(packet: Packet): number {
  const { at, length, captured } = packet;
  return at + (length === 0 ? captured : Math.min(length, captured));
}

function isIpTunnel(proto: number): boolean {
  return proto === PROTO_IPV4 || proto === PROTO_IPV6 || proto === PROTO_GRE;
}

/** Whether an IGMP message's checksum holds (RFC 3376 4.1.2); true of one that is cut. */
function igmpChecksumHolds(packet: Packet): boolean {
  const length = packet.length === 0 ? packet.captured : packet.length;
  return packet.captured < length || sumBytes(packet.view, packet.at, length) === 0xffff;
}

/** Whether the shortest header of the transport protocol is there. */
function hasHeader(packet: Packet, bytes: number, source: string, weird: WeirdCounts): boolean {
  if (packet.length !== 0 && packet.length < bytes) {
    weird.count('truncated_header', { source });
    return false;
  }
  if (packet.captured < bytes) {
    weird.count('internally_truncated_header', { source });
    return false;
  }
  return true;
}

/** False also for tunnels, which have none. */
function readPorts(packet: Packet, weird: WeirdCounts): boolean {
  const { view, at, proto } = packet;
  packet.oneWay = false;
  switch (proto) {
    case PROTO_TCP:
      if (!hasHeader(packet, SHORTEST_TCP_HEADER, 'TCP', weird)) return false;
      packet.sport = view.getUint16(at);
      packet.dport = view.getUint16(at + 2);
      packet.seq = view.getInt32(at + 4);
      packet.ack = view.getInt32(at + 8);
      packet.control = view.getInt32(at + 12);
      return true;
    case PROTO_UDP:
      if (!hasHeader(packet, UDP_HEADER, 'UDP', weird)) return false;
      packet.sport = view.getUint16(at);
      packet.dport = view.getUint16(at + 2);
      packet.udpLength = view.getUint16(at + 4);
      return true;
    case PROTO_ICMP:
    case PROTO_ICMPV6: {
      if (!hasHeader(packet, 8, 'ICMP', weird)) return false;
      const type = view.getUint8(at);
      const counterpart = icmpCounterpart(proto === PROTO_ICMP ? 4 : 6, type);
      packet.sport = type;
      packet.dport = counterpart ?? view.getUint8(at + 1);
      packet.oneWay = counterpart === undefined;
      return true;
    }
    case PROTO_IGMP:
      // As in Zeek, which looks into it, it makes no connection.
      if (!igmpChecksumHolds(packet)) weird.count('igmp_invalid_checksum');
      return false;
    case PROTO_IPV4:
    case PROTO_IPV6:
    case PROTO_GRE:
      return false;
    default:
      packet.sport = 0;
      packet.dport = 0;
      return true;
  }
}

/** What the meta of a SYN says of its window scale; 0 for other packets. */
function scaleOf({ proto, control, view, at, captured }: Packet): number {
  if (proto !== PROTO_TCP || (flagsOf(control) & TCP_SYN) === 0) return 0;
  return scaleMeta(view, at + SHORTEST_TCP_HEADER, at + Math.min(captured, headerBytesOf(control)));
}

/** See META_PLAIN_TCP. */
function isPlainTcp(packet: Packet): boolean {
  if (packet.proto !== PROTO_TCP || packet.badChecksum || packet.depth > 0) return false;
  const { control, length } = packet;
  const headerBytes = headerBytesOf(control);
  return (
    (flagsOf(control) & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) === TCP_ACK &&
    windowOf(control) !== 0 &&
    packet.ack !== 0 &&
    headerBytes >= SHORTEST_TCP_HEADER &&
    headerBytes <= length &&
    packet.captured >= length
  );
}
