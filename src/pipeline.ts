import type { CaptureStats } from './capture/packet-source.js';
import type { Timeouts } from './conn/timeouts.js';
import type { TrackerOptions, TrackerStats } from './conn/tracker-options.js';
import type { Micros } from './core/time.js';
import type { Warn } from './core/warnings.js';
import type { Join, JoinOptions } from './join/attribution.js';
import { Unwatched, unwatchedEnds } from './join/unwatched.js';
import { AttributionDelays } from './outputs/attribution-delays.js';
import type { HostLogFigures, RunSummary } from './outputs/summary.js';
import type { BaselineRun } from './pipeline/baseline.js';
import type { Engine, EngineOptions } from './pipeline/engine.js';
import { EnginePast } from './pipeline/engine-past.js';
import { FileNetwork } from './pipeline/file-network.js';
import { Keeping } from './pipeline/keeping.js';
import { Live, localHostId, wallClock } from './pipeline/live.js';
import type { InterfaceRef } from './pipeline/live-messages.js';
import { type Intake, type LiveIntake, readFiles } from './pipeline/offline.js';
import { type OutputOptions, Outputs } from './pipeline/outputs.js';
import type { Rules } from './pipeline/rules.js';
import { RunMetrics } from './pipeline/run-metrics.js';
import { registerCapture, registerMetrics } from './pipeline/stage-metrics.js';
import type { StoreStart } from './pipeline/store-messages.js';
import type { Alert } from './records/alert.js';
import type { AttributedConnection } from './records/attributed-connection.js';
import type { HostRow } from './records/host-row.js';
import { type SensorChoice, sensorMethods } from './sensor/sensor-method.js';

/** What a run reads, how it joins, and where its results go. */
export interface RunOptions {
  readonly interfaces: readonly InterfaceRef[];
  readonly files: readonly string[];
  readonly hostLogs: readonly string[];
  readonly rules: readonly string[];
  readonly strictRules: boolean;
  readonly filter?: string;
  readonly snaplen?: number;
  readonly ringBytes?: number;
  /** Whom the process becomes once everything is open; only live. */
  readonly user?: string;
  /** auto: files are verified, live traffic is not, since offloading makes its checksums wrong. */
  readonly checksums: 'auto' | 'verify' | 'ignore';
  /** Threads for reading files; absent: as many as are worth it. */
  readonly threads?: 1 | 2;
  readonly interimUs?: Micros;
  /** What differs from Zeek's default timeouts. */
  readonly timeouts?: Partial<Timeouts>;
  readonly watchLocalHost: boolean;
  readonly sensor: SensorChoice;
  /** Where the ancestor's rules write what they make of the same input. Absent: they are not asked. */
  readonly baseline?: string;
  /** Take rows from agents. Absent: none are listened for. */
  readonly engine?: EngineOptions;
  readonly latenessUs: Micros;
  readonly attrWaitUs: Micros;
  /** Keep everything in a file, and revise what is beyond memory. Absent: nothing is kept. */
  readonly store?: StoreStart;
  readonly outputs: OutputOptions;
}

/** What surrounds a run: where its warnings go, what stops it, how it shows progress. */
export interface RunContext {
  readonly warn: Warn;
  readonly info: (message: string) => void;
  /** Aborts a run: everything is flushed and the run ends as if its input had ended. */
  readonly stop: AbortSignal;
  /** Called with bytes read, and the total where it is known. */
  readonly onProgress: (readBytes: number, totalBytes: number | undefined) => void;
  /** Gets a function that reopens the output files, for a log rotation, and in a live run loads the rules anew. Rejects with what could not be opened. */
  readonly onRefresh: (refresh: () => Promise<void>) => void;
}

export interface RunResult {
  readonly summary: RunSummary;
  readonly outputs: Outputs;
  /** Not everything that was to be kept is in the store. */
  readonly storeFailed: boolean;
}

/**
 * The whole program, top to bottom:
 *
 *     capture -> decode -> conn ----- connections --+
 *                                                   +-> join -> rules -> outputs
 *     sensor, host logs -> hosts ----- rows --------+
 *
 * A store keeps all of it; rows that come after the join has let their connections go revise these there.
 */
