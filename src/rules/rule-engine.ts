import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import type { Alert } from '../records/alert.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { HostRow } from '../records/host-row.js';
import { type Finding, MatchMemory } from './match-memory.js';
import type { ScriptRule } from './rule.js';
import type { RuleSet } from './rule-set.js';
import type { ScriptFinding } from './script/running-rule.js';
import { ScriptRules } from './script/script-rules.js';
import { SigmaRules } from './sigma/sigma-rules.js';

export interface RuleEngineOptions {
  readonly emit: (alert: Alert) => void;
  readonly warn: Warn;
}

/** What the engine did and could not do. */
export interface RuleCounters {
  readonly connections: number;
  readonly rows: number;
  readonly alerts: number;
  /** Script rules that failed and were stopped. */
  readonly stopped: number;
  /** Connections whose alerts were forgotten at `limits.rememberedMatches`; a later revision of one counts as new. */
  readonly forgotten: number;
  /** Host rows that script rules did not see, see `HostTables`. */
  readonly dropped: number;
  readonly evicted: number;
  readonly unmatched: number;
  /** Query results that were cut at `limits.queryResultRows`. */
  readonly cut: number;
}

/**
 * Evaluates rules on attributed connections and host rows, in the order in which they are given. What it emits is a function of
 * that input alone.
 */
export class RuleEngine {
  readonly #emit: (alert: Alert) => void;
  #sigma = new SigmaRules([]);
  #sigmaIds: ReadonlySet<string> = new Set();
  readonly #scripts: ScriptRules;
  readonly #memory = new MatchMemory(limits.rememberedMatches);
  readonly #counts = { connections: 0, rows: 0, alerts: 0, stopped: 0, cut: 0 };

  constructor(ruleSet: RuleSet, options: RuleEngineOptions) {
    this.#emit = options.emit;
    this.#takeSigma(ruleSet);
    this.#scripts = new ScriptRules(scriptsOf(ruleSet), {
      warn: options.warn,
      onFinding: (finding) => this.#scriptFinding(finding),
      onStop: () => {
        this.#counts.stopped++;
      },
      onCut: () => {
        this.#counts.cut++;
      },
    });
  }

  /**
   * Goes on with other rules. What was told stays told: a rule that is still there tells only what is new, and one that is gone withdraws
   * nothing. See ScriptRules.replace for what script rules keep.
   */
  replace(ruleSet: RuleSet): void {
    this.#takeSigma(ruleSet);
    this.#scripts.replace(scriptsOf(ruleSet));
  }

  #takeSigma({ rules }: RuleSet): void {
    const sigma = rules.filter((rule) => rule.kind === 'sigma');
    this.#sigma = new SigmaRules(sigma);
    this.#sigmaIds = new Set(sigma.map(({ about }) => about.id));
  }

  /** What was given up at a bound, by name. */
  get losses(): Readonly<Record<string, number>> {
    const { stopped, forgotten, dropped, cut } = this.counters;
    return {
      'script rules': stopped,
      'remembered matches': forgotten,
      'host table rows': dropped,
      'query results': cut,
    };
  }

  get counters(): RuleCounters {
    return { ...this.#counts, ...this.#scripts.tables.counters, forgotten: this.#memory.forgotten };
  }

  /** Takes a connection, or a revision of one: a line with the `uid` of an earlier one and a greater `rev`. */
  connection(connection: AttributedConnection): void {
    this.#counts.connections++;
    const { uid } = connection.connection;
    const findings = this.#sigma.findings(connection);
    for (const finding of findings) this.#tell(uid, finding);
    const isSigma = ({ id }: { readonly id: string }): boolean => this.#sigmaIds.has(id);
    for (const alert of this.#memory.withdraw(uid, findings, isSigma, connection)) this.#send(alert);
    this.#scripts.connection(connection);
  }

  /** Learns which alerts earlier runs raised about connections, so that a revision updates or withdraws them. */
  recall(alerts: readonly Alert[]): void {
    for (const alert of alerts) {
      const uid = alert.connection?.connection.uid;
      if (uid !== undefined) this.#memory.recall(uid, alert);
    }
  }

  row(row: HostRow): void {
    this.#counts.rows++;
    this.#scripts.row(row);
  }

  /** No more input: what waits is evaluated. */
  end(): void {
    this.#scripts.end();
  }

  #scriptFinding({ rule, ...finding }: ScriptFinding): void {
    const subject = finding.connection?.connection.uid ?? finding.group;
    this.#tell(subject, { ...finding, rule: rule.about });
  }

  #tell(subject: string, finding: Finding): void {
    const alert = this.#memory.tell(subject, finding);
    if (alert !== undefined) this.#send(alert);
  }

  #send(alert: Alert): void {
    this.#counts.alerts++;
    this.#emit(alert);
  }
}

function scriptsOf({ rules }: RuleSet): ScriptRule[] {
  return rules.filter((rule) => rule.kind === 'script');
}
