import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, correlate, jsonLines, Running } from './program.js';
import type { ConnectionLine } from './truth.js';

const CLOCK_DOUBT_MS = 2500;
const [GATEWAY, SERVER, INSIDE] = ['198.51.100.1', '198.51.100.20', '10.77.0.5'];

/** Sends a page in slices over about half a second. */
const server = `
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '5000'); self.end_headers()
        for _ in range(5):
            self.wfile.write(b'x' * 1000); self.wfile.flush(); time.sleep(0.1)
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
print('ready', flush=True)
server.serve_forever()
`;

const ruleset = `
table ip nat {
  chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
  chain pre { type nat hook prerouting priority dstnat; iifname "eth0" tcp dport 8080 dnat to ${INSIDE}:80; }
}
`;

const hasNft = spawnSync('nft', ['--version']).status === 0;
const reason = !mayMakeNamespaces ? 'needs root' : hasNft ? undefined : 'nft is missing';

describe.skipIf(reason !== undefined)(`NAT by nftables${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  let folder: string;
  let network: TestNetwork;
  const running: Running[] = [];
  const start = (command: readonly string[]) => {
    const program = new Running(command);
    running.push(program);
    return program;
  };
  const serve = async (host: string, address: string, port: number) => {
    const program = start([...network.on(host), 'python3', join(folder, 'server.py'), address, String(port)]);
    await program.until('the server', () => program.lines[0]);
  };
  const fetch = async (host: string, url: string) => {
    const curl = start([...network.on(host), 'curl', '-s', '-o', '/dev/null', '--max-time', '20', url]);
    expect(await curl.ended).toBe(0);
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nat-'));
    writeFileSync(join(folder, 'server.py'), server);
    writeFileSync(join(folder, 'nat.nft'), ruleset);
    network = new TestNetwork({ gateway: [`${GATEWAY}/24`], server: [`${SERVER}/24`] });
    network.addBehind('gateway', 'inside', '10.77.0.1', INSIDE);
    const [command, ...words] = network.on('gateway');
    expect(spawnSync(command!, [...words, 'nft', '-f', join(folder, 'nat.nft')], { encoding: 'utf8' }).stderr).toBe('');
  });

  afterAll(async () => {
    await Promise.all(running.map((program) => program.stop()));
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is seen through: what is captured outside belongs to programs inside, by masquerade and by a published port', async () => {
    const [recording, capture] = [join(folder, 'host.jsonl'), join(folder, 'traffic.pcap')];
    await serve('server', SERVER, 8000);
    await serve('inside', INSIDE, 80);
    const recorder = start([...network.on('gateway'), process.execPath, bin, 'record', recording]);
    await recorder.until('the recording', () => (/recording into/.test(recorder.stderr) ? true : undefined));
    const tcpdump = start([...network.onBridge, 'tcpdump', '--immediate-mode', '-i', 'br0', '-U', '-w', capture]);
    await tcpdump.until('the capture', () => (/listening on/.test(tcpdump.stderr) ? true : undefined));
    await setTimeout(CLOCK_DOUBT_MS);
    await fetch('inside', `http://${SERVER}:8000/`);
    await fetch('server', `http://${GATEWAY}:8080/`);
    await setTimeout(CLOCK_DOUBT_MS);
    tcpdump.signal('SIGINT');
    await tcpdump.ended;
    recorder.signal('SIGTERM');
    expect(await recorder.ended).toBe(0);

    const files = ['-r', capture, '--host-log', recording];
    const read = correlate([...files, '--connections', '-', '--alerts', join(folder, 'alerts')]);
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
