import type { Observable } from 'rxjs';
import type { Micros } from '../../core/time.js';
import type { Level } from '../../records/alert.js';
import type { AttributedConnection } from '../../records/attributed-connection.js';

/** What a script rule says about itself. */
export interface RuleHeader {
  readonly id: string;
  readonly level: Level;
  /** The id when absent. */
  readonly title?: string;
  readonly description?: string;
  /** Sigma tags: `attack.t1059`. */
  readonly tags?: readonly string[];
  readonly references?: readonly string[];
  readonly author?: string;
  readonly version?: string;
}

/** A row of a query's result on one host. `time` is the host's, never the clock of the machine that evaluates. */
export interface HostResult<Row> {
  readonly host: string;
  readonly row: Row;
  readonly time: Micros;
}

/** The whole result of a query on one host. */
export interface HostResults<Row> {
  readonly host: string;
  readonly rows: readonly Row[];
  readonly time: Micros;
}

/** The results of a query, host by host. A host's first result counts as added. */
export interface Subscription<Row> {
  readonly added$: Observable<HostResult<Row>>;
  readonly removed$: Observable<HostResult<Row>>;
  /** The whole result, each time it changed. */
  readonly rows$: Observable<HostResults<Row>>;
}

/** What a script rule reports. */
export interface ScriptAlert {
  /** Default: the rule's title. */
  readonly title?: string;
  readonly host?: string;
  /** Default: the time of the row or connection that is being handled. */
  readonly time?: Micros;
  readonly connection?: AttributedConnection;
  readonly side?: 'orig' | 'resp';
  /**
   * Two alerts of a rule with one key are the same alert, told again when it changed. Of a connection and side there is one alert
   * unless the key tells more apart; without a connection the default is title, time and evidence together.
   */
  readonly key?: string | undefined;
  /** Rows on which the alert stands: rows of a result, or host rows. */
  readonly evidence?: readonly object[];
}

/** What a script rule works with. Subscriptions are made while the rule's function runs, not later. */
export interface RuleContext {
  readonly hosts: {
    /**
     * Evaluates a SELECT over osquery's tables on every host, again whenever a table that it names changed there.
     * Throws when SQLite refuses the text.
     */
    subscribe<Row extends object = Record<string, string | number | null>>(sql: string): Subscription<Row>;
  };
  readonly connections: {
    /** Every line of every connection: the first, and each revision of it. */
    readonly attributed$: Observable<AttributedConnection>;
  };
  alert(alert: ScriptAlert): void;
}

/** Wires a rule's handlers up. */
export type RuleSetup = (context: RuleContext) => void;

export interface RuleDefinition {
  readonly header: RuleHeader;
  readonly setup: RuleSetup;
}

/**
 * Makes a script rule; the default export of a rule file. The function is called once when the rule is loaded, with streams that
 * never emit, to check its queries, and once when the engine starts.
 */
export function defineRule(header: RuleHeader, setup: RuleSetup): RuleDefinition {
  return { header, setup };
}