export async function run(options: RunOptions, context: RunContext): Promise<RunResult> {
  const began = process.hrtime.bigint();
  const outputs = await Outputs.open(options.outputs, context.warn);

  const { latenessUs, attrWaitUs, store } = options;
  const { finalOnly, overflow } = options.outputs;
  const rules = await rulesOf(
    options,
    (alert) => {
      outputs.alert(alert);
      keeping.alert(alert);
    },
    context,
  );
  const keeping = await Keeping.open(
    { ...(store !== undefined && { store }), latenessUs, finalOnly, overflow },
    context.warn,
    ({ line, alerts }, isTold) => {
      if (isTold) outputs.connection(line);
      rules?.engine.recall(alerts);
      rules?.engine.connection(line);
    },
  );
  const live = options.interfaces.length > 0 || options.engine !== undefined;
  context.onRefresh(async () => {
    // What is read from files depends on the rules that it began with.
    await Promise.all([outputs.reopen(), live ? rules?.reload() : undefined]);
  });
  const delays = live ? new AttributionDelays() : undefined;
  const emit = (attributed: AttributedConnection): void => {
    delays?.line(attributed, wallClock());
    outputs.connection(attributed);
    keeping.connection(attributed);
    rules?.engine.connection(attributed);
  };
  const hostsWatched = options.hostLogs.length > 0 || (live && options.watchLocalHost) || options.engine !== undefined;
  const join: Join | Unwatched = hostsWatched
    ? await joinOf({ latenessUs, attrWaitUs, finalOnly, startsKnown: live, emit })
    : new Unwatched(emit, finalOnly);
  const baseline = await baselineOf(options, context.warn);
  let hostRows = 0;
  const intake: LiveIntake = {
    connection: (update, handedOver) => {
      if (handedOver !== undefined) delays?.update(update, handedOver);
      keeping.update(update);
      join.connection(update);
      baseline?.join.connection(update);
    },
    row: (row) => {
      hostRows++;
      keeping.row(row);
      join.row(row);
      rules?.engine.row(row);
      baseline?.join.row(row);
    },
    rows: (rows) => {
      join.together(() => {
        for (const row of rows) intake.row(row);
      });
    },
    advance: (now) => {
      keeping.advance(now);
      join.advance(now);
      baseline?.join.advance(now);
    },
    ready: async () => {
      await outputs.ready();
      await keeping.ready();
    },
    get stopped() {
      return outputs.readerGone;
    },
  };

  const losses = (): Readonly<Record<string, number>> => ({
    ...keeping.losses,
    ...join.losses,
    ...baseline?.join.losses,
    ...rules?.engine.losses,
  });
  const metrics = options.engine && new RunMetrics(options.engine.version, wallClock());
  if (metrics !== undefined)
    registerMetrics(metrics, { join, rules, outputs, delays, hostRows: () => hostRows, losses });

  const capturing = live
    ? captureLive(options, intake, outputs, metrics, context, keeping, new EnginePast(join, keeping))
    : captureFiles(options, intake, outputs, context);
  const network = await capturing.catch(async (error: unknown) => {
    await keeping.end();
    throw error;
  });

  join.end();
  await keeping.end();
  rules?.engine.end();
  await baseline?.end();
  await outputs.close();
  return {
    outputs,
    storeFailed: keeping.failed,
    summary: {
      capture: network.capture,
      packetsSkipped: network.tracker.skipped,
      weirds: network.tracker.weirds,
      connectionsEvicted: network.tracker.evictedAttempts + network.tracker.evictedOthers,
      hostRows,
      ...(network.hostLog !== undefined && { hostLog: network.hostLog }),
      coverage: outputs.coverage,
      ...(delays !== undefined && { delays }),
      alerts: outputs.alerts,
      ruleProblems: rules?.problems ?? 0,
      losses: {
        'output lines': outputs.linesLost,
        'connection records': network.updatesDropped,
        ...losses(),
      },
      elapsedUs: Number((process.hrtime.bigint() - began) / 1000n),
    },
  };
}

interface NetworkFigures {
  readonly capture: CaptureStats;
  readonly tracker: TrackerStats;
  readonly updatesDropped: number;
  readonly hostLog?: HostLogFigures;
}

/** The rules are loaded only where there are any: the parts that run scripts and SQL take a while to start. */
async function rulesOf(
  options: RunOptions,
  emit: (alert: Alert) => void,
  { warn, info }: RunContext,
): Promise<Rules | undefined> {
  if (options.rules.length === 0) return undefined;
  const { Rules } = await import('./pipeline/rules.js');
  return Rules.start({ paths: options.rules, strict: options.strictRules, emit, warn, info });
}

async function baselineOf({ baseline }: RunOptions, warn: Warn): Promise<BaselineRun | undefined> {
  if (baseline === undefined) return undefined;
  const { BaselineRun } = await import('./pipeline/baseline.js');
  return new BaselineRun(baseline, warn);
}

/** Whether a connection of a file is looked at again after it was handed on; otherwise it is only lent. */
function isKept({ hostLogs, rules, store, baseline, outputs }: RunOptions): boolean {
  return hostLogs.length > 0 || rules.length > 0 || store !== undefined || baseline !== undefined || outputs.table;
}

async function captureFiles(
  options: RunOptions,
  intake: Intake,
  outputs: Outputs,
  context: RunContext,
): Promise<NetworkFigures> {
  const checksums = options.checksums === 'ignore' ? 'ignore' : 'verify';
  const stopped = aborted(context.stop);
  const opening = FileNetwork.open(
    options.files,
    {
      checksums,
      lends: !isKept(options),
      ...(!isKept(options) &&
        outputs.onlyLines && {
          emitEnded: (records) => outputs.ended(records, unwatchedEnds, (update) => intake.connection(update)),
          emitOpen: (records, helper) =>
            outputs.open(records, unwatchedEnds, (update) => intake.connection(update), helper),
        }),
      ...(options.threads !== undefined && { threads: options.threads }),
      ...timing(options),
      ...weirds(options, outputs),
    },
    context.warn,
  );
  // What comes through a pipe may take its time to begin.
  const network = await Promise.race([opening, stopped]);
  if (network === undefined) return nothingCaptured;
  void stopped.then(() => network.stop());
  const hostLog = await readFiles(network, options.hostLogs, options.latenessUs, intake, context, (read) =>
    context.onProgress(read, network.totalBytes),
  );
  return {
    capture: network.captureStats,
    tracker: network.trackerStats,
    updatesDropped: 0,
    ...(options.hostLogs.length > 0 && { hostLog }),
  };
}

