import { type Command, InvalidArgumentError, Option } from 'commander';
import { canonicalAddress } from '../core/address.js';
import { CorrelateError } from '../core/errors.js';
import { type Micros, parseSeconds, SECOND } from '../core/time.js';
import { explanationObject, explanationText } from '../outputs/explanation.js';
import { explainFiles } from '../pipeline/explain-files.js';
import type { Connection } from '../records/connection.js';
import { createLog } from './log.js';
import { asText, repeated, seconds } from './values.js';

interface Flags {
  readonly read?: string[];
  readonly hostLog?: string[];
  readonly proto?: string;
  readonly at?: Micros;
  readonly C?: true;
  readonly lateness: Micros;
  readonly json?: true;
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A moment given to a whole second may lie this far outside the connection. */
const AT_SLACK: Micros = SECOND;

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
    .option('--lateness <SECONDS>', 'how long host rows may be late', seconds, 600 * SECOND)
    .option('--json', 'JSON lines')
    .action(async (what: string[], flags: Flags) => {
      await explain(what, flags);
    });
}

async function explain(what: readonly string[], flags: Flags): Promise<void> {
  const { read = [], hostLog = [], lateness } = flags;
  if (read.length === 0 || hostLog.length === 0) {
    throw new CorrelateError('USAGE', 'a capture (--read) and a host log (--host-log) are needed');
  }
  const wants = selection(what, flags);
  const log = createLog({ json: false, quiet: true, verbose: false });
  const checksums = flags.C === true ? 'ignore' : 'verify';
  const { explained, others } = await explainFiles(
    { files: read, hostLogs: hostLog, checksums, latenessUs: lateness, wants },
    log.warn,
  );
  if (explained.length === 0) throw new CorrelateError('CONNECTION_ABSENT', `there is no connection ${what.join(' ')}`);
  for (const { attributed, explanation } of explained) {
    const text = flags.json
      ? `${JSON.stringify(explanationObject(attributed, explanation))}\n`
      : `${explanationText(attributed, explanation)}\n`;
    process.stdout.write(text);
  }
  if (others > 0) log.warn({ code: 'USAGE', message: `${others} more connections fit; --at chooses` });
}

function selection(what: readonly string[], { proto, at }: Flags): (connection: Connection) => boolean {
  const [first, second, ...rest] = what;
  if (rest.length > 0) throw new CorrelateError('USAGE', 'one uid or two endpoints are wanted');
  if (second === undefined) return ({ uid }) => uid === first;
  const [a, b] = [endpoint(first!), endpoint(second)];
  return (c) => {
    if (proto !== undefined && c.proto !== proto) return false;
    if (at !== undefined && (at < c.ts - AT_SLACK || at > c.ts + (c.duration ?? 0) + AT_SLACK)) return false;
    const orig = { address: c['id.orig_h'], port: c['id.orig_p'] };
    const resp = { address: c['id.resp_h'], port: c['id.resp_p'] };
    return (isSame(a, orig) && isSame(b, resp)) || (isSame(a, resp) && isSame(b, orig));
  };
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
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
