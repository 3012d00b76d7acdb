import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { correlate, jsonLines, root } from './program.js';
import { type ConnectionLine, compareWithTruth, readTruth } from './truth.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'samples-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outputs {
  readonly connections: string;
  readonly alerts: string;
}

function run(sample: string, hostLog = join(root, 'samples', sample, 'host.log')): Outputs {
  const connections = join(folder, 'connections.jsonl');
  const { status, stdout, stderr } = correlate([
    '-r',
    join('samples', sample, 'traffic.pcap'),
    '--host-log',
    hostLog,
    '--rules',
    'rules/',
    '--connections',
    connections,
  ]);
  expect(status, stderr).toBe(0);
  return { connections: readFileSync(connections, 'utf8'), alerts: stdout };
}

it('shows alerts to a person on stderr and gives a pipe on stdout the same as lines', () => {
  const { stdout, stderr } = correlate([
    ...['-r', 'samples/intrusion/traffic.pcap', '--host-log', 'samples/intrusion/host.log'],
    ...['--rules', 'rules/', '--table', 'always'],
  ]);
  const lines = jsonLines(stdout);
  expect(lines.length).toBeGreaterThan(5);
  expect(stderr.match(/^\d\d:\d\d:\d\d\.\d{3} {2}[A-Z]+ {2}/gm)).toHaveLength(lines.length);
});

/** A permutation that depends on the seed alone. */
function shuffle<T>(list: readonly T[], seed: number): T[] {
  const shuffled = [...list];
  let state = seed;
  for (let i = shuffled.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}

/** Ends that stay without one owner, as `proto port>port side`, and why (see the sample's README). */
const unowned: Record<string, readonly string[]> = {
  desktop: [
    // No row of the host log names their owner.
    'tcp 38970>53 orig no_socket_seen',
    'udp 35867>8125 orig no_socket_seen',
    'udp 49889>53 orig no_socket_seen',
    'udp 58907>8125 orig no_socket_seen',
    // The same five-tuple twice within 0.6 s: rows in whole seconds do not tell which call was first.
    'tcp 45000>80 orig ambiguous',
    'tcp 45000>80 orig ambiguous',
  ],
  intrusion: [],
};

/** Owners of whom no user is told: their process was gone in the poll after, which is all that is known of when. */
const withoutUser: Record<string, readonly string[]> = { desktop: [], intrusion: ['tcp 34498>5432 orig'] };

describe.each(['desktop', 'intrusion'])('the sample %s', (sample) => {
  it('has every owner that its host log names attributed as in the truth, and none wrong', () => {
    const lines = jsonLines(run(sample).connections) as ConnectionLine[];
    const ends = compareWithTruth(lines, readTruth(join(root, 'samples', sample, 'truth.jsonl')));
    const label = ({ line, side }: (typeof ends)[number]) =>
      `${line.proto} ${line['id.orig_p']}>${line['id.resp_p']} ${side}`;
    const attributed = ends.filter(({ end }) => end.state === 'attributed');
    const wrong = attributed.filter(
      ({ end, truth }) =>
        truth === undefined ||
        truth.pid !== end.process?.pid ||
        truth.host !== end.host?.id ||
        (end.user !== undefined && truth.uid !== end.user.uid),
    );
    expect(wrong.map((e) => `${label(e)}: ${JSON.stringify(e.end)} is ${JSON.stringify(e.truth)}`)).toEqual([]);
    expect(attributed.filter(({ end }) => end.user === undefined).map(label)).toEqual(withoutUser[sample]);
    const watched = new Set(['desk-1', 'web-1', 'db-1']);
    const missed = ends.filter(
      ({ end, truth }) => truth !== undefined && watched.has(truth.host) && end.state !== 'attributed',
    );
    expect(missed.map((e) => `${label(e)} ${e.end.reason ?? e.end.state}`).sort()).toEqual(
      [...unowned[sample]!].sort(),
    );
    for (const { end, truth } of missed) {
      if (end.state === 'ambiguous') expect(end.candidates?.map((c) => c.process.pid)).toContain(truth?.pid);
    }
    expect(attributed.length).toBeGreaterThan(60);
  });

  it('gives every end without an owner a reason that the story explains', () => {
    const lines = jsonLines(run(sample).connections) as ConnectionLine[];
    const reasons = lines.filter(({ proto }) => proto !== 'icmp').flatMap(({ orig, resp }) => [orig, resp]);
    const states = new Set(reasons.map((end) => end.reason ?? end.state));
    expect(
      [...states].filter((state) => !['attributed', 'ambiguous', 'no_agent', 'no_socket_seen'].includes(state)),
    ).toEqual([]);
  });

  it('raises the expected alerts and no others', () => {
    const alerts = jsonLines(run(sample).alerts) as Parameters<typeof alertKey>[0][];
    const expected = readFileSync(join(root, 'samples', sample, 'expected-alerts.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(alerts.map(alertKey)).toEqual(expected.map((line) => JSON.parse(line) as unknown));
  });

  it('gives the same bytes again, with another secret of the hash and with the lines of the host log shuffled', () => {
    const first = run(sample);
    expect(run(sample)).toEqual(first);
    const lines = readFileSync(join(root, 'samples', sample, 'host.log'), 'utf8')
      .trim()
      .split('\n');
    for (const seed of [1, 2, 3]) {
      const shuffled = join(folder, 'shuffled.log');
      writeFileSync(shuffled, `${shuffle(lines, seed).join('\n')}\n`);
      expect(run(sample, shuffled)).toEqual(first);
    }
  });
});

/** What of an alert the expectation tells; ids and evidence follow from the rest. */
function alertKey(alert: {
  rule: { name: string };
  message: string;
  host?: { id: string };
  process?: { name?: string; pid: number };
  destination?: { ip: string; port?: number };
  correlate: { status: string; level: string };
}) {
  return {
    level: alert.correlate.level,
    rule: alert.rule.name,
    message: alert.message,
    status: alert.correlate.status,
    host: alert.host?.id,
    process: alert.process?.name,
    destination: alert.destination && `${alert.destination.ip} ${alert.destination.port}`,
  };
}
