import { META_IPV6, type Packet } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { DNS_HEADER, isKnownOpcode, udpPayloadBytes } from './dns-message.js';
import { FLAGS, HEARD, IPV6_WORDS, META, PORTS, RESP_WORD } from './record-layout.js';
import { isDnsPort } from './timeouts.js';

const UDP_HEADER = 8;
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
 * Whether a UDP packet of direction `dir` shows by what it says that its connection's direction is the wrong one, as Zeek's parsers find
 * out: a DNS answer as the first message, from the originator (unless it goes to a multicast group), an NTP answer of an originator, an NTP
 * request of a responder. Marks what need not be asked again.
 */
export function saysOtherDirection(table: ConnectionTable, base: number, dir: number, packet: Packet): boolean {
  const { i32 } = table;
  const flags = i32[base + FLAGS]!;
  if ((flags & (HEARD << dir)) !== 0) return false;
  const ports = i32[base + PORTS]!;
  const { view, at } = packet;
  const bytes = udpPayloadBytes(packet);
  if (isDnsPort(ports & 0xffff)) {
    if (bytes < DNS_HEADER) return false;
    const says = view.getUint8(at + UDP_HEADER + 2);
    if (!isKnownOpcode(ports, says)) return false;
    i32[base + FLAGS] = flags | (3 * HEARD);
    return dir === 0 && (says & DNS_RESPONSE) !== 0 && !isMulticast(table, base);
  }
  if ((ports & 0xffff) !== NTP_PORT || bytes < NTP_BYTES) return false;
  if ((view.getUint8(at + UDP_HEADER) & 7) !== (dir === 0 ? NTP_SERVER : NTP_CLIENT)) return false;
  i32[base + FLAGS] = flags | (HEARD << dir);
  return true;
}
