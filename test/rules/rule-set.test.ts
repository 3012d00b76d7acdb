import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { formatProblem } from '../../src/rules/rule-problem.js';
import { loadRules } from '../../src/rules/rule-set.js';
import { RuleFolder } from './script/script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

const sigma = (id: string, logsource = 'category: network_connection'): string =>
  `title: ${id}\nid: ${id}\nlogsource:\n  ${logsource}\ndetection:\n  a:\n    Image: /x\n  condition: a\n`;
const script = (id: string): string =>
  `import { defineRule } from 'correlate';\nexport default defineRule({ id: '${id}', level: 'low' }, () => {});\n`;

test('reads files and folders in sorted order, several documents of a file, and passes over what is no rule', async () => {
  folder.write('b.yml', `${sigma('b1')}---\n${sigma('b2')}`);
  folder.write('a/z.yaml', sigma('z'));
  folder.write('a/s.ts', script('s'));
  folder.write('c.mjs', script('c'));
  folder.write('README.md', 'no rule');
  folder.write('types.d.ts', 'export {};');
  folder.write('.hidden.yml', 'no rule');
  folder.write('tests/b.yml', '- a sample');
  folder.write('node_modules/x/index.js', 'throw 1');
  const { rules, problems } = await folder.load();
  expect(problems).toEqual([]);
  expect(rules.map(({ about }) => about.id)).toEqual(['s', 'z', 'b1', 'b2', 'c']);
});

test('no paths are no rules', async () => {
  expect(await loadRules([])).toEqual({ rules: [], problems: [] });
});

test('tells every problem of every file with its place, and takes the other rules', async () => {
  const bad = folder.write(
    'a.yml',
    `${sigma('a1').replace('Image', 'Image|nope')}---\n${sigma('a2').replace('condition: a', 'condition: b')}---\n${sigma('a3')}`,
  );
  const other = folder.write('b.yml', sigma('b', 'category: process_creation\n  product: linux'));
  const { rules, problems } = await folder.load();
  expect(rules.map(({ about }) => about.id)).toEqual(['a3']);
  expect(problems.map((problem) => `${problem.kind} ${problem.rule} ${formatProblem(problem)}`)).toEqual([
    `malformed a1 ${bad}:7:5: unknown modifier "nope"`,
    `malformed a2 ${bad}:17:14: the condition names "b", which the detection does not have`,
    `unsupported b ${other}:3:1: no records of category: process_creation, product: linux`,
  ]);
});

test('a rule that can never match for want of a field is refused with the field and its place', async () => {
  const rule = (id: string, search: string, condition = 'a'): string =>
    `title: ${id}\nid: ${id}\nlogsource:\n  category: network_connection\ndetection:\n  a:\n    ${search}\n  b:\n    Image: /x\n  condition: ${condition}\n`;
  const file = folder.write(
    'a.yml',
    [
      rule('one', 'Company: x\n    Image: /y'),
      rule('exists', 'Company|exists: true'),
      rule('reference', 'Image|fieldref: Company'),
      rule('negated', 'Company: null', 'b and not a'),
      rule('beside', 'Company: x', 'a or b'),
      rule('filter', 'Company: x', 'b and not a'),
      rule('absent', 'Company: null', 'a and b'),
      rule('keyword', 'Company: x', '1 of them'),
    ].join('---\n'),
  );
  const { rules, problems } = await folder.load();
  expect(rules.map(({ about }) => about.id)).toEqual(['beside', 'filter', 'absent', 'keyword']);
  expect(problems.map((problem) => `${problem.kind} ${problem.rule} ${formatProblem(problem)}`)).toEqual(
    ['one', 'exists', 'reference', 'negated', 'beside', 'filter', 'absent', 'keyword'].map((id, i) => {
      const told = i < 4 ? 'it can never match' : 'a part of it has no effect';
      const at = `${file}:${5 + i * 11 + (i > 0 ? 1 : 0)}:1`;
      return `${i < 4 ? 'unsupported' : 'partial'} ${id} ${at}: ${told}: no record of network_connection has Company`;
    }),
  );
});

test.each(['utf16le', 'utf16be'] as const)('reads a rule in %s, as editors of Windows write it', async (encoding) => {
  const bytes = Buffer.from(`\ufeff${sigma('wide').replaceAll('\n', '\r\n')}`, 'utf16le');
  folder.write('a.yml', encoding === 'utf16be' ? bytes.swap16() : bytes);
  const { rules, problems } = await folder.load();
  expect(problems).toEqual([]);
  expect(rules.map(({ about }) => about.id)).toEqual(['wide']);
});

test('of two rules with one id the first is taken', async () => {
  const first = folder.write('a.yml', sigma('same'));
  folder.write('b.ts', script('same'));
  const { rules, problems } = await folder.load();
  expect(rules.map(({ kind }) => kind)).toEqual(['sigma']);
  expect(problems.map(({ kind, message }) => [kind, message])).toEqual([
    ['malformed', `the id is that of a rule in ${first}`],
  ]);
});

test('a path that cannot be read, or is no rule file, is told', async () => {
  const gone = `${folder.path}/gone.yml`;
  const text = folder.write('x.txt', 'x');
  const { rules, problems } = await loadRules([gone, text]);
  expect(rules).toEqual([]);
  expect(problems.map(({ code, file }) => [code, file])).toEqual([
    ['RULE_OPEN_FAILED', gone],
    ['RULE_OPEN_FAILED', text],
  ]);
});

test('a file beyond the bound is refused', async () => {
  folder.write('big.yml', `# ${'x'.repeat(limits.ruleFileBytes)}\n${sigma('big')}`);
  const { rules, problems } = await folder.load();
  expect(rules).toEqual([]);
  expect(problems.map(({ code, message }) => [code, message])).toEqual([
    ['RULE_MALFORMED', `the file is longer than ${limits.ruleFileBytes} bytes`],
  ]);
});

test('the parts of a correlation do not alert by themselves, in whatever file they stand, unless it says so', async () => {
  const correlation = (rules: string, more = ''): string =>
    `title: c\ncorrelation:\n  type: event_count\n  rules: ${rules}\n${more}`;
  folder.write('a.yml', `${sigma('a1')}---\n${sigma('a2')}name: second\n---\n${sigma('a3')}---\n${sigma('a4')}`);
  folder.write('b.yml', correlation('[a1, second]'));
  folder.write('c.yml', correlation('a3', '  generate: true\n'));
  const { rules, problems } = await folder.load();
  expect(rules.map(({ about }) => about.id)).toEqual(['a3', 'a4']);
  expect(problems.map(({ kind, rule, line, message }) => [kind, rule, line, message.slice(0, 20)])).toEqual([
    ['unsupported', 'a1', 1, 'a part of a correlat'],
    ['unsupported', 'a2', 10, 'a part of a correlat'],
    ['unsupported', 'c', 2, 'correlation rules ar'],
    ['unsupported', 'c', 2, 'correlation rules ar'],
  ]);
});
