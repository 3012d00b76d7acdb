import type { Database } from '@sqlite.org/sqlite-wasm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcFiles } from '../../../src/sensor/proc-files.js';
import { loadSqlite, type Sqlite } from '../../../src/sensor/sql/sqlite.js';
import { TableModule } from '../../../src/sensor/sql/table-module.js';
import { TableScan } from '../../../src/sensor/sql/table-scan.js';
import { EventLog } from '../../../src/sensor/tables/event-log.js';
import { defineTable, type SensorTable } from '../../../src/sensor/tables/sensor-table.js';

interface Row {
  readonly n?: number | undefined;
  readonly big?: number | undefined;
  readonly t?: string | undefined;
  readonly c?: string | undefined;
  readonly h?: number | undefined;
}

const columns = { n: 'INTEGER', big: 'BIGINT', t: 'TEXT', c: 'TEXT', h: 'INTEGER' } as const;
let one: Row[] = [];
let two: Row[] = [];
const scans: string[] = [];

function table(name: string, rows: () => Row[], keys: ('n' | 't')[] = []): SensorTable {
  return defineTable({
    name,
    columns,
    hidden: ['h'],
    nocase: ['c'],
    keys,
    rows: ({ constraint, wants }) => {
      scans.push(`${name} ${constraint?.column ?? '*'} ${Object.keys(columns).filter((each) => wants(each as 'n'))}`);
      if (constraint === undefined) return rows();
      return rows().filter((row) => row[constraint.column as 'n'] === constraint.value);
    },
  });
}

const tables = [table('one', () => one), table('two', () => two, ['n', 't'])];
let sqlite: Sqlite;
let virtual: Database;
let module: TableModule;
let plain: Database;

beforeAll(async () => {
  sqlite = await loadSqlite();
  virtual = new sqlite.api.oo1.DB(':memory:');
  plain = new sqlite.api.oo1.DB(':memory:');
  const source = { files: new ProcFiles(), events: new EventLog(), checkTime: () => {} };
  module = new TableModule(sqlite, tables, (each) => new TableScan(each, source));
  module.install(virtual.pointer!);
  for (const name of ['one', 'two'])
    plain.exec(`CREATE TABLE ${name} (n INTEGER, big BIGINT, t TEXT, c TEXT COLLATE NOCASE, h INTEGER)`);
});

afterAll(() => {
  virtual.close();
  plain.close();
});

function query(database: Database, sql: string): string[] {
  module.reset();
  const rows = database.exec({ sql, returnValue: 'resultRows', rowMode: 'array' });
  return rows.map((row) =>
    JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );
}

function load(): void {
  for (const [name, rows] of [
    ['one', one],
    ['two', two],
  ] as const) {
    plain.exec(`DELETE FROM ${name}`);
    for (const { n, big, t, c, h } of rows) {
      plain.exec({
        sql: `INSERT INTO ${name} VALUES (?, ?, ?, ?, ?)`,
        bind: [n, big, t, c, h].map((each) => each ?? null),
      });
    }
  }
}

const texts = fc.constantFrom('', '0', '1', '01', '1.0', 'a', 'A', 'ä', ' 1', '1e0', 'x\u{1f600}y', '10');
const numbers = fc.constantFrom(0, 1, -1, 10, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1);
const row = fc.record<Row>({ n: numbers, big: numbers, t: texts, c: texts, h: numbers }, { requiredKeys: [] });
const rows = fc.array(row, { maxLength: 6 });
const column = fc.constantFrom('n', 'big', 't', 'c', 'h');
const literal = fc.constantFrom(
  '0',
  '1',
  '1.0',
  "'1'",
  "'01'",
  "' 1'",
  "'a'",
  "'A'",
  "'1.0'",
  'NULL',
  "x'31'",
  '2147483648',
  "'9007199254740991'",
  "''",
);
const condition = fc.oneof(
  fc.tuple(column, literal).map(([name, value]) => `a.${name} = ${value}`),
  fc.tuple(column, literal).map(([name, value]) => `a.${name} IS ${value}`),
  fc.tuple(column, literal, literal).map(([name, x, y]) => `a.${name} IN (${x}, ${y})`),
  fc.tuple(column, column).map(([x, y]) => `a.${x} = b.${y}`),
  fc.tuple(column, literal).map(([name, value]) => `b.${name} = ${value}`),
  fc.tuple(column, literal).map(([name, value]) => `a.${name} LIKE ${value}`),
);
const where = fc
  .array(condition, { minLength: 1, maxLength: 4 })
  .chain((conditions) => fc.constantFrom(' AND ', ' OR ').map((connector) => conditions.join(connector)));
