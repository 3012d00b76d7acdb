import { type Command, Option } from 'commander';
import { type AlertFormat, alertFormats } from '../outputs/alert-formats.js';
import type { Progress } from '../outputs/progress.js';
import { type RunSummary, summaryText } from '../outputs/summary.js';
import { type ZeekFormat, zeekFormats } from '../outputs/zeek-log.js';
import type { Outputs } from '../pipeline/outputs.js';
import { type RunOptions, run } from '../pipeline.js';
import { type Level, levels } from '../records/alert.js';
import type { SensorChoice } from '../sensor/sensor-method.js';
import { engineOptions, type ListenFlags, listenOptions } from './listen.js';
import { createLog, type Log } from './log.js';
import { checkOverwrittenFiles, type NamedFile } from './overwritten-files.js';
import { checkRunUsage, type IsGiven } from './run-usage.js';
import { sensorOption } from './sensor-option.js';
import { onSignals } from './signals.js';
import { standardError } from './standard-error.js';
import { type StoreFlags, storeOptions, storeStart } from './store-options.js';
import { asText, bytes, interfaceRef, repeated, seconds, secondsOption } from './values.js';

/** Every option of `correlate run`, in the order of the help text. */
const options = [
  new Option('-i, --interface <IF[@HOST]>', 'capture on an interface; HOST says whose it is (repeatable)').argParser(
    repeated(interfaceRef),
  ),
  new Option('-r, --read <FILE>', 'read a pcap or pcapng file, - is stdin (repeatable)').argParser(repeated(asText)),
  new Option('-f, --filter <BPF>', 'capture only what this BPF filter lets through'),
  new Option('--snaplen <BYTES>', 'capture at most this much of a packet').argParser(bytes),
  new Option('--ring-size <BYTES>', "size of the kernel's ring for each interface (64M)").argParser(bytes),
  new Option('--user <NAME>', 'become this user once captures and outputs are open'),
  new Option('--checksums <MODE>', 'auto verifies files and ignores live traffic')
    .choices(['auto', 'verify', 'ignore'])
    .default('auto'),
  new Option('-C', 'the same as --checksums ignore'),
  new Option('--threads <NUMBER>', 'threads that read files: 2 for large ones unless given').choices(['1', '2']),
  new Option('--interim <SECONDS>', 'report lasting connections this often').argParser(seconds),
  new Option('--timeouts <FILE>', "when connections end, where not as Zeek does: YAML with Zeek's names"),
  new Option('--host-log <FILE>', 'host rows: an osquery result log or a recording (repeatable)').argParser(
    repeated(asText),
  ),
  new Option('--rules <PATH>', 'a rule file or a folder of them (repeatable)').argParser(repeated(asText)),
  new Option('--strict-rules', 'do not start when a rule is refused'),
  new Option('--no-local-host', 'do not watch this host'),
  sensorOption(),
  ...listenOptions,
  new Option('--alerts <FILE>', 'alerts as JSON lines (default: stdout)'),
  new Option('--format <FORMAT>', 'format of alerts').choices(Object.keys(alertFormats)).default('ecs'),
  new Option('--connections <FILE>', 'attributed connections as JSON lines'),
  ...storeOptions,
  new Option('--zeek-logs <DIR>', "Zeek's conn.log and weird.log, with the owners of both ends"),
  new Option('--zeek-format <FORMAT>', 'form of these logs').choices([...zeekFormats]).default('tsv'),
  secondsOption('--lateness <SECONDS>', 'how long host rows may be late', 600),
  secondsOption('--attr-wait <SECONDS>', 'how long the first line of a connection waits for its owners', 2),
  new Option('--baseline <FILE>', "what the ancestor's rules make of the same input, to compare").hideHelp(),
  new Option('--final-only', 'one line per connection, when it is final (always so with --read)'),
  new Option('--table <WHEN>', 'connections, alerts and summary for a person, on stderr')
    .choices(['auto', 'always', 'never'])
    .default('auto'),
  new Option('--fail-on-alert <LEVEL>', 'exit with 3 when an alert of this level or higher was raised').choices([
    ...levels,
  ]),
  new Option('--json-log', 'log as JSON lines even on a terminal'),
  new Option('-q, --quiet', 'log warnings and errors only'),
  new Option('-v, --verbose', 'log more'),
];

