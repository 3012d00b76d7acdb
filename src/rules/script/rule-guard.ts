import { messageOf } from '../../core/errors.js';
import type { Warn } from '../../core/warnings.js';
import type { ScriptRule } from '../rule.js';

/** Runs a rule's code: what it throws is told once and stops that rule alone. */
export class RuleGuard {
  readonly rule: ScriptRule;
  readonly #warn: Warn;
  readonly #onStop: () => void;
  #stopped = false;

  constructor(rule: ScriptRule, warn: Warn, onStop: () => void) {
    this.rule = rule;
    this.#warn = warn;
    this.#onStop = onStop;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** The rule is no longer wanted: what it still does has no effect. */
  retire(): void {
    this.#stopped = true;
  }

  run(code: () => unknown): void {
    if (this.#stopped) return;
    try {
      const result = code();
      if (result instanceof Promise) result.catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#warn({
      code: 'RULE_SCRIPT_FAILED',
      message: `rule ${this.rule.about.id} is stopped: ${messageOf(error)}`,
      where: this.rule.locate(error) ?? this.rule.about.file ?? this.rule.about.id,
    });
    this.#onStop();
  }
}
