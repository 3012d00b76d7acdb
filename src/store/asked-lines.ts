import { limits } from '../core/limits.js';
import { AT_SLACK, type ConnectionQuestion, type Endpoint } from '../records/connection-question.js';
import { literal, timeLiteral } from './column.js';
import { LAST_LINES, lineSelection, type StoredLine, storedLine } from './connection-lines.js';
import type { Store } from './store.js';

/** The last lines of the connections that are meant, in order of time; one more than `limits.explainedConnections` at most. */
export async function askedLines(store: Store, question: ConnectionQuestion): Promise<StoredLine[]> {
  const found = await store.rows(`SELECT ${lineSelection} FROM (${LAST_LINES}) WHERE ${conditionOf(question)}
    ORDER BY ts, uid LIMIT ${limits.explainedConnections + 1}`);
  return found.map(storedLine);
}

function conditionOf(question: ConnectionQuestion): string {
  if ('uid' in question) return `uid = ${literal(question.uid)}`;
  const { ends, proto, at } = question;
  const [a, b] = ends;
  const parts = [`((${isEnd('orig', a)} AND ${isEnd('resp', b)}) OR (${isEnd('orig', b)} AND ${isEnd('resp', a)}))`];
  if (proto !== undefined) parts.push(`proto = ${literal(proto)}`);
  if (at !== undefined) {
    const lasted = 'to_microseconds(CAST(coalesce(duration, 0) * 1e6 AS BIGINT))';
    parts.push(`ts <= ${timeLiteral(at + AT_SLACK)} AND ts + ${lasted} >= ${timeLiteral(at - AT_SLACK)}`);
  }
  return parts.join(' AND ');
}

function isEnd(side: 'orig' | 'resp', { address, port }: Endpoint): string {
  return `("id.${side}_h" = ${literal(address)} AND "id.${side}_p" = ${port})`;
}
