import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.js';
import { OsqueryResultLog } from '../../../src/hosts/sources/osquery/results.js';
import { readLines } from './log-fixture.js';

function event(columns: object, more: object = {}) {
  return {
    name: 'socket_events',
    hostIdentifier: 'web',
    unixTime: 10,
    epoch: 0,
    counter: 1,
    columns,
    action: 'added',
    ...more,
  };
}

const users = (snapshot: readonly unknown[], more: object = {}) => ({
  ...event({}),
  name: 'users',
  columns: undefined,
  action: 'snapshot',
  snapshot,
  ...more,
});

describe('the columns of rows', () => {
  it('are in the order of their names, and equal rows one, in whatever order a line has them', async () => {
    const { tableRows } = await readLines([
      event({ pid: '7', action: 'connect', time: '9', eid: '2' }),
      event({ time: '9', eid: '2', pid: '7', action: 'connect' }),
      event({ eid: '1', pid: '7', time: '9', action: 'connect' }),
    ]);
    expect(tableRows.map(({ columns }) => JSON.stringify(columns))).toEqual([
      '{"action":"connect","eid":"1","pid":7,"time":9}',
      '{"action":"connect","eid":"2","pid":7,"time":9}',
    ]);
  });

  it('may be others in each row of a line and in each line of a query', async () => {
    const { tableRows, warnings } = await readLines([
      users([
        { username: 'a', uid: '1' },
        { uid: '2' },
        { uid: '3', shell: '/bin/sh', x: '7' },
        { uid: '4', username: '' },
      ]),
      users([{ x: 7, uid: '3', shell: '/bin/sh' }, { uid: '2' }], { unixTime: 20, counter: 2 }),
    ]);
    expect(warnings).toEqual([]);
    expect(tableRows.map(({ action, columns }) => [action, columns])).toEqual([
      ['added', { shell: '/bin/sh', uid: 3, x: '7' }],
      ['added', { uid: 1, username: 'a' }],
      ['added', { uid: 2 }],
      ['added', { uid: 4 }],
      ['removed', { shell: '/bin/sh', uid: 3, x: '7' }],
      ['removed', { uid: 1, username: 'a' }],
      ['removed', { uid: 4 }],
      ['added', { shell: '/bin/sh', uid: 3, x: 7 }],
    ]);
  });

  it('are those of the table of a line, which a query named for none takes from its first row', async () => {
    const socket = { pid: '7', port: '80', address: '::', protocol: '6', path: '' };
    const { tableRows, counts } = await readLines([
      users([socket, { pid: '8', name: 'x', parent: '1' }], { name: 'mine' }),
      users([{ pid: '8', name: 'x', parent: '1' }, socket], { name: 'mine', hostIdentifier: 'db' }),
    ]);
    expect(tableRows.map(({ host, table, columns }) => [host, table, columns])).toEqual([
      ['db', 'processes', { address: '::', pid: 7, port: '80', protocol: '6' }],
      ['db', 'processes', { name: 'x', parent: 1, pid: 8 }],
      ['web', 'listening_ports', { address: '::', pid: 7, port: 80, protocol: 6 }],
      ['web', 'listening_ports', { name: 'x', parent: '1', pid: 8 }],
    ]);
    expect(counts).toEqual({ lines: 2, bad: 0, unused: 0 });
  });

  it('are known again however many other queries and lists of columns there are between', async () => {
    const count = Math.max(limits.hostKnownQueries, limits.hostRowShapes) + 10;
    const lines = Array.from({ length: count }, (_, i) =>
      event({ pid: `${i}`, action: 'connect', [`extra${i}`]: 'x' }, { name: `pack_${i}_socket_events`, counter: i }),
    );
    const { tableRows, counts } = await readLines([...lines, { ...lines[0], unixTime: 11, counter: count }]);
    expect(counts).toEqual({ lines: count + 1, bad: 0, unused: 0 });
    expect(tableRows.at(-1)?.columns).toEqual({ action: 'connect', extra0: 'x', pid: 0 });
  });

  it.each([
    ['column A is neither text nor a number', '{"__proto__":"x","A":true}'],
    ['a column is called __proto__', '{"__proto__":"","a":true}'],
    ['a row has more than 256 columns', JSON.stringify(Object.fromEntries([...Array(257).keys()].map((i) => [i, i])))],
  ])('%s: the line is bad, also after good ones', async (reason, columns) => {
    const good = event({ pid: '7', action: 'connect' });
    const bad = JSON.stringify(event({ columns: 0 })).replace('{"columns":0}', columns);
    const { warnings, tableRows } = await readLines([good, bad, bad]);
    expect(warnings.map(({ message }) => message)).toEqual([reason, reason]);
    expect(tableRows).toHaveLength(1);
  });
});

describe('a row that comes again in a run', () => {
  it.each([
    ['of events', 'socket_events'],
    ['of changes', 'listening_ports'],
  ])('%s is one, also when lines of the run were handed over before', (_what, name) => {
    const log = new OsqueryResultLog('x', () => {}, 400);
    const rows: unknown[] = [];
    const take = (batches: Iterable<readonly object[]>) => {
      for (const batch of batches) for (const row of batch) if ('columns' in row) rows.push(row.columns);
    };
    const line = (pid: number) => event({ pid, action: 'connect', port: '80', protocol: '6' }, { name });
    for (const pid of [1, 1, 2, 3, 2, 3, 1, 4]) {
      expect(log.accept(line(pid), 100)).toBeUndefined();
      take(log.ready());
    }
    take(log.end());
    expect(rows).toMatchObject([1, 2, 3, 4].map((pid) => ({ pid })));
    expect(rows).toHaveLength(4);
  });
});
