import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { addLetterOnce, LETTER_X, SEEN_LIMIT } from './history.js';
import { FLAGS, HEARD, LAST, NO_DNS, PORTS } from './record-layout.js';
import { isDnsPort } from './timeouts.js';

/*
 * What Zeek's parser of DNS over UDP does to a connection, beside turning its direction (`message-direction.ts`).
 */

const UDP_HEADER = 8;
export const DNS_HEADER = 12;
const NETBIOS_PORT = 137;
/** Zeek's dns_max_queries. */
const MAX_QUERIES = 25;
/** Zeek's DPD::ignore_violations_after: behind as much payload a parser goes on, whatever it finds. */
const TRUSTED_BYTES = 10_240;

/** Payload of a UDP packet that was captured. */
export function udpPayloadBytes(packet: Packet): number {
  return Math.min(packet.length === 0 ? packet.captured : packet.length, packet.captured) - UDP_HEADER;
}

/** Queries, notifications and updates are looked into, of names of NetBIOS all. `flags`: the third byte of the message. */
export function isKnownOpcode(ports: number, flags: number): boolean {
  const opcode = opcodeOf(flags);
  const isNetbios = (ports & 0xffff) === NETBIOS_PORT || ports >>> 16 === NETBIOS_PORT;
  return opcode === 0 || opcode === 4 || opcode === 5 || isNetbios;
}

function opcodeOf(flags: number): number {
  return (flags >>> 3) & 15;
}

/** Whether Zeek has a parser of DNS on the UDP connection at `base`: by its port. It stays when what it says turns the direction. */
export function isParsedAsDns(table: ConnectionTable, base: number): boolean {
  const flags = table.i32[base + FLAGS]!;
  if ((flags & NO_DNS) !== 0) return false;
  const ports = table.i32[base + PORTS]!;
  return isDnsPort(ports & 0xffff) || ((flags & HEARD) !== 0 && isDnsPort(ports >>> 16));
}

/**
 * Looks whether a UDP packet, whose payload has been counted, is a message that the parser makes nothing of. One with too many queries is
 * taken for none of DNS, so that the parser is switched off.
 */
export function checkDnsMessage(table: ConnectionTable, weird: WeirdCounts, base: number, packet: Packet): void {
  if (!isParsedAsDns(table, base) || udpPayloadBytes(packet) < DNS_HEADER) return;
  const { view } = packet;
  const at = packet.at + UDP_HEADER;
  const flags = view.getUint8(at + 2);
  const queries = view.getUint16(at + 4);
  if (!isKnownOpcode(table.i32[base + PORTS]!, flags)) {
    weird.count('DNS_unknown_opcode', { addl: String(opcodeOf(flags)) });
  } else if (queries > MAX_QUERIES) {
    weird.count('DNS_Conn_count_too_large', { addl: `${queries} > ${MAX_QUERIES}` });
    const f = (base >> 1) + LAST;
    if (table.f64[f]! + table.f64[f + 1]! <= TRUSTED_BYTES) table.i32[base + FLAGS] = table.i32[base + FLAGS]! | NO_DNS;
  } else return;
  addLetterOnce(table, weird, base, 0, SEEN_LIMIT, LETTER_X);
}
