import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import { type BuildFailure, build, type Plugin } from 'esbuild';
import { NEVER } from 'rxjs';
import { messageOf } from '../../core/errors.js';
import { type AlertRule, levels } from '../../records/alert.js';
import type { ScriptRule } from '../rule.js';
import type { ProblemList } from '../rule-problem.js';
import type { RuleDefinition, RuleHeader, Subscription } from './define-rule.js';
import * as publicApi from './define-rule.js';
import { RuleGuard } from './rule-guard.js';
import { type SourcePlace, sourceLocator } from './script-error.js';
import type { SqlDatabase } from './sql-database.js';
import { SqlSubscription } from './sql-subscription.js';

/** What a rule gets under these names is this program's own, wherever the rule lies. */
const provided = /^(correlate|rxjs(\/.*)?)$/;

const leaveProvided: Plugin = {
  name: 'provided modules',
  setup: ({ onResolve }) => {
    onResolve({ filter: provided }, ({ path }) => ({ path, external: true }));
  },
};

/**
 * Loads a script rule, with the modules that it imports. Undefined when a problem was added: the file does not compile, its
 * top level throws, it does not export a rule, or SQLite refuses a query of it.
 */
export async function loadScript(
  file: string,
  sql: SqlDatabase,
  problems: ProblemList,
): Promise<ScriptRule | undefined> {
  const path = resolve(file);
  const built = await bundle(path, problems);
  if (built === undefined) return undefined;
  const locate = sourceLocator(path, built.sourceMap);
  const place = (error: unknown): SourcePlace => locate(error) ?? { file: path, line: 1, column: 1 };
  let exported: unknown;
  try {
    exported = run(path, built.code);
  } catch (error) {
    problems.malformed(place(error), `the rule throws while it is loaded: ${messageOf(error)}`);
    return undefined;
  }
  if (!isDefinition(exported)) {
    problems.malformed({ line: 1, column: 1 }, 'the default export is not made by defineRule');
    return undefined;
  }
  const about = aboutOf(exported.header, file, problems);
  if (about === undefined) return undefined;
  problems.rule = about.id;
  const rule: ScriptRule = {
    kind: 'script',
    about,
    definition: exported,
    code: built.code,
    sql,
    locate: (error) => {
      const at = locate(error);
      return at && `${at.file === path ? file : at.file}:${at.line}:${at.column}`;
    },
  };
  return tryOut(rule, place, problems) ? rule : undefined;
}

async function bundle(path: string, problems: ProblemList): Promise<{ code: string; sourceMap: string } | undefined> {
  try {
    const { outputFiles } = await build({
      entryPoints: [path],
      bundle: true,
      write: false,
      outfile: `${path}.out`,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      sourcesContent: false,
      absWorkingDir: dirname(path),
      tsconfigRaw: {},
      logLevel: 'silent',
      plugins: [leaveProvided],
    });
    const text = (end: string): string => outputFiles.find((output) => output.path.endsWith(end))?.text ?? '';
    return { code: text('.out'), sourceMap: text('.map') };
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (errors === undefined) throw error;
    for (const { text, location } of errors) {
      problems.malformed({ line: location?.line ?? 1, column: (location?.column ?? 0) + 1 }, text);
    }
    return undefined;
  }
}

function run(path: string, code: string): unknown {
  const own = createRequire(import.meta.url);
  const theirs = createRequire(path);
  const require = (name: string): unknown => {
    if (name === 'correlate') return publicApi;
    return provided.test(name) ? own(name) : theirs(name);
  };
  const module: { exports: unknown } = { exports: {} };
  compileFunction(code, ['module', 'exports', 'require'], { filename: path })(module, module.exports, require);
  const { exports } = module;
  return typeof exports === 'object' && exports !== null && 'default' in exports ? exports.default : exports;
}

function isDefinition(value: unknown): value is RuleDefinition {
  if (typeof value !== 'object' || value === null || !('header' in value) || !('setup' in value)) return false;
  return typeof value.header === 'object' && value.header !== null && typeof value.setup === 'function';
}

function aboutOf(header: RuleHeader, file: string, problems: ProblemList): AlertRule | undefined {
  const { id, level, title } = header as Partial<RuleHeader>;
  if (typeof id !== 'string' || id === '') {
    problems.malformed({ line: 1, column: 1 }, 'the rule has no id');
    return undefined;
  }
  if (level === undefined || !levels.includes(level)) {
    problems.malformed({ line: 1, column: 1 }, `the rule has no level; there are ${levels.join(', ')}`);
    return undefined;
  }
  return { ...header, title: title ?? id, file };
}

/** Lets the rule subscribe to streams that never emit, so that what its function or a query gets wrong shows at loading. */
function tryOut(rule: ScriptRule, place: (error: unknown) => SourcePlace, problems: ProblemList): boolean {
  const guard = new RuleGuard(
    rule,
    () => {},
    () => {},
  );
  const subscribe = (sql: string): Subscription<never> =>
    new SqlSubscription(rule.sql, rule.sql.prepare(sql), guard, () => {}).streams as Subscription<never>;
  try {
    rule.definition.setup({ hosts: { subscribe }, connections: { attributed$: NEVER }, alert: () => {} });
    return true;
  } catch (error) {
    problems.malformed(place(error), messageOf(error));
    return false;
  }
}
