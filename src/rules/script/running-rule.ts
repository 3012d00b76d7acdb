import { createHash } from 'node:crypto';
import { Subject } from 'rxjs';
import type { Micros } from '../../core/time.js';
import type { Warn } from '../../core/warnings.js';
import type { AlertEvidence } from '../../records/alert.js';
import type { AttributedConnection } from '../../records/attributed-connection.js';
import type { HostTable } from '../../records/host-tables.js';
import type { ScriptRule } from '../rule.js';
import type { RuleContext, ScriptAlert, Subscription } from './define-rule.js';
import { RuleGuard } from './rule-guard.js';
import { RuleStream } from './rule-stream.js';
import type { RowsOf } from './sql-database.js';
import { SqlSubscription } from './sql-subscription.js';
import { watchUnhandledErrors } from './unhandled-errors.js';

/** An alert as a script gave it, completed. */
export interface ScriptFinding {
  readonly rule: ScriptRule;
  readonly title: string;
  readonly time: Micros;
  readonly host?: string;
  readonly side?: 'orig' | 'resp';
  readonly connection?: AttributedConnection;
  readonly evidence: readonly AlertEvidence[];
  /** What makes this finding the same as another one of the rule. */
  readonly group: string;
}

export interface RunningRuleOptions {
  readonly warn: Warn;
  readonly onFinding: (finding: ScriptFinding) => void;
  readonly onStop: () => void;
  readonly onCut: () => void;
}

/** A script rule at work: its subscriptions and what it reports. */
export class RunningRule {
  readonly rule: ScriptRule;
  readonly guard: RuleGuard;
  readonly #options: RunningRuleOptions;
  readonly #subscriptions: SqlSubscription[] = [];
  readonly #connections = new Subject<AttributedConnection>();
  /** Which query a row came from. */
  readonly #labels = new WeakMap<object, string>();
  readonly #unwatch: () => void;
  #wiring = true;
  #time: Micros = 0;

  constructor(rule: ScriptRule, options: RunningRuleOptions) {
    this.rule = rule;
    this.#options = options;
    this.guard = new RuleGuard(rule, options.warn, options.onStop);
    this.#unwatch = watchUnhandledErrors(this.guard);
    const context: RuleContext = {
      hosts: { subscribe: (sql) => this.#subscribe(sql) },
      connections: { attributed$: new RuleStream(this.guard, this.#connections) },
      alert: (alert) => this.#alert(alert),
    };
    this.guard.run(() => rule.definition.setup(context));
    this.#wiring = false;
  }

  /** The host tables that the rule's queries read. */
  get tables(): readonly HostTable[] {
    return this.#subscriptions.flatMap(({ query }) => query.tables);
  }

  connection(connection: AttributedConnection): void {
    if (this.guard.stopped) return;
    this.#time = connection.connection.ts;
    this.#connections.next(connection);
  }

  /** Tables of a host have changed up to `time`. */
  hostChanged(host: string, time: Micros, changed: ReadonlySet<HostTable>, rowsOf: RowsOf): void {
    this.#time = time;
    for (const subscription of this.#subscriptions) {
      if (this.guard.stopped) return;
      if (!subscription.readsAny(changed)) continue;
      this.guard.run(() =>
        subscription.evaluate(host, time, rowsOf, (row) => this.#labels.set(row, subscription.label)),
      );
    }
  }

  forget(host: string): void {
    for (const subscription of this.#subscriptions) subscription.forget(host);
  }

  /** The rule was taken away or replaced by another version. */
  retire(): void {
    this.guard.retire();
    this.end();
  }

  end(): void {
    for (const subscription of this.#subscriptions) subscription.complete();
    this.#connections.complete();
    this.#unwatch();
  }

  #subscribe<Row extends object>(sql: string): Subscription<Row> {
    if (!this.#wiring) throw new Error('subscribe while the function of the rule runs, not later');
    const { sql: database } = this.rule;
    const subscription = new SqlSubscription(database, database.prepare(sql), this.guard, this.#options.onCut);
    this.#subscriptions.push(subscription);
    // What columns a query has is the rule's own promise.
    return subscription.streams as unknown as Subscription<Row>;
  }

  #alert(alert: ScriptAlert): void {
    if (this.guard.stopped) return;
    const time = alert.time ?? alert.connection?.connection.ts ?? this.#time;
    const title = alert.title ?? this.rule.about.title;
    const evidence = (alert.evidence ?? []).map((row) => this.#evidence(row));
    // A connection may become known better, so what is told of it does not make it another alert.
    const parts = alert.connection
      ? [alert.side, alert.key]
      : [alert.host, alert.key ?? [title, time, evidence.map(({ row }) => row)]];
    this.#options.onFinding({
      rule: this.rule,
      title,
      time,
      evidence,
      group: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
      ...(alert.host === undefined ? {} : { host: alert.host }),
      ...(alert.side === undefined ? {} : { side: alert.side }),
      ...(alert.connection === undefined ? {} : { connection: alert.connection }),
    });
  }

  #evidence(row: object): AlertEvidence {
    const label =
      this.#labels.get(row) ?? ('stream' in row && typeof row.stream === 'string' ? row.stream : this.rule.about.id);
    return { stream: label, row: row as Readonly<Record<string, unknown>> };
  }
}
