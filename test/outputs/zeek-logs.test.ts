import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLocal } from '../../src/core/local-address.js';
import type { Warning } from '../../src/core/warnings.js';
import type { ZeekFormat } from '../../src/outputs/zeek-log.js';
import { openZeekLogs, zeekLogKinds } from '../../src/outputs/zeek-logs.js';
import type { AttributedConnection, End } from '../../src/records/attributed-connection.js';
import type { Weird } from '../../src/records/weird.js';
import { attributed, connection, curl, noAgent } from './attributed-example.js';
import { readZeekLog } from './zeek-reader.js';

let folder: string;
let warnings: Warning[];
const warn = (warning: Warning) => void warnings.push(warning);
const open = (format: ZeekFormat = 'tsv') => openZeekLogs({ folder, format }, warn);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zeek-logs-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const tie: End = {
  state: 'ambiguous',
  candidates: [
    { method: 'listening_port', host: { id: 'web-1' }, process: { pid: 7, name: 'nginx' }, tie: 'same port' },
    { method: 'listening_port', host: { id: 'web-1' }, process: { pid: 8, path: '/a,b' }, tie: 'same port' },
  ],
};

const weird: Weird = {
  ts: 1_700_000_001_000_000,
  capture: 'traffic.pcap',
  name: 'SYN_seq_jump',
  uid: 'CeXample00000001',
  'id.orig_h': '192.0.2.10',
  'id.orig_p': 43122,
  'id.resp_h': '192.0.2.20',
  'id.resp_p': 443,
  source: 'TCP',
};

describe('conn.log', () => {
  it("begins with the columns of Zeek's conn.log, in its order", async () => {
    expect(zeekLogKinds.conn.fields.map(({ name, type }) => `${name} ${type}`).slice(0, 25)).toEqual([
      'ts time',
      'uid string',
      'id.orig_h addr',
      'id.orig_p port',
      'id.resp_h addr',
      'id.resp_p port',
      'proto enum',
      'service string',
      'duration interval',
      'orig_bytes count',
      'resp_bytes count',
      'conn_state string',
      'local_orig bool',
      'local_resp bool',
      'missed_bytes count',
      'history string',
      'orig_pkts count',
      'orig_ip_bytes count',
      'resp_pkts count',
      'resp_ip_bytes count',
      'tunnel_parents set[string]',
      'ip_proto count',
      'vlan int',
      'inner_vlan int',
      'community_id string',
    ]);
  });

  it('has a connection and the owners of both ends in one line', async () => {
    const logs = open();
    logs.conn.write(attributed({ resp: tie }));
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    const line = read('conn.log').split('\n')[8]!.split('\t');
    expect(line).toEqual([
      ...['1700000000.000123', 'CeXample00000001', '192.0.2.10', '43122', '192.0.2.20', '443', 'tcp', '-', '0.200000'],
      ...['512', '4096', 'SF', 'T', 'T', '0', 'ShADadFf', '8', '900', '7', '4500', '-', '6', '-', '-', '1:example'],
      ...['attributed', '-', 'socket_event', 'desk-1', '123', '1699999999.900000', 'curl', '/usr/bin/curl'],
      ...['curl -H "X: \\\\" \\x07" https://192.0.2.20/', '-', '1000', 'alice', '-', '-', '-', '-', '-', '-', '-'],
      ...['ambiguous', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', 'nginx[7]@web-1,/a\\x2cb[8]@web-1'],
      ...['-', '-', '-', '-', '-'],
    ]);
    expect(readZeekLog(read('conn.log')).header).toMatchObject({
      path: 'conn',
      open: '2023-11-14-22-13-20',
      close: '2023-11-14-22-13-20',
    });
  });

  it('has the endpoints behind a translation, whether the end has an owner or not', async () => {
    const nat = { host: { id: 'gw' }, address: '10.0.0.5', port: 80, peer_address: '192.0.2.10', peer_port: 43_122 };
    for (const resp of [curl, tie, { state: 'unattributed', reason: 'nat' } as const]) {
      const logs = open();
      logs.conn.write(attributed({ resp: { ...resp, nat } }));
      await Promise.all([logs.conn.close(), logs.weird.close()]);
      const [row] = [...readZeekLog(read('conn.log')).rows];
      expect(row).toMatchObject({
        resp_nat_host: 'gw',
        resp_nat_address: '10.0.0.5',
        resp_nat_port: 80,
        resp_nat_peer_address: '192.0.2.10',
        resp_nat_peer_port: 43_122,
      });
      expect(row).not.toHaveProperty('orig_nat_host');
    }
  });

  it('has the same values in JSON, without a header', async () => {
    const records: AttributedConnection[] = [attributed(), attributed({ orig: tie, resp: curl }), attributed()];
    const both: Record<string, unknown>[][] = [];
    for (const format of ['tsv', 'json'] as const) {
      const logs = open(format);
      for (const record of records) logs.conn.write(record);
      await Promise.all([logs.conn.close(), logs.weird.close()]);
      const text = read('conn.log');
      both.push(
        format === 'tsv'
          ? [...readZeekLog(text).rows]
          : text
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line) as Record<string, unknown>),
      );
    }
    const [tsv, json] = both;
    const times = new Set(zeekLogKinds.conn.fields.filter(({ type }) => /time|interval/.test(type)).map((f) => f.name));
    const inMicros = json!.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, times.has(key) ? Math.round((value as number) * 1e6) : value]),
      ),
    );
    expect(inMicros).toEqual(tsv);
    expect(json).toHaveLength(3);
    expect(json![0]).toMatchObject({ 'id.orig_h': '192.0.2.10', orig_user: 'alice', resp_reason: 'no_agent' });
  });
});

