import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { type QueryFormat, QueryPrinter, queryFormats } from '../outputs/query-result.js';
import { localHostId } from '../pipeline/live.js';
import type { SqlLimits } from '../records/host-database.js';
import type { HostRow } from '../records/host-row.js';
import { startHostSensor } from '../sensor/host-sensor.js';
import { LocalDatabase } from '../sensor/sql/local-database.js';
import { createLog } from './log.js';
import { seconds } from './values.js';

interface Flags {
  readonly format?: QueryFormat;
  readonly timeout: number;
  readonly rows: number;
  readonly events?: Micros;
}

const DEFAULT_TIMEOUT_US = 10_000_000;

/** `correlate query SQL`: asks this machine, without an engine. */
export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description("ask this host's tables with SQL, in osquery's dialect")
    .argument('<sql>', 'one SELECT')
    .addOption(
      new Option('--format <FORMAT>', 'default: table on a terminal, else json (lines)').choices([...queryFormats]),
    )
    .option('--timeout <SECONDS>', 'longest evaluation (default: 10)', seconds, DEFAULT_TIMEOUT_US)
    .option('--rows <N>', `most rows (default: ${limits.queryResultRows})`, rowCount, limits.queryResultRows)
    .option('--events <SECONDS>', 'watch this host that long before, for its event tables', seconds)
    .action(async (sql: string, flags: Flags) => {
      const bounds = { rows: flags.rows, timeoutMs: flags.timeout / 1000 };
      const format = flags.format ?? (process.stdout.isTTY ? 'table' : 'json');
      const printer = new QueryPrinter(format, (text) => void process.stdout.write(text));
      await askThisHost(sql, bounds, flags.events, printer);
    });
}

async function askThisHost(sql: string, bounds: SqlLimits, events: Micros | undefined, printer: QueryPrinter) {
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
    printer.result(await database.query(sql, bounds));
  } finally {
    database.close();
  }
}

/** Lets the sensor feed the event tables for a while. */
async function watch(database: LocalDatabase, duration: Micros, warn: Warn): Promise<void> {
  const emit = (rows: HostRow[]) => database.take(rows);
  const sensor = await startHostSensor('auto', { host: localHostId(), emit, warn });
  await setTimeout(duration / 1000);
  await sensor.stop();
}

function rowCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > limits.queryRowsMost) {
    throw new InvalidArgumentError(`Between 1 and ${limits.queryRowsMost} rows.`);
  }
  return count;
}
