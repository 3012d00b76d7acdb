import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.js';
import { RuleFolder } from './script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

const newServerApp = `import { defineRule } from 'correlate'

export default defineRule({ id: 'new-server-app', level: 'low' }, ({ hosts, alert }) => {
  hosts.subscribe<{ username: string; name: string; port: number }>(\`
    SELECT u.username, p.name, l.port FROM listening_ports l, users u, processes p
    WHERE l.pid = p.pid AND p.uid = u.uid AND l.address NOT IN ('127.0.0.1', '::1')\`)
    .added$.subscribe(({ host, row }) =>
      alert({ host, title: \`\${row.username} is running \${row.name} on port \${row.port}\`, evidence: [row] }))
})
`;

const tell = (sql: string): string => `import { defineRule } from 'correlate';
export default defineRule({ id: 'tell', level: 'low' }, ({ hosts, alert }) => {
  const { added$, removed$, rows$ } = hosts.subscribe(\`${sql}\`);
  added$.subscribe(({ host, row, time }) => alert({ host, title: '+' + JSON.stringify(row), time }));
  removed$.subscribe(({ host, row, time }) => alert({ host, title: '-' + JSON.stringify(row), time }));
  rows$.subscribe(({ host, rows, time }) => alert({ host, title: '=' + rows.length, time }));
});
`;

describe('the rule for new server applications', () => {
  test('tells user, program and port when the program starts to listen, and nothing of loopback', async () => {
    const run = await folder.start(newServerApp);
    run.row(10, 'users', { uid: 1000, username: 'alice' });
    run.row(10, 'processes', { pid: 7, uid: 1000, name: 'nc' });
    run.row(20, 'listening_ports', { pid: 7, port: 4444, address: '0.0.0.0' });
    run.row(20, 'listening_ports', { pid: 7, port: 631, address: '127.0.0.1' });
    run.row(20, 'listening_ports', { pid: 7, port: 631, address: '::1' });
    run.engine.end();
    expect(run.titles).toEqual(['alice is running nc on port 4444']);
    expect(run.alerts[0]).toMatchObject({
      status: 'new',
      rev: 0,
      time: 20,
      host: 'h1',
      rule: { id: 'new-server-app', level: 'low', title: 'new-server-app' },
      evidence: [{ stream: 'listening_ports,processes,users', row: { username: 'alice', name: 'nc', port: 4444 } }],
    });
  });

  test('waits for a user that becomes known later', async () => {
    const run = await folder.start(newServerApp);
    run.row(20, 'listening_ports', { pid: 7, port: 80, address: '::' });
    run.row(20, 'processes', { pid: 7, uid: 33, name: 'nginx' });
    run.row(30, 'users', { uid: 0, username: 'root' });
    expect(run.titles).toEqual([]);
    run.row(40, 'users', { uid: 33, username: 'www-data' });
    run.engine.end();
    expect(run.alerts.map(({ title, time }) => [title, time])).toEqual([['www-data is running nginx on port 80', 40]]);
  });

  test('tells again when the program comes back, as an alert of its own', async () => {
    const run = await folder.start(newServerApp);
    run.row(10, 'users', { uid: 1000, username: 'alice' });
    run.row(10, 'processes', { pid: 7, uid: 1000, name: 'nc' });
    const port = { pid: 7, port: 4444, address: '0.0.0.0' };
    run.row(20, 'listening_ports', port);
    run.row(30, 'listening_ports', port, { action: 'removed' });
    run.row(40, 'listening_ports', port);
    run.engine.end();
    expect(run.alerts.map(({ time, status }) => [time, status])).toEqual([
      [20, 'new'],
      [40, 'new'],
    ]);
    expect(run.alerts[0]!.id).not.toBe(run.alerts[1]!.id);
  });

  test('keeps hosts apart', async () => {
    const run = await folder.start(newServerApp);
    run.row(10, 'users', { uid: 1, username: 'alice' }, { host: 'h1' });
    run.row(10, 'processes', { pid: 7, uid: 1, name: 'nc' }, { host: 'h2' });
    run.row(10, 'listening_ports', { pid: 7, port: 1, address: '::' }, { host: 'h2' });
    run.row(10, 'users', { uid: 1, username: 'bob' }, { host: 'h2' });
    run.engine.end();
    expect(run.alerts.map(({ host, title }) => [host, title])).toEqual([['h2', 'bob is running nc on port 1']]);
  });
});

