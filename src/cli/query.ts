import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits } from '../core/limits.js';
import { type QueryFormat, QueryPrinter, queryFormats } from '../outputs/query-result.js';
import type { SqlLimits } from '../records/host-database.js';
import { LocalDatabase } from '../sensor/sql/local-database.js';
import { seconds } from './values.js';

interface Flags {
  readonly format?: QueryFormat;
  readonly timeout: number;
  readonly rows: number;
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
    .action(async (sql: string, flags: Flags) => {
      const bounds = { rows: flags.rows, timeoutMs: flags.timeout / 1000 };
      const format = flags.format ?? (process.stdout.isTTY ? 'table' : 'json');
      await askThisHost(sql, bounds, new QueryPrinter(format, (text) => void process.stdout.write(text)));
    });
}

async function askThisHost(sql: string, bounds: SqlLimits, printer: QueryPrinter): Promise<void> {
  const database = new LocalDatabase();
  try {
    printer.result(await database.query(sql, bounds));
  } finally {
    database.close();
  }
}

function rowCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > limits.queryRowsMost) {
    throw new InvalidArgumentError(`Between 1 and ${limits.queryRowsMost} rows.`);
  }
  return count;
}
