import type { ErrorCode } from '../core/errors.js';
import type { Micros } from '../core/time.js';
import type { KnownBefore, LateHost } from '../join/late-watch.js';
import type { Alert } from '../records/alert.js';
import type { ConnectionQuestion } from '../records/connection-question.js';
import type { StoreValue } from '../store/column.js';
import type { HuntBounds, HuntResult } from '../store/hunt.js';
import type { Retention } from '../store/retention.js';
import type { ExplainedPast } from './explain-store.js';
import type { Revision } from './late-pass.js';

/** What the thread that writes the store is started with. */
export interface StoreStart {
  readonly path: string;
  readonly retention: Retention;
}

export type ToStore =
  /** Rows of a table, column by column. */
  | { readonly kind: 'rows'; readonly table: string; readonly columns: readonly StoreValue[][]; readonly count: number }
  /** What came so far is to be in the file. Capture time is `now`. */
  | { readonly kind: 'flush'; readonly now: Micros }
  /** Stored connections of these hosts are to be decided afresh; `until`: see Horizon. */
  | { readonly kind: 'late'; readonly hosts: readonly LateHost[]; readonly until: Micros }
  | { readonly kind: 'hunt'; readonly id: number; readonly sql: string; readonly bounds: HuntBounds }
  | { readonly kind: 'explain'; readonly id: number; readonly question: ConnectionQuestion }
  | { readonly kind: 'end'; readonly now: Micros };

/** A revision with the alerts that were raised about the connection before. */
export interface ToldRevision extends Revision {
  readonly alerts: readonly Alert[];
}

export type FromStore =
  | { readonly kind: 'opened'; readonly run: number; readonly before: KnownBefore | undefined }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  /** So many rows are off the queue. */
  | { readonly kind: 'taken'; readonly count: number }
  /** So many rows that were off the queue are not in the file, and nothing more will be. */
  | { readonly kind: 'broken'; readonly message: string; readonly lost: number }
  | { readonly kind: 'revised'; readonly revisions: readonly ToldRevision[] }
  /** A late pass is over; so many connections were left as they are. */
  | { readonly kind: 'passed'; readonly left: number }
  /** What came of a question: an ExplainedPast, a HuntResult, or an error. */
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly answer?: ExplainedPast | HuntResult;
      readonly error?: { readonly code: ErrorCode; readonly message: string };
    }
  | { readonly kind: 'ended' };
