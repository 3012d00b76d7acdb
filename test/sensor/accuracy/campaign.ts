import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestNetwork } from '../../e2e/namespaces.js';
import { bin, jsonLines, Running } from '../../e2e/program.js';

/** What a program of traffic.c did, as it wrote it down. */
interface Truth {
  readonly kind: string;
  /** `asker`: who asked a DNS question, as its server knows from the name asked for; `self`: that program about itself. */
  readonly role: 'orig' | 'resp' | 'asker' | 'self';
  readonly pid: number;
  readonly uid: number;
  readonly path: string;
  readonly cmdline: string;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** Microseconds since the epoch. */
  readonly time: number;
}

interface End {
  readonly state: string;
  readonly reason?: string;
  readonly process?: { readonly pid: number; readonly path?: string; readonly cmdline?: string };
  readonly user?: { readonly uid: number };
}

interface Line {
  readonly ts: number;
  readonly uid: string;
  readonly proto: string;
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly orig: End;
  readonly resp: End;
}

/** Ends of one kind, and how many of them had everything right. */
export interface Score {
  ends: number;
  right: number;
  /** Named a process, and a wrong one. */
  wrong: number;
  /** Not counted: exchanges in a connection that another process had begun. */
  reused: number;
  /** What was wrong, of the first few. */
  readonly misses: string[];
}

export type Scores = Map<string, Score>;

const kinds = ['tcp', 'udp-connected', 'udp-sendto', 'refused', 'timeout', 'dns'] as const;
/** What `ip netns exec` shows to its programs instead of /etc. */
const RESOLVERS = '/etc/netns';
const PORT = 7000;
const REFUSING_PORT = 7001;
const families = [
  { name: 'IPv4', server: '198.51.100.20', client: '198.51.100.10', lost: '198.51.100.77' },
  { name: 'IPv6', server: '2001:db8:77::20', client: '2001:db8:77::10', lost: '2001:db8:77::77' },
] as const;

