import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, jsonLines, type Running } from './program.js';
import { TestStage } from './stage.js';

interface End {
  readonly state: string;
  readonly reason?: string;
  readonly process?: { readonly pid: number };
}

interface Line {
  readonly 'id.resp_p': number;
  readonly history: string;
  readonly orig: End;
  readonly resp: End;
}

const SERVER = `${lan}.20`;

describe.skipIf(!mayMakeNamespaces)('a host that is polled (needs root)', () => {
  let stage: TestStage;
  let server: Running;
  const output = () => stage.path('connections.jsonl');

  /** Starts the program; resolves when it captures. */
  const watch = async (): Promise<Running> => {
    const flags = ['-i', 'br0', '--sensor', 'poll', '--connections', output(), '--alerts', '/dev/null'];
    const watcher = stage.start([...stage.network.onBridge, process.execPath, bin, ...flags]);
    await watcher.until('the capture', () => (/capturing on br0/.test(watcher.stderr) ? true : undefined));
    return watcher;
  };
  const fetch = (): Running =>
    stage.start([...stage.network.on('client'), 'curl', '-s', '-o', '/dev/null', `http://${SERVER}:8080/`]);
  const last = (): Line | undefined => {
    const text = readFileSync(output(), 'utf8');
    const lines = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
    // The server may still answer a client that was stopped before.
    return lines.findLast((line) => line['id.resp_p'] === 8080 && line.history.startsWith('S'));
  };

  beforeAll(async () => {
    stage = new TestStage('polled', { client: [`${lan}.10/24`], server: [`${SERVER}/24`] });
    server = await stage.serve('server', SERVER, 8080, 60);
  });

  afterAll(() => stage?.end());

  it('has both ends of a connection named while it lasts', async () => {
    const watcher = await watch();
    const curl = fetch();
    const line = await watcher.until('the owners', () => {
      const told = last();
      return told?.orig.state === 'attributed' && told.resp.state === 'attributed' ? told : undefined;
    });
    expect(line).toMatchObject({
      orig: { process: { pid: curl.child.pid } },
      resp: { process: { pid: server.child.pid } },
    });
    expect(curl.child.exitCode, 'curl still runs').toBe(null);
    watcher.signal('SIGINT');
    expect(await watcher.ended, watcher.stderr).toBe(0);
    await curl.stop();
  });

  it('is looked at once more where the program is stopped at once', async () => {
    for (let round = 0; round < 3; round++) {
      const watcher = await watch();
      const curl = fetch();
      await watcher.until('the connection', last);
      watcher.signal('SIGINT');
      expect(await watcher.ended, watcher.stderr).toBe(0);
      const told = last();
      expect(told?.orig, JSON.stringify(told?.orig)).toMatchObject({ process: { pid: curl.child.pid } });
      expect(told?.resp, JSON.stringify(told?.resp)).toMatchObject({ process: { pid: server.child.pid } });
      await curl.stop();
    }
  });
});
