import { formatIpv4, formatIpv6 } from '../core/address.js';
import type { WeirdCounts, WeirdEnds } from '../core/weird.js';
import type { Packet } from './packet.js';

/** The addresses of a packet. */
export function endsOf({ version, src0, src1, src2, src3, dst0, dst1, dst2, dst3 }: Packet): WeirdEnds {
  return version === 4
    ? { src: formatIpv4(src3), dst: formatIpv4(dst3) }
    : { src: formatIpv6(src0, src1, src2, src3), dst: formatIpv6(dst0, dst1, dst2, dst3) };
}

/** To be called before `packet` comes to stand for another packet, or gets other addresses. */
export function keepEnds(weird: WeirdCounts, packet: Packet): void {
  if (weird.news.length > 0) weird.keepEnds(endsOf(packet));
}
