import { type AddressKind, addressKind, formatIpv4, formatIpv6, ipv4Kind } from '../core/address.js';
import { communityId } from '../core/community-id.js';
import { connectionUid } from '../core/uid.js';
import { META_IPV6 } from '../decode/packet.js';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../decode/transport.js';
import type { Connection } from '../records/connection.js';
import type { ConnectionTable } from './connection-table.js';
import { historyOf } from './history.js';
import { ipBytesOf } from './ip-bytes.js';
import {
  ACKED,
  ACTIVE,
  FLAGS,
  IPV6_WORDS,
  LAST,
  LAST_TIME,
  META,
  ORDINAL,
  ORIG_WORD,
  PACKETS,
  PORTS,
  RECORD_WORDS,
  RESP_WORD,
  START_TIME,
  TUNNELED,
  VLANS,
} from './record-layout.js';
import {
  previousStateOf,
  stateOf,
  TCP_CLOSED,
  TCP_ESTABLISHED,
  TCP_INACTIVE,
  TCP_PARTIAL,
  TCP_RESET,
  TCP_SYN_ACK_SENT,
  TCP_SYN_SENT,
} from './tcp-state.js';
import { catchUp } from './tcp-step.js';
import { tcpSize } from './tcp-stream.js';

export const VLAN_PRESENT = 1 << 12;

/** A SYN and a RST of the originator with no answer to speak of in between. */
const ABORTED_ATTEMPT = /^\^?S[^HAFGIQ]*R/;

const ends = new Int32Array(8);
const uidWords = new Int32Array(14);

/** Payload bytes of one end as Zeek's endpoint record has them. */
function endSize(table: ConnectionTable, base: number, dir: number): number {
  if ((table.i32[base + META]! & 0xff) !== PROTO_TCP) return table.f64[(base >> 1) + LAST + dir]!;
  // A RST as answer to an acknowledgement of something never seen: the numbers say nothing of data.
  const halfOpen =
    table.f64[(base >> 1) + ACKED + dir]! > 1 &&
    stateOf(table, base, dir) === TCP_RESET &&
    previousStateOf(table, base, dir) === TCP_SYN_SENT &&
    stateOf(table, base, 1 - dir) === TCP_INACTIVE;
  return halfOpen ? 0 : tcpSize(table, base, dir);
}

function tcpConnState(table: ConnectionTable, base: number): string {
  const orig = stateOf(table, base, 0);
  const resp = stateOf(table, base, 1);
  const origSilent = orig === TCP_INACTIVE || orig === TCP_PARTIAL;
  const respSilent = resp === TCP_INACTIVE || resp === TCP_PARTIAL;
  if (resp === TCP_RESET) {
    const attempt = orig === TCP_SYN_SENT || orig === TCP_SYN_ACK_SENT;
    const empty = orig === TCP_RESET && endSize(table, base, 0) === 0 && endSize(table, base, 1) === 0;
    if (attempt || empty) return 'REJ';
    return origSilent ? 'RSTRH' : 'RSTR';
  }
  if (orig === TCP_RESET) {
    if (!respSilent) return 'RSTO';
    return ABORTED_ATTEMPT.test(historyOf(table, base) ?? '') ? 'RSTOS0' : 'OTH';
  }
  if (orig === TCP_CLOSED && resp === TCP_CLOSED) return 'SF';
  if (orig === TCP_CLOSED) return respSilent ? 'SH' : 'S2';
  if (resp === TCP_CLOSED) return origSilent ? 'SHR' : 'S3';
  if (orig === TCP_SYN_SENT && resp === TCP_INACTIVE) return 'S0';
  return orig === TCP_ESTABLISHED && resp === TCP_ESTABLISHED ? 'S1' : 'OTH';
}

function udpConnState(flags: number): string {
  const resp = (flags & (ACTIVE << 1)) !== 0;
  if ((flags & ACTIVE) !== 0) return resp ? 'SF' : 'S0';
  return resp ? 'SHR' : 'OTH';
}

