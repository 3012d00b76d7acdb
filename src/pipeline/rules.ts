import { CorrelateError } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import type { Alert } from '../records/alert.js';
import { RuleEngine } from '../rules/rule-engine.js';
import { loadRules } from '../rules/rule-set.js';

/** The rules of a run, and how many were refused. */
export interface Rules {
  readonly engine: RuleEngine;
  readonly problems: number;
}

/**
 * Loads the rules and tells what is wrong with any of them. Rejects when a path cannot be read, or when one is refused and
 * `strict` wants none to be missing.
 */
export async function startRules(
  paths: readonly string[],
  strict: boolean,
  emit: (alert: Alert) => void,
  warn: Warn,
): Promise<Rules> {
  const set = await loadRules(paths);
  for (const { code, file, line, column, message } of set.problems) {
    if (code === 'RULE_OPEN_FAILED') throw new CorrelateError(code, `${file}: ${message}`);
    warn({ code, message, where: `${file}:${line}:${column}` });
  }
  if (strict && set.problems.length > 0) {
    throw new CorrelateError('RULE_MALFORMED', `${set.problems.length} rules were refused`);
  }
  return { engine: new RuleEngine(set, { emit, warn }), problems: set.problems.length };
}
