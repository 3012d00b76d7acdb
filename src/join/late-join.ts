import type { AttributedConnection, End } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import type { HostRow } from '../records/host-row.js';
import { Join } from './attribution.js';
import { ClockEstimator } from './clock.js';
import type { Explanation } from './explain.js';
import { isSameEnd } from './same-end.js';

/** A connection that the join has let go, as its last line told it. */
export interface PastConnection {
  readonly line: AttributedConnection;
  /** Host on which it was captured; see ConnectionUpdate. */
  readonly captureHost?: string;
}

/** What bears on connections of the past, all of one run. */
export interface Past {
  /** The connections in question. */
  readonly targets: readonly PastConnection[];
  /** Others that matter: of the same endpoints, of the same hosts at that time, and the first of each capture. */
  readonly context: readonly PastConnection[];
  /** All that is known by now of the hosts in question. */
  readonly rows: readonly HostRow[];
  /** Whether these rows tell all that is known of an end. Others stay as they are. */
  readonly isAsked: (connection: PastConnection, side: 'orig' | 'resp') => boolean;
}

/**
 * Decides connections of the past afresh, with every row that is known by now, by the join itself: rows and connections are handed in
 * as if all had come in time, and the order in which they come is of no matter to it. Gives the lines that are to be told: those of
 * which an end has changed, with the next `rev`, in order of time.
 */
export function joinLate(past: Past): AttributedConnection[] {
  const now = decide(past);
  const lines: AttributedConnection[] = [];
  for (const target of past.targets) {
    const { line } = target;
    const found = now.get(line.connection.uid);
    if (found === undefined) continue;
    const end = (side: 'orig' | 'resp'): End => {
      const isKept = !past.isAsked(target, side) || isSameEnd(found[side], line[side]);
      return isKept ? line[side] : found[side];
    };
    const [orig, resp] = [end('orig'), end('resp')];
    if (orig === line.orig && resp === line.resp) continue;
    lines.push({ ...line, cause: 'evidence', rev: line.rev + 1, orig, resp });
  }
  return lines.sort((a, b) => a.connection.ts - b.connection.ts || (a.connection.uid < b.connection.uid ? -1 : 1));
}

/** Why the ends of connections of the past have the owners that they have, by what is known now; by uid. */
export function explainPast(past: Past): Map<string, Explanation> {
  const wanted = new Set(past.targets.map(({ line }) => line.connection.uid));
  const explained = new Map<string, Explanation>();
  decide(past, ({ uid }, explain) => {
    if (wanted.has(uid)) explained.set(uid, explain());
  });
  return explained;
}

/** The last line of every connection, by uid. */
function decide(
  { targets, context, rows }: Past,
  onClose?: (connection: Connection, explain: () => Explanation) => void,
): Map<string, AttributedConnection> {
  const found = new Map<string, AttributedConnection>();
  const join = new Join({
    // Nothing is let go before the end.
    latenessUs: Infinity,
    attrWaitUs: 0,
    finalOnly: true,
    emit: (line) => found.set(line.connection.uid, line),
    ...(onClose !== undefined && { onClose }),
  });
  const clocks = new ClockEstimator();
  const updates = [...targets, ...context].map(({ line: { connection, capture }, captureHost }) => ({
    cause: 'end' as const,
    capture,
    connection,
    ...(captureHost !== undefined && { captureHost }),
  }));
  for (const row of rows) clocks.row(row);
  for (const update of updates) clocks.connection(update);
  for (const row of clocks.estimate()) join.row(row);
  for (const row of rows) join.row(row);
  for (const update of updates) join.connection(update);
  join.end();
  return found;
}
