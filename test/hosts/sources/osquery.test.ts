import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OsqueryResultLog } from '../../../src/hosts/sources/osquery/results.js';
import { brief, readLines, readLog, withFile } from './log-fixture.js';

const corpus = new URL('../../../../shared/corpus/', import.meta.url).pathname;

/** A change line as osquery 5 writes it. */
function change(counter: number, unixTime: number, columns: object, more: object = {}) {
  return { name: 'users', hostIdentifier: 'web', unixTime, epoch: 0, counter, columns, action: 'added', ...more };
}

const alice = { uid: '1000', username: 'alice' };
const bob = { uid: '1001', username: 'bob' };
const aliceRow = { uid: 1000, username: 'alice' };
const bobRow = { uid: 1001, username: 'bob' };

describe('the forms of an osquery result line', () => {
  it.each([
    ['an event line', change(0, 10, alice)],
    ['numbers as numbers', change(0, 10, { uid: 1000, username: 'alice' })],
    ['texts for time, epoch and counter', change(0, 10, alice, { unixTime: '10', epoch: '0', counter: '0' })],
    ['hostname', change(0, 10, alice, { hostIdentifier: undefined, hostname: 'web' })],
    [
      'calendarTime alone, with zone',
      change(0, 0, alice, { unixTime: undefined, calendarTime: 'Thu Jan  1 00:00:10 1970 UTC' }),
    ],
    [
      'calendarTime alone, without zone',
      change(0, 0, alice, { unixTime: undefined, calendarTime: 'Thu Jan 1 00:00:10 1970' }),
    ],
    [
      'a batch line',
      change(0, 10, alice, { columns: undefined, action: undefined, diffResults: { added: [alice], removed: [] } }),
    ],
    [
      'a batch line with an empty text',
      change(0, 10, alice, { columns: undefined, diffResults: { added: [alice], removed: '' } }),
    ],
    ['a snapshot line', change(0, 10, alice, { columns: undefined, action: 'snapshot', snapshot: [alice] })],
    ['a snapshot event line', change(0, 10, alice, { action: 'snapshot' })],
    ['decorations', change(0, 10, alice, { decorations: { host_uuid: 'x' } })],
    ['decorations at top level', change(0, 10, alice, { host_uuid: 'x', username: 'root' })],
  ])('reads %s', async (_form, line) => {
    const { rows, warnings } = await readLines([line]);
    expect(warnings).toEqual([]);
    expect(rows).toEqual([
      { kind: 'host', host: 'web', streams: [{ stream: 'users', table: 'users' }], from: 10_000_000 },
      {
        kind: 'row',
        host: 'web',
        stream: 'users',
        table: 'users',
        action: 'added',
        time: 10_000_000,
        resolution: 1_000_000,
        seq: 0,
        columns: aliceRow,
      },
      { kind: 'complete', host: 'web', stream: 'users', until: 10_000_000 },
      { kind: 'host_timeout', host: 'web', at: 10_000_000 },
    ]);
  });

  it.each([
    ['users', 'users'],
    ['pack_incident_response_process_open_sockets', 'process_open_sockets'],
    ['pack/Global/listening_ports', 'listening_ports'],
    ['pack-team-1-interface_addresses', 'interface_addresses'],
    ['pack:x:processes', 'processes'],
  ])('finds the table of the query %s', async (name, table) => {
    const { rows } = await readLines([change(0, 10, { address: '192.0.2.1' }, { name })]);
    expect(rows[0]).toMatchObject({ kind: 'host', streams: [{ stream: name, table }] });
  });

  it.each([
    ['socket_events', { action: 'connect', pid: '1', fd: '3', local_port: '1', remote_port: '2', time: '9' }],
    ['socket_events', { action: 'accept', remote_address: '192.0.2.1', remote_port: '2', time: '9' }],
    ['process_open_sockets', { pid: '1', local_port: '1', remote_port: '2', local_address: '192.0.2.1' }],
    ['listening_ports', { pid: '1', port: '1', address: '0.0.0.0' }],
    ['process_events', { pid: '1', path: '/bin/x', cmdline: 'x', parent: '0', time: '9' }],
    ['processes', { pid: '1', name: 'x', parent: '0' }],
    ['interface_addresses', { interface: 'eth0', address: '192.0.2.1', mask: '255.255.255.0' }],
    ['users', { uid: '1', username: 'x', shell: '/bin/sh' }],
    ['system_info', { hostname: 'x', computer_name: 'x' }],
  ])('knows %s by its columns under a name of its own', async (table, columns) => {
    const { tableRows } = await readLines([change(1, 10, columns, { name: 'pack/x/My query' })]);
    expect(tableRows.map((row) => row.table)).toEqual([table]);
  });

  it.each([
    ['another table', change(0, 10, { device: '/dev/sda' }, { name: 'pack_x_mounts' })],
    [
      'a table with a similar name',
      change(0, 10, { pid: '1', path: '/x', time: '1', cmdline: 'x', parent: '1' }, { name: 'es_process_events' }),
    ],
    ['a status line', { hostIdentifier: 'web', severity: 0, filename: 'x.cpp', line: 1, message: 'ok', unixTime: 5 }],
  ])('counts a line of %s and gives no row', async (_what, line) => {
    const { rows, warnings, counts } = await readLines([line]);
    expect({ rows, warnings, counts }).toEqual({ rows: [], warnings: [], counts: { lines: 1, bad: 0, unused: 1 } });
  });

  it.each([
    ['open ports', { name: 'nginx', port: '80', address: '0.0.0.0', pid: '7' }, 'protocol'],
    ['process_open_sockets', { local_port: '1', remote_port: '2', remote_address: '192.0.2.1', protocol: '6' }, 'pid'],
    ['pack/x/listening_ports', { port: '80', protocol: '6' }, 'pid'],
  ])(
    'counts the lines of the query "%s", whose rows name no owner for want of a column',
    async (name, columns, lacks) => {
      const { counts, unusedKinds } = await readLines([change(0, 10, columns, { name }), change(1, 11, alice)]);
      expect(counts).toEqual({ lines: 2, bad: 0, unused: 1 });
      expect(unusedKinds).toEqual({ [`${name} (without ${lacks})`]: 1 });
    },
  );

  it('takes sockets in a state of TCP for those of TCP where the query does not select the protocol', async () => {
    const socket = { pid: '7', local_port: '1', remote_port: '2', local_address: '192.0.2.1' };
    const { tableRows } = await readLines([
      change(0, 10, { ...socket, state: 'ESTABLISHED' }, { name: 'conns' }),
      change(0, 10, { ...socket, state: '', pid: '8' }, { name: 'conns' }),
    ]);
    expect(tableRows.map(({ columns }) => (columns as { protocol?: number }).protocol)).toEqual([6, undefined]);
  });

  it.each(['listening_processes', 'pack/x/processes', 'pack_x_users'])(
    'knows a query of sockets by its columns although it is called %s',
    async (name) => {
      const columns = { pid: '7', name: 'nginx', parent: '1', port: '80', protocol: '6', address: '::', family: '10' };
      const { tableRows } = await readLines([change(0, 10, columns, { name })]);
      expect(tableRows[0]?.table).toBe('listening_ports');
    },
  );

  it('leaves out what osquery writes for unknown and keeps columns of its own', async () => {
    const columns = {
      pid: '-1',
      fd: '-1',
      family: '2',
      local_port: '-1',
      remote_port: '70000',
      path: '',
      local_address: '192.0.2.1',
      state: null,
      process_name: 'curl',
      extra: 5,
    };
    const { tableRows } = await readLines([change(0, 10, columns, { name: 'process_open_sockets' })]);
    expect(tableRows[0]?.columns).toEqual({ family: 2, local_address: '192.0.2.1', process_name: 'curl', extra: 5 });
  });

  it.each([
    ['Windows', 23],
    ['macOS', 30],
    ['FreeBSD', 28],
  ])('numbers the address family of sockets as Linux does, whose log of %s has %i', async (_system, family) => {
    const line = (name: string, counter: number, columns: object) => ({
      name,
      hostIdentifier: 'web',
      unixTime: 10 + counter,
      epoch: 0,
      counter,
      columns,
      action: 'added',
    });
    const { tableRows } = await readLines([
      line('listening_ports', 0, { pid: '7', port: '443', protocol: '6', family: `${family}`, address: '::' }),
      line('listening_ports', 1, { pid: '8', port: '444', protocol: '6', family: '2', address: '0.0.0.0' }),
      line('listening_ports', 2, { pid: '9', port: '0', protocol: '0', family: `${family}`, address: '' }),
      line('process_open_sockets', 0, {
        pid: '7',
        family: `${family}`,
        local_address: 'fe80::1',
        local_port: '1',
        remote_port: '0',
      }),
    ]);
    const families = Object.fromEntries(
      tableRows.map(({ stream, columns }) => [
        `${stream} ${(columns as { pid: number }).pid}`,
        (columns as { family: number }).family,
      ]),
    );
    expect(families).toEqual({
      'listening_ports 7': 10,
      'listening_ports 8': 2,
      'listening_ports 9': family,
      'process_open_sockets 7': 10,
    });
  });

  it('leaves out what an audit record does not tell of a call', async () => {
    const columns = {
      action: 'accept',
      pid: '7',
      protocol: '0',
      local_address: '0',
      local_port: '0',
      remote_address: '192.0.2.1',
      remote_port: '40000',
      time: '10',
    };
    const { tableRows } = await readLines([change(1, 10, columns, { name: 'socket_events' })]);
    expect(tableRows[0]?.columns).toEqual({
      action: 'accept',
      pid: 7,
      remote_address: '192.0.2.1',
      remote_port: 40_000,
      time: 10,
    });
  });
});

