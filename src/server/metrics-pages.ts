import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metric } from '../core/metric.js';
import { exposition, expositionType } from './exposition.js';

/** What a run tells of itself to whoever may reach its address. */
export interface RunFigures {
  metrics(): Metric[];
  /** What is not as it should be, in sentences; empty: all is well. */
  problems(): string[];
}

/**
 * Answers `GET /metrics` (Prometheus' text format) and `GET /healthz` (200, or 503 with what is wrong, one sentence a line). Returns
 * false for other paths. Shows counts and host ids, nothing of processes, users or addresses.
 */
export function answerFigures(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  figures: RunFigures,
): boolean {
  const path = url.split('?')[0];
  if (path !== '/metrics' && path !== '/healthz') return false;
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else if (path === '/metrics') {
    response.writeHead(200, { 'content-type': expositionType }).end(exposition(figures.metrics()));
  } else {
    const problems = figures.problems();
    const text = problems.length === 0 ? 'ok' : problems.join('\n');
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
    response.writeHead(problems.length === 0 ? 200 : 503, headers).end(`${text}\n`);
  }
  return true;
}
