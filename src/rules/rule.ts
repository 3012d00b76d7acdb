import type { AlertRule } from '../records/alert.js';
import type { RuleDefinition } from './script/define-rule.js';
import type { SqlDatabase } from './script/sql-database.js';
import type { Expression } from './sigma/expression.js';
import type { LogSource } from './sigma/log-source.js';

/** A Sigma rule that is ready to be evaluated. */
export interface SigmaRule {
  readonly kind: 'sigma';
  readonly about: AlertRule;
  readonly source: LogSource;
  readonly expression: Expression;
}

/** A script rule that was loaded and not yet started. */
export interface ScriptRule {
  readonly kind: 'script';
  readonly about: AlertRule;
  readonly definition: RuleDefinition;
  /** The rule with all that it imports, bundled: the same text is the same rule. */
  readonly code: string;
  /** Where its subscriptions are evaluated. */
  readonly sql: SqlDatabase;
  /** `file:line:column` of the place in the rule's source from which an error came; undefined when it came from elsewhere. */
  readonly locate: (error: unknown) => string | undefined;
}

export type Rule = SigmaRule | ScriptRule;