describe('a query that joins processes and users to sockets', () => {
  const socket = { pid: '7', fd: '3', family: '2', protocol: '6', local_address: '192.0.2.1', local_port: '40000' };
  const open = { ...socket, remote_address: '192.0.2.2', remote_port: '80', state: 'ESTABLISHED', path: '' };
  const process = { name: 'curl', path: '/usr/bin/curl', cmdline: 'curl x', parent: '1', uid: '1000' };

  it('tells of the sockets and, once, of their processes and users', async () => {
    const query = { name: 'pack/x/conns' };
    const { rows, tableRows } = await readLines([
      change(0, 10, { ...open, ...process, username: 'alice' }, query),
      change(1, 20, { ...open, ...process, username: 'alice', fd: '4' }, query),
      change(2, 30, { ...open, ...process, username: 'alice' }, { ...query, action: 'removed' }),
      change(3, 40, { ...open, ...process, name: 'other', username: 'alice', fd: '5' }, query),
    ]);
    expect(rows.filter(({ kind }) => kind === 'host').at(-1)).toMatchObject({
      streams: [
        { stream: 'pack/x/conns', table: 'process_open_sockets' },
        { stream: 'pack/x/conns (processes)', table: 'processes' },
        { stream: 'pack/x/conns (users)', table: 'users' },
      ],
    });
    expect(rows.filter(({ kind }) => kind === 'complete')).toHaveLength(3);
    const told = { ...process, pid: 7, parent: 1, uid: 1000 };
    const others = tableRows.filter(({ table }) => table !== 'process_open_sockets');
    expect(others.map((row) => [row.table, ...brief(row)])).toEqual([
      ['processes', 'added', 10, '-', told],
      ['users', 'added', 10, '-', { uid: 1000, username: 'alice' }],
      ['processes', 'added', 40, '-', { ...told, name: 'other' }],
    ]);
  });

  it.each([
    ['nothing joined', 'process_open_sockets', open],
    ['a UNIX socket', 'process_open_sockets', { ...socket, ...process, family: '1', path: '/run/x' }],
    [
      'a socket without any address',
      'conns',
      { pid: '7', ...process, local_port: '0', remote_port: '0', protocol: '0' },
    ],
    ['the path that an event of audit has', 'socket_events', { ...open, action: 'connect', path: '/usr/bin/curl' }],
    ['a parent that is none', 'conns', { ...open, ...process, parent: 'x' }],
  ])('tells no process of a row with %s', async (_what, name, columns) => {
    const { tableRows } = await readLines([change(0, 10, columns, { name })]);
    expect(tableRows.map(({ table }) => table)).not.toContain('processes');
    expect(tableRows).toHaveLength(1);
  });
});