/** Copies both addresses into `ends`; gives the IP version. */
function readEnds(table: ConnectionTable, base: number): 4 | 6 {
  const { i32 } = table;
  if ((i32[base + META]! & META_IPV6) === 0) {
    ends[0] = i32[base + ORIG_WORD]!;
    ends[1] = i32[base + RESP_WORD]!;
    return 4;
  }
  for (let i = 0; i < 3; i++) {
    ends[i] = i32[base + IPV6_WORDS + i]!;
    ends[4 + i] = i32[base + IPV6_WORDS + 3 + i]!;
  }
  ends[3] = i32[base + ORIG_WORD]!;
  ends[7] = i32[base + RESP_WORD]!;
  return 6;
}

/**
 * Fills `uidWords` and gives their number. The ends go in with the smaller one first, so that a flip of the roles after the first
 * record does not change the uid.
 */
function readUidWords(table: ConnectionTable, base: number, captureWord: number): number {
  const { i32, f64 } = table;
  const w = uidWords;
  const length = readEnds(table, base) === 4 ? 1 : 4;
  let swap = false;
  for (let i = 0; i < length; i++) {
    if (ends[i] === ends[length + i]) continue;
    swap = ends[i]! > ends[length + i]!;
    break;
  }
  for (let i = 0; i < length; i++) {
    w[i] = ends[swap ? length + i : i]!;
    w[length + i] = ends[swap ? i : length + i]!;
  }
  let n = 2 * length;
  const ports = i32[base + PORTS]!;
  const start = f64[(base >> 1) + START_TIME]!;
  w[n++] = swap ? (ports << 16) | (ports >>> 16) : ports;
  w[n++] = i32[base + META]!;
  w[n++] = start | 0;
  w[n++] = Math.floor(start / 4_294_967_296);
  w[n++] = i32[base + ORDINAL]!;
  w[n++] = captureWord;
  return n;
}

/** The uid that the record at `base` has or will have. */
export function uidOfRecord(table: ConnectionTable, base: number, captureWord: number): string {
  return connectionUid(uidWords, readUidWords(table, base, captureWord));
}

const ADDRESS_CACHE = 1 << 14;
const cachedWords = new Int32Array(ADDRESS_CACHE);
const cachedTexts: string[] = new Array<string>(ADDRESS_CACHE).fill('0.0.0.0');

/** Text of an IPv4 address, out of a cache that each address may leave at any time. */
function ipv4Text(word: number): string {
  const at = (Math.imul(word, 0x9e3779b1) >>> 18) & (ADDRESS_CACHE - 1);
  if (cachedWords[at] === word) return cachedTexts[at]!;
  const text = formatIpv4(word);
  cachedWords[at] = word;
  cachedTexts[at] = text;
  return text;
}

/**
 * A record of the connection table read as a connection, field by field as Zeek would log it. It is moved from record to record, so that
 * a connection that is only written is never an object, and says nothing any more once its record changes.
 */
