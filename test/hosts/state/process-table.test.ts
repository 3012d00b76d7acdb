import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProcessRow } from '../../../src/hosts/state/process-record.js';
import { ProcessTable } from '../../../src/hosts/state/process-table.js';
import { RowStore } from '../../../src/hosts/state/row-store.js';

const s = 1_000_000;
const END = 60;
const PIDS = [1, 2, 3];

interface Told {
  readonly pid: number;
  readonly at: number;
  readonly what: 'fork' | 'execve' | 'exit' | 'added' | 'removed';
  readonly start: number;
}

const told: fc.Arbitrary<Told> = fc.record({
  pid: fc.constantFrom(...PIDS),
  at: fc.nat(END),
  what: fc.constantFrom('fork', 'execve', 'exit', 'added', 'removed'),
  start: fc.nat(END),
});

function rowOf({ pid, at, what, start }: Told, seq: number): ProcessRow {
  const isPolled = what === 'added' || what === 'removed';
  const table = isPolled ? 'processes' : 'process_events';
  const columns = isPolled ? { pid, path: '/bin/a', start_time: start } : { pid, path: '/bin/a', syscall: what };
  const action = isPolled ? what : 'event';
  return {
    kind: 'row',
    host: 'a',
    stream: table,
    table,
    action,
    time: at * s,
    resolution: 1,
    seq,
    columns,
  } as ProcessRow;
}

/** A table of these rows, what is left of it after a sweep for `horizon`, and how many rows that are. */
function swept(rows: readonly Told[], horizon: number) {
  const store = new RowStore();
  const table = new ProcessTable({ k0: 1, k1: 2 }, store);
  const host = store.origins.addHost('a');
  const other = store.origins.addHost('b');
  rows.forEach((row, seq) => {
    table.add(host, row.pid, rowOf(row, seq));
    table.add(other, row.pid, rowOf(row, seq));
  });
  table.prune(host, horizon * s);
  return { table, host, other };
}

describe('a sweep of the processes of a host', () => {
  it('forgets the pids whose last row tells of an end before the horizon, and of others what the process that has them makes needless', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 40 }), fc.nat(END), (rows, horizon) => {
        const { table, host, other } = swept(rows, horizon);
        let left = 0;
        for (const pid of PIDS) {
          const ofPid = rows.map((row, seq) => ({ ...row, seq })).filter((row) => row.pid === pid);
          const last = ofPid.toSorted((a, b) => a.at - b.at || a.seq - b.seq).at(-1);
          const isOver = last !== undefined && last.at < horizon && (last.what === 'exit' || last.what === 'removed');
          const needless = table.history(other, pid)?.needless(horizon * s).length ?? 0;
          const leftOfPid = isOver ? 0 : ofPid.length - needless;
          expect(table.history(host, pid) === undefined).toBe(leftOfPid === 0);
          left += leftOfPid;
        }
        expect(table.count(host)).toBe(left);
        expect(table.count(other)).toBe(rows.length);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves a table that goes on as if the rows that are gone had never been', () => {
    fc.assert(
      fc.property(
        fc.array(told, { maxLength: 40 }),
        fc.array(told, { maxLength: 20 }),
        fc.nat(END),
        (rows, more, horizon) => {
          const { table, host } = swept(rows, horizon);
          more.forEach((row, i) => {
            table.add(host, row.pid, rowOf({ ...row, at: row.at + END }, rows.length + i));
          });
          for (let count = table.count(host); count > 0; count--) {
            const { pid } = table.forgetOldest(host);
            expect(PIDS).toContain(pid);
            expect(table.count(host)).toBe(count - 1);
          }
          for (const pid of PIDS) expect(table.history(host, pid)).toBeUndefined();
        },
      ),
    );
  });
});
