import { CorrelateError } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import type { Alert } from '../records/alert.js';
import { RuleEngine } from '../rules/rule-engine.js';
import { formatProblem, type RuleProblem } from '../rules/rule-problem.js';
import { loadRules, type RuleSet } from '../rules/rule-set.js';

export interface RulesOptions {
  readonly paths: readonly string[];
  /** None may be refused. */
  readonly strict: boolean;
  readonly emit: (alert: Alert) => void;
  readonly warn: Warn;
  readonly info: (message: string) => void;
}

/** The rules of a run. */
export class Rules {
  readonly engine: RuleEngine;
  readonly #options: RulesOptions;
  #set: RuleSet;
  /** Files are read once at a time. */
  #reloading: Promise<void> = Promise.resolve();

  private constructor(options: RulesOptions, set: RuleSet) {
    this.#options = options;
    this.#set = set;
    this.engine = new RuleEngine(set, options);
  }

  /**
   * Loads the rules and tells what is wrong with any of them.
   * @throws CorrelateError RULE_OPEN_FAILED when a path cannot be read, RULES_TOO_MANY when it leads to too many; RULE_MALFORMED when one is refused, and RULES_ABSENT when a folder has
   * none, and `strict` wants neither to be
   */
  static async start(options: RulesOptions): Promise<Rules> {
    const set = await loadRules(options.paths);
    for (const problem of set.problems) {
      const { code, file, message } = problem;
      if (code === 'RULE_OPEN_FAILED' || code === 'RULES_TOO_MANY')
        throw new CorrelateError(code, `${file}: ${message}`);
      options.warn(warningOf(problem));
    }
    if (options.strict) refuseAll(set.problems);
    return new Rules(options, set);
  }

  /** How many were refused. */
  get problems(): number {
    return this.#set.problems.filter(isRefusal).length;
  }

  /**
   * Reads the files again and goes on with what they hold now. When one has become broken (or, with `strict`, when any is refused) that is
   * told and all rules stay as they were; what was broken from the start does not count. Never rejects.
   */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const { paths, strict, warn, info } = this.#options;
    const set = await loadRules(paths, this.#set.sql);
    const known = new Set(this.#set.problems.map(formatProblem));
    const fresh = set.problems.filter((problem) => !known.has(formatProblem(problem)));
    for (const problem of fresh) warn(warningOf(problem));
    const broken = strict
      ? set.problems.filter((problem) => isRefusal(problem) || isAbsence(problem))
      : fresh.filter(({ kind }) => kind === 'malformed');
    if (broken.length > 0) {
      const message = `rules are not loaded anew, since ${broken.length} of them are broken: those from before go on`;
      warn({ code: 'RULES_KEPT', message });
      return;
    }
    this.#set = set;
    this.engine.replace(set);
    info(`${set.rules.length} rules are loaded anew`);
  }
}

/** What `strict` does not let pass. */
function refuseAll(problems: readonly RuleProblem[]): void {
  const refused = problems.filter(isRefusal).length;
  if (refused > 0) throw new CorrelateError('RULE_MALFORMED', `${refused} rules were refused`);
  const absent = problems.find(isAbsence);
  if (absent !== undefined) throw new CorrelateError(absent.code, `${absent.file}: ${absent.message}`);
}

function isRefusal({ kind }: RuleProblem): boolean {
  return kind === 'malformed' || kind === 'unsupported';
}

function isAbsence({ kind }: RuleProblem): boolean {
  return kind === 'absent';
}

function warningOf({ code, file, line, column, message }: RuleProblem): Parameters<Warn>[0] {
  return { code, message, where: `${file}:${line}:${column}` };
}
