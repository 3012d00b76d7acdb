import type { WeirdCounts } from '../../core/weird.js';
import type { WeirdName } from '../../core/weird-table.js';
import { innerIpFit } from './inner-ip.js';
import { enter, type Tunnel } from './tunnel.js';

const ORIGIN = 0;
const ORIGIN_BYTES = 8;
const AUTHENTICATION = 1;
/** Of an authentication header without identifier and value: its start, the nonce, the confirmation. */
const AUTHENTICATION_BYTES = 13;
const IPV6_HEADER = 40;
const NO_NEXT_HEADER = 59;
/** Upper half of Teredo's prefix 2001::/32. */
export const TEREDO_PREFIX = 0x2001_0000;

/** As Zeek: what looks like something else is odd only where Teredo is known to be. */
function fail(weird: WeirdCounts | undefined, name: WeirdName): -1 {
  weird?.count(name);
  return -1;
}

function authenticationBytes(view: DataView, at: number): number {
  return AUTHENTICATION_BYTES + view.getUint8(at + 2) + view.getUint8(at + 3);
}

/** Where the IPv6 header starts behind one authentication header and one origin indication, in this order; -1 without. */
function ipv6At(view: DataView, start: number, end: number, weird: WeirdCounts | undefined): number {
  let at = start;
  let mayAuthenticate = true;
  let mayIndicate = true;
  for (;;) {
    if (at + 2 > end) return fail(weird, 'truncated_Teredo');
    const tag = view.getUint16(at);
    if (tag >>> 12 === 6) return at + IPV6_HEADER <= end ? at : fail(weird, 'truncated_IPv6_in_Teredo');
    if (tag === ORIGIN && mayIndicate) {
      if (at + ORIGIN_BYTES > end) return fail(weird, 'truncated_Teredo_origin_indication');
      at += ORIGIN_BYTES;
      mayIndicate = mayAuthenticate = false;
    } else if (tag === AUTHENTICATION && mayAuthenticate) {
      if (at + 4 > end || at + authenticationBytes(view, at) > end)
        return fail(weird, 'truncated_Teredo_authentication');
      at += authenticationBytes(view, at);
      mayAuthenticate = false;
    } else return -1;
  }
}

/** Teredo (RFC 4380): IPv6 over UDP. A bubble is an IPv6 header with nothing behind it. */
export const teredo: Tunnel = {
  name: 'teredo',
  open(outer, start, end, inside, weird) {
    const { view } = outer;
    const at = ipv6At(view, start, end, inside.isConfirmed ? weird : undefined);
    if (at < 0) return 'violation';
    const fit = innerIpFit(view, at, end, 6);
    if (fit === 'too_long') {
      if (view.getUint16(at + 4) !== 0 || view.getUint8(at + 6) !== NO_NEXT_HEADER) return 'violation';
      weird.count('Teredo_bubble_with_payload');
    } else if (fit !== 'fits') return 'violation';
    return enter(inside, 'ip', at, end);
  },
};

/**
 * Whether a UDP payload on any port looks like Teredo: an IPv6 header with an address of its prefix, or one behind an
 * origin indication.
 */
export function looksLikeTeredo(view: DataView, start: number, end: number): boolean {
  if (start + IPV6_HEADER > end) return false;
  const first = view.getUint8(start);
  if (first >>> 4 === 6)
    return view.getUint32(start + 8) === TEREDO_PREFIX || view.getUint32(start + 24) === TEREDO_PREFIX;
  if (first !== 0) return false;
  let at = start;
  if (view.getUint8(at + 1) === AUTHENTICATION) at += authenticationBytes(view, at);
  if (at + ORIGIN_BYTES + IPV6_HEADER > end || view.getUint16(at) !== ORIGIN) return false;
  return view.getUint8(at + ORIGIN_BYTES) >>> 4 === 6;
}
