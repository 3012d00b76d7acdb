import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordingWriter } from '../../src/hosts/recording-writer.js';
import type { HostRow } from '../../src/records/host-row.js';
import { type ColumnType, type HostTable, hostTables } from '../../src/records/host-tables.js';
import { readLines, readLog, withFile } from './sources/log-fixture.js';

const micros = fc.maxSafeInteger();
const name = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' });
const tableName = fc.constantFrom(...(Object.keys(hostTables) as HostTable[]));

function columnsOf(table: HostTable) {
  const types: Record<string, ColumnType> = hostTables[table];
  const own = Object.fromEntries(
    Object.entries(types).map(([column, type]) => [
      column,
      type === 'TEXT' ? fc.string({ unit: 'binary' }) : fc.maxSafeInteger().map((value) => value + 0),
    ]),
  );
  return fc.record({ ...own, extra: fc.oneof(fc.string(), fc.integer()) }, { requiredKeys: [] });
}

const tableRow = tableName.chain((table) =>
  fc.record(
    {
      kind: fc.constant('row' as const),
      host: name,
      boot: name,
      stream: name,
      table: fc.constant(table),
      action: fc.constantFrom('event' as const, 'added' as const, 'removed' as const),
      time: micros,
      since: micros,
      resolution: micros,
      seq: micros,
      columns: columnsOf(table),
    },
    { requiredKeys: ['kind', 'host', 'stream', 'table', 'action', 'time', 'resolution', 'seq', 'columns'] },
  ),
);

const anyRow = fc.oneof(
  tableRow,
  fc.record(
    {
      kind: fc.constant('host' as const),
      host: name,
      boot: name,
      streams: fc.array(fc.record({ stream: name, table: tableName })),
      from: micros,
    },
    { requiredKeys: ['kind', 'host', 'streams', 'from'] },
  ),
  fc.record({
    kind: fc.constant('clock' as const),
    host: name,
    capture: name,
    offset: micros,
    err: micros,
    from: micros,
  }),
  fc.record({ kind: fc.constant('complete' as const), host: name, stream: name, until: micros }),
  fc.record({ kind: fc.constant('lost' as const), host: name, stream: name, from: micros, to: micros }),
  fc.record({ kind: fc.constant('host_timeout' as const), host: name, at: micros }),
) as fc.Arbitrary<HostRow>;

const row: HostRow = { kind: 'complete', host: 'web', stream: 'users', until: 5 };

function record(path: string, batches: readonly (readonly HostRow[])[]): void {
  const writer = new RecordingWriter(path);
  for (const batch of batches) writer.write(batch);
  writer.close();
}

describe('a recording', () => {
  it('gives back equal rows in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyRow, { maxLength: 10 }), { maxLength: 10 }), async (batches) => {
        await withFile('', async (path) => {
          record(path, batches);
          const { rows, warnings } = await readLog(path);
          expect(warnings).toEqual([]);
          expect(rows).toEqual(batches.flat());
        });
      }),
      { numRuns: 60 },
    );
  });

  it('is read to its last whole line when its writer was killed', async () => {
    await withFile('', async (path) => {
      record(path, [[row, { ...row, until: 6 }, { ...row, until: 7 }]]);
      truncateSync(path, readFileSync(path).length - 10);
      const { rows, counts, warnings } = await readLog(path);
      expect(rows).toEqual([row, { ...row, until: 6 }]);
      expect(counts.bad).toBe(1);
      expect(warnings[0]?.where).toBe(`${path}:4`);
    });
  });

  it('of another version is refused with HOST_LOG_VERSION', async () => {
    for (const version of [2, 0, '1', null, [[]]]) {
      await expect(readLines([{ correlate_recording: version }, row])).rejects.toMatchObject({
        code: 'HOST_LOG_VERSION',
      });
    }
  });

  it.each([
    ['another kind', { ...row, kind: 'other' }],
    ['a kind from the prototype', { ...row, kind: 'constructor' }],
    ['a member missing', { kind: 'complete', host: 'web', stream: 'users' }],
    ['a member of another type', { ...row, until: '5' }],
    ['a time that is no integer', { ...row, until: 5.5 }],
    [
      'an unknown table',
      {
        kind: 'row',
        host: 'x',
        stream: 'x',
        table: 'toString',
        action: 'event',
        time: 1,
        resolution: 1,
        seq: 1,
        columns: {},
      },
    ],
    [
      'a column of another type',
      {
        kind: 'row',
        host: 'x',
        stream: 'x',
        table: 'users',
        action: 'event',
        time: 1,
        resolution: 1,
        seq: 1,
        columns: { uid: 'x' },
      },
    ],
    [
      'columns in a list',
      {
        kind: 'row',
        host: 'x',
        stream: 'x',
        table: 'users',
        action: 'event',
        time: 1,
        resolution: 1,
        seq: 1,
        columns: [],
      },
    ],
  ])('skips and counts a line with %s', async (_what, line) => {
    const { rows, counts } = await readLines([{ correlate_recording: 1 }, line, row]);
    expect(rows).toEqual([row]);
    expect(counts).toEqual({ lines: 3, bad: 1, unused: 0 });
  });

  it('may be two recordings one after the other', async () => {
    await withFile('', async (path) => {
      record(path, [[row]]);
      appendFileSync(path, readFileSync(path));
      expect((await readLog(path)).rows).toEqual([row, row]);
    });
  });

  it('that cannot be created fails with OUTPUT_OPEN_FAILED', () => {
    expect(() => new RecordingWriter('/nonexistent/x')).toThrow(
      expect.objectContaining({ code: 'OUTPUT_OPEN_FAILED' }),
    );
  });
});
