import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [GATEWAY, SERVER, INSIDE, ENGINE] = [`${lan}.1`, `${lan}.20`, `10.77.${process.pid & 255}.5`, `${lan}.254`];

const ruleset = `
table ip nat {
  chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
  chain pre { type nat hook prerouting priority dstnat; iifname "eth0" tcp dport 8080 dnat to ${INSIDE}:80; }
}
`;

const hasNft = spawnSync('nft', ['--version']).status === 0;
const reason = !mayMakeNamespaces ? 'needs root' : hasNft ? undefined : 'nft is missing';

describe.skipIf(reason !== undefined)(`NAT by nftables${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  let stage: TestStage;
  const fetch = async (host: string, url: string) => {
    const curl = stage.start([...stage.network.on(host), 'curl', '-s', '-o', '/dev/null', '--max-time', '20', url]);
    expect(await curl.ended).toBe(0);
  };

  beforeAll(async () => {
    stage = new TestStage('nat', { gateway: [`${GATEWAY}/24`], server: [`${SERVER}/24`] });
    stage.write('nat.nft', ruleset);
    stage.network.addBehind('gateway', 'inside', `10.77.${process.pid & 255}.1`, INSIDE);
    const [command, ...words] = stage.network.on('gateway');
    expect(spawnSync(command!, [...words, 'nft', '-f', stage.path('nat.nft')], { encoding: 'utf8' }).stderr).toBe('');
    await stage.serve('server', SERVER, 8000, 0.5);
    await stage.serve('inside', INSIDE, 80, 0.5);
  });

  afterAll(() => stage?.end());

  it('is seen through: what is captured outside belongs to programs inside, by masquerade and by a published port', async () => {
    const { recording, capture } = await stage.record(async () => {
      await fetch('inside', `http://${SERVER}:8000/`);
      await fetch('server', `http://${GATEWAY}:8080/`);
    }, 'gateway');

    const files = ['-r', capture, '--host-log', recording];
    const read = correlate([...files, '--connections', '-', '--alerts', stage.path('alerts')]);
    expect(read.status, read.stderr).toBe(0);
    const lines = jsonLines(read.stdout) as ConnectionLine[];
    const [out, into] = [8000, 8080].map((port) => lines.find((line) => line['id.resp_p'] === port));
    expect(out).toMatchObject({
      'id.orig_h': GATEWAY,
      orig: { state: 'attributed', process: { name: 'curl' }, nat: { address: INSIDE, peer_address: SERVER } },
      resp: { state: 'attributed', process: { name: expect.stringMatching(/^python3/) as string } },
    });
    expect(into).toMatchObject({
      'id.resp_h': GATEWAY,
      orig: { state: 'attributed', process: { name: 'curl' } },
      resp: {
        state: 'attributed',
        process: {
          name: expect.stringMatching(/^python3/) as string,
          cmdline: expect.stringContaining(INSIDE) as string,
        },
        nat: { address: INSIDE, port: 80, peer_address: SERVER },
      },
    });
    const uid = (into as unknown as { uid: string }).uid;
    const why = correlate(['explain', uid, ...files]);
    expect(why.stdout).toContain(`it is ${INSIDE}:80 itself`);
  });

  it('is seen through live, when the gateway and the hosts on both sides of it are agents', async () => {
    const { network } = stage;
    spawnSync('ip', ['-n', network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
    expect(correlate(['cert', stage.folder, '--server', ENGINE, '--days', '2']).status).toBe(0);
    const secret = ['--secret-file', stage.write('secret', 'between us\n')];
    const output = stage.path('live.jsonl');
    const engine = stage.start([
      ...[...network.onBridge, process.execPath, bin, '-i', 'br0', '-f', 'port 8000 or port 8080', '--no-local-host'],
      ...['--connections', output, '--alerts', '/dev/null', '--engine-socket', stage.path('engine.sock')],
      ...['--listen', `${ENGINE}:9443`, '--tls-cert', stage.path('server.pem')],
      ...['--tls-key', stage.path('server-key.pem'), ...secret],
    ]);
    await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
    const names = ['gateway', 'inside', 'server'];
    for (const host of names) {
      const to = ['--server', `wss://${ENGINE}:9443`, '--ca', stage.path('ca.pem'), ...secret];
      const as = ['--host-id', host, '--netns', 'self', '--spool', stage.path(`spool-${host}`)];
      stage.start([...network.on(host), process.execPath, bin, 'agent', ...to, ...as]);
    }
    await engine.until(
      'all hosts',
      () => {
        const { stdout } = correlate(['hosts', '--engine', stage.path('engine.sock')]);
        const joined = (jsonLines(stdout) as { presence: string }[]).filter(({ presence }) => presence === 'joined');
        return joined.length === names.length ? true : undefined;
      },
      30_000,
    );

    await fetch('inside', `http://${SERVER}:8000/`);
    await fetch('server', `http://${GATEWAY}:8080/`);
    const python = expect.stringMatching(/^python3/) as string;
    const isOwned = (port: number) => {
      const written = readFileSync(output, 'utf8');
      const lines = jsonLines(written.slice(0, written.lastIndexOf('\n') + 1)) as ConnectionLine[];
      return lines.findLast((line) => {
        return line['id.resp_p'] === port && [line.orig, line.resp].every(({ state }) => state === 'attributed');
      });
    };
    expect(await engine.until('who fetched from inside', () => isOwned(8000))).toMatchObject({
      'id.orig_h': GATEWAY,
      orig: { host: { id: 'inside' }, process: { name: 'curl' }, nat: { address: INSIDE, peer_address: SERVER } },
      resp: { host: { id: 'server' }, process: { name: python } },
    });
    expect(await engine.until('who serves inside', () => isOwned(8080))).toMatchObject({
      'id.resp_h': GATEWAY,
      orig: { host: { id: 'server' }, process: { name: 'curl' } },
      resp: { host: { id: 'inside' }, process: { name: python }, nat: { address: INSIDE, port: 80 } },
    });
  });
});