interface Flags extends ListenFlags, StoreFlags {
  readonly interface?: { name: string; host?: string }[];
  readonly read?: string[];
  readonly filter?: string;
  readonly snaplen?: number;
  readonly ringSize?: number;
  readonly user?: string;
  readonly checksums: 'auto' | 'verify' | 'ignore';
  readonly C?: true;
  readonly threads?: '1' | '2';
  readonly interim?: number;
  readonly timeouts?: string;
  readonly hostLog?: string[];
  readonly rules?: string[];
  readonly strictRules?: true;
  readonly localHost: boolean;
  readonly sensor: SensorChoice;
  readonly alerts?: string;
  readonly format: AlertFormat;
  readonly connections?: string;
  readonly zeekLogs?: string;
  readonly zeekFormat: ZeekFormat;
  readonly lateness: number;
  readonly attrWait: number;
  readonly baseline?: string;
  readonly finalOnly?: true;
  readonly table: 'auto' | 'always' | 'never';
  readonly failOnAlert?: Level;
  readonly jsonLog?: true;
  readonly quiet?: true;
  readonly verbose?: true;
}

/** `correlate [run]`: the main job. */
export function addRunCommand(program: Command): void {
  const command = program
    .command('run', { isDefault: true })
    .description('watch a network or read captures, attribute every connection, raise alerts');
  for (const option of options) command.addOption(option);
  command.action(async (flags: Flags) => {
    const isGiven: IsGiven = (flag) => command.getOptionValueSource(flag) === 'cli';
    const log = createLog({
      json: flags.jsonLog === true,
      quiet: flags.quiet === true,
      verbose: flags.verbose === true,
    });
    checkRunUsage(isGiven, [...(flags.read ?? []), ...(flags.hostLog ?? [])]);
    checkOverwrittenFiles(filesRead(flags), await filesWritten(flags));
    process.exitCode = await runWith(flags, log);
  });
}

function filesRead({ read = [], hostLog = [], timeouts }: Flags): NamedFile[] {
  return [
    ...read.map((path) => ({ option: '--read', path })),
    ...hostLog.map((path) => ({ option: '--host-log', path })),
    ...(timeouts === undefined ? [] : [{ option: '--timeouts', path: timeouts }]),
  ];
}

async function filesWritten({ alerts, baseline, connections, store, zeekLogs }: Flags): Promise<NamedFile[]> {
  const files = { '--alerts': alerts, '--baseline': baseline, '--connections': connections, '--store': store };
  const named = Object.entries(files).flatMap(([option, path]) => (path === undefined ? [] : [{ option, path }]));
  if (zeekLogs === undefined) return named;
  const { zeekLogFiles } = await import('../outputs/zeek-logs.js');
  return [...named, ...zeekLogFiles(zeekLogs).map((path) => ({ option: '--zeek-logs', path }))];
}

