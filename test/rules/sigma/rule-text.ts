import { ProblemList, type RuleProblem } from '../../../src/rules/rule-problem.js';
import { compile } from '../../../src/rules/sigma/compile.js';
import { type ParsedRule, parseRules } from '../../../src/rules/sigma/rule-document.js';
import { jsonFields } from './json-event.js';

/** A rule file around a detection, which is indented as it stands. */
export function ruleText(detection: string): string {
  const indented = detection.replace(/^(?=.)/gm, '  ');
  return `title: a test\nlogsource:\n  category: network_connection\ndetection:\n${indented}\n`;
}

export function parse(text: string): {
  readonly rules: readonly ParsedRule[];
  readonly problems: readonly RuleProblem[];
} {
  const problems = new ProblemList('test.yml');
  return { rules: parseRules(text, problems).rules, problems: problems.problems };
}

/** The matcher of a detection that is in order. */
export function matcherOf(detection: string): (event: object) => boolean {
  const { rules, problems } = parse(ruleText(detection));
  if (problems.length > 0)
    throw new Error(problems.map(({ line, column, message }) => `${line}:${column} ${message}`).join());
  return compile(rules[0]!.expression, jsonFields);
}
