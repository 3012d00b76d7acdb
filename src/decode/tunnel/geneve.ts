import { enter, type Tunnel } from './tunnel.js';

const HEADER = 8;
const TYPE_ETHERNET = 0x6558;

/** Geneve (RFC 8926), version 0, with options: Ethernet or what an EtherType names over UDP. */
export const geneve: Tunnel = {
  name: 'geneve',
  open(outer, at, end, inside, weird) {
    const { view } = outer;
    if (at + HEADER > end) return 'violation';
    const first = view.getUint8(at);
    if (first >>> 6 !== 0) {
      weird.count('geneve_invalid_version', { addl: String(first >>> 6) });
      return 'nothing';
    }
    const payload = at + HEADER + ((first & 0x3f) << 2);
    if (payload > end) return 'violation';
    if (payload === end) {
      weird.count('geneve_empty_packet');
      return 'nothing';
    }
    inside.etherType = view.getUint16(at + 2);
    return enter(inside, inside.etherType === TYPE_ETHERNET ? 'ethernet' : 'ether_type', payload, end);
  },
};