export class ConnectionView {
  readonly #table: ConnectionTable;
  #base = 0;
  /** Stands for the capture's name in the uid. */
  captureWord = 0;

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** Moves to the record at `base`. */
  at(base: number, captureWord: number): this {
    this.#base = base;
    this.captureWord = captureWord;
    if (this.ip_proto === PROTO_TCP) catchUp(this.#table, base);
    return this;
  }

  /** The memory of WebAssembly that the record lies in, where it could be had, and where it begins in it. */
  get memory(): WebAssembly.Memory | undefined {
    return this.#table.memory;
  }
  get address(): number {
    return this.#table.recordsAt + 4 * this.#base;
  }

  get ts(): number {
    return this.#table.f64[(this.#base >> 1) + START_TIME]!;
  }

  get uid(): string {
    return uidOfRecord(this.#table, this.#base, this.captureWord);
  }

  get 'id.orig_h'(): string {
    return this.#address(0);
  }

  get 'id.resp_h'(): string {
    return this.#address(1);
  }

  #address(dir: 0 | 1): string {
    if (readEnds(this.#table, this.#base) === 4) return ipv4Text(ends[dir]!);
    const i = 4 * dir;
    return formatIpv6(ends[i]!, ends[i + 1]!, ends[i + 2]!, ends[i + 3]!);
  }

  /** Whether an address is a host's, as `addressKind` tells of its text. */
  addressKind(dir: 0 | 1): AddressKind {
    const { i32 } = this.#table;
    const base = this.#base;
    if ((i32[base + META]! & META_IPV6) !== 0) return addressKind(this.#address(dir));
    return ipv4Kind(i32[base + ORIG_WORD + dir]!);
  }

  get 'id.orig_p'(): number {
    return this.#table.i32[this.#base + PORTS]! >>> 16;
  }

  get 'id.resp_p'(): number {
    return this.#table.i32[this.#base + PORTS]! & 0xffff;
  }

  get proto(): Connection['proto'] {
    const proto = this.ip_proto;
    if (proto === PROTO_TCP) return 'tcp';
    if (proto === PROTO_UDP) return 'udp';
    return proto === PROTO_ICMP || proto === PROTO_ICMPV6 ? 'icmp' : 'unknown_transport';
  }

  get #lengthUs(): number {
    const { f64 } = this.#table;
    const f = this.#base >> 1;
    return f64[f + LAST_TIME]! - f64[f + START_TIME]!;
  }

  get duration(): number | undefined {
    const length = this.#lengthUs;
    return length > 0 ? length : undefined;
  }

  get orig_bytes(): number | undefined {
    return this.#lengthUs > 0 ? endSize(this.#table, this.#base, 0) : undefined;
  }

  get resp_bytes(): number | undefined {
    return this.#lengthUs > 0 ? endSize(this.#table, this.#base, 1) : undefined;
  }

  get conn_state(): string {
    const proto = this.ip_proto;
    if (proto === PROTO_TCP) return tcpConnState(this.#table, this.#base);
    return proto === PROTO_UDP ? udpConnState(this.#table.i32[this.#base + FLAGS]!) : 'OTH';
  }

  get missed_bytes(): number {
    const { missedBytes } = this.#table;
    return missedBytes.size === 0 ? 0 : (missedBytes.get(this.#base / RECORD_WORDS) ?? 0);
  }

  get history(): string | undefined {
    return historyOf(this.#table, this.#base);
  }

  get orig_pkts(): number {
    return this.#table.i32[this.#base + PACKETS]! >>> 0;
  }

  get orig_ip_bytes(): number {
    return ipBytesOf(this.#table, this.#base, 0);
  }

  get resp_pkts(): number {
    return this.#table.i32[this.#base + PACKETS + 1]! >>> 0;
  }

  get resp_ip_bytes(): number {
    return ipBytesOf(this.#table, this.#base, 1);
  }

  get ip_proto(): number {
    return this.#table.i32[this.#base + META]! & 0xff;
  }

  get tunnel_parents(): string[] | undefined {
    const table = this.#table;
    if ((table.i32[this.#base + FLAGS]! & TUNNELED) === 0) return undefined;
    return [...(table.tunnelPaths.get(this.#base / RECORD_WORDS)?.parents ?? [])];
  }

  get vlan(): number | undefined {
    const vlans = this.#table.i32[this.#base + VLANS]!;
    return (vlans & VLAN_PRESENT) === 0 ? undefined : vlans & 0xfff;
  }

  get inner_vlan(): number | undefined {
    const vlans = this.#table.i32[this.#base + VLANS]! >>> 16;
    return (vlans & VLAN_PRESENT) === 0 ? undefined : vlans & 0xfff;
  }

  get community_id(): string {
    const version = readEnds(this.#table, this.#base);
    return communityId(ends, version, this.ip_proto, this.#flowPort, this['id.resp_p']);
  }

  /** The originator's port in the Community ID: -1 of protocols without any. */
  get #flowPort(): number {
    return this.proto === 'unknown_transport' ? -1 : this['id.orig_p'];
  }
}
