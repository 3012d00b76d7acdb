import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHostLogs } from '../../../src/hosts/sources/host-log.js';
import { loadRules } from '../../../src/rules/rule-set.js';
import { RuleFolder, RunningEngine } from './script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

interface Line {
  readonly query: string;
  readonly time: number;
  readonly counter: number;
  readonly columns: Readonly<Record<string, string>>;
  readonly action?: string;
}

/** A line as osqueryd writes it: numbers are text. */
const lineOf = ({ query, time, counter, columns, action = 'added' }: Line): string =>
  JSON.stringify({
    name: `pack_watch_${query}`,
    hostIdentifier: 'web-1',
    calendarTime: 'unused',
    unixTime: time,
    epoch: 0,
    counter,
    numerics: false,
    columns,
    action,
  });

const port = {
  pid: '77',
  port: '8080',
  protocol: '6',
  family: '2',
  address: '0.0.0.0',
  fd: '3',
  socket: '5',
  path: '',
};
const lines: readonly Line[] = [
  { query: 'users', time: 1_700_000_000, counter: 0, columns: { uid: '1000', username: 'alice' } },
  {
    query: 'processes',
    time: 1_700_000_001,
    counter: 0,
    columns: { pid: '1', uid: '0', name: 'init', path: '/sbin/init' },
  },
  {
    query: 'listening_ports',
    time: 1_700_000_002,
    counter: 0,
    columns: { ...port, pid: '1', port: '631', address: '127.0.0.1' },
  },
  { query: 'listening_ports', time: 1_700_000_012, counter: 1, columns: port },
  {
    query: 'processes',
    time: 1_700_000_021,
    counter: 1,
    columns: { pid: '77', uid: '1000', name: 'python3', path: '/usr/bin/python3', cmdline: 'python3 -m http.server' },
  },
];

test("the shipped rule reads osquery's log and tells the new server application", async () => {
  const log = folder.write('osqueryd.results.log', `${lines.map(lineOf).join('\n')}\n`);
  const run = new RunningEngine(await loadRules(['rules/new-server-app.ts']));
  for await (const rows of readHostLogs([log], { warn: ({ message }) => expect.fail(message) })) {
    for (const row of rows) run.engine.row(row);
  }
  run.engine.end();
  expect(run.warnings).toEqual([]);
  expect(run.alerts.map(({ title, host, time, rule }) => [title, host, time, rule.id])).toEqual([
    ['alice is running python3 on port 8080', 'web-1', 1_700_000_021_000_000, 'new-server-app'],
  ]);
});
