import type { TunnelName } from './tunnel/tunnel.js';

/**
 * What decoding found in a packet, as a row of 128 bytes. What following a TCP packet over IPv4 needs lies in the first 64, so that
 * it costs one cache line. All words are signed 32-bit in host order. Offsets are in elements of the view named.
 *
 *     bytes   0  time   8 hash   12 meta   16 last address words, ports   28 IP length, transport length, TCP: seq, ack, control
 *            48  captured, where, source, VLAN
 *            64  rest of IPv6 addresses   88 inner VLAN, cut, version, protocol, one-way, depth, ports, checksum
 */
export const ROW_BYTES = 128;
export const ROW_WORDS = ROW_BYTES / 4;

// Float64Array
export const ROW_TIME = 0;

// Int32Array
export const ROW_HASH = 2;
/** Words 3 to 6 are the connection's key for IPv4, in the form of the connection table: see `record-layout.ts`. */
export const ROW_META = 3;
export const ROW_SRC3 = 4;
export const ROW_DST3 = 5;
/** Source port in the high half, destination port in the low one. */
export const ROW_PORTS = 6;
export const ROW_IP_BYTES = 7;
export const ROW_LENGTH = 8;
export const ROW_SEQ = 9;
export const ROW_ACK = 10;
/** Bytes 12 to 15 of the TCP header: data offset, flags, window. */
export const ROW_CONTROL = 11;
export const ROW_CAPTURED = 12;
export const ROW_AT = 13;
export const ROW_SOURCE = 14;
export const ROW_VLAN = 15;
/** Three words of the source, three of the destination. */
export const ROW_IPV6 = 16;
export const INNER_VLAN = 22;
export const CUT = 23;
export const VERSION = 24;
export const PROTO = 25;
export const ONE_WAY = 26;
export const DEPTH = 27;
export const SPORT = 28;
export const DPORT = 29;
export const BAD_CHECKSUM = 30;

/** Bits of meta above the IP protocol. The first two are part of the connection's key. */
export const META_PROTO = 0xff;
export const META_IPV6 = 1 << 8;
export const META_ONE_WAY = 1 << 9;
export const META_KEY = 0x3ff;
/** Decoded to the transport layer. */
export const META_VALID = 1 << 10;
/** TCP data or an acknowledgement and nothing else, whole, with its checksum right where that is verified, and a window. */
export const META_PLAIN_TCP = 1 << 11;
/** A SYN whose window scale is larger than allowed. */
export const META_ODD_SCALE = 1 << 12;
/** Four bits of a SYN: one more than its window scale, which is 14 at most; 0 without one. */
export const META_SCALE_SHIFT = 13;
/** UDP of which nobody looks at the payload, whole, of the length that it claims, with its checksum right where that is verified. */
export const META_PLAIN_UDP = 1 << 17;

/** Rows in one buffer, which two threads may share. */
export class PacketRows {
  readonly i32: Int32Array;
  readonly f64: Float64Array;

  /** `count` of them from the byte `offset` on. */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer, offset: number, count: number) {
    this.i32 = new Int32Array(buffer, offset, count * ROW_WORDS);
    this.f64 = new Float64Array(buffer, offset, (count * ROW_WORDS) / 2);
  }
}

/** What is left of a frame that carries several packets (A-MSDU of 802.11): where the next one begins, and what is known of them all. */
export interface RestOfFrame {
  readonly view: DataView;
  readonly at: number;
  /** Where the captured bytes end, and how many more there were. */
  readonly end: number;
  readonly cut: number;
  /** Tunnels around the frame. */
  readonly depth: number;
  readonly tunnel: TunnelName;
  readonly parent: string;
}

const NO_BYTES = new DataView(new ArrayBuffer(0));

/**
 * One row, read and written by name. It is moved from row to row, so that nothing is allocated per packet. An IPv4 address is in
 * `src3` and `dst3` with the other words 0, so that both versions compare alike.
 */