describe('a subscription', () => {
  test('hands on what came, what went and the whole result', async () => {
    const run = await folder.start(tell('SELECT pid FROM processes WHERE uid > 0'));
    run.row(1, 'processes', { pid: 1, uid: 0 });
    run.row(1, 'processes', { pid: 2, uid: 5 });
    run.row(2, 'processes', { pid: 3, uid: 5 });
    run.row(3, 'processes', { pid: 2, uid: 5 }, { action: 'removed' });
    run.row(3, 'processes', { pid: 4, uid: 5 });
    run.row(4, 'processes', { pid: 5, uid: 0 });
    run.engine.end();
    expect(run.alerts.map(({ time, title }) => `${time} ${title}`)).toEqual([
      '1 +{"pid":2}',
      '1 =1',
      '2 +{"pid":3}',
      '2 =2',
      '3 -{"pid":2}',
      '3 +{"pid":4}',
      '3 =2',
    ]);
  });

  test('sees the rows of one moment together, so that what comes and goes within it is not told', async () => {
    const run = await folder.start(tell('SELECT count(*) AS n FROM processes'));
    run.row(1, 'processes', { pid: 1 });
    run.row(1, 'processes', { pid: 2 });
    run.row(1, 'processes', { pid: 1 }, { action: 'removed' });
    run.row(2, 'users', { uid: 1 });
    expect(run.titles).toEqual(['+{"n":1}', '=1']);
  });

  test('is evaluated as soon as every stream that gave rows is complete', async () => {
    const run = await folder.start(tell('SELECT p.pid FROM processes p LEFT JOIN users u USING (uid)'));
    const complete = (stream: string, until: number): void =>
      run.engine.row({ kind: 'complete', host: 'h1', stream, until });
    run.row(5, 'processes', { pid: 1, uid: 1 });
    run.row(5, 'users', { uid: 1 });
    complete('processes', 5);
    expect(run.titles).toEqual([]);
    complete('users', 4);
    expect(run.titles).toEqual([]);
    complete('users', 5);
    expect(run.titles).toEqual(['+{"pid":1}', '=1']);
  });

  test('is evaluated when the host falls silent', async () => {
    const run = await folder.start(tell('SELECT pid FROM processes'));
    run.row(5, 'processes', { pid: 1 });
    run.engine.row({ kind: 'host_timeout', host: 'h1', at: 9 });
    expect(run.titles).toEqual(['+{"pid":1}', '=1']);
  });

  test('tells rows of one moment in an order of their own, not in that of arrival', async () => {
    const told = async (pids: readonly number[]): Promise<string[]> => {
      const run = await folder.start(tell('SELECT pid FROM processes'));
      for (const pid of pids) run.row(5, 'processes', { pid });
      for (const pid of pids) run.row(5, 'processes', { pid }, { host: `h${9 - pid}` });
      run.engine.end();
      return run.alerts.map(({ host, title }) => `${host} ${title}`);
    };
    const ascending = await told([1, 2, 3]);
    expect(ascending.slice(0, 4)).toEqual(['h1 +{"pid":1}', 'h1 +{"pid":2}', 'h1 +{"pid":3}', 'h1 =3']);
    expect(await told([3, 1, 2])).toEqual(ascending);
  });

  test('counts equal rows of a result', async () => {
    const run = await folder.start(tell('SELECT name FROM processes'));
    run.row(1, 'processes', { pid: 1, name: 'sh' });
    run.row(1, 'processes', { pid: 2, name: 'sh' });
    run.row(2, 'processes', { pid: 1, name: 'sh' }, { action: 'removed' });
    run.engine.end();
    expect(run.titles.filter((title) => title.startsWith('='))).toEqual(['=2', '=1']);
    expect(run.titles.filter((title) => title.startsWith('-'))).toEqual(['-{"name":"sh"}']);
  });

  test('takes late rows at the time that the host has reached', async () => {
    const run = await folder.start(tell('SELECT pid FROM process_events'));
    run.row(9, 'process_events', { pid: 9 }, { action: 'event' });
    run.row(5, 'process_events', { pid: 5 }, { action: 'event' });
    run.engine.end();
    expect(run.alerts.map(({ time, title }) => `${time} ${title}`)).toEqual(['9 +{"pid":5}', '9 +{"pid":9}', '9 =2']);
  });

  test('reads columns that a source does not have as NULL, and numbers as numbers', async () => {
    const run = await folder.start(tell('SELECT pid + 1 AS n, cmdline, typeof(name) AS t FROM processes'));
    run.row(1, 'processes', { pid: 1, name: 'x' });
    run.engine.end();
    expect(run.titles[0]).toBe('+{"n":2,"cmdline":null,"t":"text"}');
  });

  test('compares with what was before when a host is watched again, and tells no row twice', async () => {
    const run = await folder.start(tell('SELECT pid FROM processes ORDER BY pid'));
    run.row(1, 'processes', { pid: 1 });
    run.row(1, 'processes', { pid: 2 });
    run.engine.row({ kind: 'host_timeout', host: 'h1', at: 2 });
    run.engine.row({ kind: 'host', host: 'h1', streams: [{ stream: 'processes', table: 'processes' }], from: 5 });
    run.row(6, 'processes', { pid: 1 });
    run.row(6, 'processes', { pid: 3 });
    run.engine.row({ kind: 'complete', host: 'h1', stream: 'processes', until: 6 });
    run.row(7, 'processes', { pid: 1 }, { action: 'removed' });
    run.engine.end();
    expect(run.titles).toEqual([
      '+{"pid":1}',
      '+{"pid":2}',
      '=2',
      '-{"pid":2}',
      '+{"pid":3}',
      '=2',
      '-{"pid":1}',
      '=1',
    ]);
  });

  test('begins anew after a boot, and rows from before it are passed over', async () => {
    const run = await folder.start(tell('SELECT pid FROM processes'));
    run.row(1, 'processes', { pid: 1 }, { boot: 'a' });
    run.row(5, 'processes', { pid: 1 }, { boot: 'b' });
    run.row(2, 'processes', { pid: 2 }, { boot: 'a' });
    run.engine.end();
    expect(run.titles).toEqual(['+{"pid":1}', '=1', '+{"pid":1}', '=1']);
  });

  test('gives the same alerts in every run', async () => {
    const once = async (): Promise<string> => {
      const run = await folder.start(newServerApp, tell('SELECT pid FROM processes'));
      for (let i = 0; i < 20; i++) {
        run.row(i, 'processes', { pid: i, uid: 1, name: 'x' }, { host: `h${i % 3}` });
        run.row(i, 'listening_ports', { pid: i, port: i, address: '::' }, { host: `h${i % 3}` });
        run.row(i, 'users', { uid: 1, username: 'u' }, { host: `h${i % 3}` });
      }
      run.engine.end();
      return JSON.stringify(run.alerts);
    };
    const first = await once();
    expect(JSON.parse(first).length).toBeGreaterThan(40);
    expect(await once()).toBe(first);
  });

  test('holds for more hosts than SQLite holds at a time', async () => {
    const run = await folder.start(tell('SELECT pid FROM processes'));
    const hosts = Array.from({ length: limits.queryDatabases + 5 }, (_, i) => `h${i}`);
    for (const host of hosts) run.row(1, 'processes', { pid: 1 }, { host });
    for (const host of hosts) run.row(2, 'processes', { pid: 2 }, { host });
    for (const host of hosts) run.row(3, 'processes', { pid: 1 }, { host, action: 'removed' });
    run.engine.end();
    for (const host of hosts) {
      const titles = run.alerts.filter((alert) => alert.host === host).map(({ title }) => title);
      expect(titles).toEqual(['+{"pid":1}', '=1', '+{"pid":2}', '=2', '-{"pid":1}', '=1']);
    }
  });

  test('that never ends stops its rule', async () => {
    const run = await folder.start(
      tell('WITH RECURSIVE n(x) AS (SELECT pid FROM processes UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'),
    );
    run.row(1, 'processes', { pid: 1 });
    run.engine.end();
    expect(run.warnings).toMatchObject([
      { code: 'RULE_SCRIPT_FAILED', message: 'rule tell is stopped: the query takes too many steps' },
    ]);
    expect(run.engine.counters.stopped).toBe(1);
  });
});
