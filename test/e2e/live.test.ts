import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, jsonLines } from './program.js';
import { TestStage } from './stage.js';

interface Line {
  readonly 'id.resp_p': number;
  readonly 'id.orig_p': number;
  readonly cause: string;
  readonly rev: number;
  readonly orig: {
    readonly state: string;
    readonly process?: { readonly name: string; readonly cmdline: string; readonly pid: number };
  };
  readonly resp: { readonly state: string; readonly process?: { readonly name: string } };
}

const SERVER = `${lan}.20`;

const rule = `
title: curl leaves
id: 6a3a2c1e-7a51-4f0e-9d0e-000000000001
status: test
level: low
logsource: { category: network_connection, product: linux }
detection:
  selection:
    Image|endswith: /curl
    DestinationPort: 8080
    Initiated: 'true'
  condition: selection
`;

describe.skipIf(!mayMakeNamespaces)('live capture between namespaces (needs root)', () => {
  let stage: TestStage;
  /** The whole lines so far; the last one may just be being written. */
  const lines = () => {
    const text = readFileSync(stage.path('connections.jsonl'), 'utf8');
    return jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
  };

  beforeAll(() => {
    stage = new TestStage('live', { client: [`${lan}.10/24`], server: [`${SERVER}/24`] });
    stage.write('curl.yml', rule);
  });

  afterAll(() => stage?.end());

  it('attributes real curl and ssh connections and alerts while they run, and flushes at SIGINT', async () => {
    await stage.serve('server', SERVER, 8080, 60);
    const sshd = startSshd(stage);
    const watcher = stage.start([
      ...stage.network.onBridge,
      process.execPath,
      bin,
      '-i',
      'br0',
      '--rules',
      stage.path('curl.yml'),
      '--connections',
      stage.path('connections.jsonl'),
    ]);
    await watcher.until('the capture to start', () => (/capturing on br0/.test(watcher.stderr) ? true : undefined));
    await sshd;

    const curl = stage.start([
      ...stage.network.on('client'),
      'curl',
      '-s',
      '-o',
      '/dev/null',
      `http://${SERVER}:8080/`,
    ]);
    const alert = await watcher.until('the alert', () =>
      watcher.lines.find(({ text }) => text.includes('curl leaves')),
    );
    expect(curl.child.exitCode, 'curl still runs when the alert is there').toBe(null);
    expect(JSON.parse(alert.text)).toMatchObject({
      process: { name: 'curl', pid: expect.any(Number) as number },
      destination: { ip: SERVER, port: 8080 },
      correlate: { status: 'new', side: 'orig' },
    });
    const open = lines().filter((line) => line['id.resp_p'] === 8080 && line.orig.state === 'attributed');
    expect(open[0]).toMatchObject({ orig: { process: { name: 'curl' } } });
    expect(open.some((line) => line.cause === 'end')).toBe(false);
    curl.signal('SIGTERM');

    const words = [
      ...stage.network.on('client'),
      'ssh',
      '-F',
      'none',
      '-i',
      stage.path('key'),
      '-p',
      '2222',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      `root@${SERVER}`,
      'cat',
    ];
    const ssh = stage.start(words, Buffer.alloc(0));
    await watcher.until('the ssh connection', () =>
      lines().find(
        (line) => line['id.resp_p'] === 2222 && line.orig.process?.name === 'ssh' && line.resp.process?.name === 'sshd',
      ),
    );
    expect(ssh.child.exitCode, 'ssh still runs when it is attributed').toBe(null);
    ssh.child.stdin!.end();
    await Promise.all([curl.ended, ssh.ended]);
    expect(ssh.child.exitCode).toBe(0);

    watcher.signal('SIGINT');
    expect(await watcher.ended).toBe(0);
    const last = new Map(lines().map((line) => [`${line['id.orig_p']}:${line['id.resp_p']}`, line]));
    for (const port of [8080, 2222]) {
      const line = [...last.values()].find((l) => l['id.resp_p'] === port);
      expect(line, JSON.stringify(line)).toMatchObject({
        orig: { state: 'attributed' },
        resp: { state: 'attributed' },
      });
    }
    expect([...last.values()].filter((l) => l.orig.state === 'pending')).toEqual([]);
  });
});

/** A real sshd with a key of its own, so that nothing of the machine's configuration is used. */
async function startSshd(stage: TestStage): Promise<void> {
  const { folder } = stage;
  const made = stage.start([
    'sh',
    '-c',
    `ssh-keygen -q -t ed25519 -N '' -f ${folder}/host && ssh-keygen -q -t ed25519 -N '' -f ${folder}/key`,
  ]);
  await made.ended;
  stage.write('authorized', readFileSync(stage.path('key.pub'), 'utf8'));
  stage.write(
    'sshd.conf',
    `HostKey ${folder}/host\nAuthorizedKeysFile ${folder}/authorized\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nListenAddress ${SERVER}\nPort 2222\n`,
  );
  const sshd = stage.start([
    ...stage.network.on('server'),
    'sh',
    '-c',
    `mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f ${folder}/sshd.conf`,
  ]);
  await sshd.until('sshd', () => (/Server listening/.test(sshd.stderr) ? true : undefined));
}