describe('the state of a query', () => {
  it('bounds a change by the last line of the query before it', async () => {
    const { tableRows } = await readLines([
      change(0, 10, alice),
      change(1, 20, bob),
      change(4, 50, alice, { action: 'removed' }),
    ]);
    expect(tableRows.map(brief)).toEqual([
      ['added', 10, '-', aliceRow],
      ['added', 20, 10, bobRow],
      ['removed', 50, 20, aliceRow],
    ]);
  });

  it('compares a new full set with what is known, whether counter 0 or another epoch tells it', async () => {
    for (const again of [change(0, 60, bob), change(0, 60, bob, { epoch: 7 })]) {
      const { tableRows } = await readLines([change(0, 10, alice), change(1, 20, { uid: '1', username: 'x' }), again]);
      expect(tableRows.slice(2).map(brief)).toEqual([
        ['removed', 60, 20, { uid: 1, username: 'x' }],
        ['removed', 60, 20, aliceRow],
        ['added', 60, 20, bobRow],
      ]);
    }
  });

  it('does not know since when a row is there when the log begins in the middle', async () => {
    const { tableRows } = await readLines([change(5, 10, alice), change(0, 20, bob)]);
    expect(tableRows.map(brief)).toEqual([
      ['added', 10, '-', aliceRow],
      ['removed', 20, 10, aliceRow],
      ['added', 20, '-', bobRow],
    ]);
  });

  it('turns snapshots into changes, also empty ones', async () => {
    const snapshot = (unixTime: number, rows: object[]) => ({
      name: 'pack/x/who',
      hostIdentifier: 'web',
      unixTime,
      epoch: 0,
      counter: 0,
      action: 'snapshot',
      snapshot: rows.map((row) => ({ shell: '/bin/sh', ...row })),
    });
    const { tableRows } = await readLines([
      snapshot(5, []),
      snapshot(10, [alice]),
      snapshot(20, [alice, bob]),
      snapshot(30, []),
    ]);
    const shell = '/bin/sh';
    expect(tableRows.map(brief)).toEqual([
      ['added', 10, 5, { ...aliceRow, shell }],
      ['added', 20, 10, { ...bobRow, shell }],
      ['removed', 30, 20, { ...aliceRow, shell }],
      ['removed', 30, 20, { ...bobRow, shell }],
    ]);
  });

  it('tells at the end within what time snapshots came, also when nothing changed between them', async () => {
    const snapshot = (unixTime: number) => change(0, unixTime, alice, { action: 'snapshot' });
    const end = change(1, 48, alice, { name: 'pack/x/users' });
    const { rows } = await readLines([snapshot(10), snapshot(20), snapshot(35), snapshot(40), end]);
    expect(rows.filter(({ kind }) => kind === 'host').at(-1)).toMatchObject({
      streams: [
        { stream: 'pack/x/users', table: 'users' },
        { stream: 'users', table: 'users', pause: 15_000_000 },
      ],
    });
    const later = await readLines([snapshot(10), snapshot(20), end]);
    expect(later.rows.filter(({ kind }) => kind === 'host').at(-1)).toMatchObject({
      streams: [{ stream: 'pack/x/users' }, { stream: 'users', pause: 28_000_000 }],
    });
  });

  it('takes the snapshot event lines of one time as one snapshot', async () => {
    const line = (unixTime: number, columns: object) => change(0, unixTime, columns, { action: 'snapshot' });
    const { tableRows } = await readLines([line(10, alice), line(10, bob), line(20, bob)]);
    expect(tableRows.map(brief)).toEqual([
      ['added', 10, '-', aliceRow],
      ['added', 10, '-', bobRow],
      ['removed', 20, 10, aliceRow],
    ]);
  });

  it('takes the time of an event from its column, not from the line', async () => {
    const event = { action: 'connect', pid: '1', remote_port: '443', time: '7', eid: '0001' };
    const late = change(3, 1000, event, { name: 'socket_events' });
    const { tableRows, rows } = await readLines([
      late,
      change(3, 1000, { pid: '1', path: '/x' }, { name: 'process_events' }),
    ]);
    expect(tableRows.map(({ action, time, since }) => [action, time, since])).toEqual(
      [
        ['event', 7_000_000, undefined],
        ['event', 1_000_000_000, undefined],
      ].sort((a, b) => Number(b[1]) - Number(a[1])),
    );
    expect(rows[0]).toMatchObject({ kind: 'host', from: 7_000_000 });
  });

  it('makes one row of a line that was delivered twice', async () => {
    const event = change(3, 10, { pid: '1', path: '/x', time: '9' }, { name: 'process_events' });
    const { tableRows } = await readLines([change(0, 10, alice), event, change(0, 10, alice), event]);
    expect(tableRows).toHaveLength(2);
  });

  it('trusts the counter when the clock of the host was set back', async () => {
    const { tableRows } = await readLines([
      change(0, 10, alice),
      change(3, 60, bob, { action: 'removed' }),
      change(2, 50, bob),
      change(1, 100, alice, { action: 'removed' }),
    ]);
    expect(tableRows.map(brief)).toEqual([
      ['added', 10, '-', aliceRow],
      ['removed', 100, 10, aliceRow],
      ['added', 50, '-', bobRow],
      ['removed', 60, 50, bobRow],
    ]);
  });

  it('says at the end up to when each host was heard of, by any of its lines', async () => {
    const { rows } = await readLines([
      change(0, 10, alice),
      change(0, 20, alice, { hostIdentifier: 'db' }),
      change(0, 35, { device: 'x' }, { name: 'mounts' }),
    ]);
    expect(rows.filter((row) => row.kind !== 'row').slice(2)).toEqual([
      { kind: 'complete', host: 'db', stream: 'users', until: 20_000_000 },
      { kind: 'host_timeout', host: 'db', at: 20_000_000 },
      { kind: 'complete', host: 'web', stream: 'users', until: 35_000_000 },
      { kind: 'host_timeout', host: 'web', at: 35_000_000 },
    ]);
  });
});

