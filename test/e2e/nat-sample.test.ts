import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { correlate, jsonLines, root } from './program.js';
import { type ConnectionLine, compareWithTruth, type EndLine, readTruth } from './truth.js';

const sample = join(root, 'samples/nat');
const captures = ['traffic.pcap', 'inside.pcap', 'containers.pcap'] as const;
const hosts = ['gateway', 'web-1', 'docker-1', 'pc-1', 'pc-2'] as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nat-sample-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recordingOf = (host: string): string => join(sample, `${host}.jsonl`);

/** The connections of these captures, with what these recordings tell. */
function run(of: readonly string[], recordings: readonly string[] = hosts.map(recordingOf)): string {
  const files = of.flatMap((capture) => ['-r', join(sample, capture)]);
  const logs = recordings.flatMap((path) => ['--host-log', path]);
  const alerts = join(folder, 'alerts.jsonl');
  const { status, stdout, stderr } = correlate([...files, ...logs, '--connections', '-', '--alerts', alerts]);
  expect(status, stderr).toBe(0);
  return stdout;
}

const read = (text: string): ConnectionLine[] => jsonLines(text) as ConnectionLine[];

/** What the expectation tells of an end. */
function endInWords({ state, reason, method, host, process, user, container, nat }: EndLine) {
  return {
    state,
    ...(reason !== undefined && { reason }),
    ...(method !== undefined && { method }),
    ...(host !== undefined && { host: host.id }),
    ...(process !== undefined && { process: `${process.path}[${process.pid}]` }),
    ...(user !== undefined && { uid: user.uid }),
    ...(container !== undefined && { container: container.id }),
    ...(nat !== undefined && {
      nat: `${nat.host.id}: ${nat.address} ${nat.port} with ${nat.peer_address} ${nat.peer_port}`,
    }),
  };
}

function lineInWords(line: ConnectionLine) {
  const of = (side: 'orig' | 'resp') => `${line[`id.${side}_h`]} ${line[`id.${side}_p`]}`;
  return {
    connection: `${line.proto} ${of('orig')} > ${of('resp')}`,
    orig: endInWords(line.orig),
    resp: endInWords(line.resp),
  };
}

/** A recording as the host would have made it if its clock were ahead by so many seconds. */
function later(recording: string, seconds: number): string {
  const inMicros = recording.replace(/"(time|since|until|from|to|at)":(\d{16})\b/g, (_, name: string, at: string) => {
    return `"${name}":${Number(at) + seconds * 1_000_000}`;
  });
  return inMicros.replace(/"start_time":(1\d{9})\b/g, (_, at: string) => `"start_time":${Number(at) + seconds}`);
}

describe('the sample nat', () => {
  it.each([
    ['traffic.pcap', 15],
    ['inside.pcap', 11],
    ['containers.pcap', 4],
  ] as const)('has the owner of the truth at every end of a watched host in %s, and none wrong', (capture, count) => {
    const lines = read(run([capture]));
    expect(lines).toHaveLength(count);
    const ends = compareWithTruth(lines, readTruth(join(sample, 'truth.jsonl')));
    const label = ({ line, side }: (typeof ends)[number]) => `${line['id.orig_p']}>${line['id.resp_p']} ${side}`;
    const wrong = ends.filter(({ end, truth }) => {
      if (end.state !== 'attributed') return false;
      const { process, host, user } = end;
      return truth?.pid !== process?.pid || truth?.host !== host?.id || truth?.uid !== user?.uid;
    });
    expect(wrong.map((e) => `${label(e)}: ${JSON.stringify(e.end)} is ${JSON.stringify(e.truth)}`)).toEqual([]);
    const isMissed = ({ end, truth }: (typeof ends)[number]) =>
      truth !== undefined && truth.host !== 'internet' && end.state !== 'attributed';
    expect(ends.filter(isMissed).map(label)).toEqual([]);
    const unowned = ends.filter(({ end, truth }) => truth === undefined && end.state === 'attributed');
    expect(unowned.map(label)).toEqual([]);
  });

  it('has the expected ends, captured outside, inside and before the containers', () => {
    const expected = readFileSync(join(sample, 'expected-connections.jsonl'), 'utf8').trim().split('\n');
    const lines = captures.flatMap((capture) =>
      read(run([capture])).map((line) => ({ capture, ...lineInWords(line) })),
    );
    expect(lines).toEqual(expected.map((line) => JSON.parse(line) as unknown));
  });

  it('has them too where all three captures are read as one input, whatever order the recordings are given in', () => {
    const together = run(captures);
    expect(run(captures, hosts.map(recordingOf).reverse())).toBe(together);
    const words = (lines: readonly ConnectionLine[]) => lines.map((line) => JSON.stringify(lineInWords(line))).sort();
    expect(words(read(together))).toEqual(words(captures.flatMap((capture) => read(run([capture])))));
  });

  it('has them too where the clocks of a server and of the host of containers are minutes off, each its own way', () => {
    const offsets: Readonly<Record<string, number>> = { 'web-1': 300, 'docker-1': -420 };
    const skewed = hosts.map((host) => {
      const path = join(folder, `${host}-skewed.jsonl`);
      writeFileSync(path, later(readFileSync(recordingOf(host), 'utf8'), offsets[host] ?? 0));
      return path;
    });
    const lines = read(run(['traffic.pcap'], skewed));
    expect(lines.map(lineInWords)).toEqual(read(run(['traffic.pcap'])).map(lineInWords));
    const measured = lines.flatMap(({ orig, resp }) => [orig, resp]).filter(({ clock }) => clock !== undefined);
    for (const { host, clock } of measured) {
      expect(Math.abs(clock!.offset - (offsets[host!.id] ?? 0))).toBeLessThan(0.1);
    }
    expect(new Set(measured.map(({ host }) => host!.id))).toEqual(new Set(['web-1', 'docker-1', 'gateway']));
  });

  it('names nobody behind the translations where the hosts that translate do not tell of them', () => {
    const untold = hosts.map((host) => {
      const path = join(folder, `${host}.jsonl`);
      const rows = readFileSync(recordingOf(host), 'utf8').trim().split('\n');
      writeFileSync(path, `${rows.filter((row) => !row.includes('"table":"conntrack"')).join('\n')}\n`);
      return path;
    });
    const behind = ['pc-1', 'pc-2'];
    const ends = read(run(['traffic.pcap'], untold)).flatMap(({ orig, resp }) => [orig, resp]);
    expect(ends.filter(({ host }) => host !== undefined && behind.includes(host.id))).toEqual([]);
    expect(ends.filter(({ container, nat }) => container !== undefined || nat !== undefined)).toEqual([]);
  });
});
