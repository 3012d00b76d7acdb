import { describe, expect, it } from 'vitest';
import { StandingRows } from '../../src/agent/standing-rows.js';
import { limits } from '../../src/core/limits.js';
import type { AnyTableRow, HostRow } from '../../src/records/host-row.js';

let sequence = 0;
const row = (table: string, action: string, columns: object): HostRow =>
  ({
    kind: 'row',
    host: 'h',
    stream: table,
    table,
    action,
    time: 1,
    resolution: 1,
    seq: sequence,
    columns,
  }) as AnyTableRow;

function standing(rows: readonly HostRow[]): unknown[] {
  const state = new StandingRows();
  for (const each of rows) state.take(each, sequence++);
  return state.before(Infinity).map(({ row: each }) => ('columns' in each ? each.columns : each.kind));
}

const event = (action: string, socket: string, more: object = {}) =>
  row('socket_events', 'event', { action, socket, ...more });

describe('rows that still hold', () => {
  it('are those that polls added and did not remove', () => {
    const [a, b] = [{ pid: 1 }, { pid: 2 }];
    expect(
      standing([row('processes', 'added', a), row('processes', 'added', b), row('processes', 'removed', a)]),
    ).toEqual([b]);
  });

  it('are fork and exec of processes that have not exited', () => {
    const fork = (pid: number) => row('process_events', 'event', { pid, syscall: 'fork' });
    const exec = (pid: number, path: string) => row('process_events', 'event', { pid, path, syscall: 'exec' });
    const exit = row('process_events', 'event', { pid: 1, syscall: 'exit' });
    expect(standing([fork(1), exec(1, '/a'), fork(2), exec(2, '/b'), exec(2, '/c'), exit])).toEqual([
      { pid: 2, syscall: 'fork' },
      { pid: 2, path: '/c', syscall: 'exec' },
    ]);
  });

  it('are the last change of user of a process that has not exited', () => {
    const event = (syscall: string, more: object = {}) => row('process_events', 'event', { pid: 1, syscall, ...more });
    const rows = [event('fork'), event('setresuid', { uid: 5 }), event('setresuid', { uid: 6 })];
    expect(standing(rows)).toMatchObject([{ syscall: 'fork' }, { syscall: 'setresuid', uid: 6 }]);
    expect(standing([...rows, event('exit')])).toEqual([]);
  });

  it('are calls on sockets that have not closed, with every peer of a datagram socket', () => {
    const peer = (port: number) => event('send', '7', { remote_address: '192.0.2.1', remote_port: port });
    const rows = [event('listen', '5'), event('accept', '6'), peer(53), peer(123), peer(53), event('close', '6')];
    expect(standing(rows)).toMatchObject([
      { action: 'listen' },
      { action: 'send', remote_port: 123 },
      { action: 'send', remote_port: 53 },
    ]);
    expect(standing([...rows, event('close', '7')])).toMatchObject([{ action: 'listen' }]);
  });

  it('begin anew with every run of a sensor, whose first row says who the host is', () => {
    const host: HostRow = { kind: 'host', host: 'h', streams: [], from: 1 };
    expect(standing([row('users', 'added', { uid: 1 }), host, row('users', 'added', { uid: 2 })])).toEqual([
      'host',
      { uid: 2 },
    ]);
    expect(standing([host, row('users', 'added', { uid: 1 }), { kind: 'host_timeout', host: 'h', at: 2 }])).toEqual([]);
  });

  it('are at the bound still told of a host that is known', () => {
    const state = new StandingRows();
    const streams = [{ stream: 'processes', table: 'processes' }] as const;
    state.take({ kind: 'host', host: 'h', streams, from: 0 }, 0);
    for (let pid = 1; pid <= limits.agentStandingRows + 2; pid++) state.take(row('processes', 'added', { pid }), pid);
    const told = state.before(Infinity);
    expect(told[0]).toMatchObject({ row: { kind: 'host' }, sequence: 0 });
    expect([told.length, told[1]?.sequence, state.forgotten]).toEqual([limits.agentStandingRows, 4, 3]);
  });
});
