import type { Packet } from './packet.js';
import { PROTO_UDP } from './transport.js';
import { looksLikeAyiya } from './tunnel/ayiya.js';
import { TEREDO_PREFIX } from './tunnel/teredo.js';

const UDP_HEADER = 8;
const IPV6_HEADER = 40;
/** Ports whose datagrams are looked into: DNS and its kin, NTP, tunnels. */
export const LOOKED_INTO = [53, 123, 137, 2123, 2152, 3544, 4754, 4789, 5072, 5353, 5355, 6081] as const;

const isLookedInto = new Uint8Array(65_536);
for (const port of LOOKED_INTO) isLookedInto[port] = 1;

/** Whether a payload is none of those that look like tunnels on any port. One of Teredo with something before its IPv6 header begins with 0. */
function isNoTunnel(view: DataView, at: number, end: number): boolean {
  if (looksLikeAyiya(view, at, end)) return false;
  if (end - at < IPV6_HEADER) return true;
  const first = view.getUint8(at);
  if (first >>> 4 === 6) return view.getUint32(at + 8) !== TEREDO_PREFIX && view.getUint32(at + 24) !== TEREDO_PREFIX;
  return first !== 0;
}

/** See META_PLAIN_UDP. `native/frames/usual.h` has the same. */
export function isPlainUdp(packet: Packet): boolean {
  const { at, captured, length, view } = packet;
  if (packet.proto !== PROTO_UDP || packet.badChecksum || packet.depth > 0) return false;
  if (length < UDP_HEADER || captured < length || packet.udpLength !== length) return false;
  if (isLookedInto[packet.sport] !== 0 || isLookedInto[packet.dport] !== 0) return false;
  return isNoTunnel(view, at + UDP_HEADER, at + length);
}
