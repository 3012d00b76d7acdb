import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadRules } from '../../src/rules/rule-set.js';
import { RuleFolder } from './script/script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

const sigma = (id: string): string =>
  `title: ${id}\nid: ${id}\nlogsource:\n  category: network_connection\ndetection:\n  a:\n    Image: /x\n  condition: a\n`;

async function loaded(...paths: string[]): Promise<{ ids: string[]; problems: string[][] }> {
  const { rules, problems } = await loadRules(paths);
  return {
    ids: rules.map(({ about }) => about.id),
    problems: problems.map(({ kind, code, file }) => [kind, code, file]),
  };
}

test('a file that is reached several ways is one', async () => {
  const file = folder.write('in/a.yml', sigma('a'));
  folder.write(
    'in/s.ts',
    "import { defineRule } from 'correlate';\nexport default defineRule({ id: 's', level: 'low' }, () => {});\n",
  );
  symlinkSync('a.yml', `${folder.path}/in/z.yml`);
  symlinkSync('in', `${folder.path}/linked`);
  const { path } = folder;
  for (const paths of [
    [path, path],
    [path, file],
    [file, path],
    [`${path}/in`, path],
    [path, relative(process.cwd(), path), `${path}/linked/a.yml`],
  ]) {
    const { ids, problems } = await loaded(...paths);
    expect([ids.sort(), problems]).toEqual([['a', 's'], []]);
  }
});

test('links to folders are followed, also those that lead back', async () => {
  folder.write('away/b.yml', sigma('b'));
  mkdirSync(`${folder.path}/rules/deep`, { recursive: true });
  symlinkSync('../away', `${folder.path}/rules/site`);
  symlinkSync('..', `${folder.path}/rules/deep/up`);
  expect(await loaded(`${folder.path}/rules`)).toEqual({ ids: ['b'], problems: [] });
});

test('a folder without any rule file is told', async () => {
  folder.write('notes/README.md', 'none yet');
  folder.write('full/tests/a.yml', 'a sample');
  const { path } = folder;
  expect(await loaded(`${path}/notes`, `${path}/full`)).toEqual({
    ids: [],
    problems: [
      ['absent', 'RULES_ABSENT', `${path}/notes`],
      ['absent', 'RULES_ABSENT', `${path}/full`],
    ],
  });
});

test('a folder whose files were all given before is not empty', async () => {
  folder.write('a.yml', sigma('a'));
  expect(await loaded(`${folder.path}/a.yml`, folder.path)).toEqual({ ids: ['a'], problems: [] });
});

test('a link to nothing, a rule or a folder of them, is told, and the other files are read', async () => {
  folder.write('b.yml', sigma('b'));
  symlinkSync('gone', `${folder.path}/a.yml`);
  symlinkSync('gone', `${folder.path}/site`);
  expect(await loaded(folder.path)).toEqual({
    ids: ['b'],
    problems: [
      ['malformed', 'RULE_OPEN_FAILED', `${folder.path}/a.yml`],
      ['malformed', 'RULE_OPEN_FAILED', `${folder.path}/site`],
    ],
  });
});

/** Without the rights of root, which may read everything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  chmodSync(folder.path, 0o755);
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test('a folder that may not be read is told, and the others are read', async () => {
  folder.write('a/a.yml', sigma('a'));
  folder.write('b/b.yml', sigma('b'));
  chmodSync(`${folder.path}/a`, 0);
  chmodSync(`${folder.path}/b`, 0o755);
  const { ids, problems } = await asNobody(() => loaded(folder.path));
  chmodSync(`${folder.path}/a`, 0o700);
  expect([ids, problems]).toEqual([['b'], [['malformed', 'RULE_OPEN_FAILED', `${folder.path}/a`]]]);
});
