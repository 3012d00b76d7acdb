import { CorrelateError } from '../core/errors.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { SubnetGroup } from '../hosts/registry/host-groups.js';
import type { HostEvent } from '../hosts/registry/host-registry.js';
import type { HostRow } from '../records/host-row.js';
import { AgentEndpoint, type AgentEndpointOptions } from '../server/agent-endpoint.js';
import { AgentHub } from '../server/agent-hub.js';
import type { PastApi } from '../server/api-messages.js';
import { Enrolments } from '../server/enrolments.js';
import { hubMetrics } from '../server/hub-metrics.js';
import { LocalApi } from '../server/local-api.js';
import { QueryLog } from '../server/query-log.js';
import type { RunMetrics } from './run-metrics.js';

/** How a run takes rows from agents, and answers other commands. */
export interface EngineOptions {
  readonly version: string;
  readonly endpoint: AgentEndpointOptions;
  /** UNIX socket for other commands. */
  readonly socket: string;
  /** The socket was not chosen by the user: a run goes on without it. */
  readonly isDefaultSocket: boolean;
  /** File that remembers which agent enrolled under which host id. Absent: in memory. */
  readonly enrolments?: string;
  /** File that records queries and their answers. */
  readonly queryLog?: string;
  readonly subnets: readonly SubnetGroup[];
}

export interface EngineContext {
  readonly captures: readonly string[];
  readonly latenessUs: Micros;
  /** Takes rows of hosts, those that came together at once. */
  readonly rows: (rows: readonly HostRow[]) => void;
  /** Answers questions about connections and the past. */
  readonly past: PastApi;
  /** Shown to whoever asks; the engine's own figures are added. */
  readonly metrics: RunMetrics;
  readonly warn: Warn;
  readonly info: (message: string) => void;
}

/** The part of a run that hosts connect to. */
export class Engine {
  private constructor(
    private readonly hub: AgentHub,
    private readonly endpoint: AgentEndpoint,
    private readonly api: LocalApi | undefined,
    private readonly files: readonly (Enrolments | QueryLog)[],
  ) {}

  /** Resolves when agents can connect. Rejects with LISTEN_FAILED or OUTPUT_OPEN_FAILED. */
  static async start(options: EngineOptions, context: EngineContext): Promise<Engine> {
    const { warn, info, captures, latenessUs, rows, metrics, past } = context;
    const enrolments = new Enrolments(options.enrolments);
    const queryLog = new QueryLog(options.queryLog);
    const hub = new AgentHub({
      version: options.version,
      captures,
      latenessUs,
      subnets: options.subnets,
      enrolments,
      queryLog,
      emit: rows,
      onEvent: (event) => info(eventText(event)),
      warn,
    });
    metrics.add(() => hubMetrics(hub));
    try {
      const api = await openApi(options, hub, enrolments, past, warn);
      try {
        const endpoint = await AgentEndpoint.open(options.endpoint, hub, warn, metrics);
        info(`agents may connect to ${options.endpoint.host}:${endpoint.port}`);
        return new Engine(hub, endpoint, api, [enrolments, queryLog]);
      } catch (error) {
        await api?.close();
        throw error;
      }
    } catch (error) {
      hub.close();
      for (const file of [enrolments, queryLog]) file.close();
      throw error;
    }
  }

  /** The port on which agents connect. */
  get port(): number {
    return this.endpoint.port;
  }

  /** Makes the files that it goes on writing another user's, before this process becomes that user. */
  giveTo(uid: number, gid: number): void {
    for (const file of this.files) file.giveTo(uid, gid);
  }

  async stop(): Promise<void> {
    this.hub.close();
    await this.api?.close();
    await this.endpoint.close();
    for (const file of this.files) file.close();
  }
}

async function openApi(
  options: EngineOptions,
  hub: AgentHub,
  enrolments: Enrolments,
  past: PastApi,
  warn: Warn,
): Promise<LocalApi | undefined> {
  try {
    return await LocalApi.open(options.socket, hub, enrolments, past);
  } catch (error) {
    if (!options.isDefaultSocket || !(error instanceof CorrelateError)) throw error;
    warn({ code: error.code, message: `${error.message}: other commands cannot ask this run` });
    return undefined;
  }
}

function eventText(event: HostEvent): string {
  switch (event.kind) {
    case 'joined':
      return `host ${event.host} joined`;
    case 'reconnected':
      return `host ${event.host} is back`;
    case 'silent':
      return `host ${event.host} is silent: ${event.reason}`;
    case 'left':
      return `host ${event.host} left: ${event.reason}`;
    case 'group_joined':
      return `host ${event.host} is in group ${event.group}`;
    case 'group_left':
      return `host ${event.host} is no longer in group ${event.group}`;
  }
}
