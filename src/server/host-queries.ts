import { CorrelateError, type ErrorCode, errorCodes, messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Result, WireValue } from '../wire/message.js';
import type { AgentConnection } from './agent-connection.js';
import type { QueryAnswer } from './api-messages.js';
import type { QueryLog } from './query-log.js';

interface Waiting {
  readonly query: number;
  readonly host: string;
  readonly connection: AgentConnection;
  readonly asked: number;
  readonly columns: string[];
  readonly rows: WireValue[][];
  readonly mostRows: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: QueryAnswer) => void;
}

export interface QueryBounds {
  readonly rows: number;
  readonly timeoutMs: number;
}

/** A little more than a host has for its answer, which is still on its way then. */
const GRACE_MS = 500;

/** One-shot queries to hosts, each of which answers with a result or an error, or runs into its time-out. */
export class HostQueries {
  readonly log: QueryLog;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #nextQuery = 1;

  constructor(log: QueryLog) {
    this.log = log;
  }

  /** Answers that are waited for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks every host at once; `absent` hosts are answered for here. Each answer is given as it comes; resolves after the last. Rejects with
   * OUTPUT_WRITE_FAILED when the query cannot be logged.
   */
  async ask(
    sql: string,
    connections: readonly AgentConnection[],
    absent: readonly string[],
    bounds: QueryBounds,
    onAnswer: (answer: QueryAnswer) => void,
  ): Promise<void> {
    const query = this.#nextQuery++;
    const ids = connections.map(({ host }) => host!.id);
    this.log.write({ event: 'asked', query, sql, hosts: [...ids, ...absent] }, Date.now() * 1000);
    for (const host of absent) {
      const error = { code: 'HOST_ABSENT', message: 'the host is not connected' } as const;
      this.#answered(query, performance.now(), { host, error }, onAnswer);
    }
    await Promise.all(
      connections.map(async (connection) => {
        const asked = performance.now();
        this.#answered(query, asked, await this.#askOne(query, sql, connection, bounds), onAnswer);
      }),
    );
  }

  #answered(query: number, asked: number, answer: QueryAnswer, onAnswer: (answer: QueryAnswer) => void): void {
    const { host } = answer;
    const ms = Math.round(performance.now() - asked);
    const entry =
      'error' in answer
        ? ({ event: 'failed', query, host, error: `${answer.error.code}: ${answer.error.message}`, ms } as const)
        : ({ event: 'answered', query, host, rows: answer.rows.length, ms } as const);
    this.log.write(entry, Date.now() * 1000);
    onAnswer(answer);
  }

  #askOne(query: number, sql: string, connection: AgentConnection, bounds: QueryBounds): Promise<QueryAnswer> {
    const host = connection.host!.id;
    if (this.#waiting.size >= limits.pendingQueries) {
      return Promise.resolve(failure(host, 'QUERY_LIMIT', 'too many queries wait for answers'));
    }
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 31;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle(id, failure(host, 'QUERY_TIMEOUT', `no answer within ${bounds.timeoutMs / 1000} s`));
      }, bounds.timeoutMs + GRACE_MS);
      const waiting = { query, host, connection, asked: performance.now(), columns: [], rows: [], timer, resolve };
      this.#waiting.set(id, { ...waiting, mostRows: bounds.rows });
      connection.send({ type: 'execute', id, sql, rows: bounds.rows, timeoutMs: bounds.timeoutMs });
    });
  }

  /** A result, or a part of one. Answers to questions that are no longer open are of no use, and dropped. */
  result(connection: AgentConnection, { id, columns, rows, error, more }: Result): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.connection !== connection) return;
    if (error !== undefined) {
      const code = Object.hasOwn(errorCodes, error.code) ? (error.code as ErrorCode) : 'QUERY_FAILED';
      this.#settle(id, failure(waiting.host, code, error.message));
      return;
    }
    if (columns !== undefined) waiting.columns.push(...columns);
    for (const row of rows ?? []) waiting.rows.push(row);
    if (waiting.rows.length > waiting.mostRows) {
      this.#settle(id, failure(waiting.host, 'QUERY_LIMIT', `more than ${waiting.mostRows} rows`));
    } else if (more !== true) {
      this.#settle(id, { host: waiting.host, columns: waiting.columns, rows: waiting.rows });
    }
  }

  /** The host is gone and will not answer. */
  closed(connection: AgentConnection): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.connection === connection) {
        this.#settle(id, failure(waiting.host, 'HOST_ABSENT', 'the connection was lost before the answer'));
      }
    }
  }

  #settle(id: number, answer: QueryAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    waiting.resolve(answer);
  }
}

function failure(host: string, code: ErrorCode, message: string): QueryAnswer {
  return { host, error: { code, message } };
}

/** What failed, for a caller of the API. */
export function apiFailure(error: unknown): { code: ErrorCode; message: string } {
  return { code: error instanceof CorrelateError ? error.code : 'QUERY_FAILED', message: messageOf(error) };
}
