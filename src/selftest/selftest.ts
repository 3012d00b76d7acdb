import { CorrelateError } from '../core/errors.js';
import type { SensorChoice, SensorMethod } from '../sensor/sensor-method.js';
import { CANNOT, type Child, ChildPrograms, trafficProgram } from './child-programs.js';
import { type Score, score, type ToldConnection } from './score.js';
import { buildStage, loopbackStage, type Spot, type Stage, type StageKind } from './stage.js';
import { serverPort, type TrafficCommand, type TrafficKind, trafficKinds } from './traffic-kind.js';
import { parseTrueEnd, type TrueEnd } from './truth.js';
import { Watcher } from './watcher.js';

export interface SelftestOptions {
  readonly stage: StageKind;
  readonly sensor: SensorChoice;
  readonly kinds: readonly TrafficKind[];
  /** Where the watching program writes what the ancestor's rules say; absent: it does not. */
  readonly baselinePath?: string;
  readonly readFile: (path: string) => string;
  /** Aborts it: everything that runs is killed. */
  readonly stop: AbortSignal;
}

export interface KindResult {
  readonly kind: TrafficKind;
  /** Why this machine could not make the traffic; then there is no score. */
  readonly untested?: string;
  readonly score?: Score;
  readonly baseline?: Score;
}

export interface SelftestResult {
  readonly stage: StageKind;
  readonly sensor: SensorMethod;
  readonly warnings: readonly string[];
  readonly kinds: readonly KindResult[];
}

/** Users of programs, one after the other, where programs may be another user's. */
const FIRST_USER = 61_000;
/** Below, ports are root's. */
const ROOT_PORTS = 1024;
/** Rows and packets of the last connections are on their way for this long. */
const SETTLE_MS = 1500;

/**
 * Makes traffic of every kind with known owners, has it captured and attributed by this program, run as a user runs it, and compares. What was started is
 * gone when it returns or throws.
 * @throws CorrelateError SELFTEST_FAILED
 */
export async function selftest(options: SelftestOptions): Promise<SelftestResult> {
  const programs = new ChildPrograms();
  const close = () => void programs.close();
  options.stop.addEventListener('abort', close, { once: true });
  if (options.stop.aborted) close();
  try {
    const stage = options.stage === 'loopback' ? loopbackStage : await buildStage(programs);
    const traffic = new Traffic(programs, stage, options.kinds, options.stage === 'namespaces');
    await traffic.startBefore();
    const watcher = await Watcher.start(programs, stage, options.sensor, options.baselinePath);
    const death = watcher.untilDeath();
    // Its end is also how it is stopped.
    death.catch(() => {});
    await Promise.race([traffic.run(), death]);
    await sleep(SETTLE_MS, options.stop);
    const truth = await traffic.end();
    const told = (await watcher.stop()).map((line) => JSON.parse(line) as ToldConnection);
    const scores = score(truth, told);
    const baselines = options.baselinePath === undefined ? undefined : score(truth, lines(options));
    return {
      stage: options.stage,
      sensor: watcher.method,
      warnings: watcher.warnings,
      kinds: options.kinds.map((kind) => {
        const untested = traffic.untested.get(kind.name);
        if (untested !== undefined) return { kind, untested };
        const own = scores.get(kind.name);
        const baseline = baselines?.get(kind.name);
        if (own === undefined) return { kind, untested: 'the programs told of nothing' };
        return { kind, score: own, ...(baseline !== undefined && { baseline }) };
      }),
    };
  } finally {
    options.stop.removeEventListener('abort', close);
    await programs.close();
  }
}

function lines({ baselinePath, readFile }: SelftestOptions): ToldConnection[] {
  return readFile(baselinePath!)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ToldConnection);
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done, { once: true });
  });
}

/** The programs of all kinds. */
class Traffic {
  /** Kinds that could not be made, with the reason. */
  readonly untested = new Map<string, string>();
  readonly #servers = new Map<string, Child>();
  readonly #clients: { readonly kind: TrafficKind; readonly child: Child }[] = [];
  readonly #truth: TrueEnd[] = [];

  constructor(
    private readonly programs: ChildPrograms,
    private readonly stage: Stage,
    private readonly kinds: readonly TrafficKind[],
    private readonly hasUsers: boolean,
  ) {}

