import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, jsonLines, type Running } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [ENGINE, CLIENT, SERVER] = [`${lan}.1`, `${lan}.10`, `${lan}.20`];
const PORT = 9445;
/** Longer than a poll and what clocks leave open. */
const POLLED_MS = 3_000;

describe.skipIf(!mayMakeNamespaces)('a polled host whose agent is started anew (needs root)', () => {
  let stage: TestStage;
  let engine: Running;
  const lines = (): ConnectionLine[] => {
    const text = readFileSync(stage.path('connections.jsonl'), 'utf8');
    const all = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as ConnectionLine[];
    return [...new Map(all.map((line) => [line.uid, line])).values()].sort((a, b) => a.ts - b.ts);
  };
  const startAgent = () =>
    stage.start([
      ...[...stage.network.on('server'), process.execPath, bin, 'agent', '--server', `ws://${ENGINE}:${PORT}`],
      ...['--host-id', 'server', '--netns', 'self', '--sensor', 'poll', '--json-log'],
    ]);
  const curl = (port: number) => {
    const command = ['curl', '-s', '-m', '5', '-o', '/dev/null', `http://${SERVER}:${port}/`];
    execFileSync('ip', [...stage.network.on('client').slice(1), ...command]);
  };

  beforeAll(async () => {
    stage = new TestStage('restarted-agent', { client: [`${CLIENT}/24`], server: [`${SERVER}/24`] });
    execFileSync('ip', ['-n', stage.network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
    const out = ['--connections', stage.path('connections.jsonl'), '--listen', `${ENGINE}:${PORT}`];
    const capture = ['-i', 'br0', '-f', 'portrange 8080-8081', '--no-local-host', '--lateness', '10', '--json-log'];
    engine = stage.start([...stage.network.onBridge, process.execPath, bin, ...capture, ...out]);
    await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
  });

  afterAll(() => stage?.end());

  it('has its servers named, those that stood and those that were started meanwhile', {
    timeout: 180_000,
  }, async () => {
    const standing = await stage.serve('server', SERVER, 8080);
    const replaced = await stage.serve('server', SERVER, 8081);
    const agent = startAgent();
    await engine.until('the host', () => (engine.stderr.includes('host server joined') ? true : undefined));
    await setTimeout(POLLED_MS);
    for (const port of [8080, 8081]) curl(port);
    await setTimeout(POLLED_MS);

    // The command that enters the namespace is replaced by the agent, so its pid is the agent's.
    process.kill(agent.child.pid!, 'SIGKILL');
    await agent.ended;
    await replaced.stop();
    const successor = await stage.serve('server', SERVER, 8081);
    const again = startAgent();
    await engine.until('the host again', () => (engine.stderr.includes('host server is back') ? true : undefined));
    await setTimeout(POLLED_MS);
    for (const port of [8080, 8081]) curl(port);
    await setTimeout(POLLED_MS);
    again.signal('SIGTERM');
    await again.ended;
    engine.signal('SIGTERM');
    expect(await engine.ended).toBe(0);

    console.log(
      JSON.stringify(
        lines().map((l) => [l.ts, l.duration, l.resp]),
        null,
        0,
      ),
    );
    const servers = [standing, replaced, standing, successor].map(({ child }) => child.pid);
    expect(lines().map(({ resp }) => resp.process?.pid ?? resp.state)).toEqual(servers);
  });
});
