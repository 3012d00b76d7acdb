import type { WeirdCounts } from '../../core/weird.js';

const TYPE_II = 1;
const TYPE_III = 2;

/**
 * Bytes of an ERSPAN header of type II or III (draft-foschiano-erspan), which a mirrored Ethernet frame follows; -1 when
 * it is cut or of another version.
 */
export function erspanHeaderBytes(view: DataView, at: number, end: number, weird: WeirdCounts): number {
  const version = at < end ? view.getUint8(at) >>> 4 : 0;
  let bytes = 8;
  if (version === TYPE_III) {
    bytes = 12;
    // The last bit tells of a platform specific part.
    if (at + 12 <= end && (view.getUint8(at + 11) & 1) === 1) bytes = 20;
  }
  if (at + bytes > end) {
    weird.count('truncated_ERSPAN');
    return -1;
  }
  if (version !== TYPE_II && version !== TYPE_III) {
    weird.count('unknown_ERSPAN_version');
    return -1;
  }
  return bytes;
}
