import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatSeconds } from '../../src/core/time.js';
import { readZeekLog } from './zeek-reader.js';
import { runFiles } from './zeek-run.js';

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;
const reason = !existsSync(corpus) ? ' (skipped: no ../shared/corpus)' : hasPython ? '' : ' (skipped: no python3)';

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly trace: string;
  readonly expected: string;
  readonly options?: { readonly ignore_checksums?: boolean };
  readonly expected_weird_names?: readonly string[];
}

interface Comparison {
  readonly paired_rows: number;
  readonly missing_rows: number;
  readonly extra_rows: number;
  readonly direction_flipped: number;
  readonly columns: Readonly<Record<string, { readonly compared: number; readonly match: number }>>;
  readonly mismatches: readonly { readonly column: string }[];
}

/** Whole logs with Zeek's own header: IPv4 and IPv6, TCP, UDP and ICMP, VLAN, MPLS and tunnels. */
const whole = [
  'zeek:scripts.base.protocols.mysql.encrypted/conn.log',
  'zeek:scripts.base.protocols.dhcp.dhcp-all-msg-types/conn.log',
  'zeek:scripts.base.protocols.ftp.cwd-navigation/conn.log',
  'zeek:scripts.base.protocols.ftp.ftp-ipv4/conn.log',
  'zeek:scripts.base.protocols.http.concurrent-range-requests/conn.log',
  'zeek:core.mpls-in-vlan/conn.log',
  'zeek:core.tunnels.teredo_bubble_with_payload/conn.log',
  'zeek:core.tunnels.gre-over-udp/conn.log',
  'zeek:core.pcapng-pktsrc/conn.log',
  'zeek:core.tcp.missing-syn/conn.log',
  'zeek:scripts.base.protocols.rdp.rdpeudp-handshake-success/conn.log',
];

/** Of packets and connections, of one inside of a tunnel, with and without more about it. */
const weird = [
  'zeek:core.tunnels.geneve-truncated/weird.log',
  'zeek:core.tunnels.teredo_bubble_with_payload/weird.log',
  'zeek:core.tunnels.vxlan-inner-tcp-bad-checksum/weird.log',
  'zeek:scripts.base.protocols.vlan.vlan-qinqinq/weird.log',
  'zeek:core.max-packet-analyzer-depth/weird.log',
  'zeek:core.tcp.window-scale-range/weird.log',
  'zeek:scripts.base.protocols.igmp.bad-checksum/weird.log',
  'zeek:scripts.base.protocols.icmp.icmp6-mldv2/weird.log',
];

describe.skipIf(reason !== '')(`the logs of a whole run over Zeek's own traces${reason}`, () => {
  let folder = '';
  let entries: Entry[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zeek-corpus-'));
    entries = (JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as { entries: Entry[] }).entries;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function logsOf(entry: Entry, format: 'tsv' | 'json'): Promise<string> {
    const logs = mkdtempSync(join(folder, 'run-'));
    await runFiles({
      files: [join(corpus, entry.trace)],
      checksums: entry.options?.ignore_checksums === true ? 'ignore' : 'verify',
      outputs: { zeekLogs: { folder: logs, format } },
    });
    return logs;
  }

  function compare(entry: Entry, jsonLog: string): Comparison {
    const script = join(corpus, 'compare_conn.py');
    const manifest = ['--manifest', join(corpus, 'manifest.json'), '--id', entry.id];
    const { status, stdout, stderr } = spawnSync(
      'python3',
      [script, join(corpus, entry.expected), jsonLog, ...manifest],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Comparison;
  }

  it.each(whole)('conn.log equals %s but for the service', async (id) => {
    const entry = entries.find((one) => one.id === id)!;
    const json = join(await logsOf(entry, 'json'), 'conn.log');
    const tsv = readZeekLog(readFileSync(join(await logsOf(entry, 'tsv'), 'conn.log'), 'utf8'));

    const expected = readZeekLog(
      readFileSync(join(corpus, entry.expected), 'utf8')
        // A line of the test tool, and times that it has masked.
        .replace(/^###.*\n/, '')
        .replaceAll('XXXXXXXXXX.XXXXXX', '0.000000'),
    );
    const zeek = expected.fields.filter((name) => !name.endsWith('_l2_addr'));
    expect(tsv.fields.slice(0, zeek.length)).toEqual(zeek);
    expect(tsv.types.slice(0, zeek.length)).toEqual(expected.types.slice(0, zeek.length));
    expect(tsv.header).toMatchObject({ path: 'conn', set_separator: ',', empty_field: '(empty)', unset_field: '-' });

    const fromTsv = join(folder, 'tsv.jsonl');
    const times = new Set(tsv.fields.filter((_, i) => /^(time|interval)$/.test(tsv.types[i]!)));
    const seconds = (row: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          times.has(name) ? Number(formatSeconds(value as number)) : value,
        ]),
      );
    writeFileSync(fromTsv, tsv.rows.map((row) => `${JSON.stringify(seconds(row))}\n`).join(''));
    for (const path of [json, fromTsv]) {
      const result = compare(entry, path);
      expect([result.missing_rows, result.extra_rows, result.direction_flipped]).toEqual([0, 0, 0]);
      expect(result.paired_rows).toBe(expected.rows.length);
      expect(result.mismatches.filter(({ column }) => column !== 'service')).toEqual([]);
      expect(result.columns.local_orig?.compared).toBe(expected.rows.length);
    }
  });

  it.each(weird)('weird.log equals %s', async (id) => {
    const entry = entries.find((one) => one.id === id)!;
    const result = compare(entry, join(await logsOf(entry, 'json'), 'weird.log'));
    expect([result.missing_rows, result.extra_rows, result.direction_flipped]).toEqual([0, 0, 0]);
    expect(result.paired_rows).toBeGreaterThan(0);
    expect(result.mismatches).toEqual([]);
  });

  it('weird.log names what Zeek names', async () => {
    const named = entries.filter(({ kind }) => kind === 'zeek-weird-names');
    expect(named.length).toBeGreaterThan(5);
    for (const entry of named) {
      const { rows } = readZeekLog(readFileSync(join(await logsOf(entry, 'tsv'), 'weird.log'), 'utf8'));
      expect([entry.id, [...new Set(rows.map(({ name }) => name))]]).toEqual([entry.id, entry.expected_weird_names]);
    }
  });
});
