import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../../src/rules/sigma/compile.js';
import { jsonFields } from './json-event.js';
import { detectionOf, randomEvent, randomRule } from './random-rule.js';
import { parse, ruleText } from './rule-text.js';

/** Reads a file and evaluates what it yields; tells whether there was any of either. */
function survive(text: string, event: object): 'rule' | 'problem' | 'neither' {
  const { rules, problems } = parse(text);
  for (const { expression } of rules) compile(expression, jsonFields)(event);
  for (const { line, column } of problems) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
  if (rules.length > 0) return 'rule';
  return problems.length > 0 ? 'problem' : 'neither';
}

test('any text yields a rule or a problem with a place, and never an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), randomEvent, (text, event) => {
      expect(survive(text, event)).not.toBe('neither');
    }),
    { numRuns: 500 },
  );
});

test('any damage to a rule file yields a rule or a problem, and never an error', () => {
  const seen = { rule: 0, problem: 0 };
  const pieces = [
    '|',
    ':',
    '-',
    '*',
    '\\',
    "'",
    '"',
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    '&a ',
    '*a ',
    '!!set ',
    '? ',
    '\n',
    '  ',
    'not ',
    'of ',
    '|re',
    '|cidr',
    '|gt',
    'null',
    '~',
    '<<: ',
    '%',
    '---\n',
    '0x',
    '.inf',
  ];
  fc.assert(
    fc.property(
      randomRule,
      randomEvent,
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 4 }),
      (rule, event, damage) => {
        let text = ruleText(detectionOf(rule));
        for (const [at, gone, piece] of damage) {
          const from = at % text.length;
          text = text.slice(0, from) + piece + text.slice(from + gone);
        }
        const outcome = survive(text, event);
        expect(outcome).not.toBe('neither');
        seen[outcome as 'rule' | 'problem']++;
      },
    ),
    { numRuns: 1_500 },
  );
  expect(Math.min(seen.rule, seen.problem)).toBeGreaterThan(50);
});
