import type { TunnelName } from './tunnel/tunnel.js';

/**
 * What decoding found in one packet. There are a few such objects, overwritten by later packets, so that nothing is
 * allocated per packet. All words are signed 32-bit in host order; an IPv4 address is in `src3` and `dst3` with the others 0, so
 * that both versions compare alike.
 */
export class Packet {
  /** The bytes that the offsets below point into: the batch's, or those of a reassembled datagram. */
  view: DataView = new DataView(new ArrayBuffer(0));
  timeUs = 0;
  /** Number of the interface or file it came from, within the batch's sources. */
  source = 0;
  /** Whether it decoded to the transport layer; otherwise the fields below mean nothing. */
  valid = false;
  /** Hash of its connection's key, the same for both directions. */
  hash = 0;
  /** Bytes of the frame that the capture cut off. */
  cut = 0;
  /** VLAN id of the first and, as in Zeek, of the last further tag, -1 without. */
  vlan = -1;
  innerVlan = -1;
  version: 4 | 6 = 4;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** IP protocol of the payload. */
  proto = 0;
  /** Length of the whole IP datagram, from its header. */
  ipBytes = 0;
  /** Where the transport header starts, its length with payload from the IP header, and how much of that is captured
   * (link-layer padding may make it more). */
  at = 0;
  length = 0;
  captured = 0;
  /** Ports; ICMP: type and the counterpart's type or the code. */
  sport = 0;
  dport = 0;
  /** An ICMP message that has no answer: its direction is part of its key. */
  oneWay = false;
  /** Tunnels that it came through. */
  depth = 0;
  /** The innermost of them, and the uid of the connection or the pair of ends that carries it; of no meaning at depth 0. */
  tunnel: TunnelName = 'ip';
  parent = '';
}
