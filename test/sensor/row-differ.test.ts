import { describe, expect, it } from 'vitest';
import { RowDiffer } from '../../src/sensor/row-differ.js';

const rows = (...keys: string[]) => new Map(keys.map((key) => [key, { pid: Number(key.split(' ')[0]) }]));
const moment = (start: number, asOf = start) => ({ start, end: start + 5, asOf });

describe('the comparison of polls', () => {
  it('gives the first rows without a time since when, and later changes with that of the poll before', () => {
    const differ = new RowDiffer('processes', 'h', 'b');
    const first = differ.take(rows('1', '2'), moment(100));
    expect(first.map((row) => [row.action, row.columns.pid, row.time, row.since, row.resolution])).toEqual([
      ['added', 1, 100, undefined, 5],
      ['added', 2, 100, undefined, 5],
    ]);
    const second = differ.take(rows('2', '3'), moment(200));
    expect(second.map((row) => [row.action, row.columns.pid, row.time, row.since])).toEqual([
      ['removed', 1, 200, 100],
      ['added', 3, 200, 100],
    ]);
    expect([...first, ...second].map((row) => row.seq)).toEqual([0, 1, 2, 3]);
    expect(differ.take(rows('2', '3'), moment(300))).toEqual([]);
    expect(differ.take(rows('2'), moment(400)).map((row) => row.since)).toEqual([300]);
    expect(first[0]).toMatchObject({ kind: 'row', host: 'h', boot: 'b', stream: 'processes', table: 'processes' });
  });

  it('tells a reused pid as a process gone and another one come', () => {
    const differ = new RowDiffer('processes', 'h', undefined);
    differ.take(rows('7 ticks 1000'), moment(100));
    const changes = differ.take(rows('7 ticks 2000'), moment(200));
    expect(changes.map((row) => [row.action, row.columns.pid])).toEqual([
      ['removed', 7],
      ['added', 7],
    ]);
  });

  it('widens the bound when the poll before took something for unchanged', () => {
    const differ = new RowDiffer('processes', 'h', undefined);
    differ.take(rows('1'), moment(100));
    differ.take(rows('1'), moment(200, 100));
    expect(differ.take(rows(), moment(300)).map((row) => row.since)).toEqual([100]);
  });

  it('gives no earlier bound after the clock was set back', () => {
    const differ = new RowDiffer('processes', 'h', undefined);
    differ.take(rows('1'), moment(500));
    const [gone] = differ.take(rows(), moment(200));
    expect(gone).toMatchObject({ action: 'removed', time: 200 });
    expect(gone).not.toHaveProperty('since');
  });
});
