import { canonicalAddress } from '../core/address.js';
import type { Micros } from '../core/time.js';

/** One end of a connection as the program that made it knows it (`native/selftest/truth.c`). */
export interface TrueEnd {
  readonly kind: string;
  readonly role: 'orig' | 'resp';
  /** Of IP. */
  readonly proto: number;
  /** Who owns it: called connect or accept, or first sent. Absent: no process does. */
  readonly owner?: { readonly pid: number; readonly uid: number };
  /** Absent: a socket that is bound to no address. */
  readonly local?: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly from: Micros;
  readonly to: Micros;
  /** Payload bytes. */
  readonly sent: number;
  readonly received: number;
}

interface TrueEndLine extends Omit<TrueEnd, 'owner' | 'local'> {
  readonly pid?: number;
  readonly uid?: number;
  readonly local: string;
}

/** A line of the traffic program. */
export function parseTrueEnd(line: string): TrueEnd {
  const { pid, uid, local, remote, ...rest } = JSON.parse(line) as TrueEndLine;
  const address = canonicalAddress(local);
  return {
    ...rest,
    remote: canonicalAddress(remote) ?? remote,
    ...(pid !== undefined && uid !== undefined && { owner: { pid, uid } }),
    ...(address !== undefined && address !== '0.0.0.0' && address !== '::' && { local: address }),
  };
}
