import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sensorAddonBuilt } from '../../src/sensor/sensor-addon.js';
import { lan, lan6, mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, jsonLines, Running } from './program.js';

/** What a program of owner-traffic.py did. */
interface Told {
  readonly kind: string;
  readonly end: 'orig' | 'resp';
  readonly pid: number;
  /** Port of the server, and of its client where the program knows it. */
  readonly port?: number;
  readonly peer?: number;
  readonly to?: string;
}

interface End {
  readonly state: string;
  readonly method?: string;
  readonly reason?: string;
  readonly process?: { readonly pid: number };
  readonly packet_sockets?: readonly { readonly pid: number }[];
}

interface Line {
  readonly uid: string;
  readonly proto: string;
  readonly ip_proto: number;
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly orig: End;
  readonly resp: End;
}

const [client, server] = [`${lan}.10`, `${lan}.20`];
const traffic = fileURLToPath(new URL('./owner-traffic.py', import.meta.url));
const reason = !mayMakeNamespaces ? 'needs root' : sensorAddonBuilt() ? undefined : 'build/sensor.node is not built';

/** Lets every kind of traffic happen once while the program watches. Returns what the programs did and the last line of each connection. */
async function observe(): Promise<{ told: Told[]; lines: Line[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'owners-'));
  const ring = join(folder, 'io-uring');
  execFileSync('gcc', ['-O2', '-o', ring, fileURLToPath(new URL('./io-uring.c', import.meta.url))]);
  const network = new TestNetwork({
    client: [`${client}/24`, `${lan6}:10/64`],
    server: [`${server}/24`, `${lan6}:20/64`],
  });
  const running: Running[] = [];
  try {
    const start = (command: readonly string[], input?: Buffer): Running => {
      const program = new Running(command, input);
      running.push(program);
      return program;
    };
    execFileSync('ip', [...network.on('client').slice(1), 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 0']);
    const serving = start([...network.on('server'), 'python3', traffic, 'server', ring, server], Buffer.alloc(0));
    await serving.until('the servers', () => serving.lines.find(({ text }) => text === 'ready'));
    const output = join(folder, 'connections.jsonl');
    const flags = ['-i', 'br0', '--sensor', 'ebpf', '--connections', output, '--alerts', '/dev/null'];
    const watcher = start([...network.onBridge, process.execPath, bin, ...flags]);
    await watcher.until('the capture', () => (/capturing on br0/.test(watcher.stderr) ? true : undefined));
    const asking = start([...network.on('client'), 'python3', traffic, 'client', ring, client, server, `${lan6}:20`]);
    expect(await asking.ended, asking.stderr).toBe(0);
    // Ends without an owner wait two seconds for one.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    watcher.signal('SIGINT');
    expect(await watcher.ended, watcher.stderr).toBe(0);
    serving.child.stdin!.end();
    await serving.ended;
    const told = [serving, asking].flatMap(
      ({ lines }) => jsonLines(lines.map(({ text }) => text).join('\n')) as Told[],
    );
    const last = new Map((jsonLines(readFileSync(output, 'utf8')) as Line[]).map((line) => [line.uid, line]));
    return { told, lines: [...last.values()] };
  } finally {
    await Promise.all(running.map((program) => program.stop()));
    network.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(reason !== undefined)(`owners${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  let told: Told[] = [];
  let lines: Line[] = [];

  beforeAll(async () => {
    ({ told, lines } = await observe());
  });

  afterAll(() => {
    told = [];
  });

  const lineOf = ({ port, peer }: Told): Line | undefined =>
    lines.find((line) => line['id.resp_p'] === port && (peer === undefined || line['id.orig_p'] === peer));

  it.each([
    ['connect and send by io_uring', 'uring_connect', 'orig', 1],
    ['accept by io_uring', 'uring_accept', 'resp', 1],
    ['a client of a server that accepts by io_uring', 'uring_accept', 'orig', 1],
    ['sendmmsg', 'mmsg', 'orig', 1],
    ['recvmmsg', 'mmsg', 'resp', 1],
    ['sendfile', 'sendfile', 'orig', 1],
    ['splice', 'splice', 'orig', 1],
    ['a connection whose data a child sends', 'inherited', 'orig', 1],
    ['workers with SO_REUSEPORT', 'reuseport', 'resp', 6],
    ['workers of a pre-forked pool', 'prefork', 'resp', 6],
    ['a server that forks for each connection', 'accept_fork', 'resp', 6],
    ['a server that passes connections on over a UNIX socket', 'passed', 'resp', 6],
  ] as const)('name who made the call: %s', (_, kind, end, count) => {
    const calls = told.filter((one) => one.kind === kind && one.end === end);
    expect(calls).toHaveLength(count);
    for (const call of calls) {
      expect(lineOf(call)?.[end], JSON.stringify(call)).toMatchObject({
        state: 'attributed',
        process: { pid: call.pid },
      });
    }
  });

  it.each([
    ['a raw socket', 'ping', 1],
    ['a ping socket over IPv6', 'ping6', 58],
  ] as const)('name who pings through %s; the kernel answers', (_, kind, protocol) => {
    const { pid } = told.find((one) => one.kind === kind)!;
    const line = lines.find((one) => one.ip_proto === protocol && [8, 128].includes(one['id.orig_p']));
    expect(line).toMatchObject({ orig: { method: 'socket_event', process: { pid } }, resp: { reason: 'kernel' } });
  });

  it('name who sends and who takes a protocol without ports', () => {
    const [sender, taker] = ['raw', 'raw_taken'].map((kind) => told.find((one) => one.kind === kind)!);
    expect(lines.find(({ ip_proto: protocol }) => protocol === 253)).toMatchObject({
      proto: 'unknown_transport',
      orig: { process: { pid: sender!.pid } },
      resp: { method: 'accept_event', process: { pid: taker!.pid } },
    });
  });

  it('name nobody where a protocol without ports arrives and no socket takes it', () => {
    expect(lines.find(({ ip_proto: protocol }) => protocol === 254)).toMatchObject({
      orig: { process: { pid: told.find(({ kind }) => kind === 'raw_untaken')!.pid } },
      resp: { state: 'unattributed', reason: 'no_socket_seen' },
    });
  });

  it.each(['multicast', 'broadcast'])('name who sends to a group: %s', (kind) => {
    const { pid, to } = told.find((one) => one.kind === kind)!;
    const line = lines.find((one) => one['id.resp_h'] === to && one['id.resp_p'] === 7020);
    expect(line).toMatchObject({ orig: { process: { pid } }, resp: { state: 'unattributed', reason: 'group' } });
  });

  it('name who injects frames with a packet socket', () => {
    const { pid } = told.find(({ kind }) => kind === 'injected')!;
    const line = lines.find((one) => one['id.resp_p'] === 7021);
    expect(line?.orig).toMatchObject({ state: 'attributed', method: 'socket_event', process: { pid } });
  });

  it('name nobody for frames that go past the queues of the device, and tell who held a packet socket', () => {
    const { pid } = told.find(({ kind }) => kind === 'injected_past')!;
    const line = lines.find((one) => one['id.resp_p'] === 7022)!;
    expect(line.orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
    expect(line.orig.packet_sockets?.map((holder) => holder.pid)).toContain(pid);
  });
});
