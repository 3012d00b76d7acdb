import type { WeirdCounts } from '../../core/weird.js';
import type { WeirdName } from '../../core/weird-table.js';
import { enter, type Inside, type Tunnel, type TunnelVerdict } from './tunnel.js';

const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
const ACKNOWLEDGEMENT = 0x0080;
const RESERVED = 0x0078;
const VERSION = 0x0007;

const TYPE_ETHERNET = 0x6558;
const TYPE_ERSPAN = 0x88be;
const TYPE_ERSPAN_III = 0x22eb;
const TYPE_PPP = 0x880b;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_HEADER = 4;

/** The types under which Aruba's access points send 802.11 frames: 8200 to 8370 in steps of 16, and 9000. */
function isAruba(type: number): boolean {
  return type === 0x9000 || ((type & 0x0f) === 0 && type >= 0x8200 && type <= 0x8370);
}

function greHeaderBytes(flags: number): number {
  let bytes = 4;
  if ((flags & CHECKSUM) !== 0) bytes += 4;
  if ((flags & KEY) !== 0) bytes += 4;
  if ((flags & SEQUENCE) !== 0) bytes += 4;
  if ((flags & ACKNOWLEDGEMENT) !== 0) bytes += 4;
  return bytes;
}

function fail(weird: WeirdCounts, name: WeirdName, addl?: string): 'nothing' {
  weird.count(name, addl === undefined ? undefined : { addl });
  return 'nothing';
}

/** What follows a header of version 0 that names `type`. */
function openPlain(type: number, flags: number, at: number, end: number, inside: Inside): TunnelVerdict {
  if (type === TYPE_ERSPAN_III || (type === TYPE_ERSPAN && (flags & SEQUENCE) !== 0)) {
    return enter(inside, 'erspan', at, end);
  }
  if (type === TYPE_ETHERNET || type === TYPE_ERSPAN) return enter(inside, 'ethernet', at, end);
  if (isAruba(type)) return enter(inside, 'ieee802_11', at, end);
  inside.etherType = type;
  return enter(inside, 'ether_type', at, end);
}

/** PPP behind a header of version 1 (PPTP, RFC 2637): only IP. */
function openPptp(view: DataView, at: number, end: number, inside: Inside, weird: WeirdCounts): TunnelVerdict {
  if (at + PPP_HEADER > end) return fail(weird, 'truncated_GRE');
  const protocol = view.getUint16(at + 2);
  if (protocol !== PPP_IPV4 && protocol !== PPP_IPV6) return fail(weird, 'non_ip_packet_in_encap');
  return enter(inside, 'ip', at + PPP_HEADER, end);
}

/**
 * GRE (RFC 2784, RFC 2890), protocol 47 or UDP (RFC 8086): what an EtherType names, Ethernet, ERSPAN I to III, Aruba's
 * 802.11 frames, and IP in PPP as PPTP has it.
 */
export const gre: Tunnel = {
  name: 'gre',
  open(outer, at, end, inside, weird) {
    const { view } = outer;
    if (at + 4 > end) return fail(weird, 'truncated_GRE');
    const flags = view.getUint16(at);
    const type = view.getUint16(at + 2);
    const version = flags & VERSION;
    if (version > 1) return fail(weird, 'unknown_gre_version', `version=${version}`);
    if (version === 1 && type !== TYPE_PPP) return fail(weird, 'egre_protocol_type', `proto=${type}`);
    if ((flags & ROUTING) !== 0) return fail(weird, 'gre_routing');
    if ((flags & RESERVED) !== 0) return fail(weird, 'unknown_gre_flags');
    const payload = at + greHeaderBytes(flags);
    if (payload > end) return fail(weird, 'truncated_GRE');
    return version === 1 ? openPptp(view, payload, end, inside, weird) : openPlain(type, flags, payload, end, inside);
  },
};
