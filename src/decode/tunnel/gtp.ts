import { innerIpFit } from './inner-ip.js';
import { enter, type Tunnel } from './tunnel.js';

const HEADER = 8;
const OPTIONS = 4;
const G_PDU = 255;
const PROTOCOL_TYPE = 0x10;
const EXTENSION = 0x04;
/** Any of extension header, sequence number and N-PDU number brings all three fields. */
const ANY_OPTION = 0x07;

/**
 * GTP-U version 1 (TS 29.281): IP in G-PDU messages over UDP. Other messages and GTP within GTP are left alone. As in Zeek
 * a packet that is not GTP does not keep later ones of its connection from being looked at.
 */
export const gtp: Tunnel = {
  name: 'gtpv1',
  open(outer, at, end, inside) {
    const { view } = outer;
    if (at + HEADER > end || (outer.depth > 0 && outer.tunnel === 'gtpv1')) return 'nothing';
    const flags = view.getUint8(at);
    if (flags >>> 5 !== 1 || (flags & PROTOCOL_TYPE) === 0 || view.getUint8(at + 1) !== G_PDU) return 'nothing';
    let payload = at + HEADER;
    if ((flags & ANY_OPTION) !== 0) {
      payload += OPTIONS;
      if (payload > end) return 'nothing';
      // As in Zeek, there is a first one whatever the type before it.
      let isNext = (flags & EXTENSION) !== 0;
      while (isNext) {
        const bytes = payload < end ? view.getUint8(payload) << 2 : 0;
        if (bytes === 0 || payload + bytes > end) return 'nothing';
        payload += bytes;
        isNext = view.getUint8(payload - 1) !== 0;
      }
    }
    if (payload >= end) return 'nothing';
    const version = view.getUint8(payload) >>> 4 === 6 ? 6 : 4;
    return innerIpFit(view, payload, end, version) === 'fits' ? enter(inside, 'ip', payload, end) : 'nothing';
  },
};
