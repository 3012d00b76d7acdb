import type { ErrorCode } from '../core/errors.js';

/** A place in a rule file; lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Why a rule was not taken, or, of the kind `partial`, what part of one that was taken cannot come true. `malformed`: the rule breaks the rules of its format or cannot be read. `unsupported`: the rule is
 * well-formed and asks for something that is not evaluated; it is listed with the reason and never matched in part. `absent`: there is no rule.
 */
export interface RuleProblem {
  readonly kind: 'malformed' | 'unsupported' | 'partial' | 'absent';
  readonly code: Extract<
    ErrorCode,
    'RULE_MALFORMED' | 'RULE_UNSUPPORTED' | 'RULE_FIELD_ABSENT' | 'RULE_OPEN_FAILED' | 'RULES_ABSENT' | 'RULES_TOO_MANY'
  >;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** The rule's id, or its title when it has none; absent when the file did not get that far. */
  readonly rule?: string;
}

/** Gathers the problems of one rule file, so that all of them are told at once. */
export class ProblemList {
  readonly file: string;
  readonly problems: RuleProblem[] = [];
  /** Named in the problems that follow. */
  rule: string | undefined;

  constructor(file: string) {
    this.file = file;
  }

  malformed(at: Position, message: string): void {
    this.#add('malformed', 'RULE_MALFORMED', at, message);
  }

  unsupported(at: Position, message: string): void {
    this.#add('unsupported', 'RULE_UNSUPPORTED', at, message);
  }

  partial(at: Position, message: string): void {
    this.#add('partial', 'RULE_FIELD_ABSENT', at, message);
  }

  openFailed(message: string): void {
    this.#add('malformed', 'RULE_OPEN_FAILED', { line: 1, column: 1 }, message);
  }

  tooMany(message: string): void {
    this.#add('malformed', 'RULES_TOO_MANY', { line: 1, column: 1 }, message);
  }

  absent(message: string): void {
    this.#add('absent', 'RULES_ABSENT', { line: 1, column: 1 }, message);
  }

  #add(kind: RuleProblem['kind'], code: RuleProblem['code'], at: Position, message: string): void {
    this.problems.push({
      kind,
      code,
      file: this.file,
      line: at.line,
      column: at.column,
      message,
      ...(this.rule === undefined ? {} : { rule: this.rule }),
    });
  }
}

/** `file:line:column: message`, the form in which compilers tell it. */
export function formatProblem(problem: RuleProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}