export class Packet {
  /** The bytes that the offsets below point into: the batch's, or those of a reassembled datagram. */
  view: DataView = NO_BYTES;
  /** The innermost tunnel that it came through, and the uid of the connection or the pair of ends that carries it; of no meaning at depth 0. */
  tunnel: TunnelName = 'ip';
  parent = '';
  /** Set by decoding the first of several packets in a frame; who decodes the others takes it away. */
  rest: RestOfFrame | undefined;
  /** Where what the link layer hands to IP ends: the captured bytes do, or before them what a header's length says. */
  linkEnd = 0;
  /** The row's first word. */
  base = 0;
  i32: Int32Array;
  f64: Float64Array;

  /** On a row of its own, until it is moved. */
  constructor() {
    const own = new PacketRows(new ArrayBuffer(ROW_BYTES), 0, 1);
    this.i32 = own.i32;
    this.f64 = own.f64;
    this.vlan = -1;
    this.innerVlan = -1;
  }

  get timeUs(): number {
    return this.f64[(this.base >> 1) + ROW_TIME]!;
  }
  set timeUs(value: number) {
    this.f64[(this.base >> 1) + ROW_TIME] = value;
  }

  /** Hash of its connection's key, the same for both directions. */
  get hash(): number {
    return this.i32[this.base + ROW_HASH]!;
  }
  set hash(value: number) {
    this.i32[this.base + ROW_HASH] = value;
  }

  /** Key bits and the three above. */
  get meta(): number {
    return this.i32[this.base + ROW_META]!;
  }
  set meta(value: number) {
    this.i32[this.base + ROW_META] = value;
  }

  /** Both ports in one word, the source's in the high half. */
  get ports(): number {
    return this.i32[this.base + ROW_PORTS]!;
  }
  set ports(value: number) {
    this.i32[this.base + ROW_PORTS] = value;
  }

  /** Number of the interface or file it came from, within the batch's sources. */
  get source(): number {
    return this.i32[this.base + ROW_SOURCE]!;
  }
  set source(value: number) {
    this.i32[this.base + ROW_SOURCE] = value;
  }

  /** Bytes of the frame that the capture cut off. */
  get cut(): number {
    return this.i32[this.base + CUT]!;
  }
  set cut(value: number) {
    this.i32[this.base + CUT] = value;
  }

  /** VLAN id of the first and, as in Zeek, of the last further tag, -1 without. */
  get vlan(): number {
    return this.i32[this.base + ROW_VLAN]!;
  }
  set vlan(value: number) {
    this.i32[this.base + ROW_VLAN] = value;
  }
  get innerVlan(): number {
    return this.i32[this.base + INNER_VLAN]!;
  }
  set innerVlan(value: number) {
    this.i32[this.base + INNER_VLAN] = value;
  }

  /** IP version: 4 (also before anything was decoded) or 6. */
  get version(): 4 | 6 {
    return this.i32[this.base + VERSION] === 6 ? 6 : 4;
  }
  set version(value: 4 | 6) {
    this.i32[this.base + VERSION] = value;
  }

  get src0(): number {
    return this.i32[this.base + ROW_IPV6]!;
  }
  set src0(value: number) {
    this.i32[this.base + ROW_IPV6] = value;
  }
  get src1(): number {
    return this.i32[this.base + ROW_IPV6 + 1]!;
  }
  set src1(value: number) {
    this.i32[this.base + ROW_IPV6 + 1] = value;
  }
  get src2(): number {
    return this.i32[this.base + ROW_IPV6 + 2]!;
  }
  set src2(value: number) {
    this.i32[this.base + ROW_IPV6 + 2] = value;
  }
  get src3(): number {
    return this.i32[this.base + ROW_SRC3]!;
  }
  set src3(value: number) {
    this.i32[this.base + ROW_SRC3] = value;
  }
  get dst0(): number {
    return this.i32[this.base + ROW_IPV6 + 3]!;
  }
  set dst0(value: number) {
    this.i32[this.base + ROW_IPV6 + 3] = value;
  }
  get dst1(): number {
    return this.i32[this.base + ROW_IPV6 + 4]!;
  }
  set dst1(value: number) {
    this.i32[this.base + ROW_IPV6 + 4] = value;
  }
  get dst2(): number {
    return this.i32[this.base + ROW_IPV6 + 5]!;
  }
  set dst2(value: number) {
    this.i32[this.base + ROW_IPV6 + 5] = value;
  }
  get dst3(): number {
    return this.i32[this.base + ROW_DST3]!;
  }
  set dst3(value: number) {
    this.i32[this.base + ROW_DST3] = value;
  }

