import { readFile } from 'node:fs/promises';
import { fileProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Rule } from './rule.js';
import { isScript, RuleFiles } from './rule-files.js';
import { type Position, ProblemList, type RuleProblem } from './rule-problem.js';
import { loadScript } from './script/script-loader.js';
import { SqlDatabase } from './script/sql-database.js';
import { formatLogSource, logSourceFor } from './sigma/log-sources.js';
import { missingFields } from './sigma/missing-fields.js';
import { parseRules } from './sigma/rule-document.js';

/** The rules that will be evaluated, and why others will not. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  readonly problems: readonly RuleProblem[];
  /** Where the subscriptions of script rules are evaluated; absent where there never were any. */
  readonly sql?: SqlDatabase;
}

/**
 * Reads rule files and folders (recursively, in sorted order): .yml and .yaml hold Sigma rules, .ts, .js and .mjs script rules.
 * Other files of a folder, names that begin with a dot, folders called `tests` and `node_modules` are passed over; a file that is named twice is
 * read once. A file with problems yields its other rules; of two rules with one id the first is taken. Never throws for what a rule contains. `known` is the
 * database of a set that was loaded before.
 */
export async function loadRules(paths: readonly string[], known?: SqlDatabase): Promise<RuleSet> {
  const loaded: LoadedFile[] = [];
  const files = new RuleFiles();
  let sql = known;
  for (const path of paths) {
    for (const file of await files.under(path)) {
      const found = new ProblemList(file);
      const source = await readRule(file, found);
      if (source === undefined) {
        loaded.push({ rules: [], bases: [], problems: found });
      } else if (isScript(file)) {
        sql ??= await SqlDatabase.open();
        const rule = await loadScript(file, sql, found);
        const rules = rule === undefined ? [] : [{ rule, at: { line: 1, column: 1 } }];
        loaded.push({ rules, bases: [], problems: found });
      } else {
        loaded.push(sigmaRules(source, found));
      }
    }
  }
  const rules = takeRules(loaded);
  return {
    rules,
    problems: [...files.problems, ...loaded.flatMap((file) => file.problems.problems)],
    ...(sql !== undefined && { sql }),
  };
}

interface LoadedRule {
  readonly rule: Rule;
  readonly name?: string;
  readonly at: Position;
}

interface LoadedFile {
  readonly rules: readonly LoadedRule[];
  /** Rules, of any file, that may not alert by themselves. */
  readonly bases: readonly string[];
  readonly problems: ProblemList;
}

/** The rules but those whose id is taken and those that are only parts of a correlation. */
function takeRules(files: readonly LoadedFile[]): Rule[] {
  const bases = new Set(files.flatMap((file) => file.bases));
  const ids = new Map<string, string>();
  const taken: Rule[] = [];
  for (const { rules, problems } of files) {
    for (const { rule, name, at } of rules) {
      const { id } = rule.about;
      const other = ids.get(id);
      problems.rule = id;
      if (other !== undefined) problems.malformed(at, `the id is that of a rule in ${other}`);
      else if (bases.has(id) || (name !== undefined && bases.has(name)))
        problems.unsupported(at, 'a part of a correlation, which is not evaluated; by itself it does not alert');
      else taken.push(rule);
      if (other === undefined) ids.set(id, problems.file);
    }
  }
  return taken;
}

function sigmaRules(source: string, problems: ProblemList): LoadedFile {
  const { rules: parsed, bases } = parseRules(source, problems);
  const rules: LoadedRule[] = [];
  for (const { about, name, at, logSource, logSourceAt, detectionAt, expression } of parsed) {
    const found = logSourceFor(logSource);
    if (found === undefined) {
      problems.rule = about.id;
      problems.unsupported(logSourceAt, `no records of ${formatLogSource(logSource)}`);
      continue;
    }
    const { fields, never } = missingFields(expression, (field) => found.accessor(field) !== undefined);
    problems.rule = about.id;
    if (never && fields.length > 0) {
      problems.unsupported(detectionAt, `it can never match: no record of ${found.name} has ${fields.join(', ')}`);
      continue;
    }
    if (fields.length > 0) {
      const message = `a part of it has no effect: no record of ${found.name} has ${fields.join(', ')}`;
      problems.partial(detectionAt, message);
    }
    rules.push({
      rule: { kind: 'sigma', about, source: found, expression },
      ...(name === undefined ? {} : { name }),
      at,
    });
  }
  return { rules, bases, problems };
}

async function readRule(file: string, problems: ProblemList): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= limits.ruleFileBytes) return textOf(bytes);
    problems.malformed({ line: 1, column: 1 }, `the file is longer than ${limits.ruleFileBytes} bytes`);
  } catch (error) {
    problems.openFailed(fileProblem(error));
  }
  return undefined;
}

/** Text in UTF-8, or in UTF-16 where a byte order mark says so, as editors of Windows write it. */
function textOf(bytes: Buffer): string {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  if (mark !== 0xfffe && mark !== 0xfeff) return bytes.toString('utf8');
  return new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be').decode(bytes);
}
