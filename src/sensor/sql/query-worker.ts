import { parentPort, workerData } from 'node:worker_threads';
import { CorrelateError, messageOf } from '../../core/errors.js';
import type { SqlLimits } from '../../records/host-database.js';
import type { RedactionPatterns } from '../command-line-redaction.js';
import { LocalTables } from './local-tables.js';
import type { QueryAnswered, QueryAsked } from './query-messages.js';

/** Evaluates queries of this machine in a thread of its own, which can be ended when it hangs in a file system. */
const port = parentPort!;
const local = await LocalTables.open(workerData as RedactionPatterns | undefined);

port.on('message', ({ sql, limits, events }: QueryAsked) => {
  const before = local.redaction?.redacted ?? 0;
  const answer = answerTo(sql, limits, events);
  port.postMessage({ ...answer, redacted: (local.redaction?.redacted ?? 0) - before } satisfies QueryAnswered);
});

function answerTo(sql: string, limits: SqlLimits, events: QueryAsked['events']) {
  try {
    local.events.add(events);
    return { result: local.query(sql, limits) };
  } catch (error) {
    const code = error instanceof CorrelateError ? error.code : 'QUERY_FAILED';
    return { error: { code, message: messageOf(error) } };
  }
}
