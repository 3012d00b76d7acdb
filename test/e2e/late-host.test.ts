import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, correlate, jsonLines, Running } from './program.js';
import type { ConnectionLine } from './truth.js';

const [ENGINE, CLIENT, SERVER] = ['198.51.100.1', '198.51.100.10', '198.51.100.20'];
const LATENESS_S = 3;

const webServer = `
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '5'); self.end_headers(); self.wfile.write(b'hello')
    def log_message(self, *a): pass
server = http.server.HTTPServer(('${SERVER}', 8080), Handler)
print('ready', flush=True)
server.serve_forever()
`;

type Line = ConnectionLine & { readonly rev: number; readonly cause: string };

describe.skipIf(!mayMakeNamespaces)(
  'a host that returns beyond the lateness to a running engine with a store (needs root)',
  () => {
    let folder: string;
    let network: TestNetwork;
    let engine: Running;
    const running: Running[] = [];
    const path = (name: string) => join(folder, name);
    const start = (command: readonly string[]) => {
      const program = new Running(command);
      running.push(program);
      return program;
    };
    const linesOf = (uid?: string): Line[] => {
      const text = readFileSync(path('connections.jsonl'), 'utf8');
      const lines = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
      return uid === undefined ? lines : lines.filter((line) => line.uid === uid);
    };
    const onClient = (...command: string[]) => execFileSync('ip', [...network.on('client').slice(1), ...command]);
    const curl = () => onClient('curl', '-s', '-m', '5', `http://${SERVER}:8080/`);
    /** Connections that the join of the engine still knows. */
    const kept = (): number | undefined => {
      const args = [...network.on('server').slice(1), 'curl', '-s', '-m', '5', `http://${ENGINE}:9443/metrics`];
      const { stdout } = spawnSync('ip', args, { encoding: 'utf8' });
      const [, value] = /^correlate_join_kept_connections (\d+)$/m.exec(stdout) ?? [];
      return value === undefined ? undefined : Number(value);
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'late-host-'));
      network = new TestNetwork({ client: [`${CLIENT}/24`], server: [`${SERVER}/24`] });
      spawnSync('ip', ['-n', network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
      const web = start([...network.on('server'), 'python3', '-c', webServer]);
      await web.until('the server', () => web.lines[0]);
      const capture = ['-i', 'br0', '-f', 'port 8080', '--no-local-host', '--connections', path('connections.jsonl')];
      const keep = ['--store', path('store.db'), '--lateness', String(LATENESS_S), '--attr-wait', '1'];
      const listen = ['--listen', `${ENGINE}:9443`, '--engine-socket', path('engine.sock'), '--json-log'];
      engine = start([...network.onBridge, process.execPath, bin, ...capture, ...keep, ...listen]);
      await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined), 30_000);
      const agent = ['agent', '--server', `ws://${ENGINE}:9443`, '--host-id', 'client', '--netns', 'self'];
      start([...network.on('client'), process.execPath, bin, ...agent, '--spool', path('spool'), '--json-log']);
      await engine.until(
        'the host',
        () => {
          const { status, stdout } = correlate(['hosts', '--engine', path('engine.sock')]);
          return status === 0 && /"presence":"joined"/.test(stdout) ? true : undefined;
        },
        30_000,
      );
    }, 90_000);

    afterAll(async () => {
      await Promise.all(running.map((program) => program.stop()));
      network?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    it('gives the connections of its absence their owners in a later revision each, once', {
      timeout: 180_000,
    }, async () => {
      curl();
      const inTime = await engine.until('an owner in time', () =>
        linesOf().find(({ orig }) => orig.state === 'attributed'),
      );
      // The host is cut off from the engine alone, and goes on.
      onClient('ip', 'route', 'add', 'blackhole', `${ENGINE}/32`);
      curl();
      const line = await engine.until(
        'a connection without an owner',
        () => linesOf().find(({ uid, orig }) => uid !== inTime.uid && orig.state === 'unattributed'),
        60_000,
      );
      // From here on it is in the store alone.
      await engine.until('that all were let go', () => (kept() === 0 ? true : undefined), 60_000);
      const before = linesOf(line.uid).at(-1)!;
      expect(before.orig).toMatchObject({ state: 'unattributed', host: { id: 'client' } });
      expect(['agent_late', 'agent_offline']).toContain((before.orig as { reason?: string }).reason);

      onClient('ip', 'route', 'delete', 'blackhole', `${ENGINE}/32`);
      const after = await engine.until(
        'the revision',
        () => linesOf(line.uid).find(({ rev }) => rev > before.rev),
        120_000,
      );
      expect(after).toMatchObject({ rev: before.rev + 1, cause: 'evidence' });
      expect(after.orig).toMatchObject({ state: 'attributed', host: { id: 'client' }, process: { name: 'curl' } });
      expect(kept()).toBe(0);

      const sql = `SELECT uid, rev, orig.process.name AS name FROM connections WHERE uid = '${line.uid}'`;
      const hunt = correlate(['hunt', sql, '--engine', path('engine.sock'), '--format', 'json']);
      expect([hunt.status, jsonLines(hunt.stdout)]).toEqual([0, [{ uid: line.uid, rev: after.rev, name: 'curl' }]]);
      engine.signal('SIGTERM');
      expect(await engine.ended).toBe(0);
      expect(linesOf(line.uid).map(({ rev }) => rev)).toEqual(Array.from({ length: after.rev + 1 }, (_, rev) => rev));
      expect(linesOf(inTime.uid).at(-1)!.orig).toMatchObject({ state: 'attributed', process: { name: 'curl' } });
    });
  },
);
