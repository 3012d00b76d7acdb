import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostRow } from '../../src/records/host-row.js';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines, type Running } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [ENGINE, CLIENT, SERVER] = [`${lan}.1`, `${lan}.10`, `${lan}.20`];
/** Clocks and sensors leave open by less than this when something was. */
const APART_MS = 1_000;

describe.skipIf(!mayMakeNamespaces)('a host whose agent without a spool is killed and comes back (needs root)', () => {
  let stage: TestStage;
  const path = (name: string) => stage.path(name);
  const startEngine = async (port: number, lateness: number) => {
    const name = `lateness-${lateness}`;
    const out = ['--connections', path(`${name}.jsonl`), '--store', path(`${name}.db`)];
    const waits = ['--lateness', String(lateness), '--attr-wait', '1'];
    const listen = ['--listen', `${ENGINE}:${port}`, '--engine-socket', path(`${name}.sock`), '--json-log'];
    const capture = ['-i', 'br0', '-f', 'port 8080', '--no-local-host'];
    const command = [...stage.network.onBridge, process.execPath, bin, ...capture, ...out, ...waits, ...listen];
    const engine = stage.start(command);
    await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
    return engine;
  };
  const startAgent = (port: number) =>
    stage.start([
      ...[...stage.network.on('client'), process.execPath, bin, 'agent', '--server', `ws://${ENGINE}:${port}`],
      ...['--host-id', 'client', '--netns', 'self', '--json-log'],
    ]);
  /** The last line of every connection, in order of their beginnings. */
  const lines = (lateness: number): ConnectionLine[] => {
    const text = readFileSync(path(`lateness-${lateness}.jsonl`), 'utf8');
    const all = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as ConnectionLine[];
    return [...new Map(all.map((line) => [line.uid, line])).values()].sort((a, b) => a.ts - b.ts);
  };
  const curl = () => {
    const command = ['curl', '-s', '-m', '5', '-o', '/dev/null', `http://${SERVER}:8080/`];
    execFileSync('ip', [...stage.network.on('client').slice(1), ...command]);
  };
  const attributed = (engine: Running, lateness: number, count: number) =>
    engine.until(`${count} owners`, () => {
      const owned = lines(lateness).filter(({ orig }) => orig.state === 'attributed');
      return owned.length >= count ? true : undefined;
    });
  /** What the join was told of when the host was watched. */
  const told = (lateness: number): HostRow[] => {
    const sql = `SELECT row FROM host_control WHERE kind IN ('host', 'host_timeout') ORDER BY time`;
    const { stdout } = correlate(['hunt', sql, '--store', path(`lateness-${lateness}.db`), '--format', 'json']);
    return (jsonLines(stdout) as { row: string | HostRow }[]).map(({ row }) =>
      typeof row === 'string' ? (JSON.parse(row) as HostRow) : row,
    );
  };

  beforeAll(async () => {
    stage = new TestStage('killed-agent', { client: [`${CLIENT}/24`], server: [`${SERVER}/24`] });
    execFileSync('ip', ['-n', stage.network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
    await stage.serve('server', SERVER, 8080);
  });

  afterAll(() => stage?.end());

  it.each([
    ['before it is given up', 600, 9443],
    ['after it was given up', 1, 9444],
  ])('%s was not watched meanwhile', { timeout: 180_000 }, async (_, lateness, port) => {
    const engine = await startEngine(port, lateness);
    const joined = (is: string) => () => (engine.stderr.includes(`host client ${is}`) ? true : undefined);
    const agent = startAgent(port);
    await engine.until('the host', joined('joined'));
    curl();
    await attributed(engine, lateness, 1);
    await setTimeout(APART_MS);

    // The command that enters the namespace is replaced by the agent, so its pid is the agent's.
    process.kill(agent.child.pid!, 'SIGKILL');
    await agent.ended;
    await setTimeout(APART_MS);
    curl();
    await engine.until('the connection', () => lines(lateness)[1]);
    // The engine looks for silent hosts once a second.
    await setTimeout(3 * APART_MS);

    const again = startAgent(port);
    await engine.until('the host again', joined('is back'));
    await setTimeout(APART_MS);
    curl();
    await attributed(engine, lateness, 2);
    again.signal('SIGTERM');
    await again.ended;
    engine.signal('SIGTERM');
    expect(await engine.ended).toBe(0);

    const [before, meanwhile, after] = lines(lateness);
    expect([before, after].map((line) => line?.orig.process?.path?.split('/').at(-1))).toEqual(['curl', 'curl']);
    expect(meanwhile!.orig).toMatchObject({ state: 'unattributed', reason: 'agent_offline', host: { id: 'client' } });
    const rows = told(lateness);
    expect(rows.map(({ kind }) => kind)).toEqual(['host', 'host_timeout', 'host', 'host_timeout']);
    const [, end, second] = rows;
    if (end?.kind !== 'host_timeout' || second?.kind !== 'host') throw new Error('checked above');
    const moment = meanwhile!.ts * 1e6;
    expect([end.at < moment, moment < second.from]).toEqual([true, true]);
  });
});
