import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { correlate, jsonLines } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const SERVER = `${lan}.20`;

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
});
