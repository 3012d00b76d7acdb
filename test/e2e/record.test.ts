import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, correlate, jsonLines, Running } from './program.js';
import type { ConnectionLine } from './truth.js';

const CLOCK_DOUBT_MS = 2500;
const SERVER = '198.51.100.20';

/** Sends a page in slices over about a second, so that polls see the connection. */
const server = `
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '10000'); self.end_headers()
        for _ in range(10):
            self.wfile.write(b'x' * 1000); self.wfile.flush(); time.sleep(0.1)
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(('${SERVER}', 8080), Handler)
print('ready', flush=True)
server.serve_forever()
`;

describe.skipIf(!mayMakeNamespaces)('a recording of this host (needs root)', () => {
  let folder: string;
  let network: TestNetwork;
  const running: Running[] = [];
  const start = (command: readonly string[]) => {
    const program = new Running(command);
    running.push(program);
    return program;
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'record-'));
    network = new TestNetwork({ client: ['198.51.100.10/24'], server: [`${SERVER}/24`] });
    writeFileSync(join(folder, 'server.py'), server);
  });

  afterAll(async () => {
    await Promise.all(running.map((program) => program.stop()));
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('attributes a capture that was taken meanwhile, when both are read later', async () => {
    const [recording, capture] = [join(folder, 'host.jsonl'), join(folder, 'traffic.pcap')];
    const web = start([...network.on('server'), 'python3', join(folder, 'server.py')]);
    await web.until('the server', () => web.lines[0]);
    const recorder = start([process.execPath, bin, 'record', recording]);
    await recorder.until('the recording', () => (/recording into/.test(recorder.stderr) ? true : undefined));
    const tcpdump = start([...network.onBridge, 'tcpdump', '--immediate-mode', '-i', 'br0', '-U', '-w', capture]);
    await tcpdump.until('the capture', () => (/listening on/.test(tcpdump.stderr) ? true : undefined));

    // Nothing tells how the two clocks stand, so the recording must be longer than the traffic by what clocks are trusted with.
    await setTimeout(CLOCK_DOUBT_MS);
    const curl = start([...network.on('client'), 'curl', '-s', '-o', '/dev/null', `http://${SERVER}:8080/`]);
    await curl.ended;
    await setTimeout(CLOCK_DOUBT_MS);
    tcpdump.signal('SIGINT');
    await tcpdump.ended;
    recorder.signal('SIGTERM');
    expect(await recorder.ended).toBe(0);

    const read = correlate([
      '-r',
      capture,
      '--host-log',
      recording,
      '--connections',
      '-',
      '--alerts',
      join(folder, 'a'),
    ]);
    expect(read.status, read.stderr).toBe(0);
    const line = (jsonLines(read.stdout) as ConnectionLine[]).find((each) => each['id.resp_p'] === 8080);
    expect(line).toMatchObject({
      orig: { state: 'attributed', process: { pid: curl.child.pid } },
      resp: { state: 'attributed' },
    });
    expect(readFileSync(recording, 'utf8').startsWith('{"correlate_recording":1')).toBe(true);
  });
});
