import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEAD, RowStore } from '../../../src/hosts/state/row-store.js';
import type { AnyTableRow } from '../../../src/records/host-row.js';

const value = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
  fc.nat().map(String),
  fc.maxSafeNat().map(String),
  fc.string({ maxLength: 8 }),
  fc.constantFrom('', '0', '007', '18446744073709551615', null, true),
);
const row = fc.record({
  kind: fc.constant('row' as const),
  host: fc.constantFrom('a', 'b'),
  stream: fc.constantFrom('one', 'two'),
  table: fc.constantFrom('socket_events', 'processes'),
  action: fc.constantFrom('event', 'added', 'removed'),
  time: fc.maxSafeNat(),
  resolution: fc.constantFrom(1, 1_000_000),
  seq: fc.maxSafeNat(),
  columns: fc.dictionary(
    fc.constantFrom('pid', 'path', 'fd', 'socket', 'other', 'cmdline', 'name', 'cwd', 'uid', 'gid', 'auid'),
    value,
  ),
});
const optional = fc.record({ since: fc.maxSafeNat(), boot: fc.string() }, { requiredKeys: [] });

describe('the store of rows', () => {
  it('gives every row back as it came, for as long as it is kept, and keeps no text of those that went', () => {
    const step = fc.record({ row, optional, drop: fc.boolean(), which: fc.nat(1_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const store = new RowStore();
        const hosts = { a: store.origins.addHost('a'), b: store.origins.addHost('b') };
        const kept: { handle: number; given: AnyTableRow }[] = [];
        const drop = (at: number): void => {
          const [{ handle, given }] = kept.splice(at, 1) as [{ handle: number; given: AnyTableRow }];
          const stamp = store.stamp(handle);
          expect(store.row(handle, stamp)).toEqual(given);
          store.free(handle);
          expect(store.row(handle, stamp)).toBeUndefined();
        };
        for (const { row: bare, optional: rest, drop: isLast, which } of steps) {
          const given = { ...bare, ...rest } as unknown as AnyTableRow;
          kept.push({ handle: store.pack(given, hosts[bare.host], HEAD), given });
          if (isLast) drop(which % kept.length);
        }
        for (const { handle, given } of kept) expect(store.row(handle, store.stamp(handle))).toEqual(given);
        while (kept.length > 0) drop(0);
        expect([store.texts.size, store.parts.size, store.origins.size]).toEqual([0, 0, 0]);
      }),
      { numRuns: 100 },
    );
  });

  it('keeps what rows of a table say alike once, until the last of them goes', () => {
    const store = new RowStore();
    const host = store.origins.addHost('a');
    const given = (pid: number, cwd: string): AnyTableRow => ({
      kind: 'row',
      host: 'a',
      boot: 'b',
      stream: 'processes',
      table: 'processes',
      action: 'added',
      time: pid,
      resolution: 1,
      seq: pid,
      columns: { pid, path: '/bin/a', name: 'a', cmdline: `a ${pid}`, cwd, uid: 4_294_967_295 },
    });
    const rows = [given(1, '/'), given(2, '/'), given(3, '/tmp')];
    const handles = rows.map((row) => store.pack(row, host, HEAD));
    expect(store.parts.size).toBe(2);
    expect(handles.map((handle) => store.row(handle, store.stamp(handle)))).toEqual(rows);
    store.free(handles[0]!);
    expect(store.row(handles[1]!, store.stamp(handles[1]!))).toEqual(rows[1]);
    store.free(handles[1]!);
    store.free(handles[2]!);
    expect([store.texts.size, store.parts.size, store.origins.size]).toEqual([0, 0, 0]);
  });
});
