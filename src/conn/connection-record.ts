import { formatIpv4, formatIpv6 } from '../core/address.js';
import { communityId } from '../core/community-id.js';
import { connectionUid } from '../core/uid.js';
import { META_IPV6 } from '../decode/packet.js';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../decode/transport.js';
import type { Connection } from '../records/connection.js';
import type { ConnectionTable } from './connection-table.js';
import { historyOf } from './history.js';
import { ipBytesOf } from './ip-bytes.js';
import {
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
  // A RST as answer to something never seen: its numbers say nothing of data.
  const halfOpen =
    stateOf(table, base, dir) === TCP_RESET &&
    previousStateOf(table, base, dir) === TCP_SYN_SENT &&
    stateOf(table, base, 1 - dir) === TCP_INACTIVE;
  return halfOpen ? 0 : tcpSize(table, base, dir);
}

function tcpConnState(orig: number, resp: number, origSize: number, respSize: number, history: string): string {
  const origSilent = orig === TCP_INACTIVE || orig === TCP_PARTIAL;
  const respSilent = resp === TCP_INACTIVE || resp === TCP_PARTIAL;
  if (resp === TCP_RESET) {
    const attempt = orig === TCP_SYN_SENT || orig === TCP_SYN_ACK_SENT;
    if (attempt || (orig === TCP_RESET && origSize === 0 && respSize === 0)) return 'REJ';
    return origSilent ? 'RSTRH' : 'RSTR';
  }
  if (orig === TCP_RESET) {
    if (!respSilent) return 'RSTO';
    return ABORTED_ATTEMPT.test(history) ? 'RSTOS0' : 'OTH';
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

function protoName(proto: number): Connection['proto'] {
  if (proto === PROTO_TCP) return 'tcp';
  if (proto === PROTO_UDP) return 'udp';
  return proto === PROTO_ICMP || proto === PROTO_ICMPV6 ? 'icmp' : 'unknown_transport';
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
 * The uid. The ends go in with the smaller one first, so that a flip of the roles after the first record does not
 * change it.
 */
function uidOf(table: ConnectionTable, base: number, version: 4 | 6, captureWord: number): string {
  const { i32, f64 } = table;
  const w = uidWords;
  const length = version === 4 ? 1 : 4;
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
  return connectionUid(w, n);
}

/** The uid that the record at `base` has or will have. */
export function uidOfRecord(table: ConnectionTable, base: number, captureWord: number): string {
  return uidOf(table, base, readEnds(table, base), captureWord);
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

/** conn_state of any protocol. */
function connState(
  table: ConnectionTable,
  base: number,
  proto: number,
  origSize: number,
  respSize: number,
  history: string,
): string {
  if (proto === PROTO_TCP) {
    return tcpConnState(stateOf(table, base, 0), stateOf(table, base, 1), origSize, respSize, history);
  }
  return proto === PROTO_UDP ? udpConnState(table.i32[base + FLAGS]!) : 'OTH';
}

/** The record of a connection as it stands, as Zeek would log it. `captureWord` stands for the capture's name in the uid. */
export function connectionRecord(table: ConnectionTable, base: number, captureWord: number): Connection {
  const { i32, f64 } = table;
  const f = base >> 1;
  const version = readEnds(table, base);
  const proto = i32[base + META]! & 0xff;
  if (proto === PROTO_TCP) catchUp(table, base);
  const ports = i32[base + PORTS]!;
  const origPort = ports >>> 16;
  const respPort = ports & 0xffff;
  const portless = proto !== PROTO_TCP && proto !== PROTO_UDP && proto !== PROTO_ICMP && proto !== PROTO_ICMPV6;
  const start = f64[f + START_TIME]!;
  const duration = f64[f + LAST_TIME]! - start;
  const origSize = endSize(table, base, 0);
  const respSize = endSize(table, base, 1);
  const history = historyOf(table, base);
  const uid = uidOf(table, base, version, captureWord);
  const orig = version === 4 ? ipv4Text(ends[0]!) : formatIpv6(ends[0]!, ends[1]!, ends[2]!, ends[3]!);
  const resp = version === 4 ? ipv4Text(ends[1]!) : formatIpv6(ends[4]!, ends[5]!, ends[6]!, ends[7]!);
  const state = connState(table, base, proto, origSize, respSize, history ?? '');
  const missed = table.missedBytes.get(base / RECORD_WORDS) ?? 0;
  const origPackets = i32[base + PACKETS]! >>> 0;
  const origIpBytes = ipBytesOf(table, base, 0);
  const respPackets = i32[base + PACKETS + 1]! >>> 0;
  const respIpBytes = ipBytesOf(table, base, 1);
  const flowId = communityId(ends, version, proto, portless ? -1 : origPort, respPort);
  let record: Connection;
  if (duration > 0 && history !== undefined) {
    // What most records have in one literal: fields added one by one cost three times the time (2026-11).
    record = {
      ts: start,
      uid,
      'id.orig_h': orig,
      'id.orig_p': origPort,
      'id.resp_h': resp,
      'id.resp_p': respPort,
      proto: protoName(proto),
      duration,
      orig_bytes: origSize,
      resp_bytes: respSize,
      conn_state: state,
      missed_bytes: missed,
      history,
      orig_pkts: origPackets,
      orig_ip_bytes: origIpBytes,
      resp_pkts: respPackets,
      resp_ip_bytes: respIpBytes,
      ip_proto: proto,
      community_id: flowId,
    };
  } else {
    record = {
      ts: start,
      uid,
      'id.orig_h': orig,
      'id.orig_p': origPort,
      'id.resp_h': resp,
      'id.resp_p': respPort,
      proto: protoName(proto),
      ...(duration > 0 ? { duration, orig_bytes: origSize, resp_bytes: respSize } : undefined),
      conn_state: state,
      missed_bytes: missed,
      ...(history === undefined ? undefined : { history }),
      orig_pkts: origPackets,
      orig_ip_bytes: origIpBytes,
      resp_pkts: respPackets,
      resp_ip_bytes: respIpBytes,
      ip_proto: proto,
      community_id: flowId,
    };
  }
  if ((i32[base + FLAGS]! & TUNNELED) !== 0) {
    record.tunnel_parents = [...(table.tunnelParents.get(base / RECORD_WORDS) ?? [])];
  }
  const vlans = i32[base + VLANS]!;
  if ((vlans & VLAN_PRESENT) !== 0) record.vlan = vlans & 0xfff;
  if ((vlans & (VLAN_PRESENT << 16)) !== 0) record.inner_vlan = (vlans >>> 16) & 0xfff;
  return record;
}
