import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces } from './namespaces.js';
import { correlate, jsonLines } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [GATEWAY, SERVER, INSIDE] = ['198.51.100.1', '198.51.100.20', '10.77.0.5'];

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

  beforeAll(() => {
    stage = new TestStage('nat', { gateway: [`${GATEWAY}/24`], server: [`${SERVER}/24`] });
    stage.write('nat.nft', ruleset);
    stage.network.addBehind('gateway', 'inside', '10.77.0.1', INSIDE);
    const [command, ...words] = stage.network.on('gateway');
    expect(spawnSync(command!, [...words, 'nft', '-f', stage.path('nat.nft')], { encoding: 'utf8' }).stderr).toBe('');
  });

  afterAll(() => stage?.end());

  it('is seen through: what is captured outside belongs to programs inside, by masquerade and by a published port', async () => {
    await stage.serve('server', SERVER, 8000, 0.5);
    await stage.serve('inside', INSIDE, 80, 0.5);
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
});
