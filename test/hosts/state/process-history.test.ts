import { describe, expect, it } from 'vitest';
import type { ProcessRow } from '../../../src/hosts/state/process-record.js';
import { ProcessTable } from '../../../src/hosts/state/process-table.js';
import { RowStore } from '../../../src/hosts/state/row-store.js';
import type { AnyTableRow } from '../../../src/records/host-row.js';

const s = 1_000_000;
let seq = 0;

function exec(at: number, path: string, syscall = 'execve', columns: object = {}): AnyTableRow {
  const base = { kind: 'row', host: 'a', stream: 'process_events', table: 'process_events', action: 'event' } as const;
  return {
    ...base,
    time: at * s,
    resolution: 1,
    seq: seq++,
    columns: { pid: 7, path, cmdline: `${path} x`, uid: 0, syscall, ...columns },
  };
}

function polled(action: 'added' | 'removed', at: number, since: number, path: string, start: number): AnyTableRow {
  const base = { kind: 'row', host: 'a', stream: 'processes', table: 'processes' } as const;
  return {
    ...base,
    action,
    time: at * s,
    since: since * s,
    resolution: 1,
    seq: seq++,
    columns: { pid: 7, path, start_time: start },
  };
}

/** What is known of pid 7. */
function tableOf(rows: readonly AnyTableRow[]) {
  const store = new RowStore();
  const table = new ProcessTable({ k0: 1, k1: 2 }, store);
  const host = store.origins.addHost('a');
  for (const row of rows) table.add(host, 7, row as ProcessRow);
  return { table, host, history: () => table.history(host, 7) };
}

function at(rows: readonly AnyTableRow[], moment: number, path?: string) {
  const shown = (order: readonly AnyTableRow[]) => {
    const { image, ...found } =
      tableOf(order)
        .history()
        ?.at(moment * s, moment * s, path) ?? {};
    return Object.keys(found).length === 0 ? undefined : { ...found, row: image?.row };
  };
  const found = shown(rows);
  expect(shown(rows.toReversed())).toEqual(found);
  return found;
}

