import type { WeirdCounts } from '../../core/weird.js';

/** How the bytes behind a tunnel header compare with the IP packet that they claim to be. */
export type InnerIpFit = 'fits' | 'not_ip' | 'too_short' | 'too_long';

/** Compares the length in the IP header at `at` with the bytes up to `end`. Another version than `version` is `not_ip`. */
export function innerIpFit(view: DataView, at: number, end: number, version: 4 | 6): InnerIpFit {
  const length = end - at;
  if (version === 6) {
    if (length < 40) return 'too_short';
    if (view.getUint8(at) >>> 4 !== 6) return 'not_ip';
  } else if (length < 20 || view.getUint8(at) >>> 4 !== 4) return 'not_ip';
  const total = version === 6 ? view.getUint16(at + 4) + 40 : view.getUint16(at + 2);
  if (total === length) return 'fits';
  return total > length ? 'too_short' : 'too_long';
}

/** Whether an IP packet of this version fills the bytes exactly; otherwise counted as Zeek does for IP tunnels. */
export function innerIpFits(view: DataView, at: number, end: number, version: 4 | 6, weird: WeirdCounts): boolean {
  const fit = innerIpFit(view, at, end, version);
  if (fit === 'not_ip') weird.count('invalid_inner_IP_version');
  else if (fit === 'too_short') weird.count('truncated_inner_IP');
  else if (fit === 'too_long') weird.count('inner_IP_payload_length_mismatch');
  return fit === 'fits';
}
