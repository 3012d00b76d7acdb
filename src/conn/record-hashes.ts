import type { HashKey } from '../core/hash.js';
import { setFlowKey } from '../decode/flow-key.js';
import { META_IPV6, META_ONE_WAY, Packet } from '../decode/packet.js';
import { HASH, IPV6_WORDS, META, ORIG_WORD, PORTS, RESP_WORD } from './record-layout.js';

/** Hashes of the connections of records, as their packets have them. */
export class RecordHashes {
  readonly #key: HashKey;
  readonly #packet = new Packet();

  constructor(key: HashKey) {
    this.#key = key;
  }

  of(i32: Int32Array, base: number): number {
    const meta = i32[base + META]!;
    if ((meta & META_IPV6) === 0) return i32[base + HASH]!;
    const packet = this.#packet;
    packet.version = 6;
    packet.oneWay = (meta & META_ONE_WAY) !== 0;
    packet.proto = meta & 0xff;
    packet.src3 = i32[base + ORIG_WORD]!;
    packet.dst3 = i32[base + RESP_WORD]!;
    packet.sport = i32[base + PORTS]! >>> 16;
    packet.dport = i32[base + PORTS]! & 0xffff;
    packet.src0 = i32[base + IPV6_WORDS]!;
    packet.src1 = i32[base + IPV6_WORDS + 1]!;
    packet.src2 = i32[base + IPV6_WORDS + 2]!;
    packet.dst0 = i32[base + IPV6_WORDS + 3]!;
    packet.dst1 = i32[base + IPV6_WORDS + 4]!;
    packet.dst2 = i32[base + IPV6_WORDS + 5]!;
    setFlowKey(this.#key, packet);
    return packet.hash;
  }
}
