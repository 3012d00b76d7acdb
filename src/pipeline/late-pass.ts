import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import { joinLate } from '../join/late-join.js';
import type { LateHost } from '../join/late-watch.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import { columnsOf } from '../store/column.js';
import { connectionLines, type StoredLine } from '../store/connection-lines.js';
import { LateTargets } from '../store/late-targets.js';
import type { Store } from '../store/store.js';
import { readPast, TooMuchPast } from '../store/stored-past.js';

/** A connection of the past of which more is known now. */
export interface Revision {
  readonly line: AttributedConnection;
  /** Number of the run that told of the connection first. */
  readonly run: number;
}

/**
 * Decides the stored connections of late hosts afresh and stores the lines that changed. `until`: see Horizon. Gives the
 * revisions list by list, and the number of connections that were left as they are, since too much bears on them to be looked at.
 */
export async function revisePast(
  store: Store,
  hosts: readonly LateHost[],
  until: Micros,
  tell: (revisions: readonly Revision[]) => Promise<void>,
): Promise<number> {
  let left = 0;
  let most: number = limits.lateConnections;
  const targets = await LateTargets.of(store, hosts, { until });
  const ids = hosts.map(({ host }) => host);
  for (;;) {
    const some = await targets.next(most);
    if (some.length === 0) return left;
    try {
      const revisions = revised(some, joinLate(await readPast(store, ids, some)));
      if (revisions.length > 0) {
        store.append('connection_lines', columnsOf(connectionLines, revisions));
        store.flush();
        await tell(revisions.map(({ line, run }) => ({ line, run })));
      }
    } catch (error) {
      if (!(error instanceof TooMuchPast)) throw error;
      if (some.length > 1) {
        most = Math.ceil(some.length / 4);
        continue;
      }
      left++;
    }
    targets.pass(some);
  }
}

/** The new lines with the circumstances of the ones that they follow. */
function revised(targets: readonly StoredLine[], lines: readonly AttributedConnection[]): StoredLine[] {
  const before = new Map(targets.map((target) => [target.line.connection.uid, target]));
  return lines.map((line) => ({ ...before.get(line.connection.uid)!, line }));
}