function aborted(stop: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    stop.addEventListener('abort', () => resolve(undefined), { once: true });
    if (stop.aborted) resolve(undefined);
  });
}

/** The figures of a run that watches hosts alone, or was stopped before a capture was open. */
const nothingCaptured: NetworkFigures = {
  capture: { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 },
  tracker: {
    packets: 0,
    bytes: 0,
    skipped: 0,
    connections: 0,
    open: 0,
    evictedAttempts: 0,
    evictedOthers: 0,
    weirds: {},
  },
  updatesDropped: 0,
};

/** Loaded only where hosts are watched. */
async function joinOf(options: JoinOptions): Promise<Join> {
  const { Join } = await import('./join/attribution.js');
  return new Join(options);
}

/** Live outputs are written this often. */
const FLUSH_MS = 20;

async function captureLive(
  options: RunOptions,
  intake: LiveIntake,
  outputs: Outputs,
  metrics: RunMetrics | undefined,
  context: RunContext,
  keeping: Keeping,
  past: EnginePast,
): Promise<NetworkFigures> {
  // Loaded only where it is wanted.
  const privileges = options.user === undefined ? undefined : await import('./pipeline/privileges.js');
  const user = privileges?.userOf(options.user!);
  const host = options.watchLocalHost ? localHostId() : undefined;
  const checksums = options.checksums === 'verify' ? 'verify' : 'ignore';
  if (options.checksums === 'auto' && options.interfaces.length > 0) {
    context.info(
      'checksums of live traffic are not verified, since network cards fill them in later (--checksums verify)',
    );
  }
  const live = await Live.start(
    {
      network: {
        interfaces: options.interfaces.map(({ name, host: at = host }) => ({
          name,
          ...(at !== undefined && { host: at }),
        })),
        ...(options.filter !== undefined && { filter: options.filter }),
        ...(options.snaplen !== undefined && { snaplen: options.snaplen }),
        ...(options.ringBytes !== undefined && { ringBytes: options.ringBytes }),
        tracker: { checksums, startRecords: true, ...timing(options) },
      },
      ...(host !== undefined && { localHost: host }),
      sensor: options.sensor,
      ...weirds(options, outputs),
    },
    intake,
    context.warn,
  );
  const captures = options.interfaces.map(({ name }) => name);
  const engine = await startEngine(options, captures, live, intake, metrics, past, context);
  try {
    if (user !== undefined) engine?.giveTo(user.uid, user.gid);
    if (user !== undefined) keeping.giveTo(user.uid, user.gid);
    const pollsHost = live.sensorMethod !== undefined && live.sensorMethod !== 'ebpf';
    if (user !== undefined) privileges?.dropPrivileges(user, outputs, pollsHost, context.warn);
  } catch (error) {
    await engine?.stop();
    await live.stop();
    throw error;
  }
  const how = live.sensorMethod === undefined ? '' : `; this host is watched ${sensorMethods[live.sensorMethod]}`;
  if (captures.length > 0) context.info(`capturing on ${captures.join(', ')}${how}`);
  const timer = setInterval(() => void outputs.flush(), FLUSH_MS);
  await Promise.race([live.finished, aborted(context.stop)]);
  await engine?.stop();
  outputs.ending();
  await live.stop();
  clearInterval(timer);
  return live.stats ?? nothingCaptured;
}

/** Loaded only where it is wanted, as rules are. Agents may connect once everything that takes their rows stands. */
async function startEngine(
  { engine, latenessUs }: RunOptions,
  captures: readonly string[],
  live: Live,
  intake: LiveIntake,
  metrics: RunMetrics | undefined,
  past: EnginePast,
  { warn, info }: RunContext,
): Promise<Engine | undefined> {
  if (engine === undefined || metrics === undefined) return undefined;
  registerCapture(metrics, live);
  try {
    const { Engine } = await import('./pipeline/engine.js');
    const rows = (each: readonly HostRow[]): void => intake.rows(each);
    return await Engine.start(engine, { captures, latenessUs, rows, past, metrics, warn, info });
  } catch (error) {
    await live.stop();
    throw error;
  }
}

/** Weirds are looked at one by one only where they are written. */
function weirds(options: RunOptions, outputs: Outputs): Pick<TrackerOptions, 'onWeird'> {
  return options.outputs.zeekLogs === undefined ? {} : { onWeird: (weird) => outputs.weird(weird) };
}

function timing({ interimUs, timeouts }: RunOptions): Pick<TrackerOptions, 'interimUs' | 'timeouts'> {
  return { ...(interimUs !== undefined && { interimUs }), ...(timeouts !== undefined && { timeouts }) };
}
