import { icmpCounterpart } from '../core/community-id.js';
import type { HashKey } from '../core/hash.js';
import type { WeirdCounts } from '../core/weird.js';
import { FragmentTable } from './fragment.js';
import { decodeIp, type IpContext } from './ip.js';
import { linkDecoder } from './link.js';
import type { Packet } from './packet.js';

export const PROTO_ICMP = 1;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_ICMPV6 = 58;
/** Tunnels. Zeek makes no connection of the outer packet. */
const PROTO_IPV4 = 4;
const PROTO_IPV6 = 41;
const PROTO_GRE = 47;

/** Bytes to the transport layer, one packet at a time. */
export class Decoder {
  readonly #ip: IpContext;

  constructor(verifyChecksums: boolean, key: HashKey, weird: WeirdCounts) {
    this.#ip = { verifyChecksums, weird, fragments: new FragmentTable(key, weird) };
  }

  /**
   * Decodes the frame of link type `type` at `at` of `view` into `packet`. False when it belongs to no connection; what
   * was odd has been counted.
   */
  decode(packet: Packet, view: DataView, type: number, at: number, capLen: number, wireLen: number): boolean {
    packet.view = view;
    packet.whole = wireLen <= capLen;
    packet.vlan = -1;
    packet.innerVlan = -1;
    const weird = this.#ip.weird;
    const link = linkDecoder(type);
    if (link === undefined) {
      weird.count('unknown_link_type');
      return false;
    }
    const end = Math.min(at + capLen, view.byteLength);
    const ip = link(packet, at, end, weird);
    if (ip < 0 || !decodeIp(this.#ip, packet, ip, end, at + wireLen)) return false;
    return readPorts(packet, weird);
  }
}

/** Whether the shortest header of the transport protocol is there. */
function hasHeader(packet: Packet, bytes: number, weird: WeirdCounts): boolean {
  if (packet.length !== 0 && packet.length < bytes) {
    weird.count('truncated_header');
    return false;
  }
  if (packet.captured < bytes) {
    weird.count('internally_truncated_header');
    return false;
  }
  return true;
}

function readPorts(packet: Packet, weird: WeirdCounts): boolean {
  const { view, at, proto } = packet;
  packet.oneWay = false;
  switch (proto) {
    case PROTO_TCP:
    case PROTO_UDP:
      if (!hasHeader(packet, proto === PROTO_TCP ? 20 : 8, weird)) return false;
      packet.sport = view.getUint16(at);
      packet.dport = view.getUint16(at + 2);
      return true;
    case PROTO_ICMP:
    case PROTO_ICMPV6: {
      if (!hasHeader(packet, 8, weird)) return false;
      const type = view.getUint8(at);
      const counterpart = icmpCounterpart(proto === PROTO_ICMP ? 4 : 6, type);
      packet.sport = type;
      packet.dport = counterpart ?? view.getUint8(at + 1);
      packet.oneWay = counterpart === undefined;
      return true;
    }
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
