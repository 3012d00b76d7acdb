import { Command, CommanderError } from 'commander';
import { createLog } from './cli/log.js';
import { print } from './cli/print.js';
import { addRunCommand } from './cli/run.js';
import { allTold, standardError } from './cli/standard-error.js';
import { version } from './cli/version.js';
import { CorrelateError, type ErrorCode, messageOf } from './core/errors.js';

const commands: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  run: async () => addRunCommand,
  agent: async () => (await import('./cli/agent.js')).addAgentCommand,
  hosts: async () => (await import('./cli/hosts.js')).addHostsCommand,
  cert: async () => (await import('./cli/cert.js')).addCertCommand,
  explain: async () => (await import('./cli/explain.js')).addExplainCommand,
  hunt: async () => (await import('./cli/hunt.js')).addHuntCommand,
  query: async () => (await import('./cli/query.js')).addQueryCommand,
  record: async () => (await import('./cli/record.js')).addRecordCommand,
  rules: async () => (await import('./cli/rules.js')).addRulesCommand,
  selftest: async () => (await import('./cli/selftest.js')).addSelftestCommand,
};

/** Only the command that was asked for is loaded; all of them where somebody asks for help or asks for none that there is. */
function askedCommands([, , word]: readonly string[]): readonly string[] {
  if (word !== undefined && Object.hasOwn(commands, word)) return [word];
  const isHelp = word === '-h' || word === '--help';
  return word === undefined || (word.startsWith('-') && !isHelp) ? ['run'] : Object.keys(commands);
}

/** argv to one command. Exit codes: 0 done, 1 operating failure, 2 usage or malformed rules, 3 see --fail-on-alert. */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('correlate')
    .description('says for every connection which process, user and host own each end')
    .version(version(), '-V, --version')
    .showHelpAfterError('(see --help)')
    .configureOutput({ writeOut: print })
    .exitOverride();
  for (const name of askedCommands(argv)) (await commands[name]!())(program);
  program
    .command('version')
    .description('tell the version')
    .action(() => print(`${version()}\n`));
  const [, , word] = argv;
  if (word !== undefined && !word.startsWith('-') && !program.commands.some((command) => command.name() === word)) {
    if (word !== 'help') program.error(`error: unknown command '${word}'; a capture is read with -r FILE`);
  }
  await program.parseAsync([...argv]);
}

/** Usage problems, malformed rules with --strict-rules and the like are 2; everything else that fails is 1. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof CorrelateError && misuse.includes(error.code) ? 2 : 1;
}

const misuse: readonly ErrorCode[] = ['USAGE', 'RULE_MALFORMED', 'RULES_ABSENT', 'CONFIG_MALFORMED'];

/** All is written then; taking the heap apart object by object would take longer than letting the kernel have it. */
async function exit(): Promise<never> {
  await allTold();
  process.exit();
}

function fail(error: unknown): void {
  process.exitCode = exitCodeOf(error);
  if (error instanceof CommanderError) return;
  const json = process.argv.includes('--json-log');
  const log = createLog({ json, quiet: false, verbose: false });
  if (error instanceof CorrelateError) log.error({ code: error.code, message: error.message });
  else standardError().write(`${error instanceof Error ? error.stack : messageOf(error)}\n`);
}

main(process.argv).catch(fail).then(exit);
