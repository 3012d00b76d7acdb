import type { Command } from 'commander';
import { formatProblem, type RuleProblem } from '../rules/rule-problem.js';
import { print } from './print.js';

/** `correlate rules check PATH…`: loads rules and tells all that is wrong with them. */
export function addRulesCommand(program: Command): void {
  const rules = program.command('rules').description('work on rules');
  rules
    .command('check')
    .description('load rules and list those that are malformed or not supported')
    .argument('<path...>', 'rule files or folders')
    .action(async (paths: string[]) => {
      process.exitCode = await check(paths);
    });
}

/** 0, also when rules are refused for a reason that Sigma's specification allows; 2 when one is malformed or a folder has none. */
async function check(paths: readonly string[]): Promise<number> {
  // What runs scripts and SQL takes a while to load, which other commands need not wait for.
  const { loadRules } = await import('../rules/rule-set.js');
  const set = await loadRules(paths);
  for (const problem of set.problems) print(`${formatProblem(problem)} [${problem.code}]\n`);
  const count = (which: RuleProblem['kind']): number => set.problems.filter(({ kind }) => kind === which).length;
  const malformed = count('malformed');
  const partial = count('partial');
  const inPart = partial > 0 ? ` (${partial} of them with a part that has no effect)` : '';
  print(`${set.rules.length} rules loaded${inPart}, ${malformed} malformed, ${count('unsupported')} not supported\n`);
  return malformed + count('absent') > 0 ? 2 : 0;
}
