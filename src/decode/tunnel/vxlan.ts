import { enter, type Tunnel } from './tunnel.js';

const HEADER = 8;
const VNI_PRESENT = 0x08;

/** VXLAN (RFC 7348): Ethernet over UDP. */
export const vxlan: Tunnel = {
  name: 'vxlan',
  open(outer, at, end, inside, weird) {
    if (at + HEADER > end || (outer.view.getUint8(at) & VNI_PRESENT) === 0) return 'violation';
    if (at + HEADER < end) return enter(inside, 'ethernet', at + HEADER, end);
    weird.count('vxlan_empty_packet');
    return 'nothing';
  },
};