describe('weird.log', () => {
  it("has Zeek's columns, with or without a connection", async () => {
    const logs = open();
    logs.weird.write(weird);
    logs.weird.write({ ts: weird.ts + 1, capture: 'eth0', name: 'truncated_IP', addl: 'some', notice: true });
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    const lines = read('weird.log').split('\n');
    expect(lines.slice(5)).toEqual([
      '#open\t2023-11-14-22-13-21',
      '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tname\taddl\tnotice\tpeer\tsource',
      '#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tbool\tstring\tstring',
      '1700000001.000000\tCeXample00000001\t192.0.2.10\t43122\t192.0.2.20\t443\tSYN_seq_jump\t-\tF\ttraffic.pcap\tTCP',
      '1700000001.000001\t-\t-\t-\t-\t-\ttruncated_IP\tsome\tT\teth0\t-',
      '#close\t2023-11-14-22-13-21',
      '',
    ]);
  });
});

describe('the logs', () => {
  it('are not there when nothing was written, and the folder is made', async () => {
    const below = join(folder, 'a', 'b');
    const logs = openZeekLogs({ folder: below, format: 'tsv' }, warn);
    logs.weird.write(weird);
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    expect(readdirSync(below)).toEqual(['weird.log']);
  });

  it('are refused with a code when their folder cannot be made', () => {
    const options = { folder: '/dev/null/logs', format: 'tsv' } as const;
    expect(() => openZeekLogs(options, warn)).toThrowError(expect.objectContaining({ code: 'OUTPUT_OPEN_FAILED' }));
  });

  it('end and begin anew with a header when they are reopened, and every line is whole in one of the files', async () => {
    const logs = open();
    logs.conn.write(attributed());
    await logs.conn.drain();
    renameSync(join(folder, 'conn.log'), join(folder, 'conn.1'));
    const reopened = logs.conn.reopen();
    expect(logs.conn.full).toBe(true);
    const later = { ...attributed(), connection: { ...connection, ts: connection.ts + 60_000_000 } };
    logs.conn.write(later);
    await reopened;
    expect(logs.conn.full).toBe(false);
    logs.conn.write(later);
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    const [first, second] = [read('conn.1'), read('conn.log')].map(readZeekLog);
    expect([first?.rows.length, second?.rows.length]).toEqual([1, 2]);
    expect([first?.header.close, second?.header.open]).toEqual(['2023-11-14-22-13-20', '2023-11-14-22-14-20']);
    expect(read('conn.log').match(/#fields/g)).toHaveLength(1);
  });

  it('go on where nobody has moved them when they are reopened', async () => {
    const logs = open();
    logs.conn.write(attributed());
    await logs.conn.reopen();
    logs.conn.write(attributed());
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    expect(readZeekLog(read('conn.log')).rows).toHaveLength(2);
    expect(read('conn.log').match(/#fields/g)).toHaveLength(1);
  });

  it('go on in the old file when their folder went away, and say so', async () => {
    const logs = open();
    const moved = `${folder}-moved`;
    logs.conn.write(attributed());
    renameSync(folder, moved);
    try {
      const reopened = logs.conn.reopen();
      logs.conn.write(attributed());
      await expect(reopened).rejects.toMatchObject({ code: 'OUTPUT_OPEN_FAILED' });
      await Promise.all([logs.conn.close(), logs.weird.close()]);
      expect(readZeekLog(readFileSync(join(moved, 'conn.log'), 'utf8')).rows).toHaveLength(2);
      expect(logs.conn.linesLost).toBe(0);
    } finally {
      renameSync(moved, folder);
    }
  });

  it('count the lines that a full disk took', async () => {
    symlinkSync('/dev/full', join(folder, 'conn.log'));
    const logs = open('json');
    logs.conn.write(attributed());
    logs.conn.write(attributed({ orig: noAgent }));
    await Promise.all([logs.conn.close(), logs.weird.close()]);
    expect(logs.conn.linesLost).toBe(2);
    expect(warnings.map(({ code }) => code)).toEqual(['OUTPUT_WRITE_FAILED']);
  });
});

describe('local addresses', () => {
  it.each([
    ['10.255.0.1', true],
    ['100.127.255.255', true],
    ['100.128.0.0', false],
    ['172.31.0.1', true],
    ['172.32.0.1', false],
    ['192.0.1.1', false],
    ['224.0.0.251', true],
    ['224.0.1.1', false],
    ['239.255.255.250', true],
    ['255.255.255.255', true],
    ['8.8.8.8', false],
    ['::1', true],
    ['fe80::1', true],
    ['fd00::1', true],
    ['fec0::1', true],
    ['ff00::1', false],
    ['ff02::fb', false],
    ['2001:db8::1', true],
    ['2001:4860::1', false],
    ['2002:a01:203::1', true],
    ['2002:808:808::1', false],
    ['2002:ac1f:1::', true],
    ['2002:ac20:1::', false],
  ])('%s: %s', (address, local) => {
    expect(isLocal(address)).toBe(local);
  });
});
