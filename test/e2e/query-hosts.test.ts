import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bin, correlate, jsonLines, Running } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'query-hosts-'));
const socket = join(folder, 'engine.sock');
const queryLog = join(folder, 'queries.jsonl');
const running: Running[] = [];

function start(...args: string[]): Running {
  const program = new Running([process.execPath, bin, ...args]);
  running.push(program);
  return program;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function query(...args: string[]) {
  const { status, stdout, log } = correlate(['query', '--engine', socket, ...args]);
  return { status, answers: jsonLines(stdout), codes: log.map(({ code }) => code) };
}

beforeAll(async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const engine = start(
    'run',
    '--listen',
    address,
    '--engine-socket',
    socket,
    '--query-log',
    queryLog,
    '--no-local-host',
  );
  await engine.until('listening', () => engine.stderr.includes('agents may connect') || undefined);
  for (const host of ['a', 'b'])
    start('agent', '--server', `ws://${address}`, '--host-id', host, '--groups', `of-${host}`, '--sensor', 'poll');
  for (const host of ['a', 'b'])
    await engine.until(host, () => engine.stderr.includes(`host ${host} joined`) || undefined);
});

afterAll(async () => {
  for (const { child } of running.reverse()) child.kill('SIGTERM');
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(folder, { recursive: true });
});

describe('correlate query through an engine', () => {
  it('asks a host, a group or all, and shows whose each row is', () => {
    const sql = 'SELECT 9223372036854775807 AS big, NULL AS nil FROM uptime';
    const row = { big: '9223372036854775807', nil: null };
    expect(query('--host', 'a', sql).answers).toEqual([{ host: 'a', row }]);
    expect(query('--group', 'of-b', sql).answers).toEqual([{ host: 'b', row }]);
    const all = query('--all', sql);
    expect(all.answers).toHaveLength(2);
    expect(all.answers).toEqual(
      expect.arrayContaining([
        { host: 'a', row },
        { host: 'b', row },
      ]),
    );
    expect(all.status).toBe(0);
  });

  it('shows for each host why it did not answer, and ends with 1', () => {
    const wrong = query('--host', 'a', '--host', 'nobody', 'SELECT nonesuch');
    expect(wrong.status).toBe(1);
    expect(wrong.answers).toHaveLength(2);
    expect(wrong.answers).toEqual(
      expect.arrayContaining([
        { host: 'a', error: { code: 'QUERY_FAILED', message: 'no such column: nonesuch' } },
        { host: 'nobody', error: { code: 'HOST_ABSENT', message: 'the host is not connected' } },
      ]),
    );
    const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c';
    expect(query('--host', 'b', '--timeout', '0.2', endless).codes).toEqual(['QUERY_TIMEOUT']);
    expect(query('--host', 'b', '--rows', '1', "SELECT value FROM json_each('[1,2]')").codes).toEqual(['QUERY_LIMIT']);
  });

  it('leaves every question and answer in the log', () => {
    const sql = 'SELECT 42 AS answer';
    query('--group', 'of-a', sql);
    const entries = jsonLines(readFileSync(queryLog, 'utf8')) as Record<string, unknown>[];
    const asked = entries.find((entry) => entry.sql === sql);
    expect(asked).toMatchObject({ event: 'asked', hosts: ['a'] });
    const answered = entries.find((entry) => entry.event === 'answered' && entry.query === asked?.query);
    expect(answered).toMatchObject({ host: 'a', rows: 1 });
  });

  it('says what it wants, and when no engine answers', () => {
    expect(query('--host', 'a', '--all', 'SELECT 1').status).toBe(2);
    expect(query('SELECT 1').status).toBe(2);
    expect(query('--all', '--events', '1', 'SELECT 1').status).toBe(2);
    expect(query('--group', 'of-nobody', 'SELECT 1')).toMatchObject({ status: 1, codes: ['HOST_ABSENT'] });
    const { status, log } = correlate(['query', '--all', '--engine', join(folder, 'none'), 'SELECT 1']);
    expect([status, log.at(-1)?.code]).toEqual([1, 'ENGINE_UNREACHABLE']);
  });
});
