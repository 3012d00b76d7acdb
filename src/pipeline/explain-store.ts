import { limits } from '../core/limits.js';
import type { Explained } from '../join/explain.js';
import { explainPast } from '../join/late-join.js';
import type { ConnectionQuestion } from '../records/connection-question.js';
import { askedLines } from '../store/asked-lines.js';
import type { StoredLine } from '../store/connection-lines.js';
import type { Store } from '../store/store.js';
import { hostsOfEnds, readPast } from '../store/stored-past.js';

/** What a store tells of connections: the line that was told last, and why it would be told today. */
export interface ExplainedPast {
  readonly explained: readonly Explained[];
  /** More connections are meant than are explained. */
  readonly hasMore: boolean;
}

/** Explains the connections that are meant with all that is stored by now, in order of time. */
export async function explainStore(store: Store, question: ConnectionQuestion): Promise<ExplainedPast> {
  const lines = await askedLines(store, question);
  const explained: Explained[] = [];
  for (const line of lines.slice(0, limits.explainedConnections)) {
    const { connection } = line.line;
    const explanation = explainPast(await readPast(store, await hostsOfEnds(store, line), [line])).get(connection.uid);
    if (explanation !== undefined) explained.push({ attributed: decided(line, explanation), explanation });
  }
  return { explained, hasMore: lines.length > limits.explainedConnections };
}

/** The line with the ends as they are decided now: what is shown and why it is so must not differ. */
function decided({ line }: StoredLine, { orig, resp }: Explained['explanation']): Explained['attributed'] {
  return { ...line, orig: orig.end, resp: resp.end };
}
