import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CorrelateError } from '../../../src/core/errors.js';
import type { AnyTableRow } from '../../../src/records/host-row.js';
import { LocalTables } from '../../../src/sensor/sql/local-tables.js';

const isLinux = process.platform === 'linux';
const some = { rows: 10_000, timeoutMs: 20_000 };
let local: LocalTables;

beforeAll(async () => {
  local = await LocalTables.open();
});
afterAll(() => local.close());

function failure(sql: string, limits = some): { code: string; message: string } {
  try {
    local.query(sql, limits);
  } catch (error) {
    const { code, message } = error as CorrelateError;
    return { code, message };
  }
  return { code: 'none', message: '' };
}

const event = (table: 'process_events' | 'socket_events', seconds: number, columns: object): AnyTableRow =>
  ({
    kind: 'row',
    host: 'h',
    stream: table,
    table,
    action: 'event',
    time: seconds * 1e6 + 500_000,
    resolution: 1,
    seq: 0,
    columns,
  }) as AnyTableRow;

describe('a query of this machine', () => {
  it('is refused in the words of SQLite when it is wrong', () => {
    expect(failure('SELECT * FROM nonesuch')).toEqual({ code: 'QUERY_FAILED', message: 'no such table: nonesuch' });
    expect(failure('SELECT nonesuch FROM time')).toEqual({ code: 'QUERY_FAILED', message: 'no such column: nonesuch' });
    expect(failure('SELEC 1').message).toContain('syntax error');
    expect(failure('SELECT 1;\0 SELECT 2').code).toBe('QUERY_FAILED');
    expect(failure("SELECT regex_match('a', '(', 0)").code).toBe('QUERY_FAILED');
  });

  it('is refused when it does anything but read', () => {
    for (const sql of [
      'DELETE FROM users',
      'CREATE TABLE x (a)',
      'CREATE TEMP VIEW x AS SELECT 1',
      'PRAGMA hard_heap_limit = 0',
      "ATTACH '/tmp/x' AS x",
      'BEGIN',
      'SELECT 1; SELECT 2',
      'INSERT INTO users (uid) VALUES (1)',
      '',
      '-- nothing',
      ';',
    ]) {
      expect([sql, failure(sql).code]).toEqual([sql, 'QUERY_FAILED']);
    }
    expect(local.query('SELECT 1 -- one\n;; /* done */ ', some).rows).toEqual([[1]]);
  });

  it('ends at its limits of rows, time and memory, and the next one works', () => {
    expect(failure("SELECT value FROM json_each('[1,2,3]')", { ...some, rows: 2 }).code).toBe('QUERY_LIMIT');
    expect(
      failure('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c', {
        rows: 1,
        timeoutMs: 50,
      }),
    ).toEqual({
      code: 'QUERY_TIMEOUT',
      message: 'the query takes too long',
    });
    expect(failure('SELECT length(zeroblob(100000000))').code).toBe('QUERY_FAILED');
    expect(
      failure(
        'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 100) SELECT n, hex(zeroblob(4000000)) FROM c ORDER BY 2',
      ).code,
    ).toBe('QUERY_FAILED');
    expect(
      failure('WITH RECURSIVE c(x) AS (SELECT hex(zeroblob(4000000)) UNION ALL SELECT x FROM c) SELECT x FROM c').code,
    ).toBe('QUERY_LIMIT');
    expect(local.query('SELECT 1', some).rows).toEqual([[1]]);
  });

  it('keeps large integers', () => {
    expect(local.query('SELECT 9223372036854775807 AS big, 9007199254740991 AS safe', some)).toEqual({
      columns: ['big', 'safe'],
      rows: [[9223372036854775807n, 9007199254740991]],
    });
  });

  it('has the functions of osquery', () => {
    const value = (sql: string) => local.query(`SELECT ${sql}`, some).rows[0]![0];
    expect(value("split('a, b,c', ', ', 2)")).toBe('c');
    expect(value("split('a', ',', 1)")).toBeNull();
    expect(value("regex_match('port 8080', 'port (\\d+)', 1)")).toBe('8080');
    expect(value("regex_split('a1b22c', '\\d+', 2)")).toBe('c');
    expect(value("inet_aton('192.0.2.1')")).toBe(3_221_225_985);
    expect(value("in_cidr_block('192.0.2.0/24', '192.0.2.77')")).toBe(1);
    expect(value("in_cidr_block('2001:db8::/33', '2001:db8:8000::1')")).toBe(0);
    expect(value("in_cidr_block('nonsense', '192.0.2.77')")).toBeNull();
    expect(value("community_id_v1('128.232.110.120', '66.35.250.204', 34855, 80, 6)")).toBe(
      '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
    );
    expect(value("to_base64('abc')")).toBe('YWJj');
    expect(value("from_base64('YWJj')")).toBe('abc');
    expect(value("sha256('abc')")).toMatch(/^ba7816bf/);
    expect(value('md5(NULL)')).toBeNull();
    expect(value('sqrt(16) + floor(pi())')).toBe(7);
  });
});

