import type { ErrorCode } from '../core/errors.js';
import type { ConnectionQuestion } from '../records/connection-question.js';

/**
 * What the engine's local API speaks: HTTP on a UNIX socket that only the engine's user may open.
 *
 *     GET    /hosts         {"hosts": HostSummary[], "cut_off": {NAME: COUNT}}; names of src/wire/close-code.ts
 *     DELETE /hosts/ID      the enrolment of ID is forgotten, so that another agent may enrol under it
 *     POST   /query         QueryRequest; answers with one JSON line (QueryAnswer) per host, as they come
 *     POST   /hunt          HuntRequest; answers with {"columns": [...], "rows": [[...]]} from the store
 *     POST   /explain       ExplainRequest; answers with ExplainAnswer, from memory or from the store
 *     POST   /subscribe     SubscribeRequest; answers with JSON lines (SubscriptionUpdate) until the asker goes away
 *
 * What goes wrong with a request as such is {"error": ApiError} with a status of 4xx.
 */
export const apiPaths = {
  hosts: '/hosts',
  query: '/query',
  subscribe: '/subscribe',
  hunt: '/hunt',
  explain: '/explain',
} as const;

export interface ApiError {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * joined: connected and told all it had kept. joining: connected and still telling. silent: not heard of for a while, the
 * connection is gone or half-open. left: it said goodbye.
 */
export type HostPresence = 'joining' | 'joined' | 'silent' | 'left';

/** One watched host as `correlate hosts` shows it. Times are epoch seconds of the engine's clock. */
export interface HostSummary {
  readonly id: string;
  readonly presence: HostPresence;
  /** Why it is silent or left, or why its last connection ended. */
  readonly reason?: string;
  readonly boot?: string;
  readonly version?: string;
  /** Where it connects from. */
  readonly peer?: string;
  readonly addresses: readonly string[];
  readonly groups: readonly string[];
  readonly tables: readonly string[];
  /** What the agent cannot see, in its own words. */
  readonly limited: readonly string[];
  readonly joins: number;
  readonly since: number;
  readonly heard: number;
  readonly rows: number;
  /** Rows that came again after a reconnect, and were not taken again. */
  readonly duplicates: number;
  /** Rows that the agent had to drop from its spool. */
  readonly dropped: number;
  /** The host's clock minus the engine's, and how far that may be off, in seconds. */
  readonly clock?: { readonly offset: number; readonly err: number };
}

/** Asks hosts; exactly one of `hosts`, `groups`, `all` is given. */
export interface QueryRequest {
  readonly sql: string;
  readonly hosts?: readonly string[];
  readonly groups?: readonly string[];
  readonly all?: true;
  /** Seconds to wait for each host; by default 10. */
  readonly timeout?: number;
  /** Most rows per host; by default 10,000. */
  readonly rows?: number;
}

/** Asks the store of the engine with one SELECT. */
export interface HuntRequest {
  readonly sql: string;
  /** Seconds; by default 60. */
  readonly timeout?: number;
  /** Most rows; by default 10,000. */
  readonly rows?: number;
}

/** Asks why the ends of connections have the owners that they have. */
export interface ExplainRequest {
  readonly question: ConnectionQuestion;
}

export interface ExplainAnswer {
  /** Each as JSON and as text for a person, in order of time. */
  readonly explained: readonly { readonly object: object; readonly text: string }[];
  /** More connections are meant than are explained. */
  readonly has_more: boolean;
}

/** What of an engine's own answers these requests; each rejects with a CorrelateError. */
export interface PastApi {
  hunt(request: Required<HuntRequest>): Promise<object>;
  explain(request: ExplainRequest): Promise<ExplainAnswer>;
}

/** Has hosts evaluate a query again and again, also hosts that join or come into a group later. */
export interface SubscribeRequest {
  readonly sql: string;
  readonly hosts?: readonly string[];
  readonly groups?: readonly string[];
  readonly all?: true;
  /** Seconds between two evaluations; by default 10. */
  readonly interval?: number;
  /** Which rows are told; by default both. */
  readonly kind?: 'added' | 'removed' | 'both' | 'snapshot' | 'events';
  /** Comes back with every update. */
  readonly cookie?: string;
}

/** What has changed in the result of one host; the first update has all its rows as added. `time`: the host's, epoch seconds. */
export interface SubscriptionUpdate {
  readonly host: string;
  readonly time: number;
  readonly cookie?: string;
  readonly columns?: readonly string[];
  readonly added?: readonly (readonly JsonSqlValue[])[];
  readonly removed?: readonly (readonly JsonSqlValue[])[];
  readonly snapshot?: readonly (readonly JsonSqlValue[])[];
  readonly error?: ApiError;
}

/** A value of a result in JSON; an integer beyond 2^53 is its decimal text within an object. */
export type JsonSqlValue = string | number | null | { readonly integer: string };

/** What one host answered: a result or an error. */
export type QueryAnswer =
  | { readonly host: string; readonly columns: readonly string[]; readonly rows: readonly (readonly JsonSqlValue[])[] }
  | { readonly host: string; readonly error: ApiError };
