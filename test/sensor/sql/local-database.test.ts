import { afterEach, describe, expect, it } from 'vitest';
import type { AnyTableRow } from '../../../src/records/host-row.js';
import type { LocalDatabase } from '../../../src/sensor/sql/local-database.js';

// A thread begins with a file that plain Node can run: the one that was built before the tests.
const { LocalDatabase: Built } = (await import(
  new URL('../../../dist/sensor/sql/local-database.js', import.meta.url).href
)) as { LocalDatabase: typeof LocalDatabase };

const some = { rows: 100, timeoutMs: 20_000 };
/** SQLite neither counts steps nor looks at a clock while it searches. */
const hanging = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')";
const open: LocalDatabase[] = [];

function database(): LocalDatabase {
  const made = new Built();
  open.push(made);
  return made;
}

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

const event = (pid: number): AnyTableRow => ({
  kind: 'row',
  host: 'h',
  stream: 's',
  table: 'process_events',
  action: 'event',
  time: 1_700_000_000_000_000,
  resolution: 1,
  seq: 0,
  columns: { pid },
});

describe('the database of this machine', () => {
  it('answers queries in turn, also after one that failed', async () => {
    const local = database();
    const answers = await Promise.allSettled([
      local.query('SELECT 1 AS one', some),
      local.query('SELECT nonesuch', some),
      local.query('SELECT username FROM users WHERE uid = 0', some),
    ]);
    expect(answers).toMatchObject([
      { value: { columns: ['one'], rows: [[1]] } },
      { reason: { code: 'QUERY_FAILED', message: 'no such column: nonesuch' } },
      { value: { columns: ['username'], rows: [['root']] } },
    ]);
  });

  it('shows the events that it was given, each once', async () => {
    const local = database();
    const pids = async () => (await local.query('SELECT pid FROM process_events', some)).rows.flat();
    local.take([event(1), event(2)]);
    expect(await pids()).toEqual([1, 2]);
    local.take([event(3)]);
    expect(await pids()).toEqual([1, 2, 3]);
    const { rows } = await local.query('SELECT uptime > 0, eid FROM process_events LIMIT 1', some);
    expect(rows).toEqual([[0, '0000000001']]);
  });

  it('ends a query that hangs, keeps the events and goes on', async () => {
    const local = database();
    local.take([event(1)]);
    expect((await local.query('SELECT pid FROM process_events', some)).rows).toEqual([[1]]);
    const hung = local.query(hanging, { rows: 1, timeoutMs: 100 });
    const next = local.query('SELECT pid FROM process_events', some);
    await expect(hung).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    expect((await next).rows).toEqual([[1]]);
  });

  it('refuses what waits when it is closed', async () => {
    const local = database();
    const hung = local.query(hanging, some);
    const waiting = local.query('SELECT 1', some);
    local.close();
    await expect(hung).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    await expect(waiting).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  });

  it('takes no more queries than may wait', async () => {
    const local = database();
    const asked = Array.from({ length: 300 }, () => local.query('SELECT 1', some));
    const answers = await Promise.allSettled(asked);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(257);
    expect(answers.at(-1)).toMatchObject({ reason: { code: 'QUERY_FAILED', message: 'too many queries wait' } });
  });
});
