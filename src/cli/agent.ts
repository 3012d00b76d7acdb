import { type Command, Option } from 'commander';
import type { AgentConfig } from '../agent/agent-config.js';
import { createLog } from './log.js';
import { asText, bytes, repeated } from './values.js';

interface Flags extends AgentConfig {
  readonly config?: string;
  readonly redactDefaults: boolean;
  readonly jsonLog?: true;
  readonly quiet?: true;
  readonly verbose?: true;
}

const options = [
  new Option('--config <FILE>', 'read these options from a YAML file, with the same names'),
  new Option('--server <URL>', 'the engine: wss://HOST:PORT, or ws:// without encryption'),
  new Option('--secret-file <FILE>', 'the secret that the engine wants'),
  new Option('--ca <FILE>', "certificate of the authority that signed the engine's (default: those of Node.js)"),
  new Option('--cert <FILE>', 'certificate of this host, for an engine with --client-ca'),
  new Option('--key <FILE>', 'its key'),
  new Option('--host-id <ID>', "id of this host (default: the host's name)"),
  new Option('--groups <A,B/C>', 'groups of this host; B/C is in B too').argParser((text) =>
    text.split(',').filter(Boolean),
  ),
  new Option('--netns <WHICH>', 'watch all network namespaces, or our own alone').choices(['all', 'self']),
  new Option('--spool <DIR>', 'keep rows here while the engine is away (default: in memory)'),
  new Option('--spool-size <BYTES>', 'at most this much of them (256M, in memory 64M)').argParser(bytes),
  new Option('--sensor <KIND>', 'how this host is watched').choices(['auto', 'ebpf', 'poll']),
  new Option('--redact <PATTERN>', 'take this out of command lines too (RE2; repeatable)').argParser(repeated(asText)),
  new Option('--no-redact-defaults', 'do not look for passwords, tokens and keys by default'),
  new Option('--json-log', 'log as JSON lines even on a terminal'),
  new Option('-q, --quiet', 'log warnings and errors only'),
  new Option('-v, --verbose', 'log more'),
];

/** `correlate agent`: watches this host for an engine elsewhere. */
export function addAgentCommand(program: Command): void {
  const command = program.command('agent').description('watch this host for an engine elsewhere');
  for (const option of options) command.addOption(option);
  command.action(async (flags: Flags) => {
    const { jsonLog, quiet, verbose } = flags;
    const log = createLog({ json: jsonLog === true, quiet: quiet === true, verbose: verbose === true });
    // Other commands start without what only an agent needs.
    const { runAgent } = await import('./run-agent.js');
    await runAgent(await merged(flags), log);
  });
}

/** Options win over the file. */
async function merged({ config, redactDefaults, ...given }: Flags): Promise<AgentConfig> {
  const { readAgentConfig } = await import('../agent/agent-config.js');
  const file = config === undefined ? {} : readAgentConfig(config);
  return { ...file, ...given, ...(redactDefaults ? {} : { redactDefaults }) };
}
