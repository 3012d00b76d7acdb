import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HostSummary, QueryAnswer } from '../../../src/server/api-messages.js';
import { lan, TestNetwork } from '../namespaces.js';
import { bin, correlate, jsonLines, Running } from '../program.js';

export interface OutageSettings {
  /** Simulated hosts beside the three real ones. */
  readonly simulated: number;
  /** Traffic before the engine is killed, and after it is back, milliseconds. */
  readonly trafficMs: number;
  readonly engineAwayMs: number;
  readonly partitionMs: number;
  readonly agentAwayMs: number;
}

/** What one outage came to. */
export interface Outage {
  readonly what: string;
  /** From the return of what was away until the state of each host had once been equal to the host's own truth: the slowest host. */
  readonly equalMs: number;
  readonly slowest: string;
  /** Median over the hosts. */
  readonly medianMs: number;
  /** From the return until the last host that had to connect anew was welcomed. */
  readonly welcomeMs: number;
}

/** What a host had at a time, see `OutageCampaign.untilEqual`. */
interface Truth {
  readonly at: number;
  readonly processes: readonly string[];
}

/**
 * A state is compared with what the host had at any look of this time before: without an outage too, a row takes a while to be told, and
 * the processes here change all the time.
 */
const TELLING_MS = 1_000;
/** A host that is not back yet is not waited for. */
const LOOK_SECONDS = 0.5;

/** How often the rows of hosts that do not change any more are in the state, against how often they were told. */
export interface Balance {
  readonly hosts: number;
  /** Rows that the hosts told, and rows that the engine took. */
  readonly told: number;
  readonly taken: number;
  readonly duplicates: number;
  readonly dropped: number;
  /** Rows in the state that are there more or less than once, or that the host does not have, or that are missing. */
  readonly wrong: readonly string[];
  /** Rows compared one by one. */
  readonly compared: number;
  /** The agents that were never meant to end are still the same processes. */
  readonly untouched: boolean;
}

/** What the engine holds of a host, see engine.mjs. */
interface HostState {
  readonly processes: readonly { readonly pid: number; readonly name: string; readonly path: string }[];
  readonly ports: readonly { readonly pid: number; readonly port: number; readonly protocol: number }[];
  readonly connects: readonly number[];
  /** Rows taken, each counted once, and those that were taken more often. */
  readonly rows: number;
  readonly repeated: readonly string[];
}
type State = Readonly<Record<string, HostState>>;

const ENGINE = `${lan}.1`;
const realHosts = { web: `${lan}.10`, client: `${lan}.20`, db: `${lan}.30` } as const;
type RealHost = keyof typeof realHosts;
const realNames = Object.keys(realHosts) as RealHost[];

const webServer = `
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '5'); self.end_headers(); self.wfile.write(b'hello')
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(('${realHosts.web}', 8080), Handler)
print('ready', flush=True)
server.serve_forever()
`;

/** A process that connects, five times in a second. */
const traffic = `
import subprocess, time
while True:
    subprocess.run(['curl', '-s', '-m', '2', '-o', '/dev/null', 'http://${realHosts.web}:8080/'])
    time.sleep(0.2)
`;

/** An engine that can be killed, agents in network namespaces and simulated ones, and traffic between them. */
export class OutageCampaign {
  readonly #folder = mkdtempSync(join(tmpdir(), 'outages-'));
  readonly #network: TestNetwork;
  readonly #running: Running[] = [];
  readonly #agents = new Map<RealHost, Running>();
  readonly #simulated: Running[] = [];
  readonly #traffic: Running[] = [];
  #engine!: Running;

