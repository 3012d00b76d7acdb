import type { Packet } from '../decode/packet.js';
import { PROTO_ICMPV6 } from '../decode/transport.js';
import type { ConnectionTable } from './connection-table.js';
import { checkDnsMessage } from './dns-message.js';
import { addLetterOnce, countLetter, LETTER_C, LETTER_D, SEEN_DATA } from './history.js';
import { addIpBytes } from './ip-bytes.js';
import { saysOtherDirection } from './message-direction.js';
import { checkMldReport } from './mld-report.js';
import { ACTIVE, BAD_CHECKSUMS, FLAGS, LAST, LAST_TIME, PACKETS } from './record-layout.js';
import { flipEnds } from './role-flip.js';
import type { TcpContext } from './tcp-connection.js';

const UDP_HEADER = 8;
const ICMP_HEADER = 8;

function countPacket(table: ConnectionTable, base: number, dir: number, packet: Packet): void {
  table.i32[base + PACKETS + dir] = table.i32[base + PACKETS + dir]! + 1;
  addIpBytes(table, base, dir, packet.ipBytes);
}

/** Adds payload. UDP packets that claim to be shorter than their header take from it; an end that has less than none is not active. */
function countPayload(table: ConnectionTable, base: number, dir: number, bytes: number): void {
  const at = (base >> 1) + LAST + dir;
  const sum = table.f64[at]! + bytes;
  const flags = table.i32[base + FLAGS]!;
  table.i32[base + FLAGS] = sum >= 0 ? flags | (ACTIVE << dir) : flags & ~(ACTIVE << dir);
  table.f64[at] = Math.max(0, sum);
}

/** Takes a UDP packet of direction `dir` into the record at `base`. False when its checksum is wrong. */
export function udpPacket(c: TcpContext, base: number, dir: number, packet: Packet): boolean {
  const { table, weird } = c;
  const length = packet.length === 0 ? packet.captured : packet.length;
  if (packet.badChecksum) {
    weird.count('bad_UDP_checksum');
    countLetter(table, weird, base, dir, BAD_CHECKSUMS, LETTER_C);
    return false;
  }
  const claimed = packet.udpLength;
  if (claimed !== length) weird.count('UDP_datagram_length_mismatch', { addl: `${claimed} != ${length}` });
  table.f64[(base >> 1) + LAST_TIME] = packet.timeUs;
  addLetterOnce(table, weird, base, dir, SEEN_DATA, LETTER_D);
  countPayload(table, base, dir, claimed - UDP_HEADER);
  // As in Zeek each role keeps its payload, and this packet is of the role that its sender had.
  if (saysOtherDirection(table, base, dir, packet)) flipEnds(table, weird, base);
  checkDnsMessage(table, weird, base, packet);
  countPacket(table, base, dir, packet);
  return true;
}

/** Takes an ICMP or ICMPv6 packet into the record at `base`. A wrong checksum leaves no trace in the record. */
export function icmpPacket(c: TcpContext, base: number, dir: number, packet: Packet): void {
  const { table, weird } = c;
  const length = packet.length === 0 ? packet.captured : packet.length;
  if (packet.badChecksum) {
    weird.count('bad_ICMP_checksum');
    return;
  }
  table.f64[(base >> 1) + LAST_TIME] = packet.timeUs;
  countPayload(table, base, dir, length - ICMP_HEADER);
  // As in Zeek, whose counter of packets does not get those of ICMP that the capture cut.
  if (packet.captured >= length) countPacket(table, base, dir, packet);
  if (packet.proto === PROTO_ICMPV6) checkMldReport(packet, weird);
}

/** Takes a packet of a transport that is not looked into. */
export function otherPacket(c: TcpContext, base: number, dir: number, packet: Packet): void {
  c.table.f64[(base >> 1) + LAST_TIME] = packet.timeUs;
  countPacket(c.table, base, dir, packet);
}
