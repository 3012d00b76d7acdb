import { describe, expect, test } from 'vitest';
import { parse, ruleText } from './rule-text.js';

/** Problems as `line:column kind message`; lines count from the start of the rule file. */
function told(text: string): string[] {
  return parse(text).problems.map(({ line, column, kind, message }) => `${line}:${column} ${kind} ${message}`);
}

const selection = (search: string): string => ruleText(`selection:\n  ${search}\ncondition: selection`);

/** In `selection` the search begins at 6:5. */
const searches: readonly (readonly [string, string])[] = [
  ['A|contain: x', '6:5 malformed unknown modifier "contain"'],
  ['A|toString: x', '6:5 malformed unknown modifier "toString"'],
  ['A|: x', '6:5 malformed unknown modifier ""'],
  ["A|expand: '%x%'", '6:5 unsupported modifier expand: placeholders have no values here'],
  ['A|hour: 5', '6:5 unsupported modifier hour: parts of dates are not compared'],
  ['A|contains|re: x', '6:5 malformed modifier re must be the first'],
  ['A|contains|cidr: 192.0.2.0/24', '6:5 malformed modifier cidr must be the first'],
  ['A|i: x', '6:5 malformed modifier i stands behind re only'],
  ['A|contains|i: x', '6:5 malformed modifier i stands behind re only'],
  ['A|exists|contains: true', '6:5 malformed modifier exists stands alone'],
  ['A|exists: yes', '6:15 malformed modifier exists takes true or false, unquoted'],
  ['A|re: 5', '6:11 malformed modifier re takes text'],
  ["A|re: 'a(b'", '6:11 malformed the regular expression does not compile'],
  ["A|re: '(?=x)y'", '6:11 unsupported the regular expression has no linear-time form'],
  ["A|re: '(a)\\1'", '6:11 unsupported the regular expression has no linear-time form'],
  ['A|cidr: 192.0.2.0/33', '6:13 malformed modifier cidr takes an address range'],
  ['A|cidr: 192.0.2.1/24', '6:13 malformed modifier cidr takes an address range'],
  ['A|cidr: web-1', '6:13 malformed modifier cidr takes an address range'],
  ["A|gt: '5'", '6:11 malformed modifier gt takes a number, unquoted'],
  ['A|contains: true', '6:17 malformed modifier contains takes'],
  ['A|contains: null', '6:17 malformed modifier contains takes'],
  ["A|base64: 'a*'", '6:15 malformed modifier base64 cannot encode a wildcard'],
  ["A|wide|base64: 'a?'", '6:20 malformed modifier wide cannot encode a wildcard'],
  ["A|fieldref: ''", '6:17 malformed modifier fieldref takes the name of a field'],
  ['A|cased: 5', '6:14 malformed modifier cased takes'],
  ['A: [x, null]', '6:12 malformed null may not stand in a list'],
  ['A: {B: x}', '6:8 malformed the value of "A" must be'],
  ['A: [[x]]', '6:9 malformed the value of "A" must be'],
];

const conditions: readonly (readonly [string, string])[] = [
  ['selection and', '7:27 malformed the condition ends where a search is expected'],
  ['selecton', '7:14 malformed the condition names "selecton"'],
  ['selection or selecton', '7:27 malformed the condition names "selecton"'],
  ['(selection', '7:24 malformed a closing parenthesis is missing'],
  ['selection)', '7:23 malformed ")" is not expected here'],
  ['selection selection', '7:24 malformed "selection" is not expected here'],
  ['and selection', '7:14 malformed "and" is not expected here'],
  ['selection | count() by A > 5', '7:24 unsupported aggregation'],
  ['1 of filter_*', '7:19 malformed no search of the detection fits "filter_*"'],
  ['2 of selection*', '7:14 unsupported "2 of": only 1, any and all are known'],
  ['all of', '7:20 malformed a name, a pattern or "them" is expected'],
  ['1 of (selection)', '7:19 malformed a name, a pattern or "them" is expected'],
  ["''", '7:15 malformed the condition ends where a search is expected'],
  ['5', '7:14 malformed a condition is a text'],
  ['[]', '7:3 malformed the list of conditions is empty'],
  ['"selection and selecton"', '7:29 malformed the condition names "selecton"'],
  ['>\n    selection\n    and selecton', '9:11 malformed the condition names "selecton"'],
  ['\n    - selection\n    - selecton', '9:9 malformed the condition names "selecton"'],
];

