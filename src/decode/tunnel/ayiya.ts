import { enter, type Tunnel } from './tunnel.js';

const HEADER = 8;
const FORWARD = 1;
const NEXT_IPV4 = 4;
const NEXT_IPV6 = 41;

/** AYIYA (draft-massar-v6ops-ayiya): IP over UDP, behind an identity and a signature. */
export const ayiya: Tunnel = {
  name: 'ayiya',
  open(outer, at, end, inside, weird) {
    const { view } = outer;
    if (at + HEADER > end) return 'violation';
    const identityBytes = 1 << (view.getUint8(at) >>> 4);
    const signatureBytes = (view.getUint8(at + 1) >>> 4) << 2;
    const payload = at + HEADER + identityBytes + signatureBytes;
    if (payload > end) return 'violation';
    if ((view.getUint8(at + 2) & 15) !== FORWARD) return 'nothing';
    if (payload === end) {
      weird.count('ayiya_empty_packet');
      return 'nothing';
    }
    const next = view.getUint8(at + 3);
    return next === NEXT_IPV4 || next === NEXT_IPV6 ? enter(inside, 'ip', payload, end) : 'nothing';
  },
};

/** Whether a UDP payload on any port looks like AYIYA: the identity, signature and operation that its clients use. */
export function looksLikeAyiya(view: DataView, at: number, end: number): boolean {
  return at + 3 <= end && view.getUint8(at + 1) === 0x52 && view.getUint8(at + 2) === 0x11;
}
