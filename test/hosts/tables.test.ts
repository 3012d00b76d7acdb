import { expect, test } from 'vitest';
import { HostTables } from '../../src/hosts/tables.js';
import type { AnyTableRow } from '../../src/records/host-row.js';

let seq = 0;
function row(action: AnyTableRow['action'], columns: object, more: Partial<AnyTableRow> = {}): AnyTableRow {
  return {
    kind: 'row',
    host: 'h1',
    stream: 's',
    table: 'processes',
    action,
    time: 1,
    resolution: 1,
    seq: seq++,
    columns,
    ...more,
  } as AnyTableRow;
}

test('holds what was added and not removed, per host and table', () => {
  const tables = new HostTables();
  expect(tables.apply(row('added', { pid: 1, name: 'init' }))).toBe(true);
  expect(tables.apply(row('added', { pid: 2 }))).toBe(true);
  tables.apply(row('added', { pid: 2 }, { host: 'h2' }));
  tables.apply(row('added', { uid: 0 }, { table: 'users' } as Partial<AnyTableRow>));
  expect(tables.apply(row('removed', { name: 'init', pid: 1 }))).toBe(true);
  expect([...tables.rows('h1', 'processes')]).toEqual([{ pid: 2 }]);
  expect([...tables.rows('h2', 'processes')]).toEqual([{ pid: 2 }]);
  expect([...tables.rows('h1', 'users')]).toEqual([{ uid: 0 }]);
  expect([...tables.rows('h3', 'users')]).toEqual([]);
});

test('an equal row of another query is the same row until the last query drops it', () => {
  const tables = new HostTables();
  tables.apply(row('added', { pid: 1 }));
  expect(tables.apply(row('added', { pid: 1 }, { stream: 'other' }))).toBe(false);
  expect(tables.apply(row('removed', { pid: 1 }))).toBe(false);
  expect([...tables.rows('h1', 'processes')]).toEqual([{ pid: 1 }]);
  expect(tables.apply(row('removed', { pid: 1 }, { stream: 'other' }))).toBe(true);
  expect([...tables.rows('h1', 'processes')]).toEqual([]);
});

test('a removal of a row that is not there is counted and changes nothing', () => {
  const tables = new HostTables();
  expect(tables.apply(row('removed', { pid: 1 }))).toBe(false);
  tables.apply(row('added', { pid: 1 }));
  expect([...tables.rows('h1', 'processes')]).toEqual([{ pid: 1 }]);
  expect(tables.counters).toEqual({ dropped: 0, evicted: 0, unmatched: 1 });
});

test('a row stays the same object as long as it is current', () => {
  const tables = new HostTables();
  tables.apply(row('added', { pid: 1 }));
  const [first] = tables.rows('h1', 'processes');
  tables.apply(row('added', { pid: 2 }));
  expect([...tables.rows('h1', 'processes')][0]).toBe(first);
});

test('beyond the bounds new rows and hosts are dropped, old events evicted, all counted', () => {
  const tables = new HostTables({ hosts: 1, rows: 2, events: 2 });
  for (const pid of [1, 2, 3]) tables.apply(row('added', { pid }));
  for (const pid of [1, 2, 3]) tables.apply(row('event', { pid }, { table: 'process_events' } as Partial<AnyTableRow>));
  expect(tables.apply(row('added', { pid: 1 }, { host: 'h2' }))).toBe(false);
  expect([...tables.rows('h1', 'processes')]).toEqual([{ pid: 1 }, { pid: 2 }]);
  expect([...tables.rows('h1', 'process_events')]).toEqual([{ pid: 2 }, { pid: 3 }]);
  expect(tables.counters).toEqual({ dropped: 2, evicted: 1, unmatched: 0 });
});

test('a host that begins anew has no rows', () => {
  const tables = new HostTables({ hosts: 1, rows: 2, events: 2 });
  tables.apply(row('added', { pid: 1 }));
  tables.forget('h1');
  expect([...tables.rows('h1', 'processes')]).toEqual([]);
  expect(tables.apply(row('added', { pid: 1 }, { host: 'h2' }))).toBe(true);
});
