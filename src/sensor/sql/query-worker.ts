import { parentPort } from 'node:worker_threads';
import { CorrelateError, messageOf } from '../../core/errors.js';
import { LocalTables } from './local-tables.js';
import type { QueryAnswered, QueryAsked } from './query-messages.js';

/** Evaluates queries of this machine in a thread of its own, which can be ended when it hangs in a file system. */
const port = parentPort!;
const local = await LocalTables.open();

port.on('message', ({ sql, limits, events }: QueryAsked) => {
  port.postMessage(
    answer(() => {
      local.events.add(events);
      return local.query(sql, limits);
    }),
  );
});

function answer(query: () => ReturnType<LocalTables['query']>): QueryAnswered {
  try {
    return { result: query() };
  } catch (error) {
    const code = error instanceof CorrelateError ? error.code : 'QUERY_FAILED';
    return { error: { code, message: messageOf(error) } };
  }
}
