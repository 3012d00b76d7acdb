import { describe, expect, it } from 'vitest';
import type { HostRow } from '../../src/records/host-row.js';
import { encodeRows, readRows } from '../../src/wire/row-message.js';

const process = (seq: number, action: 'added' | 'removed', columns: Record<string, string | number>): HostRow => ({
  kind: 'row',
  host: 'web-1',
  boot: 'b1',
  stream: 'processes',
  table: 'processes',
  action,
  time: 1_700_000_000_000_000 + seq,
  ...(seq % 2 === 0 && { since: 1_700_000_000_000_000 }),
  resolution: 1000,
  seq,
  columns,
});
const user = (seq: number): HostRow => ({
  ...(process(seq, 'added', {}) as Extract<HostRow, { table: 'users' }>),
  stream: 'users',
  table: 'users',
  columns: { uid: seq, username: `u${seq}` },
});
const complete = (stream: string, until: number): HostRow => ({ kind: 'complete', host: 'web-1', stream, until });

const parsed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe('rows on the wire', () => {
  it('come out as they went in, with growing sequences, and keep their order within a stream and against watermarks', () => {
    const rows: HostRow[] = [
      {
        kind: 'host',
        host: 'web-1',
        boot: 'b1',
        streams: [
          { stream: 'processes', table: 'processes' },
          { stream: 'users', table: 'users', pause: 1_000_000 },
        ],
        from: 5,
      },
      process(1, 'added', { pid: 1, name: 'init', extra: 'x' }),
      user(7),
      process(2, 'removed', { pid: 1, name: 'init' }),
      process(3, 'added', { pid: 2, path: '/bin/sh' }),
      user(8),
      complete('processes', 99),
      complete('users', 98),
      process(4, 'added', { pid: 3 }),
      { kind: 'lost', host: 'web-1', stream: 'users', from: 1, to: 2 },
      { kind: 'host_timeout', host: 'web-1', at: 1_800_000_000_000_000 },
    ];
    const { text, rows: inOrder } = encodeRows(rows, 40, 'b1');
    const batch = readRows(parsed(text), 'web-1');
    if (typeof batch === 'string') throw new Error(batch);
    expect(batch.rows).toEqual(inOrder);
    expect(batch.sequences).toEqual(rows.map((_, i) => 40 + i));
    expect(batch.latest).toBe(1_800_000_000_000_000);
    const ofStream = (list: readonly HostRow[], stream: string) =>
      list.filter((row) => row.kind === 'row' && row.stream === stream);
    expect(ofStream(batch.rows, 'processes')).toEqual(ofStream(rows, 'processes'));
    expect(ofStream(batch.rows, 'users')).toEqual(ofStream(rows, 'users'));
    expect(batch.rows.findIndex(({ kind }) => kind === 'complete')).toBe(6);
  });

  it('carry sequences of their own where rows in between are no longer held', () => {
    const { text } = encodeRows(
      [process(1, 'added', { pid: 1 }), user(2), process(3, 'added', { pid: 2 })],
      [5, 9, 12],
      'b1',
    );
    const batch = readRows(parsed(text), 'h');
    if (typeof batch === 'string') throw new Error(batch);
    expect(batch.rows.map((row, i) => [row.kind === 'row' && row.seq, batch.sequences[i]])).toEqual([
      [1, 5],
      [3, 12],
      [2, 9],
    ]);
    expect(batch.rows.every(({ host }) => host === 'h')).toBe(true);
  });

  const good = parsed(encodeRows([process(1, 'added', { pid: 1, name: 'a' })], 0, 'b').text);
  const block = (good.blocks as Record<string, unknown>[])[0]!;
  const bad: [string, unknown][] = [
    ['a host id of its own', { ...good, host: 'other' }],
    ['a host id in a block', { ...good, blocks: [{ ...block, host: 'other' }] }],
    ['no blocks', { ...good, blocks: 1 }],
    ['a block that is null', { ...good, blocks: [null] }],
    ['an unknown table', { ...good, blocks: [{ ...block, table: 'shadow' }] }],
    ['a table named as a member of every object', { ...good, blocks: [{ ...block, table: 'toString' }] }],
    ['an unknown action', { ...good, blocks: [{ ...block, action: 'replace' }] }],
    ['text where the table has a number', { ...good, blocks: [{ ...block, columns: { pid: ['1'] } }] }],
    ['a number where the table has text', { ...good, blocks: [{ ...block, columns: { name: [1] } }] }],
    ['an object as a value', { ...good, blocks: [{ ...block, columns: { name: [{}] } }] }],
    ['a column of another length', { ...good, blocks: [{ ...block, columns: { pid: [1, 2] } }] }],
    ['a prototype as a column', { ...good, blocks: [{ ...block, columns: JSON.parse('{"__proto__":[1]}') }] }],
    ['text beyond the limit', { ...good, blocks: [{ ...block, columns: { name: ['x'.repeat(16_385)] } }] }],
    ['a time that is no integer', { ...good, blocks: [{ ...block, time: [1.5] }] }],
    ['a time beyond exact integers', { ...good, blocks: [{ ...block, time: [2 ** 60] }] }],
    ['times of another number', { ...good, blocks: [{ ...block, since: [] }] }],
    ['a negative sequence', { ...good, first: -1 }],
    ['both numberings', { ...good, sequences: [1] }],
    ['neither numbering', { ...good, first: undefined }],
    ['a clock row', { ...good, blocks: [{ clock: 1 }] }],
    ['a stream without a table', { ...good, blocks: [{ host: [['a']], from: 1 }] }],
    ['a pause that is none', { ...good, blocks: [{ host: [['a', 'users', -1]], from: 1 }] }],
    ['more than the pause of a stream', { ...good, blocks: [{ host: [['a', 'users', 1, 1]], from: 1 }] }],
    ['a watermark without a time', { ...good, blocks: [{ complete: ['a'], until: [] }] }],
  ];
  it.each(bad)('are refused with %s', (_, message) => {
    expect(readRows(message as Record<string, unknown>, 'web-1')).toBeTypeOf('string');
  });
});