describe('a search that is refused', () => {
  test.each(searches)('%s', (search, problem) => {
    const problems = told(selection(search));
    expect(problems).toHaveLength(1);
    expect(problems[0]!.startsWith(problem), problems[0]).toBe(true);
    expect(parse(selection(search)).rules).toEqual([]);
  });
});

describe('a condition that is refused', () => {
  test.each(conditions)('%s', (condition, problem) => {
    const text = ruleText(`selection:\n  A: x\ncondition: ${condition}`);
    const problems = told(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.startsWith(problem), problems[0]).toBe(true);
    expect(parse(text).rules).toEqual([]);
  });
});

test('a slip in a key is told where it stands', () => {
  expect(
    told('title: x\nlogsource:\n  category: network_connection\ndetecton:\n  a:\n    A: 1\n  condition: a\n'),
  ).toEqual(['4:1 malformed unknown key "detecton"; is "detection" meant?']);
  expect(told('titel: x\nlogsuorce:\n  catgory: y\ndetection:\n  a:\n    A: 1\n  condition: a\n')).toEqual([
    '1:1 malformed unknown key "titel"; is "title" meant?',
    '2:1 malformed unknown key "logsuorce"; is "logsource" meant?',
  ]);
  expect(told('title: x\nlogsource:\n  catgory: y\ndetection:\n  a:\n    A: 1\n  condition: a\nlevel: hgih\n')).toEqual(
    [
      '8:8 malformed "hgih" is no level; there are informational, low, medium, high, critical',
      '3:3 malformed unknown key "catgory" in logsource; is "category" meant?',
    ],
  );
});

test('keys that the specification leaves to authors are allowed', () => {
  const { rules, problems } = parse(`${selection('A: x')}simulation: x\nregression_tests_path: y\n`);
  expect(problems).toEqual([]);
  expect(rules).toHaveLength(1);
});

test('all problems of a rule are told at once, with its id', () => {
  const text = `id: rule-1\n${ruleText("a:\n  A|nope: x\n  B|re: '('\nb: {}\ncondition: a and c")}`;
  const { problems } = parse(text);
  expect(problems.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
    '7 rule-1',
    '8 rule-1',
    '9 rule-1',
    '10 rule-1',
  ]);
});

test('a document that is refused leaves the others of its file alone', () => {
  const text = `${selection('A|nope: x')}---\n${selection('A: x')}---\ncorrelation:\n  type: event_count\n---\nfilter:\n  rules: any\n---\naction: global\n`;
  const { rules, problems } = parse(text);
  expect(rules).toHaveLength(1);
  expect(problems.map(({ line, message }) => `${line} ${message}`)).toEqual([
    '6 unknown modifier "nope"',
    '17 correlation rules are not evaluated',
    '20 filters are not applied',
    '23 collections by "action" were abolished in favour of YAML documents',
  ]);
});

test('what is not YAML is told with its place', () => {
  expect(told('title: x\n  bad: [\n')[0]).toMatch(/^1:8 malformed /);
  expect(told('title: x\ntitle: y\n')[0]).toMatch(/^2:1 malformed .*unique/);
  expect(told('')).toEqual(['1:1 malformed no rule in the file']);
  expect(told('- a\n- b\n')).toEqual(['1:1 malformed a rule is a map']);
});

test('files made to exhaust a parser are refused', () => {
  const deepLists = `${'['.repeat(50_000)}`;
  expect(told(deepLists).length).toBeGreaterThan(0);
  const deepCondition = ruleText(`a:\n  A: 1\ncondition: ${'('.repeat(5_000)}a${')'.repeat(5_000)}`);
  expect(told(deepCondition)[0]).toContain('nests too deeply');
  const levels = Array.from({ length: 15 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i},`.repeat(10)}]`);
  const bomb = ruleText(`x0: &x0 [a]\n${levels.join('\n')}\ncondition: x15`);
  expect(told(bomb)).toEqual(['1:1 malformed aliases of the document stand for too much']);
  const manyNots = ruleText(`a:\n  A: 1\ncondition: ${'not '.repeat(5_000)}a`);
  expect(told(manyNots)[0]).toContain('nests too deeply');
});

test('header fields are taken over', () => {
  const text = `id: r1\nstatus: test\ndescription: d\nauthor: a\ndate: 2026-01-02\nlevel: high\ntags:\n  - attack.t1059\nreferences:\n  - https://example.net/\n${selection('A: x')}`;
  expect(parse(text).rules[0]!.about).toEqual({
    id: 'r1',
    title: 'a test',
    level: 'high',
    description: 'd',
    version: '2026-01-02',
    tags: ['attack.t1059'],
    references: ['https://example.net/'],
    author: 'a',
    file: 'test.yml',
  });
});
