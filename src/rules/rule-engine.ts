import type { Warn } from '../core/warnings.js';
import type { Alert } from '../records/alert.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { HostRow } from '../records/host-row.js';
import type { RuleSet } from './rule-set.js';

export interface RuleEngineOptions {
  readonly emit: (alert: Alert) => void;
  readonly warn: Warn;
}

/** What the engine did and could not do. */
export interface RuleCounters {
  connections: number;
  rows: number;
  alerts: number;
  /** Rules that failed and were stopped. */
  stopped: number;
  /** Connections whose alerts were forgotten at the bound; a later revision of one counts as new. */
  forgotten: number;
}

/** Evaluates rules on attributed connections and host rows, in the order in which they are given. */
export class RuleEngine {
  readonly counters: RuleCounters = { connections: 0, rows: 0, alerts: 0, stopped: 0, forgotten: 0 };

  // biome-ignore lint/complexity/noUselessConstructor: the signature others build on, filled in next
  constructor(_rules: RuleSet, _options: RuleEngineOptions) {}

  connection(_connection: AttributedConnection): void {
    this.counters.connections++;
  }

  row(_row: HostRow): void {
    this.counters.rows++;
  }

  /** No more input: what waits is evaluated. */
  end(): void {}
}