describe('event tables', () => {
  it('hold events with their time and a growing eid that SELECT * leaves out', () => {
    local.events.take([
      event('process_events', 1_700_000_000, { pid: 5, path: '/bin/a' }),
      event('socket_events', 1_700_000_001, { pid: 5, action: 'connect', remote_port: 443 }),
      event('process_events', 1_700_000_002, { pid: 6, path: '/bin/b' }),
      { ...event('process_events', 1_700_000_003, { pid: 7 }), action: 'added' },
    ]);
    const { columns, rows } = local.query("SELECT * FROM process_events WHERE path = '/bin/a'", some);
    expect(columns).not.toContain('eid');
    expect(rows[0]![columns.indexOf('time')]).toBe(1_700_000_000);
    expect(local.query('SELECT pid, eid FROM process_events ORDER BY eid', some).rows).toEqual([
      [5, '0000000001'],
      [6, '0000000003'],
    ]);
    expect(
      local.query(
        'SELECT p.path, s.remote_port FROM socket_events s JOIN process_events p USING (pid) WHERE s.time > 1700000000',
        some,
      ).rows,
    ).toEqual([['/bin/a', 443]]);
  });
});

describe('a query of an agent', () => {
  it('sees no secrets of command lines, however it asks', async () => {
    const guarded = await LocalTables.open({ patterns: ['pin-[0-9]+'], useDefaults: true });
    guarded.events.take([
      event('process_events', 1_700_000_000, { pid: 5, cmdline: 'psql --password=hunter2 pin-77' }),
    ]);
    const ask = (sql: string) => guarded.query(sql, some).rows;
    expect(ask('SELECT cmdline FROM process_events')).toEqual([['psql --password=[redacted] [redacted]']]);
    expect(
      ask("SELECT count(*) FROM process_events WHERE cmdline LIKE '%hunter2%' OR instr(cmdline, 'pin-77')"),
    ).toEqual([[0]]);
    expect(ask('SELECT length(hex(cmdline)) FROM process_events')).toEqual([[74]]);
    expect(guarded.redaction?.redacted).toBeGreaterThan(0);
    guarded.close();
  });
});

interface Schema {
  readonly tables: Readonly<Record<string, { readonly examples?: readonly string[] }>>;
  readonly additional_tables: Readonly<Record<string, { readonly examples?: readonly string[] }>>;
}
const schemaPath = fileURLToPath(new URL('../../../../shared/corpus/osquery/schema.json', import.meta.url));
const hasCorpus = existsSync(schemaPath) && isLinux;

describe.skipIf(!hasCorpus)("osquery's example queries (skipped without ../shared/corpus/osquery)", () => {
  it('run unchanged, but for those of Docker and of other processes\u2019 environment', () => {
    const { tables, additional_tables } = JSON.parse(readFileSync(schemaPath, 'utf8')) as Schema;
    const examples = Object.entries({ ...tables, ...additional_tables }).flatMap(([name, { examples: own = [] }]) =>
      own.map((sql) => ({ name, sql })),
    );
    const refused = examples.filter(({ sql }) => failure(sql).code !== 'none').map(({ name }) => name);
    expect(examples.length).toBe(18);
    expect([...new Set(refused)].sort()).toEqual(['docker_containers', 'process_envs']);
    expect(refused.length).toBe(4);
  });
});
