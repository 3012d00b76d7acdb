import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import { type QueryFormat, QueryPrinter, queryFormats } from '../outputs/query-result.js';
import { apiPaths, type HuntRequest } from '../server/api-messages.js';
import type { HuntResult } from '../store/hunt.js';
import { EngineClient } from './engine-client.js';
import { checkOverwrittenFiles } from './overwritten-files.js';
import { print } from './print.js';
import { rowCount } from './query.js';
import { secondsOption, waitingSeconds } from './values.js';

interface Flags {
  readonly store?: string;
  readonly engine?: string;
  readonly format?: QueryFormat;
  readonly timeout: Micros;
  readonly rows: number;
  readonly parquet?: string;
}

/** `correlate hunt SQL`: asks a store, or the store of a running engine. */
export function addHuntCommand(program: Command): void {
  program
    .command('hunt')
    .description("ask what was stored with SQL, in DuckDB's dialect (default: the store of the running engine)")
    .argument('<sql>', 'one SELECT over connections, alerts, processes, socket_events …')
    .option('--store <FILE>', 'a store that no engine has open')
    .option('--engine <SOCKET>', 'UNIX socket of the engine')
    .addOption(
      new Option('--format <FORMAT>', 'default: table on a terminal, else json (lines)').choices([...queryFormats]),
    )
    .addOption(secondsOption('--timeout <SECONDS>', 'longest evaluation', 60, waitingSeconds))
    .option('--rows <N>', 'most rows', rowCount, limits.queryResultRows)
    .option('--parquet <FILE>', 'write the result into a Parquet file (with --store)')
    .action(async (sql: string, flags: Flags) => {
      if (flags.store !== undefined && flags.engine !== undefined) {
        throw new CorrelateError('USAGE', 'one of --store and --engine is wanted');
      }
      if (flags.parquet !== undefined) await exportResult(sql, flags.parquet, flags);
      else
        printResult(
          await (flags.store === undefined ? askEngine(sql, flags) : askStore(sql, flags.store, flags)),
          flags,
        );
    });
}

/** Loaded only when they are needed, as everything about stores. */
const parts = async () => ({ ...(await import('../store/store.js')), ...(await import('../store/hunt.js')) });

async function askStore(sql: string, path: string, { rows, timeout }: Flags): Promise<HuntResult> {
  const { Store, hunt } = await parts();
  const store = await Store.openReadOnly(path);
  try {
    return await hunt(store, sql, { rows, timeoutMs: timeout / 1000 });
  } finally {
    store.close();
  }
}

async function askEngine(sql: string, { engine, rows, timeout }: Flags): Promise<HuntResult> {
  const asked: HuntRequest = { sql, rows, timeout: timeout / SECOND };
  return (await new EngineClient(engine).json('POST', apiPaths.hunt, asked)) as HuntResult;
}

async function exportResult(sql: string, parquet: string, { store: path, timeout }: Flags): Promise<void> {
  if (path === undefined) throw new CorrelateError('USAGE', '--parquet is for --store');
  checkOverwrittenFiles([{ option: '--store', path }], [{ option: '--parquet', path: parquet }]);
  const target = resolve(parquet);
  const { Store, exportParquet } = await parts();
  const store = await Store.openReadOnly(path, target);
  try {
    await exportParquet(store, sql, target, timeout / 1000);
  } finally {
    store.close();
  }
}

function printResult(result: HuntResult, { format }: Flags): void {
  const printer = new QueryPrinter(format ?? (process.stdout.isTTY ? 'table' : 'json'), print);
  printer.result(result);
}
