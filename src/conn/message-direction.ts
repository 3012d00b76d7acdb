import { META_IPV6, type Packet } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { IPV6_WORDS, META, PACKETS, PORTS, RESP_WORD } from './record-layout.js';
import { isDnsPort } from './timeouts.js';

const UDP_HEADER = 8;
const DNS_HEADER = 12;
const DNS_RESPONSE = 0x80;
const NTP_PORT = 123;
const NTP_BYTES = 48;
const NTP_CLIENT = 3;
const NTP_SERVER = 4;

function isMulticast(table: ConnectionTable, base: number): boolean {
  const { i32 } = table;
  if ((i32[base + META]! & META_IPV6) !== 0) return i32[base + IPV6_WORDS + 3]! >>> 24 === 0xff;
  return i32[base + RESP_WORD]! >>> 28 === 0xe;
}

/**
 * Whether a UDP packet of direction `dir`, not counted yet, shows by what it says that its connection's direction is the wrong one, as
 * Zeek's parsers find out: a DNS answer as the first message of an originator (unless it goes to a multicast group), an NTP answer
 * of an originator, an NTP request of a responder.
 */
export function saysOtherDirection(table: ConnectionTable, base: number, dir: number, packet: Packet): boolean {
  const { i32 } = table;
  const port = i32[base + PORTS]! & 0xffff;
  const { view, at } = packet;
  const bytes = Math.min(packet.length === 0 ? packet.captured : packet.length, packet.captured) - UDP_HEADER;
  if (isDnsPort(port)) {
    const isFirst = dir === 0 && (i32[base + PACKETS]! | i32[base + PACKETS + 1]!) === 0;
    if (!isFirst || bytes < DNS_HEADER) return false;
    return (view.getUint8(at + UDP_HEADER + 2) & DNS_RESPONSE) !== 0 && !isMulticast(table, base);
  }
  if (port !== NTP_PORT || bytes < NTP_BYTES) return false;
  return (view.getUint8(at + UDP_HEADER) & 7) === (dir === 0 ? NTP_SERVER : NTP_CLIENT);
}
