import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExposition } from '../server/exposition-reader.js';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines, type Running } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [ENGINE, CLIENT, SERVER] = [`${lan}.1`, `${lan}.10`, `${lan}.20`];

interface HostLine {
  readonly id: string;
  readonly presence: string;
  readonly groups: readonly string[];
  readonly rows: number;
  readonly duplicates: number;
  readonly dropped: number;
}

/** Rows in an agent's spool: the agent's own count of what it has told. */
function spooledRows(folder: string): number {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith('.rows'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean));
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
}

describe.skipIf(!mayMakeNamespaces)('an engine and agents in network namespaces (needs root)', () => {
  let stage: TestStage;
  const path = (name: string) => stage.path(name);
  let engine: Running;
  let serverAgent: Running;
  const startEngine = async (connections: string) => {
    const options = ['-i', 'br0', '-f', 'port 8080', '--no-local-host', '--connections', path(connections)];
    const listen = [
      '--listen',
      `${ENGINE}:9443`,
      '--tls-cert',
      path('server.pem'),
      '--tls-key',
      path('server-key.pem'),
    ];
    const more = [
      '--secret-file',
      path('secret'),
      '--engine-socket',
      path('engine.sock'),
      '--group',
      `lan=${lan}.0/24`,
    ];
    engine = stage.start([
      ...stage.network.onBridge,
      process.execPath,
      bin,
      ...options,
      ...listen,
      ...more,
      '--json-log',
    ]);
    await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
  };
  const startAgent = (host: string) => {
    const to = ['--server', `wss://${ENGINE}:9443`, '--ca', path('ca.pem'), '--secret-file', path('secret')];
    const as = ['--host-id', host, '--groups', `lab/${host}`, '--netns', 'self', '--spool', path(`spool-${host}`)];
    return stage.start([...stage.network.on(host), process.execPath, bin, 'agent', ...to, ...as, '--json-log']);
  };
  const hosts = (): HostLine[] => {
    const { status, stdout } = correlate(['hosts', '--engine', path('engine.sock')]);
    return status === 0 ? (jsonLines(stdout) as HostLine[]) : [];
  };
  const areJoined = () => (hosts().filter(({ presence }) => presence === 'joined').length === 2 ? true : undefined);
  const curl = () =>
    execFileSync('ip', [...stage.network.on('client').slice(1), 'curl', '-s', '-m', '5', `http://${SERVER}:8080/`]);
  /** The last line of every connection in a file. */
  const connectionsIn = (file: string): ConnectionLine[] => {
    const text = readFileSync(path(file), 'utf8');
    const lines = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as ConnectionLine[];
    return [...new Map(lines.map((line) => [line.uid, line])).values()];
  };
  const owners = (line: ConnectionLine) =>
    [line.orig, line.resp].map((end) => ({ host: end.host?.id, process: end.process?.path?.split('/').at(-1) }));
  const isPython = expect.stringMatching(/^python3/) as string;
  const bothEnds = [
    { host: 'client', process: 'curl' },
    { host: 'server', process: isPython },
  ];

  beforeAll(async () => {
    stage = new TestStage('agents', { client: [`${CLIENT}/24`], server: [`${SERVER}/24`] });
    spawnSync('ip', ['-n', stage.network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
    const made = correlate(['cert', stage.folder, '--server', ENGINE, '--days', '2']);
    expect(made.stdout.trim().split('\n')).toEqual(['ca-key.pem', 'ca.pem', 'server-key.pem', 'server.pem'].map(path));
    const again = correlate(['cert', stage.folder, '--server', ENGINE]);
    expect([again.status, again.log[0]?.code]).toEqual([1, 'OUTPUT_OPEN_FAILED']);
    stage.write('secret', 'between us\n');
    await stage.serve('server', SERVER, 8080);
    await startEngine('first.jsonl');
    startAgent('client');
    serverAgent = startAgent('server');
    await engine.until('both hosts', areJoined);
  });

  afterAll(() => stage?.end());

  it('attribute both ends of a connection seen at a tap that is on neither host', async () => {
    curl();
    const line = await engine.until('both owners', () =>
      connectionsIn('first.jsonl').find(({ orig, resp }) => orig.state === 'attributed' && resp.state === 'attributed'),
    );
    expect(owners(line)).toEqual(bothEnds);
    expect(hosts().map(({ id, groups }) => [id, groups])).toEqual([
      ['client', ['lab', 'lab/client', 'lan']],
      ['server', ['lab', 'lab/server', 'lan']],
    ]);
  });

  it('tell their figures to whoever asks, without the secret and without a word of what processes do', async () => {
    const get = (page: string) => {
      const address = `https://${ENGINE}:9443/${page}`;
      const curlArgs = ['-s', '-m', '5', '--cacert', path('ca.pem'), '-w', '%{http_code} %{content_type}', address];
      return spawnSync('ip', [...stage.network.on('client').slice(1), 'curl', ...curlArgs], { encoding: 'utf8' })
        .stdout;
    };
    expect(get('healthz')).toBe('ok\n200 text/plain; charset=utf-8');
    const page = await engine.until('the final line', () => {
      const text = get('metrics');
      return /^correlate_final_line_delay_seconds_count [1-9]/m.test(text) ? text : undefined;
    });
    expect(page.slice(page.lastIndexOf('\n') + 1)).toBe('200 text/plain; version=0.0.4; charset=utf-8');
    const families = readExposition(page.slice(0, page.lastIndexOf('\n') + 1));
    const value = (name: string, labels: Record<string, string> = {}) =>
      families
        .get(name)
        ?.samples.find((sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted))
        ?.value;
    for (const [direction, host] of [
      ['orig', 'client'],
      ['resp', 'server'],
    ] as const) {
      expect(value('correlate_ends', { protocol: 'tcp', direction, host, state: 'attributed' })).toBeGreaterThan(0);
    }
    expect(value('correlate_agent_hosts', { presence: 'joined' })).toBe(2);
    expect(value('correlate_capture_packets_total')).toBeGreaterThan(5);
    expect(value('correlate_host_rows_total')).toBeGreaterThan(5);
    expect(value('correlate_capture_records_dropped_total')).toBe(0);
    expect(value('correlate_losses_total', { what: 'late_beyond_horizon' })).toBe(0);
    expect(value('correlate_build_info')).toBe(1);
    expect(page).not.toMatch(/curl|python|\b8080\b/);
  });

  it('have all hosts’ state back, each row once, when the engine was killed amid traffic and is started again', async () => {
    for (let i = 0; i < 10; i++) curl();
    process.kill(engine.child.pid!, 'SIGKILL');
    await engine.ended;
    for (let i = 0; i < 10; i++) curl();
    await startEngine('second.jsonl');
    for (let i = 0; i < 10; i++) curl();
    await engine.until('both hosts', areJoined);
    await engine.until('ten connections with both owners', () => {
      const known = connectionsIn('second.jsonl').filter(
        ({ orig, resp }) => orig.state === 'attributed' && resp.state === 'attributed',
      );
      return known.length >= 10 ? true : undefined;
    });
    // The server has been listening since before the first engine.
    for (const line of connectionsIn('second.jsonl')) expect(owners(line)).toEqual(bothEnds);
    expect(hosts().map(({ duplicates, dropped }) => [duplicates, dropped])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('go on without a gap after a partition, which both sides notice', async () => {
    spawnSync('ip', ['-n', stage.network.bridge, 'link', 'set', 'v-client', 'down']);
    const isSilent = () => hosts().find(({ id }) => id === 'client')?.presence === 'silent';
    await engine.until('the silence', () => (isSilent() ? true : undefined));
    for (let i = 0; i < 5; i++) spawnSync('ip', [...stage.network.on('client').slice(1), 'true']);
    spawnSync('ip', ['-n', stage.network.bridge, 'link', 'set', 'v-client', 'up']);
    await engine.until('the host', areJoined);
    curl();
    // What both count must be the same at some moment between two rows.
    const isEqual = async () => {
      const before = ['client', 'server'].map((host) => spooledRows(path(`spool-${host}`)));
      await setTimeout(500);
      return hosts().every(({ id, rows, duplicates }) => {
        const told = before[id === 'client' ? 0 : 1]!;
        return duplicates === 0 && rows >= told && rows <= spooledRows(path(`spool-${id}`));
      });
    };
    const deadline = Date.now() + 30_000;
    while (!(await isEqual())) expect(Date.now(), 'what both count').toBeLessThan(deadline);
    const line = await engine.until('both owners', () =>
      connectionsIn('second.jsonl')
        .filter(({ orig, resp }) => orig.state === 'attributed' && resp.state === 'attributed')
        .at(10),
    );
    expect(owners(line)).toEqual(bothEnds);
  });

  it('say goodbye when an agent is ended', async () => {
    serverAgent.signal('SIGTERM');
    await engine.until('the goodbye', () => (hosts().some(({ presence }) => presence === 'left') ? true : undefined));
    engine.signal('SIGINT');
    expect(await engine.ended).toBe(0);
  });
});
