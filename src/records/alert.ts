import type { Micros } from '../core/time.js';
import type { AttributedConnection } from './attributed-connection.js';
import type { AnyTableRow } from './host-row.js';

export const levels = ['informational', 'low', 'medium', 'high', 'critical'] as const;
/** Sigma's levels. */
export type Level = (typeof levels)[number];

/** What an alert says about the rule. */
export interface AlertRule {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly description?: string;
  readonly version?: string;
  /** Sigma tags as written (`attack.t1059`); outputs make of them what their format has. */
  readonly tags?: readonly string[];
  readonly references?: readonly string[];
  readonly author?: string;
  /** Where the rule stands. */
  readonly file?: string;
}

/**
 * A rule matched. The same match keeps its `id` (a hash of rule, group and contributing uids); `new` comes once, `updated` when
 * what it tells changed, `withdrawn` when later evidence took the match away.
 */
export interface Alert {
  readonly id: string;
  readonly status: 'new' | 'updated' | 'withdrawn';
  readonly rev: number;
  /** Event time: of the connection's start, or of the host row. */
  readonly time: Micros;
  readonly rule: AlertRule;
  /** What happened, in a sentence for a person; by default the rule's title. */
  readonly title: string;
  /** The host that the alert is about. */
  readonly host?: string;
  /** Which end of `connection` the alert is about. Absent for rules over host rows or over the connection as such. */
  readonly side?: 'orig' | 'resp';
  readonly connection?: AttributedConnection;
  readonly evidence: readonly AlertEvidence[];
}

/** A host row (or a row of a subscription's result) on which the alert stands. */
export interface AlertEvidence {
  readonly stream: string;
  readonly row: AnyTableRow | Readonly<Record<string, unknown>>;
}
