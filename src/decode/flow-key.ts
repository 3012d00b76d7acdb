import { type HashKey, hashFour } from '../core/hash.js';
import { META_IPV6, META_ONE_WAY, type Packet } from './packet.js';

/** Meta bits of a packet's key: protocol, IP version, and whether direction is part of the key. */
function keyMeta(p: Packet): number {
  return p.proto | (p.version === 6 ? META_IPV6 : 0) | (p.oneWay ? META_ONE_WAY : 0);
}

/** Whether the source end is the greater one; only asked when the last address words are equal. */
function isGreater(p: Packet): boolean {
  if (p.src0 !== p.dst0) return p.src0 >>> 0 > p.dst0 >>> 0;
  if (p.src1 !== p.dst1) return p.src1 >>> 0 > p.dst1 >>> 0;
  if (p.src2 !== p.dst2) return p.src2 >>> 0 > p.dst2 >>> 0;
  return p.sport > p.dport;
}

/** Completes a decoded packet's row with the key of its connection, and with the key's hash, which both directions share. */
export function setFlowKey(key: HashKey, p: Packet): void {
  const { k0, k1 } = key;
  const { src3, dst3, sport, dport, version } = p;
  const meta = keyMeta(p);
  p.meta = meta;
  p.ports = (sport << 16) | dport;
  const swap = src3 !== dst3 ? src3 >>> 0 > dst3 >>> 0 : version === 6 ? isGreater(p) : sport > dport;
  const ports = swap ? (dport << 16) | sport : (sport << 16) | dport;
  const h = hashFour(k0, k1, swap ? dst3 : src3, swap ? src3 : dst3, ports, meta);
  if (version === 4) {
    p.hash = h;
    return;
  }
  const high = swap
    ? hashFour(k0, k1, p.dst0, p.dst1, p.dst2, p.src0)
    : hashFour(k0, k1, p.src0, p.src1, p.src2, p.dst0);
  p.hash = swap ? hashFour(k0, k1, h, high, p.src1, p.src2) : hashFour(k0, k1, h, high, p.dst1, p.dst2);
}
