import Table from 'cli-table3';
import { formatIso } from '../core/time.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import { endpointText, ownerText } from './owner-text.js';

const heads = ['time', 'proto', 'originator', 'owned by', 'responder', 'owned by', 'state', 'bytes'];

/**
 * The connections of a run as a table for a terminal, in order of time; beyond `limit` rows only the number of the others is told.
 */
export function connectionTable(connections: readonly AttributedConnection[], total: number): string {
  const table = new Table({ head: heads, style: { head: [], border: [], compact: true }, chars: lines });
  for (const attributed of connections) {
    const c = attributed.connection;
    const bytes = c.orig_bytes === undefined ? '-' : `${c.orig_bytes}/${c.resp_bytes ?? 0}`;
    table.push([
      formatIso(c.ts).slice(11, 23),
      c.proto,
      endpointText(c['id.orig_h'], c['id.orig_p']),
      ownerText(attributed.orig),
      endpointText(c['id.resp_h'], c['id.resp_p']),
      ownerText(attributed.resp),
      c.conn_state,
      bytes,
    ]);
  }
  const more = total > connections.length ? `\n… and ${total - connections.length} more connections` : '';
  return `${table.toString()}${more}`;
}

const lines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  mid: '',
  'mid-mid': '',
  middle: '  ',
};