function runOptions(flags: Flags, person: boolean): RunOptions {
  const live = flags.interface !== undefined || flags.listen !== undefined;
  const showsAlerts = person && flags.alerts === undefined;
  return {
    interfaces: flags.interface ?? [],
    files: flags.read ?? [],
    hostLogs: flags.hostLog ?? [],
    rules: flags.rules ?? [],
    strictRules: flags.strictRules === true,
    checksums: flags.C === true ? 'ignore' : flags.checksums,
    watchLocalHost: flags.localHost,
    sensor: flags.sensor,
    latenessUs: flags.lateness,
    attrWaitUs: flags.attrWait,
    ...(flags.filter !== undefined && { filter: flags.filter }),
    ...(flags.snaplen !== undefined && { snaplen: flags.snaplen }),
    ...(flags.ringSize !== undefined && { ringBytes: flags.ringSize }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.threads !== undefined && { threads: flags.threads === '2' ? 2 : 1 }),
    ...(flags.interim !== undefined && { interimUs: flags.interim }),
    ...(flags.baseline !== undefined && { baseline: flags.baseline }),
    ...engineOptions(flags),
    ...storeStart(flags),
    outputs: {
      format: flags.format,
      table: person,
      overflow: live ? 'drop' : 'wait',
      finalOnly: flags.finalOnly === true || !live,
      show: (text) => void standardError().write(`${text}\n`),
      showsAlerts,
      // A terminal shows them once, as text; whatever else stdout is gets the lines.
      ...(!(showsAlerts && process.stdout.isTTY) && { alerts: flags.alerts ?? '-' }),
      ...(flags.connections !== undefined && { connections: flags.connections }),
      ...(flags.zeekLogs !== undefined && { zeekLogs: { folder: flags.zeekLogs, format: flags.zeekFormat } }),
    },
  };
}

/** The reader of the file is loaded only where there is one. */
async function timeoutsOf({ timeouts: path }: Flags): Promise<Pick<RunOptions, 'timeouts'>> {
  if (path === undefined) return {};
  const { readTimeouts } = await import('./timeouts-file.js');
  return { timeouts: readTimeouts(path) };
}

/** Connections, alerts and figures of a run, one below the other. */
async function forPerson(outputs: Outputs, summary: RunSummary): Promise<string> {
  const alerts = outputs.alertTexts().join('\n');
  return [await outputs.table(), alerts, summaryText(summary)]
    .filter((part) => part !== undefined && part !== '')
    .join('\n\n');
}

/** Whether a run has anything to do but to show what it sees: SIGHUP is for what it writes and reads then, else its terminal has gone. */
function outlastsTerminal({
  alerts,
  baseline,
  connections,
  interface: interfaces,
  listen,
  rules,
  store,
  zeekLogs,
}: Flags): boolean {
  const isWriting = [alerts, connections].some((path) => path !== undefined && path !== '-');
  const isKeeping = [baseline, listen, store, zeekLogs].some((option) => option !== undefined);
  return isWriting || isKeeping || (interfaces !== undefined && rules !== undefined);
}

async function runWith(flags: Flags, log: Log): Promise<number> {
  const person = flags.table === 'always' || (flags.table === 'auto' && standardError().isTTY === true);
  // Before signals are held: a pipe is read until its end.
  const timeouts = await timeoutsOf(flags);
  const stop = new AbortController();
  let refresh = async (): Promise<void> => {};
  const signals = onSignals({
    stop: () => stop.abort(),
    ...(outlastsTerminal(flags) && { refresh: () => refresh() }),
    warn: log.warn,
  });
  let progress: Progress | undefined;
  try {
    // Loaded only where somebody looks at it.
    const { startProgress } = person ? await import('../outputs/progress.js') : {};
    const { summary, outputs, storeFailed } = await run(
      { ...runOptions(flags, person), ...timeouts },
      {
        warn: log.warn,
        info: log.info,
        stop: stop.signal,
        onProgress: (read, total) => {
          progress ??= startProgress?.(total);
          progress?.update(read);
        },
        onRefresh: (function_) => {
          refresh = function_;
        },
      },
    );
    progress?.stop();
    if (person) standardError().write(`${await forPerson(outputs, summary)}\n`);
    else log.info(summaryText(summary).replace(/\s+/g, ' '));
    if (outputs.linesLost > 0 && !outputs.readerGone) return 1;
    if (storeFailed) return 1;
    const { highest } = outputs;
    const failing = flags.failOnAlert !== undefined && highest !== undefined;
    return failing && levels.indexOf(highest) >= levels.indexOf(flags.failOnAlert) ? 3 : 0;
  } finally {
    progress?.stop();
    signals.close();
  }
}