  constructor(private readonly settings: OutageSettings) {
    const hosts = Object.fromEntries(Object.entries(realHosts).map(([host, address]) => [host, [`${address}/24`]]));
    this.#network = new TestNetwork({ ...hosts, 'sim-a': [`${lan}.40/24`], 'sim-b': [`${lan}.50/24`] });
    spawnSync('ip', ['-n', this.#network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
  }

  async start(): Promise<void> {
    const { simulated } = this.settings;
    const certificates = correlate(['cert', this.#at('tls'), '--server', ENGINE]);
    if (certificates.status !== 0) throw new Error(certificates.stderr);
    writeFileSync(this.#at('secret'), 'between us\n');
    writeFileSync(this.#at('server.py'), webServer);
    await this.#startEngine();
    const web = this.#run([...this.#network.on('web'), 'python3', this.#at('server.py')]);
    await web.until('the server', () => web.lines[0]);
    for (const host of realNames) this.#startAgent(host);
    const half = simulated >> 1;
    await Promise.all([this.#startSimulated('sim-a', 0, half), this.#startSimulated('sim-b', half, simulated - half)]);
    writeFileSync(this.#at('traffic.py'), traffic);
    for (const host of ['client', 'db']) {
      this.#traffic.push(this.#run([...this.#network.on(host), 'python3', this.#at('traffic.py')]));
    }
    await this.untilEqual(Date.now(), this.#names);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((program) => program.stop()));
    this.#network.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #names(): string[] {
    return [...realNames, ...Array.from({ length: this.settings.simulated }, (_, i) => `sim-${i}`)];
  }

  /** The engine is killed amid the traffic and comes back later. */
  async killEngine(): Promise<Outage> {
    await sleep(this.settings.trafficMs);
    process.kill(this.#engine.child.pid!, 'SIGKILL');
    await this.#engine.ended;
    await sleep(this.settings.engineAwayMs);
    await this.#startEngine();
    return this.#outage('engine killed', Date.now(), this.#names);
  }

  /** One real host and half of the simulated ones cannot reach the engine for a while, nor it them. */
  async partition(): Promise<Outage> {
    const set = (state: string) => {
      for (const host of ['client', 'sim-b'])
        spawnSync('ip', ['-n', this.#network.bridge, 'link', 'set', `v-${host}`, state]);
    };
    set('down');
    await sleep(this.settings.partitionMs);
    set('up');
    return this.#outage('partition', Date.now(), this.#names);
  }

  /** One agent is killed and started anew. */
  async killAgent(): Promise<Outage> {
    const agent = this.#agents.get('db')!;
    // The command that enters the namespace is replaced by the agent, so its pid is the agent's.
    process.kill(agent.child.pid!, 'SIGKILL');
    await agent.ended;
    await sleep(this.settings.agentAwayMs);
    const began = Date.now();
    this.#startAgent('db');
    return this.#outage('agent killed', began, ['db']);
  }

  async #outage(what: string, from: number, hosts: readonly string[]): Promise<Outage> {
    const times = await this.untilEqual(from, hosts);
    const sorted = [...times].sort(([, a], [, b]) => a - b);
    const [slowest, equalMs] = sorted.at(-1)!;
    const welcomes = this.#engine.lines.filter(({ at, text }) => at >= from && text.startsWith('welcome '));
    const welcomeMs = Math.max(0, ...welcomes.map(({ at }) => at - from));
    return { what, equalMs, slowest, medianMs: sorted[sorted.length >> 1]![1], welcomeMs };
  }

  /**
   * Milliseconds from `from` until the state of each host was equal to its truth as of some moment since then and no more than
   * TELLING_MS before. Rejects when that takes more than two minutes.
   */
  async untilEqual(from: number, hosts: readonly string[]): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    const looks = new Map<string, Truth[]>();
    let problems: string[] = [];
    while (times.size < hosts.length) {
      const missing = hosts.filter((host) => !times.has(host));
      for (const [host, processes] of await this.#truths(missing, LOOK_SECONDS)) {
        const kept = (looks.get(host) ?? []).filter(({ at }) => Date.now() - at < TELLING_MS);
        looks.set(host, [...kept, { at: Date.now(), processes }]);
      }
      const { hosts: state } = await this.#state(missing);
      problems = [];
      for (const host of missing) {
        const told = texts(state[host]);
        const wrong = (looks.get(host) ?? []).map(({ processes }) => difference(processes, told)[0]);
        if (wrong.includes(undefined) && wrong.length > 0) times.set(host, Date.now() - from);
        else problems.push(`${host}: ${wrong.at(-1) ?? 'it did not answer'}`);
      }
      if (Date.now() - from > 120_000)
        throw new Error(
          `not equal after two minutes: ${problems.slice(0, 5).join('; ')}; engine: ${this.#engine.stderr.slice(-1000)}`,
        );
      await sleep(50);
    }
    return times;
  }

  /** Ends all changes and compares every row. */
  async balance(): Promise<Balance> {
    for (const traffic of this.#traffic) await traffic.stop();
    for (const program of this.#simulated) {
      program.child.stdin!.write('quiet\n');
      await program.until('the end of the changes', () => program.lines.find(({ text }) => text === 'quiet'));
    }
    await sleep(2_500);
    await this.untilEqual(Date.now(), this.#names);
    const summaries = jsonLines(correlate(['hosts', '--engine', this.#at('engine.sock')]).stdout) as HostSummary[];
    const answers = await this.#query(
      'told',
      this.#names.filter((name) => name.startsWith('sim-')),
      10,
    );
    const { hosts: state } = await this.#state(this.#names);
    const truths = await this.#truths(this.#names, 10);
    const wrong: string[] = [];
    let [told, taken, compared] = [0, 0, 0];
    for (const { id } of summaries) {
      for (const name of state[id]?.repeated ?? []) wrong.push(`${id}: ${name} was taken more than once`);
      const truth = truths.get(id) ?? [];
      compared += truth.length;
      for (const text of difference(truth, texts(state[id]))) wrong.push(`${id}: process ${text}`);
      if (!id.startsWith('sim-')) continue;
      const answer = answers.get(id);
      const [count, connects] = (answer !== undefined && 'rows' in answer ? answer.rows[0]! : [0, 0]) as [
        number,
        number,
      ];
      told += count;
      taken += state[id]?.rows ?? 0;
      compared += connects;
      const expected = Array.from({ length: connects }, (_, i) => String(i + 1));
      const seen = (state[id]?.connects ?? []).map(String);
      for (const text of difference(expected, seen)) wrong.push(`${id}: connection ${text}`);
    }
    for (const host of realNames) {
      const truth = this.#listeners(host);
      compared += truth.length;
      const seen = (state[host]?.ports ?? [])
        .filter(({ protocol }) => protocol === 6)
        .map(({ pid, port }) => `${pid} ${port}`);
      for (const text of difference(truth, seen)) wrong.push(`${host}: listener ${text}`);
    }
    return {
      hosts: summaries.length,
      told,
      taken,
      duplicates: summaries.reduce((sum, { duplicates }) => sum + duplicates, 0),
      dropped: summaries.reduce((sum, { dropped }) => sum + dropped, 0),
      wrong,
      compared,
      untouched: [...this.#agents.values(), ...this.#simulated].every(({ child }) => child.exitCode === null),
    };
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  #run(command: readonly string[], input?: Buffer): Running {
    const program = new Running(command, input);
    this.#running.push(program);
    return program;
  }

  async #startEngine(): Promise<void> {
    const script = fileURLToPath(new URL('./engine.mjs', import.meta.url));
    const options = {
      host: ENGINE,
      port: '9443',
      cert: this.#at('tls/server.pem'),
      key: this.#at('tls/server-key.pem'),
      secret: this.#at('secret'),
      socket: this.#at('engine.sock'),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#engine = this.#run([...this.#network.onBridge, process.execPath, script, ...flags], Buffer.alloc(0));
    await this.#engine.until('the engine', () => this.#engine.lines[0]);
  }

  get #toEngine() {
    return { server: `wss://${ENGINE}:9443`, ca: this.#at('tls/ca.pem'), secret: this.#at('secret') };
  }

  #startAgent(host: RealHost): void {
    const { server, ca, secret } = this.#toEngine;
    const to = ['--server', server, '--ca', ca, '--secret-file', secret, '--spool', this.#at(`spool-${host}`)];
    const as = ['--host-id', host, '--netns', 'self', '--json-log'];
    this.#agents.set(host, this.#run([...this.#network.on(host), process.execPath, bin, 'agent', ...to, ...as]));
  }

  async #startSimulated(where: string, first: number, count: number): Promise<void> {
    const script = fileURLToPath(new URL('./simulated-hosts.mjs', import.meta.url));
    const spool = this.#at(`spool-${where}`);
    mkdirSync(spool);
    const options = Object.entries({ ...this.#toEngine, hosts: count, first, spool }).flatMap(([name, value]) => [
      `--${name}`,
      String(value),
    ]);
    const program = this.#run([...this.#network.on(where), process.execPath, script, ...options], Buffer.alloc(0));
    await program.until('the simulated hosts', () => program.lines.find(({ text }) => text === 'ready'));
    this.#simulated.push(program);
  }

  /** What the engine holds of hosts now. */
  async #state(hosts: readonly string[]): Promise<{ readonly hosts: State }> {
    const before = this.#engine.lines.length;
    this.#engine.child.stdin!.write(`${hosts.join(' ')}\n`);
    const isState = ({ text }: { readonly text: string }) => text.startsWith('{');
    const line = await this.#engine.until('the state', () => this.#engine.lines.slice(before).find(isState));
    return JSON.parse(line.text) as { hosts: State };
  }

  /** What runs on hosts as they know it themselves: simulated ones through the engine's query, real ones by their /proc. */
  async #truths(hosts: readonly string[], timeout: number): Promise<Map<string, string[]>> {
    const truths = new Map<string, string[]>();
    const simulated = hosts.filter((host) => host.startsWith('sim-'));
    for (const [host, answer] of await this.#query('processes', simulated, timeout)) {
      if ('rows' in answer)
        truths.set(
          host,
          answer.rows.map((row) => row.map(String).join(' ')),
        );
    }
    for (const host of realNames) {
      if (!hosts.includes(host) || this.#agents.get(host)!.child.pid === undefined) continue;
      truths.set(host, this.#processesOf(host));
    }
    return truths;
  }

  #processesOf(host: RealHost): string[] {
    const namespace = link(`/proc/${this.#agents.get(host)!.child.pid}/ns/net`);
    const found: string[] = [];
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid) || link(`/proc/${pid}/ns/net`) !== namespace) continue;
      const [exe, base] = [link(`/proc/${pid}/exe`), link(`/proc/${pid}/root`)];
      // As the process itself sees it, which may have another root than this one.
      const path = base !== undefined && base !== '/' && exe?.startsWith(base) ? exe.slice(base.length) : exe;
      const name = text(`/proc/${pid}/comm`)?.trimEnd();
      if (path !== undefined && name !== undefined) found.push(`${pid} ${name} ${path}`);
    }
    return found;
  }

  /** TCP sockets that listen, as ss tells them. */
  #listeners(host: RealHost): string[] {
    const [command, ...args] = [...this.#network.on(host), 'ss', '-Hltnp'];
    const { stdout } = spawnSync(command!, args, { encoding: 'utf8' });
    const found = [...stdout.matchAll(/:(\d+)\s+\S+\s+users:\(\("[^"]*",pid=(\d+)/g)];
    return found.map(([, port, pid]) => `${pid} ${port}`);
  }

  /** The answers of hosts to a query through the engine; those that do not answer are absent. */
  async #query(sql: string, hosts: readonly string[], timeout: number): Promise<Map<string, QueryAnswer>> {
    if (hosts.length === 0) return new Map();
    const body = JSON.stringify({ sql, hosts, timeout });
    const answer = await new Promise<string>((resolve) => {
      const sent = request({ socketPath: this.#at('engine.sock'), method: 'POST', path: '/query' }, (response) => {
        let lines = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          lines += part;
        });
        response.on('end', () => resolve(lines));
      });
      sent.on('error', () => resolve(''));
      sent.end(body);
    });
    return new Map(
      (jsonLines(answer) as QueryAnswer[]).filter((each) => 'host' in each).map((each) => [each.host, each]),
    );
  }
}

function texts(state: HostState | undefined): string[] {
  return (state?.processes ?? []).map(({ pid, name, path }) => `${pid} ${name} ${path}`);
}

/** What only one of two lists has, each element as often as it is there. */
function difference(truth: readonly string[], told: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const each of truth) counts.set(each, (counts.get(each) ?? 0) + 1);
  for (const each of told) counts.set(each, (counts.get(each) ?? 0) - 1);
  return [...counts].flatMap(([each, count]) =>
    count === 0 ? [] : [`${each} ${count > 0 ? 'is missing' : 'is too much'}`],
  );
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
