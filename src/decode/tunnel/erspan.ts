import type { WeirdCounts } from '../../core/weird.js';
import { ethernet, skip } from '../ether-type.js';
import type { Packet } from '../packet.js';

const TYPE_II = 1;
const TYPE_III = 2;

/** IP in the mirrored Ethernet frame behind an ERSPAN header of type II or III (draft-foschiano-erspan), as a link layer has it. */
export function erspan(packet: Packet, at: number, end: number, weird: WeirdCounts): number {
  const { view } = packet;
  const version = at < end ? view.getUint8(at) >>> 4 : 0;
  let bytes = 8;
  if (version === TYPE_III) {
    bytes = 12;
    // The last bit tells of a platform specific part.
    if (at + 12 <= end && (view.getUint8(at + 11) & 1) === 1) bytes = 20;
  }
  if (at + bytes > end) return skip(weird, 'truncated_ERSPAN');
  if (version !== TYPE_II && version !== TYPE_III) return skip(weird, 'unknown_ERSPAN_version');
  return ethernet(packet, at + bytes, end, weird);
}
