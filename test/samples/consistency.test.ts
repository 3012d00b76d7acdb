import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const samples = new URL('../../samples/', import.meta.url);
const scenarios = readdirSync(samples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'record')
  .map((entry) => entry.name)
  .sort();
/** Those whose hosts are told of by a log in osquery's form, and not by recordings. */
const logged = scenarios.filter((scenario) => existsSync(new URL(`${scenario}/host.log`, samples)));

interface LogLine {
  name: string;
  hostIdentifier: string;
  unixTime: number;
  counter: number;
  action: string;
  columns: Record<string, string>;
}

interface TruthEntry {
  host: string;
  pid: number;
  uid: number;
  exe: string;
  proto: string;
  role: string;
  local_address: string;
  local_port: number;
  remote_address: string;
  remote_port: number;
  start: number;
  end?: number;
  fast_open?: boolean;
}

function file(scenario: string, name: string): Buffer {
  return readFileSync(new URL(`${scenario}/${name}`, samples));
}

function lines<T>(scenario: string, name: string): T[] {
  const text = file(scenario, name).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** First and last packet's second of a classic little-endian pcap, and how many packets are not whole. */
function pcapSpan(bytes: Buffer): { packets: number; cut: number; from: number; to: number } {
  const span = { packets: 0, cut: 0, from: bytes.readUInt32LE(24), to: 0 };
  let at = 24;
  while (at < bytes.length) {
    const captured = bytes.readUInt32LE(at + 8);
    span.packets += 1;
    span.cut += captured === bytes.readUInt32LE(at + 12) ? 0 : 1;
    span.to = bytes.readUInt32LE(at);
    at += 16 + captured;
  }
  expect(at).toBe(bytes.length);
  return span;
}

function hasSocketEvent(entry: TruthEntry, rows: readonly LogLine[]): boolean {
  return rows.some(
    ({ name, hostIdentifier, columns }) =>
      name === 'socket_events' &&
      hostIdentifier === entry.host &&
      columns.action === entry.role &&
      Number(columns.pid) === entry.pid &&
      columns.path === entry.exe &&
      Number(columns.remote_port) === entry.remote_port &&
      [0, entry.local_port].includes(Number(columns.local_port)) &&
      Math.abs(Number(columns.time) - Math.floor(entry.start / 1e6)) <= 1,
  );
}

it('has three scenarios', () => {
  expect(scenarios).toEqual(['desktop', 'intrusion', 'nat']);
  expect(logged).toEqual(['desktop', 'intrusion']);
});

describe('sample nat', () => {
  const truth = lines<TruthEntry>('nat', 'truth.jsonl');

  it.each(['traffic.pcap', 'inside.pcap', 'containers.pcap'])('has whole packets in %s', (name) => {
    const span = pcapSpan(file('nat', name));
    expect(span.packets).toBeGreaterThan(40);
    expect(span.cut).toBe(0);
    expect(span.from).toBeGreaterThanOrEqual(Math.floor(truth[0]!.start / 1e6));
  });

  it.each(['gateway', 'docker-1', 'pc-1', 'pc-2', 'web-1'])('has a recording of %s alone', (host) => {
    const rows = lines<{ kind?: string; host?: string; table?: string }>('nat', `${host}.jsonl`).slice(1);
    expect(new Set(rows.map((row) => row.host))).toEqual(new Set([host]));
    const translations = rows.filter(({ kind, table }) => kind === 'row' && table === 'conntrack').length;
    expect(translations > 0).toBe(['gateway', 'docker-1'].includes(host));
  });

  it('has a call of the truth at both ends of what is told, but where nobody took it', () => {
    const calls = (roles: readonly string[]) => truth.filter(({ role }) => roles.includes(role)).length;
    expect(calls(['connect', 'send'])).toBe(15);
    expect(calls(['accept', 'receive'])).toBe(14);
  });
});

describe.each(logged)('sample %s', (scenario) => {
  const rows = lines<LogLine>(scenario, 'host.log');
  const truth = lines<TruthEntry>(scenario, 'truth.jsonl');
  const watched = new Set(rows.map((row) => row.hostIdentifier));

  it('has a capture of whole packets that the host log surrounds', () => {
    const bytes = file(scenario, 'traffic.pcap');
    expect([0xa1b2c3d4, 0xa1b23c4d]).toContain(bytes.readUInt32LE(0));
    const span = pcapSpan(bytes);
    expect(span.packets).toBeGreaterThan(500);
    expect(span.cut).toBe(0);
    expect(rows[0]?.unixTime).toBeLessThanOrEqual(Math.floor((truth[0]?.start ?? 0) / 1e6));
    expect(rows.at(-1)?.unixTime).toBeGreaterThan(Math.floor((truth.at(-1)?.start ?? 0) / 1e6));
  });

  it("has host rows in osquery's event format, in time order, with growing counters", () => {
    const counters = new Map<string, number>();
    let last = 0;
    for (const row of rows) {
      expect(Object.keys(row).sort()).toEqual(
        [
          'action',
          'calendarTime',
          'columns',
          'counter',
          'epoch',
          'hostIdentifier',
          'name',
          'numerics',
          'unixTime',
        ].sort(),
      );
      expect(['added', 'removed']).toContain(row.action);
      expect(Object.values(row.columns).filter((value) => typeof value !== 'string')).toEqual([]);
      expect(row.unixTime).toBeGreaterThanOrEqual(last);
      last = row.unixTime;
      const query = `${row.hostIdentifier} ${row.name}`;
      expect(row.counter).toBeGreaterThanOrEqual(counters.get(query) ?? 0);
      counters.set(query, row.counter);
    }
  });

  it('has both forms of socket_events: with and without the local port of a connect', () => {
    const ports = rows
      .filter((row) => row.name === 'socket_events' && row.columns.action === 'connect')
      .map((row) => row.columns.local_port);
    expect(ports).toContain('0');
    expect(ports.filter((port) => port !== '0').length).toBeGreaterThan(0);
  });

  it('has an event row for every true connect and accept of a watched host, but those with TCP fast open', () => {
    const calls = truth.filter((entry) => watched.has(entry.host) && ['connect', 'accept'].includes(entry.role));
    expect(calls.length).toBeGreaterThan(50);
    const missing = calls.filter((entry) => !hasSocketEvent(entry, rows));
    expect(missing.filter((entry) => entry.fast_open !== true)).toEqual([]);
  });

  it('has truth whose users and addresses the host log names', () => {
    const users = new Set(
      rows.filter((row) => row.name === 'users').map((row) => `${row.hostIdentifier} ${row.columns.uid}`),
    );
    const addresses = new Map(
      rows
        .filter((row) => row.name === 'interface_addresses' && row.columns.interface !== 'lo')
        .map((row) => [row.columns.address, row.hostIdentifier]),
    );
    for (const entry of truth.filter(({ host }) => watched.has(host))) {
      expect(users).toContain(`${entry.host} ${entry.uid}`);
      expect(entry.end ?? entry.start).toBeGreaterThanOrEqual(entry.start);
      if (!['0.0.0.0', '127.0.0.1'].includes(entry.local_address)) {
        expect(addresses.get(entry.local_address)).toBe(entry.host);
      }
    }
  });
});
