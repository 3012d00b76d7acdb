import { type Command, InvalidArgumentError, Option } from 'commander';
import { canonicalAddress } from '../core/address.js';
import { CorrelateError } from '../core/errors.js';
import { type Micros, parseSeconds } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { explanationObject, explanationText } from '../outputs/explanation.js';
import { explainFiles } from '../pipeline/explain-files.js';
import type { ExplainedPast } from '../pipeline/explain-store.js';
import { type ConnectionQuestion, type Endpoint, isMeant } from '../records/connection-question.js';
import { apiPaths, type ExplainAnswer, type ExplainRequest } from '../server/api-messages.js';
import { EngineClient } from './engine-client.js';
import { createLog } from './log.js';
import { print } from './print.js';
import { asText, repeated, secondsOption } from './values.js';

interface Flags {
  readonly read?: string[];
  readonly hostLog?: string[];
  readonly proto?: string;
  readonly at?: Micros;
  readonly C?: true;
  readonly lateness: Micros;
  readonly store?: string;
  readonly engine?: string;
  readonly json?: true;
}

/** `correlate explain UID` or `explain ENDPOINT ENDPOINT`: why the ends of a connection have the owners that they have. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('say which sockets were considered for the ends of a connection, and why one won')
    .argument('<connection...>', 'a uid, or both endpoints as ADDRESS:PORT in either order')
    .addOption(new Option('-r, --read <FILE>', 'a capture (repeatable)').argParser(repeated(asText)))
    .addOption(new Option('--host-log <FILE>', 'a host log (repeatable)').argParser(repeated(asText)))
    .option('--proto <NAME>', 'tcp, udp, icmp …')
    .option('--at <TIME>', 'when it was open: epoch seconds or an ISO date', moment)
    .option('-C', 'do not verify checksums')
    .addOption(secondsOption('--lateness <SECONDS>', 'how long host rows may be late', 600))
    .option('--store <FILE>', 'a store that no engine has open')
    .option('--engine <SOCKET>', 'UNIX socket of a running engine, which is asked unless files or a store are given')
    .option('--json', 'JSON lines')
    .action(async (what: string[], flags: Flags) => {
      await explain(what, flags);
    });
}

async function explain(what: readonly string[], flags: Flags): Promise<void> {
  const question = questionOf(what, flags);
  const log = createLog({ json: false, quiet: true, verbose: false });
  const { texts, hasMore } = await ask(question, flags, log.warn);
  if (texts.length === 0) throw new CorrelateError('CONNECTION_ABSENT', `there is no connection ${what.join(' ')}`);
  for (const text of texts) print(`${text}\n`);
  if (hasMore) log.warn({ code: 'USAGE', message: 'more connections fit; --at chooses' });
}

interface Answer {
  readonly texts: readonly string[];
  readonly hasMore: boolean;
}

/** Captures and host logs are joined anew, a store is asked, or the engine that runs. */
async function ask(question: ConnectionQuestion, flags: Flags, warn: Warn): Promise<Answer> {
  const { read = [], hostLog = [], store, json } = flags;
  const hasFiles = read.length > 0 || hostLog.length > 0;
  if (
    hasFiles ? store !== undefined || flags.engine !== undefined : store !== undefined && flags.engine !== undefined
  ) {
    throw new CorrelateError('USAGE', 'one of files (--read and --host-log), --store and --engine is wanted');
  }
  if (!hasFiles && store === undefined) {
    const asked: ExplainRequest = { question };
    const { explained, has_more } = (await new EngineClient(flags.engine).json(
      'POST',
      apiPaths.explain,
      asked,
    )) as ExplainAnswer;
    return { texts: explained.map((one) => (json ? JSON.stringify(one.object) : one.text)), hasMore: has_more };
  }
  const { explained, hasMore } = hasFiles
    ? await askFiles(question, flags, warn)
    : await askStore(question, store as string);
  const texts = explained.map(({ attributed, explanation }) =>
    json ? JSON.stringify(explanationObject(attributed, explanation)) : explanationText(attributed, explanation),
  );
  return { texts, hasMore };
}

async function askFiles(question: ConnectionQuestion, flags: Flags, warn: Warn): Promise<ExplainedPast> {
  const { read = [], hostLog = [], lateness } = flags;
  if (read.length === 0 || hostLog.length === 0) {
    throw new CorrelateError('USAGE', 'a capture (--read) and a host log (--host-log) are needed');
  }
  const { explained, others } = await explainFiles(
    {
      files: read,
      hostLogs: hostLog,
      checksums: flags.C === true ? 'ignore' : 'verify',
      latenessUs: lateness,
      wants: (connection) => isMeant(connection, question),
    },
    warn,
  );
  return { explained, hasMore: others > 0 };
}

async function askStore(question: ConnectionQuestion, path: string): Promise<ExplainedPast> {
  const [{ Store }, { explainStore }] = await Promise.all([
    import('../store/store.js'),
    import('../pipeline/explain-store.js'),
  ]);
  const store = await Store.openReadOnly(path);
  try {
    return await explainStore(store, question);
  } finally {
    store.close();
  }
}

function questionOf(what: readonly string[], { proto, at }: Flags): ConnectionQuestion {
  const [first, second, ...rest] = what;
  if (rest.length > 0) throw new CorrelateError('USAGE', 'one uid or two endpoints are wanted');
  if (second === undefined) return { uid: first! };
  return {
    ends: [endpoint(first!), endpoint(second)],
    ...(proto !== undefined && { proto }),
    ...(at !== undefined && { at }),
  };
}

/** `192.0.2.1:443` or `[2001:db8::1]:443`. */
function endpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? '');
  if (address === undefined)
    throw new CorrelateError('USAGE', `${text} is no endpoint: ADDRESS:PORT is wanted, [ADDRESS]:PORT for IPv6`);
  return { address, port: Number(match![3]) };
}

function moment(text: string): Micros {
  const time = parseSeconds(text) ?? Date.parse(text) * 1000;
  if (Number.isNaN(time)) throw new InvalidArgumentError('Epoch seconds or an ISO date are wanted.');
  return time;
}