  /** What is connected before the host is watched. */
  async startBefore(): Promise<void> {
    for (const kind of this.kinds.filter(({ when }) => when === 'before')) {
      if (await this.#startServer(kind)) this.#startClient(kind);
    }
  }

  /** All other kinds, one after the other, beside those that take long. */
  async run(): Promise<void> {
    const kinds = this.kinds.filter(({ when }) => when !== 'before');
    for (const kind of kinds) if (kind.server !== undefined) await this.#startServer(kind);
    const ready = kinds.filter(({ name }) => !this.untested.has(name));
    for (const kind of ready.filter(({ when }) => when === 'along')) this.#startClient(kind);
    for (const kind of ready.filter(({ when }) => when === undefined)) await this.#startClient(kind).wait();
    for (const { child } of this.#clients) await child.wait();
  }

  /** Lets the servers end; gives what all programs told. */
  async end(): Promise<readonly TrueEnd[]> {
    for (const { kind, child } of this.#clients) this.#take(kind.name, await child.wait());
    for (const [name, server] of this.#servers) this.#take(name, await server.end());
    return this.#truth.filter(({ kind }) => !this.untested.has(kind));
  }

  #take(name: string, { code, lines: told, said }: Awaited<Child['ended']>): void {
    if (code === CANNOT) this.untested.set(name, said);
    else if (code !== 0) this.untested.set(name, `failed: ${said === '' ? `ended with ${code ?? 'a signal'}` : said}`);
    for (const line of told) if (line.startsWith('{')) this.#truth.push(parseTrueEnd(line));
  }

  /** False when it cannot be. */
  async #startServer(kind: TrafficKind): Promise<boolean> {
    const { name, server, listen } = kind;
    const { at } = this.#spots(kind);
    const isRoots = kind.keepsUser === true || serverPort(kind) < ROOT_PORTS;
    const child = this.#start(at, 'server', kind, server!, { address: listen ?? address(at, kind) }, !isRoots);
    const isReady = (await child.until(() => child.lines.includes('ready') || undefined)) === true;
    if (isReady) this.#servers.set(name, child);
    else this.#take(name, await child.end());
    return isReady;
  }

  #startClient(kind: TrafficKind): Child {
    const { from, at } = this.#spots(kind);
    const options = {
      address: kind.target ?? address(at, kind),
      from: address(from, kind),
      interface: this.#card(kind, from),
    };
    const child = this.#start(from, 'client', kind, kind.client, options, kind.keepsUser !== true);
    this.#clients.push({ kind, child });
    return child;
  }

  /** What the client calls its side: the address for a group, else the card. */
  #card({ target }: TrafficKind, from: Spot): string {
    if (target !== undefined) return from.addresses[4];
    return from.prefix.length === 0 ? 'lo' : 'eth0';
  }

  #spots({ place }: TrafficKind): { readonly from: Spot; readonly at: Spot } {
    const { client, server, container, tap } = this.stage.spots;
    if (place === 'alone') return { from: tap, at: tap };
    return { from: place === 'container' ? container : client, at: server };
  }

  #start(
    spot: Spot,
    role: 'client' | 'server',
    kind: TrafficKind,
    { what, options = {} }: TrafficCommand,
    more: Readonly<Record<string, string>>,
    changesUser: boolean,
  ): Child {
    const index = trafficKinds.indexOf(kind);
    const user = this.hasUsers && changesUser ? { user: FIRST_USER + 2 * index + Number(role === 'server') } : {};
    const all = { kind: kind.name, port: serverPort(kind), ...more, ...user, ...options };
    const words = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    return this.programs.start([...spot.prefix, trafficProgram, role, what, ...words]);
  }
}

function address(spot: Spot, { family = 4 }: TrafficKind): string {
  return spot.addresses[family];
}

/** Whether a wrong owner was told, which must never be. */
export function hasWrongOwner({ kinds }: SelftestResult): boolean {
  return kinds.some(({ score: each }) => (each?.wrong ?? 0) > 0);
}

/** @throws CorrelateError SELFTEST_FAILED when nothing at all could be tested */
export function needResults({ kinds }: SelftestResult): void {
  if (kinds.some(({ score: each }) => each !== undefined)) return;
  throw new CorrelateError('SELFTEST_FAILED', `no kind of traffic could be made: ${kinds[0]?.untested}`);
}
