import type { Micros } from '../core/time.js';
import type { CountedWeird } from '../core/weird-table.js';

/**
 * One odd thing in the traffic, as a line of Zeek's weird.log. With `uid` it is of a connection; with addresses and ports of 0
 * alone it is of a packet between them; otherwise of a packet whose addresses could not be read.
 */
export interface Weird {
  readonly ts: Micros;
  /** Name of the packet source; see ConnectionUpdate. */
  readonly capture: string;
  readonly name: CountedWeird;
  readonly uid?: string;
  readonly 'id.orig_h'?: string;
  readonly 'id.orig_p'?: number;
  readonly 'id.resp_h'?: string;
  readonly 'id.resp_p'?: number;
  /** More about it. */
  readonly addl?: string;
  /** Zeek makes a notice of it, too. Absent: it does not. */
  readonly notice?: boolean;
  /** Zeek's name of the analyzer that tells of it. Absent where Zeek names none. */
  readonly source?: string;
}
