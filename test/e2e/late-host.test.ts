import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines, type Running } from './program.js';
import { TestStage } from './stage.js';
import type { ConnectionLine } from './truth.js';

const [ENGINE, CLIENT, SERVER] = [`${lan}.1`, `${lan}.10`, `${lan}.20`];
const LATENESS_S = 3;

type Line = ConnectionLine & { readonly rev: number; readonly cause: string };

describe.skipIf(!mayMakeNamespaces)(
  'a host that returns beyond the lateness to a running engine with a store (needs root)',
  () => {
    let stage: TestStage;
    const path = (name: string) => stage.path(name);
    let engine: Running;
    const linesOf = (uid?: string): Line[] => {
      const text = readFileSync(path('connections.jsonl'), 'utf8');
      const lines = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
      return uid === undefined ? lines : lines.filter((line) => line.uid === uid);
    };
    const onClient = (...command: string[]) => execFileSync('ip', [...stage.network.on('client').slice(1), ...command]);
    const curl = () => onClient('curl', '-s', '-m', '5', `http://${SERVER}:8080/`);
    /** Connections that the join of the engine still knows. */
    const kept = (): number | undefined => {
      const args = [...stage.network.on('server').slice(1), 'curl', '-s', '-m', '5', `http://${ENGINE}:9443/metrics`];
      const { stdout } = spawnSync('ip', args, { encoding: 'utf8' });
      const [, value] = /^correlate_join_kept_connections (\d+)$/m.exec(stdout) ?? [];
      return value === undefined ? undefined : Number(value);
    };

    beforeAll(async () => {
      stage = new TestStage('late-host', { client: [`${CLIENT}/24`], server: [`${SERVER}/24`] });
      spawnSync('ip', ['-n', stage.network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
      await stage.serve('server', SERVER, 8080);
      const capture = ['-i', 'br0', '-f', 'port 8080', '--no-local-host', '--connections', path('connections.jsonl')];
      const keep = ['--store', path('store.db'), '--lateness', String(LATENESS_S), '--attr-wait', '1'];
      const listen = ['--listen', `${ENGINE}:9443`, '--engine-socket', path('engine.sock'), '--json-log'];
      engine = stage.start([...stage.network.onBridge, process.execPath, bin, ...capture, ...keep, ...listen]);
      await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
      const agent = ['agent', '--server', `ws://${ENGINE}:9443`, '--host-id', 'client', '--netns', 'self'];
      stage.start([
        ...stage.network.on('client'),
        process.execPath,
        bin,
        ...agent,
        '--spool',
        path('spool'),
        '--json-log',
      ]);
      await engine.until(
        'the host',
        () => {
          const { status, stdout } = correlate(['hosts', '--engine', path('engine.sock')]);
          return status === 0 && /"presence":"joined"/.test(stdout) ? true : undefined;
        },
        30_000,
      );
    });

    afterAll(() => stage?.end());

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
      await engine.until('that all were let go', () => (kept() === 0 ? true : undefined));
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
