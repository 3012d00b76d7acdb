import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bin, correlate, jsonLines, Running } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'correlate-hunt-'));
const store = join(folder, 'store.db');
const files = ['-r', 'samples/intrusion/traffic.pcap', '--host-log', 'samples/intrusion/host.log'];
const socket = join(folder, 'engine.sock');
let engine: Running;

beforeAll(async () => {
  correlate([...files, '--rules', 'rules', '--store', store, '--alerts', '/dev/null', '-q']);
  // An engine goes on with the same store once it has been asked as a file.
});
afterAll(async () => {
  engine?.child.kill('SIGINT');
  await engine?.ended;
  rmSync(folder, { recursive: true });
});

const hunt = (...args: string[]) => correlate(['hunt', '--store', store, ...args]);

interface Line {
  readonly uid: string;
  readonly orig: { readonly tried: readonly object[] };
  readonly resp: object;
}

describe('correlate hunt and explain, on a store', () => {
  it('joins connections, host rows and alerts', () => {
    const { stdout, status } = hunt(
      `SELECT c.resp.process.name AS name, count(*) AS n, any_value(c.id) AS id FROM connections c
       WHERE c.resp.state = 'attributed' GROUP BY ALL ORDER BY n DESC, name`,
    );
    expect(status).toBe(0);
    const rows = jsonLines(stdout) as { name: string; n: number; id: { resp_p: number } }[];
    expect(rows.map(({ name }) => name)).toContain('nginx');
    expect(rows[0]!.n).toBeGreaterThan(1);
    expect(rows[0]!.id.resp_p).toBeGreaterThan(0);
    const joined = jsonLines(
      hunt(`SELECT DISTINCT a.rule_id, c.orig.process.path AS path FROM alerts a JOIN connections c USING (uid)
        JOIN socket_events s ON s.host = c.orig.host.id AND s.pid = c.orig.process.pid`).stdout,
    );
    expect(joined.length).toBeGreaterThan(0);
  });

  it('writes tables, CSV and Parquet', () => {
    const sql = "SELECT uid, ts, orig.state AS state FROM connections WHERE proto = 'tcp' ORDER BY ts, uid LIMIT 2";
    expect(hunt(sql, '--format', 'table').stdout).toContain('2 rows');
    expect(hunt(sql, '--format', 'csv').stdout).toMatch(/^uid,ts,state\r\nC\w+,20\d\d-\d\d-\d\d [\d:.]+,\w+\r\n/);
    const parquet = join(folder, 'out.parquet');
    expect(hunt(`${sql};`, '--parquet', parquet).status).toBe(0);
    expect(readFileSync(parquet).subarray(0, 4).toString()).toBe('PAR1');
  });

  it('only reads the store, within bounds of time and rows', () => {
    const code = (...args: string[]) => {
      const { status, log } = hunt(...args);
      return [status, log[0]?.code];
    };
    const written = join(folder, 'written.csv');
    for (const sql of [
      'DELETE FROM connection_lines',
      'SELECT 1; SELECT 2',
      `COPY connection_lines TO '${written}'`,
      `SELECT * FROM read_csv('/etc/passwd')`,
      `SELECT * FROM (SELECT 1) TO '${written}'`,
      `ATTACH '${written}'`,
      'SET memory_limit = 1',
      'SELEC 1',
    ]) {
      expect(code(sql), sql).toEqual([1, 'QUERY_FAILED']);
    }
    expect(existsSync(written)).toBe(false);
    expect(code(`SELECT 1) TO '${written}'; --`, '--parquet', join(folder, 'x.parquet'))).toEqual([1, 'QUERY_FAILED']);
    expect(code('SELECT * FROM range(11)', '--rows', '10')).toEqual([1, 'QUERY_LIMIT']);
    expect(hunt('SELECT * FROM range(10)', '--rows', '10').status).toBe(0);
    const endless = 'SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE hash(a.range) + b.range = 3';
    expect(code(endless, '--timeout', '0.3')).toEqual([1, 'QUERY_TIMEOUT']);
  });

  it('explains as over the files', () => {
    const [{ uid }] = jsonLines(
      hunt(`SELECT uid FROM connections WHERE "id".resp_p = 22 AND resp.host.id = 'db-1'`).stdout,
    ) as [Line];
    const overFiles = jsonLines(correlate(['explain', uid, ...files, '--json']).stdout) as Line[];
    const overStore = jsonLines(correlate(['explain', uid, '--store', store, '--json']).stdout) as Line[];
    const plain = ({ orig, resp }: Line) => ({ orig, resp });
    expect(overStore.map(plain)).toEqual(overFiles.map(plain));
    expect(correlate(['explain', uid, '--store', store]).stdout).toMatch(
      /responder: sshd\[\d+\] root@db-1 by accept_event/,
    );
    expect(correlate(['explain', 'Cabsent', '--store', store]).log[0]?.code).toBe('CONNECTION_ABSENT');
  });

  it('asks a running engine for both', async () => {
    engine = new Running([
      ...[process.execPath, bin, '--listen', '127.0.0.1:0', '--no-local-host', '--store', store],
      ...['--engine-socket', socket, '--json-log', '--alerts', '/dev/null'],
    ]);
    await engine.until('the engine', () => (engine.stderr.includes('agents may connect') ? true : undefined));
    const sql = `SELECT uid, id FROM connections WHERE id.resp_p = 22 AND resp.host.id = 'db-1'`;
    const { stdout, status, stderr } = correlate(['hunt', sql, '--engine', socket]);
    expect([status, stderr]).toEqual([0, '']);
    const [{ uid }] = jsonLines(stdout) as [Line];
    const text = correlate(['explain', uid, '--engine', socket]).stdout;
    expect(text).toMatch(/responder: sshd\[\d+\] root@db-1 by accept_event/);
    const refused = correlate(['hunt', 'DELETE FROM connection_lines', '--engine', socket]);
    expect([refused.status, refused.log[0]?.code]).toEqual([1, 'QUERY_FAILED']);
    expect(correlate(['hunt', 'SELECT 1', '--store', store]).log[0]?.code).toBe('STORE_LOCKED');
    expect(correlate(['explain', 'Cabsent', '--engine', socket]).log[0]?.code).toBe('CONNECTION_ABSENT');
  });
});