const select = fc
  .tuple(fc.constantFrom('one', 'two'), fc.constantFrom('one', 'two'), where)
  .map(([a, b, conditions]) => `SELECT a.*, b.*, a.h FROM ${a} a, ${b} b WHERE ${conditions}`);

describe('tables shown to SQLite', () => {
  it('give what ordinary tables with the same rows give', () => {
    fc.assert(
      fc.property(rows, rows, select, (first, second, sql) => {
        [one, two] = [first, second];
        load();
        const wanted = query(
          plain,
          sql.replaceAll('a.*', 'a.n, a.big, a.t, a.c').replaceAll('b.*', 'b.n, b.big, b.t, b.c'),
        );
        expect(query(virtual, sql).sort()).toEqual(wanted.sort());
      }),
      { numRuns: 400 },
    );
  });

  it('compare a number to a key that is text as SQL does, not letter by letter', () => {
    two = [{ t: '1.0' }, { t: '1' }];
    expect(query(virtual, 'SELECT a.t FROM two a WHERE a.t = 1 ORDER BY a.t')).toEqual(['["1"]']);
    one = [{ n: 1, big: 10 }];
    two = [{ t: '01' }, { t: '1' }, { t: '10' }];
    expect(query(virtual, 'SELECT b.t FROM one a, two b WHERE b.t = a.n')).toEqual(['["01"]', '["1"]']);
  });

  it('give each row once, and equal rows each, where two keys are asked for', () => {
    two = [
      { n: 1, t: 'a' },
      { n: 1, t: 'a' },
      { n: 1, t: 'b' },
      { n: 2, t: 'a' },
      { n: 2, t: 'b' },
    ];
    expect(query(virtual, "SELECT n, t FROM two WHERE n = 1 OR t = 'a'").sort()).toEqual([
      '[1,"a"]',
      '[1,"a"]',
      '[1,"b"]',
      '[2,"a"]',
    ]);
  });

  it('compare a key without case where the other column does', () => {
    one = [{ c: 'A' }];
    two = [{ t: 'a' }];
    expect(query(virtual, 'SELECT a.c, b.t FROM one a, two b WHERE a.c = b.t')).toEqual(['["A","a"]']);
  });

  it('are read once and only as far as the query looks', () => {
    one = [
      { n: 1, t: 'a' },
      { n: 2, t: 'b' },
    ];
    two = [
      { n: 2, t: 'b' },
      { n: 3, t: 'c' },
    ];
    scans.length = 0;
    expect(query(virtual, 'SELECT a.t FROM one a WHERE a.n = 2')).toEqual(['["b"]']);
    expect(query(virtual, 'SELECT b.t FROM two b WHERE b.n = 2')).toEqual(['["b"]']);
    expect(query(virtual, 'SELECT count(*) FROM one x, one y WHERE x.n = y.n')).toEqual(['[2]']);
    expect(scans).toEqual(['one * n,t', 'two n n,t', 'one * n']);
  });

  it('are read no further than a LIMIT goes, and a failure on the way is told', () => {
    let given = 0;
    const failing = function* (): Generator<Row> {
      for (const n of [1, 2]) {
        given++;
        yield { n };
      }
      throw new Error('the disk is gone');
    };
    one = { [Symbol.iterator]: failing } as unknown as Row[];
    expect(query(virtual, 'SELECT n FROM one LIMIT 1')).toEqual(['[1]']);
    expect(given).toBe(1);
    expect(() => query(virtual, 'SELECT count(*) FROM one')).toThrow();
    expect(module.failure).toEqual(new Error('the disk is gone'));
    one = [];
  });

  it('leave hidden columns out of SELECT *', () => {
    one = [{ n: 1, h: 2 }];
    expect(query(virtual, 'SELECT * FROM one')).toEqual(['[1,null,null,null]']);
    expect(query(virtual, 'SELECT h FROM one')).toEqual(['[2]']);
  });

  it('are not shadowed in, nor hidden by, common table expressions', () => {
    one = [{ n: 1 }];
    scans.length = 0;
    expect(query(virtual, 'WITH one AS (SELECT 5 AS n) SELECT n FROM one')).toEqual(['[5]']);
    expect(query(virtual, 'WITH c AS (SELECT n FROM one) SELECT n FROM c')).toEqual(['[1]']);
    expect(scans).toEqual(['one * n']);
  });
});
