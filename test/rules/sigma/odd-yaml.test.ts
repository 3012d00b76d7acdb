import { expect, test } from 'vitest';
import { compile } from '../../../src/rules/sigma/compile.js';
import { jsonFields } from './json-event.js';
import { parse } from './rule-text.js';

const head = 'title: t\nid: one\nlogsource: {category: network_connection}\n';

/** Which of the events the one rule of the text matches. */
function matches(text: string, events: readonly object[]): boolean[] {
  const { rules, problems } = parse(text);
  expect(problems).toEqual([]);
  expect(rules).toHaveLength(1);
  const matcher = compile(rules[0]!.expression, jsonFields);
  return events.map((event) => matcher(event as never));
}

const events = [
  { A: 'a', B: 'b' },
  { A: 'a', B: 'x' },
  { A: 'x', B: 'b' },
];

test.each([
  ['one map', 'selection:\n    <<: *one\n    B: b', [true, false, false]],
  ['a list of maps', 'selection:\n    <<: [*one, *two]', [true, false, false]],
  ['a map whose field it has itself', 'selection:\n    A: x\n    <<: *one', [false, false, true]],
  ['maps with one field, of which the first holds', 'selection:\n    <<: [*one, *other]', [true, true, false]],
])('a map may take over %s (YAML merge key)', (_what, search, expected) => {
  const anchors = '_one: &one\n    A: a\n  _two: &two\n    B: b\n  _other: &other\n    A: x\n';
  expect(matches(`${head}detection:\n  ${anchors}  ${search}\n  condition: selection\n`, events)).toEqual(expected);
});

test('what "<<" takes over must be a map', () => {
  const { problems } = parse(`${head}detection:\n  selection:\n    <<: text\n  condition: selection\n`);
  expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toContain(
    '6:5 "<<" takes over a map or a list of maps',
  );
});

test('a map that takes over itself is told, not followed for ever', () => {
  const { problems } = parse(`${head}detection:\n  selection: &a\n    <<: *a\n    A: a\n  condition: selection\n`);
  expect(problems.map(({ message }) => message)).toEqual(['aliases of the document stand for too much']);
});

test('documents without content are none', () => {
  const rule = `${head}detection:\n  selection:\n    A: a\n  condition: selection\n`;
  for (const text of [`${rule}---\n`, `---\n${rule}...\n---\n# nothing\n`, `---\n---\n${rule}`]) {
    expect(matches(text, events)).toEqual([true, true, false]);
  }
  expect(parse('---\n---\n').problems.map(({ message }) => message)).toEqual(['no rule in the file']);
});