describe('the process behind a pid', () => {
  const life = [exec(10, '/bin/sh', 'fork'), exec(11, '/bin/curl'), exec(14, '/bin/curl', 'exit')];

  it('is another one after a poll that no longer shows the first, though the polls are told of the same second', () => {
    const seen = { ...polled('added', 2, 2, '/bin/postgres', 2), resolution: s };
    const gone = { ...polled('removed', 2, 2, '/bin/postgres', 2), resolution: s };
    const next = exec(5, '/bin/nginx');
    expect(at([exec(2, '/bin/postgres'), seen, gone, next], 5.5)?.start).toBeUndefined();
    // In one poll what is gone is told before what is new: here it is a row that changed.
    const changed = { ...seen, seq: seq++ };
    expect(at([exec(2, '/bin/postgres'), gone, changed, next], 5.5)).toMatchObject({ start: 2 * s });
  });

  it('has the image of the moment, its parent image between fork and exec', () => {
    expect(at(life, 10.5)).toMatchObject({ path: '/bin/sh', start: 10 * s });
    expect(at(life, 12)).toMatchObject({ path: '/bin/curl', start: 10 * s });
  });

  it('is nobody after its end and before its start', () => {
    expect(at(life, 15)).toBeUndefined();
    expect(at(life, 9)).toBeUndefined();
  });

  it('is another one when the pid is used again', () => {
    const both = [...life, exec(20, '/bin/bash', 'fork')];
    expect(at(both, 12)).toMatchObject({ start: 10 * s });
    expect(at(both, 21)).toMatchObject({ path: '/bin/bash', start: 20 * s });
  });

  it('is known from polls, one row for each change of its columns', () => {
    const rows = [
      polled('added', 20, 10, '/bin/a', 12),
      polled('removed', 30, 20, '/bin/a', 12),
      polled('added', 30, 20, '/bin/b', 12),
    ];
    expect(at(rows, 20)).toMatchObject({ path: '/bin/a', start: 12 * s });
    expect(at(rows, 31)).toMatchObject({ path: '/bin/b', start: 12 * s });
  });

  it('is not named between the poll that saw it last and the one that missed it', () => {
    const rows = [polled('added', 20, 10, '/bin/a', 12), polled('removed', 30, 20, '/bin/a', 12)];
    expect(at(rows, 25)).toBeUndefined();
  });

  it('is not taken for the next one of a pid that three processes had within seconds of each other', () => {
    const rows = [
      polled('added', 20, 10, '/bin/a', 12),
      polled('removed', 30, 21, '/bin/a', 12),
      polled('added', 30, 21, '/bin/b', 13),
      polled('removed', 40, 33.5, '/bin/b', 13),
      polled('added', 40, 33.5, '/bin/c', 33),
    ];
    // The third started within second 33, but not before the second was last seen.
    expect(at(rows, 33.2)?.path).not.toBe('/bin/c');
    expect(at(rows, 40)).toMatchObject({ path: '/bin/c', start: 33 * s });
  });

  it('is not taken for a later one because an earlier one is known to have ended', () => {
    const coarse = (row: AnyTableRow): AnyTableRow => ({ ...row, resolution: s });
    const rows = [
      coarse(polled('added', 20, 10, '/bin/a', 12)),
      coarse(polled('removed', 30, 20, '/bin/a', 12)),
      coarse(exec(30, '/bin/b')),
      coarse(exec(50, '/bin/c')),
      coarse(polled('added', 55, 30, '/bin/c', 50)),
    ];
    expect(at(rows, 50.1)?.start).toBeUndefined();
    expect(at(rows, 52)).toMatchObject({ path: '/bin/c', start: 50 * s });
  });

  it('of several images in one span of coarse time is the one that the socket row names', () => {
    const coarse = (path: string) => ({ ...exec(10, path), resolution: s });
    const history = tableOf([coarse('/bin/a'), coarse('/bin/b')]).history()!;
    expect(history.at(10 * s, 11 * s - 1, '/bin/a')).toMatchObject({ path: '/bin/a' });
    expect(history.at(10 * s, 11 * s - 1)).toBeUndefined();
  });

  const id = 'ab'.repeat(32);
  const inContainer = { cgroup_path: `/system.slice/docker-${id}.scope` };

  it('is not the former one of the pid, though that ran what the socket row names, where a child of somebody else runs a program next', () => {
    const coarse = (at: number, path: string, parent: number) => ({
      ...exec(at, path, 'execve', { parent }),
      resolution: s,
    });
    const rows = (parent: number) => [coarse(1, '/bin/dnsmasq', 3), coarse(5, '/bin/curl', parent)];
    expect(at(rows(3), 5.9, '/bin/dnsmasq')).toMatchObject({ path: '/bin/dnsmasq' });
    expect(at(rows(1), 5.9, '/bin/dnsmasq')).toMatchObject({ path: '/bin/dnsmasq' });
    expect(at(rows(4), 4.9, '/bin/dnsmasq')).toMatchObject({ path: '/bin/dnsmasq' });
    expect(at([coarse(5, '/bin/dnsmasq', 3), coarse(5, '/bin/curl', 4)], 5.9, '/bin/dnsmasq')).toBeUndefined();
    // It may have called before, as a copy of its parent, which may be such a program too.
    expect(at(rows(4), 5.9, '/bin/dnsmasq')).toBeUndefined();
    // The same of one that had the pid before it in that second.
    expect(at([coarse(5, '/bin/curl', 4), coarse(5, '/bin/dnsmasq', 3)], 5.9, '/bin/dnsmasq')).toBeUndefined();
    expect(at([coarse(5, '/bin/curl', 4), coarse(5, '/bin/dnsmasq', 1)], 5.9, '/bin/dnsmasq')).toMatchObject({
      cmdline: '/bin/dnsmasq x',
    });
    expect(at([coarse(5, '/bin/curl', 3), coarse(5, '/bin/dnsmasq', 3)], 5.9, '/bin/dnsmasq')).toMatchObject({
      cmdline: '/bin/dnsmasq x',
    });
  });

  it('is not sure where the one that ran what a call says may have gone before, and the pid ran another program in that second', () => {
    const coarse = (at: number, path: string) => ({ ...exec(at, path, 'execve', { parent: 3 }), resolution: s });
    const gone = { ...polled('removed', 5, 4, '/bin/node', 2), resolution: s };
    const rows = [coarse(2, '/bin/node'), { ...polled('added', 3, 2, '/bin/node', 2), resolution: s }];
    expect(at([...rows, gone], 5.9, '/bin/node')).toMatchObject({ cmdline: '/bin/node x' });
    expect(at([...rows, coarse(5, '/bin/sshd')], 5.9, '/bin/node')).toMatchObject({ cmdline: '/bin/node x' });
    expect(at([...rows, gone, coarse(5, '/bin/sshd')], 5.9, '/bin/node')).toBeUndefined();
  });

  it('is not the next one of the pid, of which a poll tells in the second that it started in', () => {
    const seen = (start: number) => [{ ...polled('added', 6, 4, '/usr/bin/sshd', start), resolution: s }];
    expect(at(seen(6), 2, '/usr/bin/sshd')).toBeUndefined();
    // Starts are told in whole seconds, and may be a second off.
    expect(at(seen(6), 5, '/usr/bin/sshd')).toMatchObject({ path: '/usr/bin/sshd' });
  });

  it('is in the container of its control group, which only some rows tell', () => {
    const seen = polled('added', 12, 9, '/bin/curl', 10);
    const placed = { ...seen, columns: { ...seen.columns, ...inContainer } } as AnyTableRow;
    expect(at([exec(10, '/bin/curl', 'execve', inContainer)], 11)).toMatchObject({ container: id });
    expect(at([exec(10, '/bin/curl'), placed], 12)).toMatchObject({ container: id });
    expect(at([exec(10, '/bin/curl', 'execve', { cgroup_path: '/init.scope' })], 11)).not.toHaveProperty('container');
  });

  it('has no container where rows of one coarse moment name two', () => {
    const coarse = (columns: object) => ({ ...exec(10, '/bin/a', 'execve', columns), resolution: s });
    const history = tableOf([coarse(inContainer), coarse({ cgroup_path: '/lxc/other' })]).history()!;
    const found = history.at(10 * s, 11 * s - 1, '/bin/a');
    expect(found).toMatchObject({ path: '/bin/a' });
    expect(found).not.toHaveProperty('container');
  });

  it('is forgotten once it ended before the horizon', () => {
    const { table, history } = tableOf(life);
    table.prune(0, 100 * s);
    expect(table.count(0)).toBe(0);
    expect(history()).toBeUndefined();
  });

  it('stays the same when a server writes over its command line without an exec', () => {
    const start = exec(10, '/usr/sbin/sshd', 'execve', { cmdline: 'sshd -R', parent: 3 });
    const seen = polled('added', 11, 9, '/usr/sbin/sshd', 10);
    const renamed = { ...seen, columns: { ...seen.columns, cmdline: 'sshd: alice [priv]', parent: 3 } } as AnyTableRow;
    expect(at([start, renamed], 10.5)).toMatchObject({ path: '/usr/sbin/sshd', start: 10 * s, parent: 3 });
  });

  it('stays the same when its parent ends and a subreaper, as the service manager of a user, takes its place', () => {
    const fork = exec(10, '/bin/sh', 'fork', { parent: 3 });
    const start = exec(10.1, '/usr/bin/app', 'execve', { parent: 3 });
    const seen = polled('added', 20, 9, '/usr/bin/app', 10);
    const adopted = { ...seen, columns: { ...seen.columns, cmdline: '/usr/bin/app x', parent: 900 } } as AnyTableRow;
    for (const moment of [15, 25]) {
      expect(at([fork, start, adopted], moment)).toMatchObject({ path: '/usr/bin/app', start: 10 * s, parent: 3 });
      expect(at([start, adopted], moment)).toMatchObject({ path: '/usr/bin/app', start: 10 * s, parent: 3 });
      const other = { ...adopted, columns: { ...adopted.columns, cmdline: '/usr/bin/app y' } } as AnyTableRow;
      expect(at([start, other], moment)).toBeUndefined();
    }
  });

  const dropped = [exec(10, '/usr/sbin/d', 'fork'), exec(12, '/usr/sbin/d', 'setresuid', { uid: 33 })];
  const polledAs = (when: number, uid: number): AnyTableRow => {
    const row = polled('added', when, when - 1, '/usr/sbin/d', 5);
    return { ...row, columns: { ...row.columns, uid } } as AnyTableRow;
  };

  it('is another user from when it changed, with the same program', () => {
    expect(at(dropped, 11)).toMatchObject({ path: '/usr/sbin/d', uid: 0, start: 10 * s });
    expect(at(dropped, 13)).toMatchObject({ path: '/usr/sbin/d', uid: 33, start: 10 * s });
    expect(at([...dropped, exec(14, '/bin/sh', 'execve', { uid: 34 })], 15)).toMatchObject({ uid: 34 });
  });

  it('has no user where it may have changed within the time in question', () => {
    const { history } = tableOf(dropped);
    expect(history()!.at(11 * s, 13 * s)).toMatchObject({ path: '/usr/sbin/d' });
    expect(history()!.at(11 * s, 13 * s)!.uid).toBeUndefined();
    expect(history()!.at(12.5 * s, 13 * s)).toMatchObject({ uid: 33 });
  });

  it('has no user before a change that polls alone saw it after', () => {
    const change = exec(12, '/usr/sbin/d', 'setresuid', { uid: 33 });
    expect(at([change, polledAs(20, 33)], 11)).toMatchObject({ path: '/usr/sbin/d' });
    expect(at([change, polledAs(20, 33)], 11)).not.toHaveProperty('uid');
    expect(at([polledAs(11, 0), change], 11.5)).toMatchObject({ uid: 0 });
    expect(at([polledAs(11, 0), change], 13)).toMatchObject({ uid: 33 });
  });

  it('is asked for anew once a row has come or gone', () => {
    const { table, host, history } = tableOf([life[0]!, life[2]!]);
    const known = history();
    expect(known!.at(12 * s, 12 * s)).toMatchObject({ path: '/bin/sh' });
    expect(history()).toBe(known);
    table.add(host, 7, life[1] as ProcessRow);
    expect(history()!.at(12 * s, 12 * s)).toMatchObject({ path: '/bin/curl', start: 10 * s });
    table.forgetOldest(host);
    expect(history()!.at(12 * s, 12 * s)).toMatchObject({ path: '/bin/curl' });
    expect(history()!.at(12 * s, 12 * s)!.start).toBeUndefined();
    expect(table.history(host, 7, true)).not.toBe(history());
    expect(table.history(host + 1, 7)).toBeUndefined();
  });
});
