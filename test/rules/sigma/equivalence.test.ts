import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../../src/rules/sigma/compile.js';
import { RuleIndex } from '../../../src/rules/sigma/rule-index.js';
import { jsonFields } from './json-event.js';
import {
  detectionOf,
  fields,
  naiveMatch,
  type RandomCondition,
  type RandomRule,
  randomEvent,
  randomRule,
} from './random-rule.js';
import { matcherOf, parse, ruleText } from './rule-text.js';

test('a compiled rule judges random events as the specification reads', () => {
  let matched = 0;
  let missed = 0;
  fc.assert(
    fc.property(randomRule, fc.array(randomEvent, { minLength: 1, maxLength: 10 }), (rule, events) => {
      const matches = matcherOf(detectionOf(rule));
      for (const event of events) {
        const naive = naiveMatch(rule, event);
        if (naive) matched++;
        else missed++;
        expect(matches(event), `${detectionOf(rule)} on ${JSON.stringify(event)}`).toBe(naive);
      }
    }),
    { numRuns: 1_500 },
  );
  expect(Math.min(matched, missed)).toBeGreaterThan(1_000);
});

const plain: RandomCondition = { kind: 'name', name: 'sel_a' };

/** Events with the very texts of a rule, and with something before or behind them. */
function eventsNear({ searches }: RandomRule): Record<string, unknown>[] {
  const items = searches.sel_a!;
  return [
    (text: string) => text,
    (text: string) => `B${text}`,
    (text: string) => `/x/${text}`,
    (text: string) => `${text}a`,
  ].map((around) => Object.fromEntries(items.map(({ field, values }) => [field, around(String(values[0] ?? ''))])));
}

test('rules found through the index are those that trying every rule finds', () => {
  let indexed = 0;
  let tried = 0;
  let spared = 0;
  fc.assert(
    fc.property(
      fc.array(randomRule, { minLength: 1, maxLength: 12 }),
      fc.array(randomEvent, { minLength: 1, maxLength: 10 }),
      fc.subarray([...fields]),
      (random, randomEvents, useful) => {
        // Every other rule is plain, so that many can be found by a text, and events come near to them.
        const rules = random.map((rule, i) => (i % 2 === 0 ? rule : { ...rule, condition: plain }));
        const events = [...randomEvents, ...rules.flatMap(eventsNear)];
        const expressions = rules.map((rule) => parse(ruleText(detectionOf(rule))).rules[0]!.expression);
        const matchers = expressions.map((expression) => compile(expression, jsonFields));
        const index = new RuleIndex(expressions, jsonFields, useful);
        indexed += index.sizes.indexed;
        for (const event of events) {
          const naive = matchers.flatMap((matches, i) => (matches(event) ? [i] : []));
          expect(index.matching(event)).toEqual(naive);
          const candidates = index.candidates(event).length;
          tried += candidates;
          spared += rules.length - candidates;
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(indexed).toBeGreaterThan(100);
  expect(spared).toBeGreaterThan(1_000);
  expect(tried).toBeGreaterThan(1_000);
});

test('a rule for one program costs nothing on connections of another', () => {
  const names = Array.from({ length: 500 }, (_, i) => `/usr/bin/tool${i}`);
  const expressions = names.map(
    (name) =>
      parse(ruleText(`a:\n  Image|endswith: '${name.slice(8)}'\n  Initiated: 'true'\ncondition: a`)).rules[0]!
        .expression,
  );
  const index = new RuleIndex(expressions, jsonFields, ['Image']);
  expect(index.candidates({ Image: '/usr/bin/tool7', Initiated: 'true' })).toEqual([7]);
  expect(index.candidates({ Image: '/usr/bin/other', Initiated: 'true' })).toEqual([]);
});

test('an ending that is no whole last part of a path is not searched by', () => {
  const expression = parse(ruleText("a:\n  Image|endswith: 'sh'\ncondition: a")).rules[0]!.expression;
  const index = new RuleIndex([expression], jsonFields, ['Image']);
  expect(index.matching({ Image: '/bin/bash' })).toEqual([0]);
  expect(index.sizes).toEqual({ indexed: 0, always: 1 });
});
