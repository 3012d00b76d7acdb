import { CorrelateError, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { HostDatabase } from '../records/host-database.js';
import type { AgentMessage, Difference, Execute, Subscribe, WireValue } from '../wire/message.js';
import { toWireValue } from '../wire/sql-json.js';

/** Rows in one message of a result. */
const MESSAGE_ROWS = 500;
const MESSAGE_CHARS = limits.wireFrameBytes >> 2;

type Row = readonly WireValue[];

interface Running {
  readonly subscription: Subscribe;
  timer: NodeJS.Timeout | undefined;
  counter: number;
  /** The last result: each row with how often it is in it. */
  known: Map<string, { readonly row: Row; count: number }>;
  failure: string | undefined;
}

/**
 * Answers the engine's SQL: queries once, subscriptions again and again with what has changed since the evaluation before. A connection's
 * end ends its subscriptions; the engine makes them anew, and their first answer is the whole result.
 * Bounds: `limits.agentQueries` at once, `limits.agentSubscriptions`; more are answered with an error.
 */
export class HostQueries {
  readonly #database: HostDatabase | undefined;
  readonly #send: (message: AgentMessage) => void;
  readonly #subscriptions = new Map<number, Running>();
  #executing = 0;

  constructor(database: HostDatabase | undefined, send: (message: AgentMessage) => void) {
    this.#database = database;
    this.#send = send;
  }

  async execute({ id, sql, rows, timeoutMs }: Execute): Promise<void> {
    if (this.#executing >= limits.agentQueries) {
      this.#send({ type: 'result', id, error: { code: 'QUERY_FAILED', message: 'too many queries at once' } });
      return;
    }
    this.#executing++;
    try {
      const result = await this.#query(sql, rows, timeoutMs);
      const chunks = chunksOf(result.rows);
      chunks.forEach((chunk, at) => {
        const isLast = at === chunks.length - 1;
        const columns = at === 0 ? { columns: [...result.columns] } : {};
        this.#send({ type: 'result', id, ...columns, rows: chunk as WireValue[][], ...(!isLast && { more: true }) });
      });
    } catch (error) {
      this.#send({ type: 'result', id, error: failureOf(error) });
    } finally {
      this.#executing--;
    }
  }

  subscribe(subscription: Subscribe): void {
    this.unsubscribe(subscription.id);
    if (this.#subscriptions.size >= limits.agentSubscriptions) {
      const { id } = subscription;
      const error = { code: 'QUERY_FAILED', message: 'too many subscriptions' };
      this.#send({ type: 'difference', id, counter: 0, time: Date.now() * 1000, error });
      return;
    }
    const running: Running = { subscription, timer: undefined, counter: 0, known: new Map(), failure: undefined };
    this.#subscriptions.set(subscription.id, running);
    void this.#evaluate(running);
  }

  unsubscribe(id: number): void {
    clearTimeout(this.#subscriptions.get(id)?.timer);
    this.#subscriptions.delete(id);
  }

  /** The connection is gone. */
  clear(): void {
    for (const id of [...this.#subscriptions.keys()]) this.unsubscribe(id);
  }

  async #query(sql: string, rows: number, timeoutMs: number) {
    if (this.#database === undefined) throw new CorrelateError('QUERY_FAILED', 'this agent answers no SQL');
    const { columns, rows: values } = await this.#database.query(sql, { rows, timeoutMs });
    return { columns, rows: values.map((row) => row.map(toWireValue)) };
  }

  async #evaluate(running: Running): Promise<void> {
    const { subscription } = running;
    const { id, sql, intervalMs, cookie } = subscription;
    const time = Date.now() * 1000;
    const head = { type: 'difference', id, time, ...(cookie !== undefined && { cookie }) } as const;
    try {
      const { columns, rows } = await this.#query(sql, limits.queryRowsMost, Math.min(intervalMs, 60_000));
      if (this.#subscriptions.get(id) !== running) return;
      running.failure = undefined;
      const parts = differences(running, rows);
      for (const [at, part] of parts.entries()) {
        const more = at < parts.length - 1 ? { more: true } : {};
        this.#send({ ...head, counter: running.counter++, columns: [...columns], ...part, ...more });
      }
    } catch (error) {
      if (this.#subscriptions.get(id) !== running) return;
      const failure = failureOf(error);
      if (failure.message !== running.failure) this.#send({ ...head, counter: running.counter++, error: failure });
      running.failure = failure.message;
    }
    running.timer = setTimeout(
      () => void this.#evaluate(running),
      Math.max(1, intervalMs - (Date.now() - time / 1000)),
    );
  }
}

type Part = Pick<Difference, 'added' | 'removed' | 'snapshot'>;

/** What is to be told of a new result; remembers it. The first evaluation is always told, even when it is empty. */
function differences(running: Running, rows: readonly Row[]): Part[] {
  const { kind } = running.subscription;
  if (kind === 'snapshot') return [{ snapshot: rows as WireValue[][] }];
  const now = new Map<string, { readonly row: Row; count: number }>();
  for (const row of rows) {
    const key = JSON.stringify(row);
    const same = now.get(key);
    if (same === undefined) now.set(key, { row, count: 1 });
    else same.count++;
  }
  const added = surplus(now, running.known);
  const removed = surplus(running.known, now);
  running.known = now;
  const wants = (which: 'added' | 'removed') =>
    kind === 'both' || kind === which || (kind === 'events' && which === 'added');
  const parts: Part[] = [];
  if (wants('removed'))
    for (const chunk of chunksOf(removed)) if (chunk.length > 0) parts.push({ removed: chunk as WireValue[][] });
  if (wants('added'))
    for (const chunk of chunksOf(added)) if (chunk.length > 0) parts.push({ added: chunk as WireValue[][] });
  return parts.length === 0 && running.counter === 0 ? [{}] : parts;
}

function surplus(of: Running['known'], over: Running['known']): Row[] {
  const rows: Row[] = [];
  for (const [key, { row, count }] of of) {
    for (let more = count - (over.get(key)?.count ?? 0); more > 0; more--) rows.push(row);
  }
  return rows;
}

/** Rows in pieces that fit a frame; at least one piece. */
function chunksOf(rows: readonly Row[]): Row[][] {
  const chunks: Row[][] = [[]];
  let chars = 0;
  for (const row of rows) {
    const length = JSON.stringify(row).length;
    if (chunks.at(-1)!.length >= MESSAGE_ROWS || (chars + length > MESSAGE_CHARS && chars > 0)) {
      chunks.push([]);
      chars = 0;
    }
    chunks.at(-1)!.push(row);
    chars += length;
  }
  return chunks;
}

function failureOf(error: unknown): { code: string; message: string } {
  const code = error instanceof CorrelateError ? error.code : 'QUERY_FAILED';
  return { code, message: messageOf(error).slice(0, 4096) };
}