  /** IP protocol of the payload. */
  get proto(): number {
    return this.i32[this.base + PROTO]!;
  }
  set proto(value: number) {
    this.i32[this.base + PROTO] = value;
  }

  /** Length of the whole IP datagram, from its header. */
  get ipBytes(): number {
    return this.i32[this.base + ROW_IP_BYTES]!;
  }
  set ipBytes(value: number) {
    this.i32[this.base + ROW_IP_BYTES] = value;
  }

  /** Where the transport header starts. */
  get at(): number {
    return this.i32[this.base + ROW_AT]!;
  }
  set at(value: number) {
    this.i32[this.base + ROW_AT] = value;
  }
  /** Length of the transport header and its payload, from the IP header. */
  get length(): number {
    return this.i32[this.base + ROW_LENGTH]!;
  }
  set length(value: number) {
    this.i32[this.base + ROW_LENGTH] = value;
  }
  /** How much of that is captured; padding of the link layer may make it more. */
  get captured(): number {
    return this.i32[this.base + ROW_CAPTURED]!;
  }
  set captured(value: number) {
    this.i32[this.base + ROW_CAPTURED] = value;
  }

  /** Ports; ICMP: type and the counterpart's type or the code. */
  get sport(): number {
    return this.i32[this.base + SPORT]!;
  }
  set sport(value: number) {
    this.i32[this.base + SPORT] = value;
  }
  get dport(): number {
    return this.i32[this.base + DPORT]!;
  }
  set dport(value: number) {
    this.i32[this.base + DPORT] = value;
  }

  /** UDP: the length that its header claims. */
  get udpLength(): number {
    return this.i32[this.base + ROW_SEQ]!;
  }
  set udpLength(value: number) {
    this.i32[this.base + ROW_SEQ] = value;
  }

  /** TCP: sequence number, acknowledgement number, and bytes 12 to 15 of the header (data offset, flags, window). */
  get seq(): number {
    return this.i32[this.base + ROW_SEQ]!;
  }
  set seq(value: number) {
    this.i32[this.base + ROW_SEQ] = value;
  }
  get ack(): number {
    return this.i32[this.base + ROW_ACK]!;
  }
  set ack(value: number) {
    this.i32[this.base + ROW_ACK] = value;
  }
  get control(): number {
    return this.i32[this.base + ROW_CONTROL]!;
  }
  set control(value: number) {
    this.i32[this.base + ROW_CONTROL] = value;
  }

  /** An ICMP message that has no answer: its direction is part of its key. */
  get oneWay(): boolean {
    return this.i32[this.base + ONE_WAY] !== 0;
  }
  set oneWay(value: boolean) {
    this.i32[this.base + ONE_WAY] = value ? 1 : 0;
  }

  /** Tunnels that it came through. */
  get depth(): number {
    return this.i32[this.base + DEPTH]!;
  }
  set depth(value: number) {
    this.i32[this.base + DEPTH] = value;
  }

  /** The transport checksum is to be verified, could be, and is wrong. */
  get badChecksum(): boolean {
    return this.i32[this.base + BAD_CHECKSUM] !== 0;
  }
  set badChecksum(value: boolean) {
    this.i32[this.base + BAD_CHECKSUM] = value ? 1 : 0;
  }
}
