import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.js';
import { readLines, readLog, withFile } from './log-fixture.js';

const line = (uid: number, username = `user ${uid}`) => ({
  name: 'users',
  hostIdentifier: 'web',
  unixTime: 10,
  epoch: 0,
  counter: 0,
  columns: { uid: String(uid), username },
  action: 'added',
});
const text = (uid: number, username?: string) => JSON.stringify(line(uid, username));
const spread = (value: object) => JSON.stringify(value, null, 2);

/** As the osquery module of Filebeat renames. */
function filebeat(uid: number): object {
  const { hostIdentifier: host_identifier, unixTime, epoch, counter, ...rest } = line(uid);
  const texts = { unix_time: `${unixTime}`, epoch: `${epoch}`, counter: `${counter}` };
  return {
    '@timestamp': 'x',
    fileset: { name: 'result' },
    osquery: { result: { ...rest, ...texts, host_identifier } },
  };
}

/** As the osquerybeat of Elastic's osquery_manager takes apart. */
function manager(uid: number): object {
  const { name, hostIdentifier, unixTime: unix_time, epoch, counter, columns, action } = line(uid);
  return {
    '@timestamp': 'x',
    agent: { name: hostIdentifier, type: 'osquerybeat' },
    host: { hostname: hostIdentifier, name: hostIdentifier },
    action_id: `pack_all_${name}`,
    osquery: columns,
    osquery_meta: { type: 'diff', action, unix_time, epoch, counter },
  };
}

