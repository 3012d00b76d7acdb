import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Rule, SigmaRule } from './rule.js';
import { ProblemList, type RuleProblem } from './rule-problem.js';
import { loadScript } from './script/script-loader.js';
import { SqlDatabase } from './script/sql-database.js';
import { formatLogSource, logSourceFor } from './sigma/log-sources.js';
import { parseRules } from './sigma/rule-document.js';

/** The rules that will be evaluated, and why others will not. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  readonly problems: readonly RuleProblem[];
}

const sigmaEndings: readonly string[] = ['.yml', '.yaml'];
const scriptEndings: readonly string[] = ['.ts', '.js', '.mjs'];

/**
 * Reads rule files and folders (recursively, in sorted order): .yml and .yaml hold Sigma rules, .ts, .js and .mjs script rules.
 * Other files of a folder, names that begin with a dot, folders called `tests` and `node_modules` are passed over. A file with
 * problems yields its other rules; of two rules with one id the first is taken. Never throws for what a rule contains.
 */
export async function loadRules(paths: readonly string[]): Promise<RuleSet> {
  const rules: Rule[] = [];
  const problems: RuleProblem[] = [];
  const ids = new Map<string, string>();
  let sql: SqlDatabase | undefined;
  for (const path of paths) {
    for (const file of await ruleFiles(path, problems)) {
      const found = new ProblemList(file);
      const source = await readRule(file, found);
      let loaded: (Rule | undefined)[] = [];
      if (source !== undefined && isScript(file)) {
        sql ??= await SqlDatabase.open();
        loaded = [await loadScript(file, sql, found)];
      } else if (source !== undefined) {
        loaded = sigmaRules(source, found);
      }
      for (const rule of loaded) {
        if (rule !== undefined && isFirst(rule, ids, found)) rules.push(rule);
      }
      problems.push(...found.problems);
    }
  }
  return { rules, problems };
}

function isScript(file: string): boolean {
  return scriptEndings.includes(extname(file));
}

function isFirst({ about }: Rule, ids: Map<string, string>, problems: ProblemList): boolean {
  const other = ids.get(about.id);
  problems.rule = about.id;
  if (other !== undefined) problems.malformed({ line: 1, column: 1 }, `the id is that of a rule in ${other}`);
  else ids.set(about.id, problems.file);
  return other === undefined;
}

function sigmaRules(source: string, problems: ProblemList): SigmaRule[] {
  const rules: SigmaRule[] = [];
  for (const { about, logSource, logSourceAt, expression } of parseRules(source, problems)) {
    const found = logSourceFor(logSource);
    if (found !== undefined) {
      rules.push({ kind: 'sigma', about, source: found, expression });
      continue;
    }
    problems.rule = about.id;
    problems.unsupported(logSourceAt, `no records of ${formatLogSource(logSource)}`);
  }
  return rules;
}

async function readRule(file: string, problems: ProblemList): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= limits.ruleFileBytes) return bytes.toString('utf8');
    problems.malformed({ line: 1, column: 1 }, `the file is longer than ${limits.ruleFileBytes} bytes`);
  } catch (error) {
    problems.openFailed(messageOf(error));
  }
  return undefined;
}

/** The rule files under a path; the path itself when it is a file, whatever its ending says. */
async function ruleFiles(path: string, problems: RuleProblem[]): Promise<string[]> {
  const unread = new ProblemList(path);
  const files: string[] = [];
  try {
    if ((await stat(path)).isDirectory()) await collect(path, files);
    else if (isScript(path) || sigmaEndings.includes(extname(path))) files.push(path);
    else unread.openFailed(`a rule file ends in ${[...sigmaEndings, ...scriptEndings].join(', ')}`);
  } catch (error) {
    unread.openFailed(messageOf(error));
  }
  problems.push(...unread.problems);
  return files;
}

const passedOver: readonly string[] = ['node_modules', 'tests'];

async function collect(folder: string, files: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      if (!passedOver.includes(entry.name)) await collect(path, files);
    } else if (!entry.name.endsWith('.d.ts') && (isScript(path) || sigmaEndings.includes(extname(path)))) {
      files.push(path);
    }
  }
}
