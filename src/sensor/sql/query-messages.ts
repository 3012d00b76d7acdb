import type { ErrorCode } from '../../core/errors.js';
import type { SqlLimits, SqlResult } from '../../records/host-database.js';
import type { TableEvent } from '../tables/event-log.js';

/** What the thread that evaluates queries is asked; it answers in the order of asking. */
export interface QueryAsked {
  readonly sql: string;
  readonly limits: SqlLimits;
  /** Events that it has not got yet. */
  readonly events: readonly TableEvent[];
}

/** `redacted`: secrets taken out on the way. */
export type QueryAnswered = { readonly redacted: number } & (
  | { readonly result: SqlResult }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } }
);
