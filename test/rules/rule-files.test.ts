import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RuleBounds, RuleFiles } from '../../src/rules/rule-files.js';
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

test('what would never end or begin to be read is told, in a folder and by its own path, and the other files are read', async () => {
  const { path } = folder;
  folder.write('b.yml', sigma('b'));
  execFileSync('mkfifo', [`${path}/a.yml`, `${path}/c.ts`]);
  symlinkSync('a.yml', `${path}/d.yaml`);
  symlinkSync('/dev/zero', `${path}/e.js`);
  const refused = ['a.yml', 'c.ts', 'd.yaml', 'e.js'].map((name) => `${path}/${name}`);
  expect(await bounded({}, path, ...refused)).toEqual({
    files: [`${path}/b.yml`],
    told: [...refused, ...refused].map((file) => ['RULE_OPEN_FAILED', file, 'it is no regular file']),
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

/** What is given under the paths, and where a bound was met. */
async function bounded(
  bounds: Partial<RuleBounds>,
  ...paths: string[]
): Promise<{ files: string[]; told: string[][] }> {
  const files = new RuleFiles({ ruleFolders: 100, ruleFolderDepth: 100, ruleFiles: 100, ...bounds });
  const given: string[] = [];
  for (const path of paths) given.push(...(await files.under(path)));
  return { files: given, told: files.problems.map(({ code, file, message }) => [code, file, message]) };
}

test('no file is given of a folder that leads to too many folders, as by a link, and those of other paths are', async () => {
  const { path } = folder;
  for (const name of ['a', 'b/c', 'b/d']) folder.write(`disk/${name}/x.yml`, sigma(name));
  folder.write('rules/a.yml', sigma('a'));
  symlinkSync('gone', `${path}/rules/b.yml`);
  const other = folder.write('other/b.yml', sigma('b'));
  expect((await bounded({ ruleFolders: 5 }, `${path}/disk`)).files).toHaveLength(3);
  symlinkSync('../disk', `${path}/rules/link`);
  expect(await bounded({ ruleFolders: 5 }, `${path}/rules`, `${path}/other`)).toEqual({
    files: [other],
    told: [['RULES_TOO_MANY', `${path}/rules/link/b/d`, `more than 5 folders are under ${path}/rules`]],
  });
  expect((await bounded({ ruleFolders: 6 }, `${path}/rules`)).files).toHaveLength(4);
});

test('a folder counts once, whatever leads to it', async () => {
  const { path } = folder;
  folder.write('rules/a/a.yml', sigma('a'));
  for (const name of ['b', 'c', 'd']) symlinkSync('a', `${path}/rules/${name}`);
  expect(await bounded({ ruleFolders: 2 }, `${path}/rules`)).toEqual({ files: [`${path}/rules/a/a.yml`], told: [] });
});

test('no file is given of a folder with too many rule files, or that is nested too deep', async () => {
  const { path } = folder;
  for (const name of ['1.yml', '2.yml', 'deep/er/3.yml']) folder.write(name, sigma(name));
  folder.write('README.md', 'no rule');
  expect((await bounded({ ruleFiles: 3, ruleFolderDepth: 2 }, path)).files).toHaveLength(3);
  const told = (code: string, at: string, message: string) => ({ files: [], told: [[code, at, `${message} ${path}`]] });
  const files = await bounded({ ruleFiles: 2 }, path);
  expect(files).toEqual(told('RULES_TOO_MANY', `${path}/deep/er`, 'more than 2 rule files are under'));
  const depth = await bounded({ ruleFolderDepth: 1 }, path);
  expect(depth).toEqual(told('RULES_TOO_MANY', `${path}/deep/er`, 'this is deeper than 1 folders under'));
});
