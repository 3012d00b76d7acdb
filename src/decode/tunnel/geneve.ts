import { enter, type Tunnel } from './tunnel.js';

const HEADER = 8;
const TYPE_ETHERNET = 0x6558;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_ARP = 0x0806;

/** Geneve (RFC 8926), version 0, with options: Ethernet, IP or ARP over UDP, as in Zeek nothing else that an EtherType names. */
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
    const type = view.getUint16(at + 2);
    if (type === TYPE_ETHERNET) return enter(inside, 'ethernet', payload, end);
    if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return enter(inside, 'ip', payload, end);
    if (type !== ETHERTYPE_ARP) return 'nothing';
    inside.etherType = type;
    return enter(inside, 'ether_type', payload, end);
  },
};
