import { config } from 'rxjs';
import type { RuleGuard } from './rule-guard.js';

const watched = new Set<RuleGuard>();

/**
 * rxjs throws what a handler behind a combined Observable (`merge`, `combineLatest`) throws from a timer, which would end the
 * process. As long as a rule is watched, such an error goes to the rule in whose source it arose. The result ends the watch,
 * after the timers that wait.
 */
export function watchUnhandledErrors(guard: RuleGuard): () => void {
  watched.add(guard);
  config.onUnhandledError = toItsRule;
  return () => {
    setTimeout(() => {
      watched.delete(guard);
      if (watched.size === 0) config.onUnhandledError = null;
    }, 10).unref();
  };
}

function toItsRule(error: unknown): void {
  const guard = [...watched].find(({ rule }) => rule.locate(error) !== undefined);
  if (guard === undefined) throw error;
  guard.fail(error);
}
