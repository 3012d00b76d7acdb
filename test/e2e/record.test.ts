import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const SERVER = `${lan}.20`;
const CLOCK_DOUBT_MS = 2500;

describe.skipIf(!mayMakeNamespaces)('a recording of this host (needs root)', () => {
  let stage: TestStage;

  beforeAll(() => {
    stage = new TestStage('record', { client: [`${lan}.10/24`], server: [`${SERVER}/24`] });
  });

  afterAll(() => stage?.end());

  it('attributes a capture that was taken meanwhile, when both are read later', async () => {
    await stage.serve('server', SERVER, 8080, 1);
    let pid: number | undefined;
    const { recording, capture } = await stage.record(async () => {
      const curl = stage.start([
        ...stage.network.on('client'),
        'curl',
        '-s',
        '-o',
        '/dev/null',
        `http://${SERVER}:8080/`,
      ]);
      pid = curl.child.pid;
      await curl.ended;
    });
    const read = correlate(['-r', capture, '--host-log', recording, '--connections', '-', '--alerts', stage.path('a')]);
    expect(read.status, read.stderr).toBe(0);
    const line = (jsonLines(read.stdout) as ConnectionLine[]).find((each) => each['id.resp_p'] === 8080);
    expect(line).toMatchObject({
      orig: { state: 'attributed', process: { pid } },
      resp: { state: 'attributed' },
    });
    expect(readFileSync(recording, 'utf8').startsWith('{"correlate_recording":1')).toBe(true);
  });

  it('says nothing of the time until the next one, also where it was ended by force', {
    timeout: 180_000,
  }, async () => {
    const [killed, next, capture] = ['killed.jsonl', 'next.jsonl', 'both.pcap'].map((name) => stage.path(name));
    await stage.serve('server', SERVER, 8081);
    const tcpdump = stage.start([
      ...stage.network.onBridge,
      'tcpdump',
      '--immediate-mode',
      '-i',
      'br0',
      '-U',
      '-w',
      capture!,
    ]);
    await tcpdump.until('the capture', () => (/listening on/.test(tcpdump.stderr) ? true : undefined));
    const record = async (path: string) => {
      const recorder = stage.start([...stage.network.on('client'), process.execPath, bin, 'record', path]);
      await recorder.until('the recording', () => (/recording into/.test(recorder.stderr) ? true : undefined));
      return recorder;
    };
    const curl = async () => {
      await setTimeout(CLOCK_DOUBT_MS);
      const command = ['curl', '-s', '-m', '5', '-o', '/dev/null', `http://${SERVER}:8081/`];
      await stage.start([...stage.network.on('client'), ...command]).ended;
      await setTimeout(CLOCK_DOUBT_MS);
    };
    const first = await record(killed!);
    await curl();
    first.signal('SIGKILL');
    await first.ended;
    await curl();
    const second = await record(next!);
    await curl();
    for (const program of [second, tcpdump]) {
      program.signal('SIGINT');
      await program.ended;
    }
    const logs = ['--host-log', killed!, '--host-log', next!];
    const read = correlate(['-r', capture!, ...logs, '--connections', '-', '--alerts', stage.path('b')]);
    expect(read.status, read.stderr).toBe(0);
    const lines = (jsonLines(read.stdout) as ConnectionLine[]).filter((each) => each['id.resp_p'] === 8081);
    const orig = lines.sort((a, b) => a.ts - b.ts).map((line) => line.orig.reason ?? line.orig.state);
    expect(orig).toEqual(['attributed', 'agent_offline', 'attributed']);
  });
});
