import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './cli/agent.js';
import { addCertCommand } from './cli/cert.js';
import { addExplainCommand } from './cli/explain.js';
import { addHostsCommand } from './cli/hosts.js';
import { addHuntCommand } from './cli/hunt.js';
import { createLog } from './cli/log.js';
import { addQueryCommand } from './cli/query.js';
import { addRecordCommand } from './cli/record.js';
import { addRulesCommand } from './cli/rules.js';
import { addRunCommand } from './cli/run.js';
import { addSelftestCommand } from './cli/selftest.js';
import { version } from './cli/version.js';
import { CorrelateError, type ErrorCode, messageOf } from './core/errors.js';

const commands = [
  addRunCommand,
  addAgentCommand,
  addHostsCommand,
  addCertCommand,
  addExplainCommand,
  addHuntCommand,
  addQueryCommand,
  addRecordCommand,
  addRulesCommand,
  addSelftestCommand,
] as const;

/** argv to one command. Exit codes: 0 done, 1 operating failure, 2 usage or malformed rules, 3 see --fail-on-alert. */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('correlate')
    .description('says for every connection which process, user and host own each end')
    .version(version(), '-V, --version')
    .showHelpAfterError('(see --help)')
    .exitOverride();
  for (const add of commands) add(program);
  program
    .command('version')
    .description('tell the version')
    .action(() => void process.stdout.write(`${version()}\n`));
  await program.parseAsync([...argv]);
}

/** Usage problems, malformed rules with --strict-rules and the like are 2; everything else that fails is 1. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof CorrelateError && misuse.includes(error.code) ? 2 : 1;
}

const misuse: readonly ErrorCode[] = ['USAGE', 'RULE_MALFORMED', 'CONFIG_MALFORMED'];

/** All is written by now; taking the heap apart object by object would take longer than letting the kernel have it. */
function exit(): never {
  process.exit();
}

function fail(error: unknown): void {
  process.exitCode = exitCodeOf(error);
  if (error instanceof CommanderError) return;
  const json = process.argv.includes('--json-log');
  const log = createLog({ json, quiet: false, verbose: false });
  if (error instanceof CorrelateError) log.error({ code: error.code, message: error.message });
  else process.stderr.write(`${error instanceof Error ? error.stack : messageOf(error)}\n`);
}

main(process.argv).catch(fail).then(exit);
