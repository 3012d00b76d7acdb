import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';
import type { ConnectionTable } from './connection-table.js';
import { addLetterOnce, LETTER_X, SEEN_LIMIT } from './history.js';
import { FLAGS, RECORD_WORDS, TUNNELED } from './record-layout.js';

/** Zeek's Tunnel::max_changes_per_connection. */
const MAX_CHANGES = 5;

/** What carried the packets of a connection. */
export interface TunnelPath {
  /** Uids of the tunnels, in order. */
  readonly parents: string[];
  /** That of the last packet, empty for one that came straight. */
  current: string;
  changes: number;
}

/**
 * Takes what carries a packet of the connection at `slot`; to be called before the packet changes the record. As in Zeek the first five changes
 * are followed, also those to a packet that comes straight and back, and the next one is told as `X` in the history.
 */
export function followPath(
  table: ConnectionTable,
  weird: WeirdCounts,
  slot: number,
  packet: Packet,
  isFirst: boolean,
): void {
  const base = slot * RECORD_WORDS;
  if (packet.depth === 0 && (table.i32[base + FLAGS]! & TUNNELED) === 0) return;
  const parent = packet.depth > 0 ? packet.parent : '';
  let path = table.tunnelPaths.get(slot);
  if (path === undefined) {
    path = { parents: [], current: isFirst ? parent : '', changes: 0 };
    if (isFirst) path.parents.push(parent);
    table.tunnelPaths.set(slot, path);
    table.i32[base + FLAGS]! |= TUNNELED;
  }
  if (parent === path.current) return;
  path.current = parent;
  if (path.changes === MAX_CHANGES) {
    addLetterOnce(table, weird, base, 0, SEEN_LIMIT, LETTER_X);
    return;
  }
  path.changes++;
  if (parent !== '' && !path.parents.includes(parent)) path.parents.push(parent);
}