/** One command of the launcher for each process; lives are 3 to 20 ms, users ten. */
function plan(truth: string, processes: number): string {
  const lines: string[] = [];
  for (let i = 0; i < processes; i++) {
    const kind = kinds[i % kinds.length]!;
    const family = families[Math.floor(i / kinds.length) % families.length]!;
    const address = kind === 'timeout' ? family.lost : family.server;
    const port = kind === 'refused' ? REFUSING_PORT : PORT;
    const life = 3 + ((i * 7) % 18);
    const waitUs = 1000 + ((i * 3331) % 7000);
    // Every second one begins as root and becomes its user itself.
    const uid = 1000 + (i % 10);
    const [from, to] = Math.floor(i / 12) % 2 === 0 ? [uid, 0] : [0, uid];
    const what = `${kind} ${family.name} ${address} ${port} ${life}`;
    lines.push(`${from} ${waitUs} traffic client ${truth} ${what} ${to}`);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Runs short-lived programs between two namespaces while the program watches the bridge between them and this host with the given
 * sensor, and compares every end of every connection with what the programs wrote down.
 */
export async function measure(sensor: 'ebpf' | 'poll', processes: number): Promise<Scores> {
  const folder = mkdtempSync(join(tmpdir(), 'accuracy-'));
  chmodSync(folder, 0o755);
  const traffic = join(folder, 'traffic');
  const source = fileURLToPath(new URL('./traffic.c', import.meta.url));
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', traffic, source]);
  const truth = join(folder, 'truth.jsonl');
  writeFileSync(truth, '');
  chmodSync(truth, 0o666);
  const network = new TestNetwork({
    client: families.map(({ client }) => `${client}/${client.includes(':') ? 64 : 24}`),
    server: families.map(({ server }) => `${server}/${server.includes(':') ? 64 : 24}`),
  });
  const hadResolvers = existsSync(RESOLVERS);
  const resolver = join(RESOLVERS, network.on('client').at(-1)!);
  const running: Running[] = [];
  try {
    prepare(network, resolver);
    const start = (command: readonly string[], input?: Buffer): Running => {
      const program = new Running(command, input);
      running.push(program);
      return program;
    };
    const [ipv4, ipv6] = families;
    const server = start(
      [...network.on('server'), traffic, 'detach', 'serve', truth, ipv4.server, ipv6.server, String(PORT)],
      Buffer.alloc(0),
    );
    await server.until('the servers', () => server.lines.find(({ text }) => text === 'ready'));
    const output = join(folder, 'connections.jsonl');
    const flags = ['-i', 'br0', '--sensor', sensor, '--connections', output, '--alerts', '/dev/null'];
    const watcher = start([...network.onBridge, process.execPath, bin, ...flags]);
    await watcher.until('the capture', () => (/capturing on br0/.test(watcher.stderr) ? true : undefined));
    const { stdout, stderr } = spawnSync(
      network.on('client')[0]!,
      [...network.on('client').slice(1), traffic, 'detach', 'launch', truth],
      {
        input: plan(truth, processes),
        encoding: 'utf8',
      },
    );
    if (stdout !== '0 failed\n') throw new Error(`of the processes ${stdout}${stderr}`);
    // The last rows and packets are on their way; ends without an owner wait two seconds for one.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    watcher.signal('SIGINT');
    if ((await watcher.ended) !== 0) throw new Error(watcher.stderr);
    const rows = (path: string) => jsonLines(readFileSync(path, 'utf8'));
    return compare(rows(truth) as Truth[], rows(output) as Line[]);
  } finally {
    await Promise.all(running.map((program) => program.stop()));
    network.remove();
    rmSync(resolver, { recursive: true, force: true });
    if (!hadResolvers) rmdirSync(RESOLVERS);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The client asks the server's DNS, and what it sends to the lost addresses reaches the server's card and is dropped there. */
function prepare(network: TestNetwork, resolver: string): void {
  mkdirSync(resolver, { recursive: true });
  writeFileSync(join(resolver, 'resolv.conf'), `nameserver ${families[0].server}\noptions timeout:2\n`);
  const run = (host: string, command: string): string => {
    const [file, ...args] = [...network.on(host), 'sh', '-c', command];
    return execFileSync(file!, args, { encoding: 'utf8' });
  };
  const card = run('server', 'cat /sys/class/net/eth0/address').trim();
  for (const { lost } of families) run('client', `ip neigh add ${lost} lladdr ${card} dev eth0 nud permanent`);
}

function compare(truths: readonly Truth[], lines: readonly Line[]): Scores {
  const last = new Map(lines.map((line) => [line.uid, line]));
  const byPorts = new Map<string, Line[]>();
  for (const line of last.values()) {
    const key = `${line.proto} ${line['id.orig_p']} ${line['id.resp_p']} ${line['id.resp_h']}`;
    byPorts.set(key, [...(byPorts.get(key) ?? []), line]);
  }
  const selves = new Map(truths.filter(({ role }) => role === 'self').map((truth) => [truth.pid, truth]));
  const scores: Scores = new Map();
  const taken = new Set<string>();
  for (const truth of [...truths].sort((a, b) => a.time - b.time)) {
    if (truth.role === 'self') continue;
    const side = truth.role === 'resp' ? 'resp' : 'orig';
    const [orig, resp] = side === 'orig' ? (['local', 'remote'] as const) : (['remote', 'local'] as const);
    const proto = truth.kind === 'dns' || truth.kind.startsWith('udp') ? 'udp' : 'tcp';
    const key = `${proto} ${truth[`${orig}Port`]} ${truth[`${resp}Port`]} ${truth[resp]}`;
    const line = nearest(byPorts.get(key) ?? [], truth.time);
    const family = truth[resp].includes(':') ? 'IPv6' : 'IPv4';
    const score = scoreOf(scores, `${truth.kind} ${family} ${side}`);
    // A port that another process used soon before: all that is one UDP connection, whose owner is the first.
    if (line !== undefined && taken.has(`${line.uid} ${side}`)) {
      score.reused++;
      continue;
    }
    if (line !== undefined) taken.add(`${line.uid} ${side}`);
    const self = truth.role === 'asker' ? selves.get(truth.pid) : truth;
    count(score, line?.[side], self ?? truth, line !== undefined && isOwnTuple(line, truth, orig));
  }
  return scores;
}

function nearest(lines: readonly Line[], time: number): Line | undefined {
  const distance = (line: Line): number => Math.abs(line.ts * 1e6 - time);
  return lines.reduce<Line | undefined>(
    (best, line) => (best === undefined || distance(line) < distance(best) ? line : best),
    undefined,
  );
}

function scoreOf(scores: Scores, name: string): Score {
  const score = scores.get(name) ?? newScore();
  scores.set(name, score);
  return score;
}

function newScore(): Score {
  return { ends: 0, right: 0, wrong: 0, reused: 0, misses: [] };
}

/** An unconnected socket does not know the address that its datagrams leave from. */
function isOwnTuple(line: Line, truth: Truth, orig: 'local' | 'remote'): boolean {
  const address = truth[orig];
  return address === line['id.orig_h'] || address === '0.0.0.0' || address === '::';
}

function count(score: Score, end: End | undefined, truth: Truth, hasTuple: boolean): void {
  score.ends++;
  const told = end?.process;
  const isRight =
    hasTuple &&
    end?.state === 'attributed' &&
    told?.pid === truth.pid &&
    told.path === truth.path &&
    told.cmdline === truth.cmdline &&
    end.user?.uid === truth.uid;
  if (isRight) score.right++;
  else if (score.misses.length < 3) score.misses.push(`${JSON.stringify(truth)} was told as ${JSON.stringify(end)}`);
  if (told !== undefined && told.pid !== truth.pid) score.wrong++;
}

/** Sum over the kinds of one side. */
export function total(scores: Scores, side: 'orig' | 'resp'): Score {
  const sum = newScore();
  for (const [name, score] of scores) {
    if (!name.endsWith(side)) continue;
    sum.ends += score.ends;
    sum.right += score.right;
    sum.wrong += score.wrong;
    sum.reused += score.reused;
    sum.misses.push(...score.misses);
  }
  return sum;
}

/** The scores of both sensors side by side, one line for each kind; what was not counted since a port was used again is in brackets. */
export function table(ebpf: Scores, poll: Scores): string {
  const cell = (score: Score | undefined): string =>
    score === undefined
      ? '-'
      : `${score.right}/${score.ends} ${((100 * score.right) / score.ends).toFixed(1)} %${score.wrong > 0 ? `, ${score.wrong} wrong` : ''}${score.reused > 0 ? ` (+${score.reused})` : ''}`;
  const row = (name: string, a: Score | undefined, b: Score | undefined): string =>
    `${name.padEnd(26)}${cell(a).padEnd(30)}${cell(b)}`;
  const names = [...new Set([...ebpf.keys(), ...poll.keys()])].sort();
  return [
    `${'end'.padEnd(26)}${'eBPF'.padEnd(30)}fallback`,
    ...names.map((name) => row(name, ebpf.get(name), poll.get(name))),
    ...(['orig', 'resp'] as const).map((side) => row(`all ${side}`, total(ebpf, side), total(poll, side))),
  ].join('\n');
}
