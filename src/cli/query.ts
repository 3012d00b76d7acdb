import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { type QueryFormat, QueryPrinter, queryFormats } from '../outputs/query-result.js';
import { localHostId } from '../pipeline/live.js';
import type { SqlValue } from '../records/host-database.js';
import type { HostRow } from '../records/host-row.js';
import { LocalDatabase } from '../sensor/sql/local-database.js';
import { apiPaths, type JsonSqlValue, type QueryAnswer, type QueryRequest } from '../server/api-messages.js';
import { EngineClient } from './engine-client.js';
import { createLog } from './log.js';
import { print } from './print.js';
import { asText, repeated, secondsOption, waitingSeconds } from './values.js';

interface Flags {
  readonly host?: string[];
  readonly group?: string[];
  readonly all?: true;
  readonly engine?: string;
  readonly format?: QueryFormat;
  readonly timeout: Micros;
  readonly rows: number;
  readonly events?: Micros;
}

/** `correlate query SQL`: asks this machine, or through a running engine other hosts. */
export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description("ask hosts' tables with SQL, in osquery's dialect (default: this host, without an engine)")
    .argument('<sql>', 'one SELECT')
    .addOption(new Option('--host <ID>', 'ask this host of the engine (repeatable)').argParser(repeated(asText)))
    .addOption(new Option('--group <NAME>', 'ask the hosts of this group (repeatable)').argParser(repeated(asText)))
    .option('--all', 'ask every host of the engine')
    .option('--engine <SOCKET>', 'UNIX socket of the engine')
    .addOption(
      new Option('--format <FORMAT>', 'default: table on a terminal, else json (lines)').choices([...queryFormats]),
    )
    .addOption(secondsOption('--timeout <SECONDS>', 'longest evaluation on a host', 10, waitingSeconds))
    .option('--rows <N>', 'most rows of a host', rowCount, limits.queryResultRows)
    .option('--events <SECONDS>', 'watch this host that long before, for its event tables', waitingSeconds)
    .action(async (sql: string, flags: Flags) => {
      const format = flags.format ?? (process.stdout.isTTY ? 'table' : 'json');
      const printer = new QueryPrinter(format, print);
      const asked = engineRequest(sql, flags);
      if (asked === undefined) await askThisHost(sql, flags, printer);
      else await askEngine(asked, flags.engine, printer);
    });
}

/** Undefined when this host is meant. */
function engineRequest(
  sql: string,
  { host, group, all, engine, timeout, rows, events }: Flags,
): QueryRequest | undefined {
  const ways = [host, group, all].filter((way) => way !== undefined).length;
  if (ways > 1) throw new CorrelateError('USAGE', 'one of --host, --group and --all is wanted');
  if (ways === 0) {
    if (engine !== undefined) throw new CorrelateError('USAGE', '--engine is for --host, --group or --all');
    return undefined;
  }
  if (events !== undefined) throw new CorrelateError('USAGE', '--events is for this host: an agent always watches');
  const who = all ? ({ all: true } as const) : host !== undefined ? { hosts: host } : { groups: group! };
  return { sql, ...who, timeout: timeout / SECOND, rows };
}

/** Prints answers as they come. Some that failed make the exit code 1. */
async function askEngine(asked: QueryRequest, engine: string | undefined, printer: QueryPrinter): Promise<void> {
  const log = createLog({ json: false, quiet: true, verbose: false });
  for await (const line of new EngineClient(engine).lines('POST', apiPaths.query, asked)) {
    const answer = line as QueryAnswer;
    if ('error' in answer) {
      const { code, message } = answer.error;
      printer.failure(answer);
      log.error({ code, message, where: answer.host });
      process.exitCode = 1;
    } else {
      printer.result({ ...answer, rows: answer.rows.map((row) => row.map(sqlValue)) });
    }
  }
}

function sqlValue(value: JsonSqlValue): SqlValue {
  return typeof value === 'object' && value !== null ? BigInt(value.integer) : value;
}

async function askThisHost(sql: string, { rows, timeout, events }: Flags, printer: QueryPrinter): Promise<void> {
  const log = createLog({ json: false, quiet: true, verbose: false });
  const database = new LocalDatabase();
  try {
    if (events !== undefined) await watch(database, events, log.warn);
    else if (/_events/i.test(sql)) {
      log.warn({
        code: 'SENSOR_LIMITED',
        message: 'nothing was watched for the event tables: --events SECONDS does it',
      });
    }
    printer.result(await database.query(sql, { rows, timeoutMs: timeout / 1000 }));
  } finally {
    database.close();
  }
}

/** Lets the sensor feed the event tables for a while. */
async function watch(database: LocalDatabase, duration: Micros, warn: Warn): Promise<void> {
  const emit = (rows: HostRow[]) => database.take(rows);
  const { startHostSensor } = await import('../sensor/host-sensor.js');
  const sensor = await startHostSensor('auto', { host: localHostId(), emit, warn });
  await setTimeout(duration / 1000);
  await sensor.stop();
}

export function rowCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > limits.queryRowsMost) {
    throw new InvalidArgumentError(`Between 1 and ${limits.queryRowsMost} rows.`);
  }
  return count;
}
