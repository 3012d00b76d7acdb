import { innerIpFits } from './inner-ip.js';
import { enter, type Tunnel } from './tunnel.js';

function ipInIp(version: 4 | 6): Tunnel {
  return {
    name: 'ip',
    open(outer, at, end, inside, weird) {
      return innerIpFits(outer.view, at, end, version, weird) ? enter(inside, 'ip', at, end) : 'nothing';
    },
  };
}

/** IPv4 in IPv4 or IPv6, protocol 4 (RFC 2003, RFC 2473). */
export const ipv4InIp = ipInIp(4);

/** IPv6 in IPv4 or IPv6, protocol 41 (RFC 4213, RFC 2473). */
export const ipv6InIp = ipInIp(6);
