import { appendFileSync } from 'node:fs';
import { CorrelateError, messageOf } from '../core/errors.js';
import { formatIso, type Micros } from '../core/time.js';

/** One step of a query: that it was asked, or what one host answered; or that a subscription was made. */
export type QueryLogEntry =
  | { readonly event: 'subscribed'; readonly sql: string; readonly target: object }
  | { readonly event: 'asked'; readonly query: number; readonly sql: string; readonly hosts: readonly string[] }
  | {
      readonly event: 'answered';
      readonly query: number;
      readonly host: string;
      readonly rows: number;
      readonly ms: number;
    }
  | {
      readonly event: 'failed';
      readonly query: number;
      readonly host: string;
      readonly error: string;
      readonly ms: number;
    };

/** Keeps what was asked of hosts and what came back, one JSON line each, in a file that is only ever added to. */
export class QueryLog {
  readonly #path: string | undefined;

  /** Throws OUTPUT_OPEN_FAILED. */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined) return;
    try {
      appendFileSync(path, '', { mode: 0o600 });
    } catch (error) {
      throw new CorrelateError('OUTPUT_OPEN_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Throws OUTPUT_WRITE_FAILED: what cannot be put on record is not asked. */
  write(entry: QueryLogEntry, now: Micros): void {
    if (this.#path === undefined) return;
    try {
      appendFileSync(this.#path, `${JSON.stringify({ time: formatIso(now), ...entry })}\n`);
    } catch (error) {
      throw new CorrelateError('OUTPUT_WRITE_FAILED', `${this.#path}: ${messageOf(error)}`, { cause: error });
    }
  }
}
