import { META_ODD_SCALE, META_SCALE_SHIFT, type Packet } from './packet.js';
import { headerBytesOf } from './transport.js';

const FIXED_HEADER = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_WINDOW_SCALE = 3;
/** RFC 7323 2.3. */
const MAX_WINDOW_SCALE = 14;

/** The window scale of a SYN's options (RFC 7323 2.2), -1 without one. `end` is where the options end. */
function windowScale(view: DataView, options: number, end: number): number {
  let scale = -1;
  for (let at = options; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 1 >= end) break;
    const length = view.getUint8(at + 1);
    if (length === 0 || at + length > end) break;
    if (kind === OPTION_WINDOW_SCALE && length >= 3) scale = view.getUint8(at + 2);
    at += length;
  }
  return scale;
}

/** The window scale that a SYN offers, however large, -1 without one. */
export function windowScaleOf({ view, at, captured, control }: Packet): number {
  return windowScale(view, at + FIXED_HEADER, at + Math.min(captured, headerBytesOf(control)));
}

/** What the meta of a SYN says of the window scale in its options. `end` is where they end. */
export function scaleMeta(view: DataView, options: number, end: number): number {
  const scale = windowScale(view, options, end);
  if (scale > MAX_WINDOW_SCALE) return META_ODD_SCALE | ((MAX_WINDOW_SCALE + 1) << META_SCALE_SHIFT);
  return (scale + 1) << META_SCALE_SHIFT;
}
