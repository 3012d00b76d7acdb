import type { End } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { HostRow } from '../records/host-row.js';

export interface Ends {
  readonly orig: End;
  readonly resp: End;
}

export function reference(_updates: readonly ConnectionUpdate[], _rows: readonly HostRow[]): Map<string, Ends> {
  return new Map();
}