describe('lines of osquery inside of other lines', () => {
  it.each([
    ['Filebeat', [{ '@timestamp': 'x', host: { name: 'web' }, message: text(1) }, { message: text(2) }]],
    ['Filebeat that took JSON apart', [{ '@timestamp': 'x', json: line(1) }, { json: line(2) }]],
    ['the journal of systemd', [{ _HOSTNAME: 'web', MESSAGE: text(1) }, { MESSAGE: text(2) }]],
    [
      'syslog',
      [`Nov 24 22:26:55 web osqueryd[123]: ${text(1)}`, `<14>1 2026-11-24T22:26:55Z web osqueryd - - - ${text(2)}`],
    ],
    ['Splunk', [{ preview: false, result: { _raw: text(1) } }, { event: line(2) }]],
    ['Elasticsearch', [{ _index: 'x', _source: { message: text(1) } }, { _source: { event: { original: text(2) } } }]],
    ['bodies of the TLS logger', [{ node_key: 'k', log_type: 'result', data: [line(1), line(2)] }]],
    ['an array on one line', [[line(1), line(2)]]],
    ['an array over several lines', ['[', `${text(1)},`, text(2), ']']],
    ['objects over several lines', [spread(line(1)), spread(line(2))]],
    ['an array of objects over several lines', [spread([line(1), line(2)])]],
    ['what a shipper wrote over several lines', [spread({ message: text(1) }), spread({ json: line(2) })]],
    ['the osquery module of Filebeat', [filebeat(1), { _source: filebeat(2) }]],
    ['the osquery_manager of Elastic', [manager(1), { _source: manager(2) }]],
    [
      'a search result of Elasticsearch',
      [spread({ took: 1, hits: { total: 2, hits: [{ _source: { message: text(1) } }, { _source: filebeat(2) }] } })],
    ],
    ['Wazuh', [{ data: { osquery: line(1) } }, { data: { osquery: line(2) } }]],
    ["Kafka's REST proxy", [{ records: [{ value: line(1) }, { value: line(2) }] }]],
    ['CloudWatch', [{ logEvents: [{ message: text(1) }, { message: text(2) }] }]],
    ["Google's logging", [{ jsonPayload: line(1) }, { textPayload: text(2) }]],
    ['Firehose', [text(1) + text(2)]],
    ['Firehose of what was wrapped', [JSON.stringify({ message: text(1) }) + JSON.stringify({ message: text(2) })]],
  ])('are found in those of %s', async (_name, lines) => {
    const { tableRows, warnings, counts } = await readLines(lines);
    expect(tableRows.map(({ columns }) => columns)).toMatchObject([{ uid: 1 }, { uid: 2 }]);
    expect([warnings, counts]).toEqual([[], { lines: 2, bad: 0, unused: 0 }]);
  });

  it('are found without line ends in a file longer than the longest line, also where texts look like the end of one', async () => {
    const count = 9000;
    const names = ['a }{', 'b }{"x', '\\"}{', '}{"'];
    const all = Array.from({ length: count }, (_, i) =>
      text(i, `${names[i % names.length]} ${'ä'.repeat(100)}${names[i % names.length]}`),
    ).join('');
    expect(all.length).toBeGreaterThan(limits.hostLineBytes * 2);
    const { tableRows, warnings } = await withFile(all, readLog);
    expect(warnings).toEqual([]);
    expect(tableRows.map(({ columns }) => (columns as { uid: number }).uid).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  });

  it('over several lines have the host and the time that they tell, whoever took them apart', async () => {
    for (const document of [filebeat(1), manager(1)]) {
      const { tableRows } = await readLines([document]);
      expect(tableRows).toMatchObject([{ host: 'web', time: 10_000_000, table: 'users', action: 'added' }]);
    }
  });

  it('are not lost behind a brace that stands alone, or an object that is too long', async () => {
    const long = spread({ ...line(9), columns: { uid: '9', username: 'x'.repeat(limits.hostLineBytes) } });
    const { tableRows, warnings, counts } = await readLines([
      '{',
      text(1),
      '{',
      '  "torn',
      text(2),
      long,
      spread(line(3)),
      '{',
    ]);
    expect(tableRows.map(({ columns }) => columns)).toMatchObject([{ uid: 1 }, { uid: 2 }, { uid: 3 }]);
    expect(warnings.slice(0, -1).map(({ where }) => where?.split(':').at(-1))).toEqual(['1', '3', '4']);
    expect(counts).toEqual({ lines: 8, bad: 5, unused: 0 });
  });

  it('that are broken are told once, and those before them on the line are used', async () => {
    const { tableRows, warnings, counts } = await readLines([text(1) + text(2).slice(0, 40), text(3)]);
    expect(tableRows.map(({ columns }) => columns)).toMatchObject([{ uid: 1 }, { uid: 3 }]);
    expect(warnings.map(({ code }) => code)).toEqual(['HOST_LOG_BAD_LINE']);
    expect(counts).toEqual({ lines: 3, bad: 1, unused: 0 });
  });

  it('are not looked for in a line that is one by itself', async () => {
    const status = { hostIdentifier: 'web', severity: '0', filename: 'a.cpp', message: text(1), unixTime: 10 };
    const { tableRows, counts } = await readLines([status, line(2)]);
    expect(tableRows.map(({ columns }) => columns)).toMatchObject([{ uid: 2 }]);
    expect(counts).toEqual({ lines: 2, bad: 0, unused: 1 });
  });

  it('may name their host by a decoration alone', async () => {
    const { hostIdentifier: host, ...rest } = line(1);
    const { tableRows } = await readLines([{ ...rest, decorations: { host_uuid: '1-2', hostname: host } }]);
    expect(tableRows).toMatchObject([{ host: 'web', columns: { uid: 1 } }]);
  });

  it('nested without end do no harm', async () => {
    let deep: object = line(1);
    for (let i = 0; i < 50; i++) deep = { message: JSON.stringify(deep).slice(0, 100_000) };
    await expect(readLines([deep, text(2)])).resolves.toMatchObject({ counts: { lines: 2, bad: 1 } });
    const lists = '['.repeat(200_000) + ']'.repeat(200_000);
    await expect(readLines([lists, text(2)])).resolves.toMatchObject({ counts: { lines: 2, bad: 1 } });
  });
});