/** A log of two hosts with changes, a restart, events and snapshots. */
function longLog(): object[] {
  const lines: object[] = [];
  for (const hostIdentifier of ['web', 'db']) {
    for (let run = 0; run < 20; run++) {
      const more = { hostIdentifier, epoch: run < 12 ? 0 : 99 };
      const counter = run < 12 ? run : run - 12;
      const time = 1000 + 10 * run;
      lines.push(change(counter, time, { uid: `${run}`, username: 'u' }, more));
      lines.push(change(counter, time, { uid: `${run + 1}`, username: 'u' }, more));
      if (counter > 3)
        lines.push(change(counter, time, { uid: `${run - 3}`, username: 'u' }, { ...more, action: 'removed' }));
      lines.push(
        change(
          run,
          time,
          { pid: `${run}`, path: '/x', time: `${time - (run % 3)}` },
          { ...more, name: 'process_events' },
        ),
      );
      lines.push(
        change(
          0,
          time,
          {},
          { ...more, name: 'processes', columns: undefined, action: 'snapshot', snapshot: [{ pid: run }, { pid: 1 }] },
        ),
      );
    }
  }
  return lines;
}

describe('the order of a log', () => {
  it('gives the same rows in the same order however the lines are shuffled and repeated', async () => {
    const lines = longLog();
    const expected = (await readLines(lines)).rows;
    expect(expected.length).toBeGreaterThan(100);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...lines, ...lines.slice(0, 30)], { minLength: lines.length + 30 }),
        async (shuffled) => {
          expect((await readLines(shuffled)).rows).toEqual(expected);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('hands over early beyond its bound, and drops and counts what comes too late for that', () => {
    const warnings: { message: string; count?: number | undefined }[] = [];
    const log = new OsqueryResultLog('x', (warning) => warnings.push(warning), 1000);
    const rows = [];
    for (const time of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 2]) {
      expect(log.accept(change(time, time, { uid: `${time}` }), 100)).toBeUndefined();
      for (const batch of log.ready()) rows.push(...batch);
    }
    expect(rows.filter((row) => row.kind === 'row').map((row) => row.time / 1e6)).toEqual([1, 2, 3, 4, 5]);
    for (const batch of log.end()) rows.push(...batch);
    expect(rows.filter((row) => row.kind === 'row').map((row) => row.time / 1e6)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(warnings.map(({ count }) => count)).toEqual([1]);
  });
});

describe.skipIf(!existsSync(corpus))('the corpus (skipped when ../shared/corpus is absent)', () => {
  const logs = existsSync(corpus)
    ? readdirSync(join(corpus, 'host'))
        .map((name) => join(corpus, 'host', name, 'derived_osquery.results.log'))
        .filter((path) => existsSync(path))
    : [];

  it('reads the samples of osquery with no bad line', async () => {
    const { counts, warnings, tableRows } = await readLog(join(corpus, 'osquery/osqueryd.results.samples.log'));
    expect(warnings).toEqual([]);
    expect(counts).toMatchObject({ lines: 19, bad: 0 });
    expect(tableRows.map(({ host, action, time }) => [host, action, time])).toEqual([
      ['hostname.local', 'removed', 1_412_123_850_000_000],
      ['hostname.local', 'added', 1_412_123_850_000_000],
      ['test.lan', 'added', 1_536_682_461_000_000],
    ]);
  });

  it.each(logs)('reads %s with no bad line, and the same when reversed', async (path) => {
    const { counts, unusedKinds, warnings, rows, tableRows } = await readLog(path);
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    expect(warnings).toEqual([]);
    const withoutPid = lines.filter((line) => line.includes('"socket_events"') && !line.includes('"pid"')).length;
    expect(counts).toEqual({ lines: lines.length, bad: 0, unused: withoutPid });
    expect(unusedKinds).toEqual(withoutPid === 0 ? {} : { 'socket_events (without pid)': withoutPid });
    const distinct = new Set(lines.map((line) => JSON.stringify(JSON.parse(line))));
    expect(tableRows).toHaveLength(distinct.size);
    const reversed = await withFile(lines.reverse().join('\n'), readLog);
    expect(reversed.rows).toEqual(rows);
  });
});
