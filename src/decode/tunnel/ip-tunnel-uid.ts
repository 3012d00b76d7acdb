import { connectionUid, nameWord } from '../../core/uid.js';
import type { Packet } from '../packet.js';

const MARK = nameWord('ip tunnel');

/**
 * Ids of tunnels that are no connections: like Zeek one per pair of IP addresses, whichever direction and protocol; unlike
 * Zeek the same in every run.
 */
export class IpTunnelUids {
  readonly #words = new Int32Array(9);
  readonly #last = new Int32Array(9);
  #uid = '';

  constructor() {
    this.#words[8] = MARK;
  }

  /** The id for the addresses of `packet`, in the form of a connection's uid. */
  uidOf(packet: Packet): string {
    const w = this.#words;
    const last = this.#last;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = packet;
    const swap = src3 !== dst3 ? src3 > dst3 : src2 !== dst2 ? src2 > dst2 : src1 !== dst1 ? src1 > dst1 : src0 > dst0;
    const src = swap ? 4 : 0;
    const dst = swap ? 0 : 4;
    w[src] = src0;
    w[src + 1] = src1;
    w[src + 2] = src2;
    w[src + 3] = src3;
    w[dst] = dst0;
    w[dst + 1] = dst1;
    w[dst + 2] = dst2;
    w[dst + 3] = dst3;
    let isLast = true;
    for (let i = 0; i < 9; i++) isLast &&= w[i] === last[i];
    if (!isLast) {
      last.set(w);
      this.#uid = connectionUid(w, 9);
    }
    return this.#uid;
  }
}
