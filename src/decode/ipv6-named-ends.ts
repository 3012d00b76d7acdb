import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from './packet.js';
import { keepEnds } from './packet-ends.js';

/*
 * Extension headers of IPv6 that name another end than the IP header does: checksums are made with it, and a connection is its.
 * `named` says which ends of the packet have been named so far, and only the first to name one counts.
 */

/** Bits of `named`. */
const SOURCE_NAMED = 1;
const DESTINATION_NAMED = 2;

const PAD_ONE = 0;
const HOME_ADDRESS = 201;
const OPTION_HEADER = 2;
const ADDRESS_BYTES = 16;

/** A routing header of type 0 or 2 that is not used up names the true destination (RFC 2460 4.4, RFC 6275 6.4). Gives `named`. */
export function routingHeader(weird: WeirdCounts, packet: Packet, at: number, length: number, named: number): number {
  if ((named & DESTINATION_NAMED) !== 0) {
    weird.count('multiple_routing_headers');
    return named;
  }
  const view = packet.view;
  const type = view.getUint8(at + 2);
  const segmentsLeft = view.getUint8(at + 3);
  const units = view.getUint8(at + 1);
  if (type !== 0 && type !== 2) {
    weird.count('unknown_routing_type', { addl: String(type) });
    return named;
  }
  const isUsedUp = segmentsLeft === 0 || (type === 0 && units < 2);
  const hasAddress = type === 0 ? units % 2 === 0 : units === 2;
  if (!isUsedUp && !hasAddress) weird.count(type === 0 ? 'odd_routing0_len' : 'bad_routing2_len');
  const isNamed = !isUsedUp && hasAddress;
  if (isNamed) {
    keepEnds(weird, packet);
    const address = at + length - ADDRESS_BYTES;
    packet.dst0 = view.getInt32(address);
    packet.dst1 = view.getInt32(address + 4);
    packet.dst2 = view.getInt32(address + 8);
    packet.dst3 = view.getInt32(address + 12);
  }
  if (type === 0) weird.count('routing0_hdr');
  return isNamed ? named | DESTINATION_NAMED : named;
}

/** Destination options, of which a mobile sender's home address is the true source (RFC 6275 6.3). Gives `named`. */
export function destinationOptions(
  weird: WeirdCounts,
  packet: Packet,
  start: number,
  length: number,
  before: number,
): number {
  const view = packet.view;
  const end = start + length;
  let named = before;
  for (let at = start + 2; at < end; ) {
    const type = view.getUint8(at);
    if (type === PAD_ONE) {
      at++;
      continue;
    }
    const bytes = at + OPTION_HEADER <= end ? view.getUint8(at + 1) : end;
    const value = at + OPTION_HEADER;
    if (value + bytes > end) {
      weird.count('bad_ipv6_dest_opt_len');
      break;
    }
    if (type === HOME_ADDRESS) {
      if (bytes !== ADDRESS_BYTES) weird.count('bad_home_addr_len');
      else if ((named & SOURCE_NAMED) !== 0) weird.count('multiple_home_addr_opts');
      else {
        named |= SOURCE_NAMED;
        keepEnds(weird, packet);
        packet.src0 = view.getInt32(value);
        packet.src1 = view.getInt32(value + 4);
        packet.src2 = view.getInt32(value + 8);
        packet.src3 = view.getInt32(value + 12);
      }
    }
    at = value + bytes;
  }
  return named;
}
