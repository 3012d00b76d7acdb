// Who is named rightly, by what watches the host, protocol, role and life time of the connection; and what late, lost, repeated rows and wrong clocks
// change. Traffic between network namespaces is captured and recorded once by three sensors at a time; each recording is then changed and joined with
// the capture by the program itself, as files, with the rules of the baseline over the same input. Wrong owners count on every line. Needs root and tcpdump.
//
//   npm run bench -- --accuracy [--processes 40] [--long] [--json FILE]     --long: lives of 60 s too
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChildPrograms, trafficProgram } from '../../dist/selftest/child-programs.js';
import { score } from '../../dist/selftest/score.js';
import { buildStage } from '../../dist/selftest/stage.js';
import { parseTrueEnd } from '../../dist/selftest/truth.js';
import { changes, polledEvery, ReplayedArrival, UNTOLD } from './row-changes.mjs';

const { values } = parseArgs({
  options: {
    accuracy: { type: 'boolean' },
    processes: { type: 'string', default: '40' },
    long: { type: 'boolean' },
    json: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const program = [process.execPath, join(root, 'bin/correlate.js')];
const lives = values.long ? [1, 10, 100, 1000, 4000, 60_000] : [1, 10, 100, 1000, 4000];
/** `tcp-reused`: all from one port, one after the other. */
const protocols = ['tcp', 'udp', 'tcp-reused'];
const REUSED_PORT = 45_997;
const REUSED_LIFE = 100;
const groups = protocols.flatMap((protocol) =>
  (protocol === 'tcp-reused' ? [REUSED_LIFE] : lives).map((life) => ({ protocol, life })),
);
/** The slowest sensor has polled before and after the traffic. */
const SLOW_POLL_MS = 10_000;
/** A clock that is not known is trusted to two seconds, and osquery's times are whole ones. */
const SETTLED_MS = 4000;
const FIRST_PORT = 48_000;
const FIRST_USER = 62_000;

const sensors = [
  { name: 'eBPF', flags: ['--sensor', 'ebpf'] },
  { name: 'without eBPF', flags: ['--sensor', 'poll'] },
  // Made of the polls of the first, so that no two programs that borrow descriptors see each other's.
  { name: 'osquery 10 s', from: 'eBPF' },
];

async function started(child, sign) {
  if (
    (await child.until(() => (sign.test(child.said) || sign.test(child.lines.join('\n')) ? true : undefined))) !== true
  ) {
    throw new Error(`${child.name}: ${child.said}`);
  }
  return child;
}

/** The traffic of one protocol and life: a server, and a process for each connection. */
function plan(stage) {
  return groups.map(({ protocol, life }, i) => {
    const isTcp = protocol !== 'udp';
    const words = [`kind=${protocol} ${life}`, `port=${FIRST_PORT + i}`, `address=${stage.spots.server.addresses[4]}`];
    const gap = life < 1000 ? 40 : 20;
    const exchange = isTcp ? [`life=${life}`] : ['datagrams=2', `pause=${Math.max(1, life / 2)}`];
    const turns = protocol === 'tcp-reused' ? [`bind=${REUSED_PORT}`, 'reset=1'] : [`gap=${gap}`];
    const client = [...words, ...exchange, `processes=${values.processes}`, ...turns, `user=${FIRST_USER + i}`];
    return {
      server: ['server', isTcp ? 'stream' : 'datagram', ...words, ...(isTcp ? ['how=together'] : [])],
      client: ['client', isTcp ? 'stream' : 'datagram', ...client],
    };
  });
}

/** Captures and records; gives the truth. */
async function record(folder) {
  const programs = new ChildPrograms();
  try {
    const stage = await buildStage(programs);
    const capture = [
      ...stage.spots.tap.prefix,
      'tcpdump',
      '-i',
      'br0',
      '-U',
      '-Z',
      'root',
      '-w',
      join(folder, 'traffic.pcap'),
    ];
    const tcpdump = await started(programs.start(capture), /listening on/);
    const recorders = [];
    for (const { name, flags } of sensors.filter(({ from }) => from === undefined)) {
      const command = [...program, 'record', ...flags, '--host-id', 'host', join(folder, `${name}.jsonl`)];
      recorders.push(await started(programs.start(command), /recording into/));
    }
    const programsOf = plan(stage);
    const servers = [];
    for (const { server } of programsOf) {
      servers.push(await started(programs.start([...stage.spots.server.prefix, trafficProgram, ...server]), /^ready/m));
    }
    await sleep(SLOW_POLL_MS + SETTLED_MS);
    const clients = programsOf.map(({ client }) =>
      programs.start([...stage.spots.client.prefix, trafficProgram, ...client]),
    );
    const ends = [];
    for (const client of clients) ends.push(await client.ended);
    await sleep(SLOW_POLL_MS + SETTLED_MS);
    for (const recorder of recorders) await recorder.end('SIGINT');
    await tcpdump.end('SIGINT');
    for (const server of servers) ends.push(await server.end());
    const failed = ends.find(({ code }) => code !== 0);
    if (failed !== undefined) throw new Error(`the traffic failed: ${failed.said}`);
    return ends.flatMap(({ lines }) => lines.filter((line) => line.startsWith('{')).map(parseTrueEnd));
  } finally {
    await programs.close();
  }
}

const jsonLines = (path) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** Joins the capture with rows through the program; gives the scores of it and of the baseline. */
function joinFiles(folder, truth, header, rows) {
  const [log, out, baseline] = ['rows.jsonl', 'out.jsonl', 'baseline.jsonl'].map((name) => join(folder, name));
  writeFileSync(log, [header, ...rows].map((row) => `${JSON.stringify(row)}\n`).join(''));
  const args = ['run', '-q', '-C', '-r', join(folder, 'traffic.pcap'), '--host-log', log, '--lateness', '60'];
  const outputs = ['--connections', out, '--baseline', baseline, '--alerts', '/dev/null', '--table', 'never'];
  const { status, stderr } = spawnSync(program[0], [program[1], ...args, ...outputs], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return { own: byRole(truth, jsonLines(out)), baseline: byRole(truth, jsonLines(baseline)) };
}

/** Scores by protocol, life and role. */
function byRole(truth, lines) {
  return score(
    truth.map((end) => ({ ...end, kind: `${end.kind} ${end.role}` })),
    lines,
  );
}

function sum(scores, wanted = () => true) {
  const total = { ends: 0, right: 0, wrong: 0, wrongUsers: 0, missed: {} };
  for (const [kind, each] of scores) {
    if (!wanted(kind)) continue;
    for (const field of ['ends', 'right', 'wrong', 'wrongUsers']) total[field] += each[field];
    for (const [why, times] of Object.entries(each.missed)) total.missed[why] = (total.missed[why] ?? 0) + times;
  }
  return total;
}

function share({ ends, right, wrong, wrongUsers }) {
  const notes = [...(wrong > 0 ? [`${wrong} wrong`] : []), ...(wrongUsers > 0 ? [`${wrongUsers} wrong users`] : [])];
  return `${ends === 0 ? '-' : ((100 * right) / ends).toFixed(1)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

/** Median seconds from one poll to the next, which a busy machine stretches. */
function pollSeconds(rows) {
  const times = rows
    .filter(({ kind, stream }) => kind === 'complete' && stream === 'process_open_sockets')
    .map(({ until }) => until);
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  return gaps.toSorted((a, b) => a - b)[gaps.length >> 1] / 1e6;
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const folder = mkdtempSync(join(tmpdir(), 'correlate-accuracy-'));
const results = { processes: Number(values.processes), lives, pollSeconds: {}, sensors: {} };
try {
  const truth = await record(folder);
  for (const { name, from } of sensors) {
    const [header, ...recorded] = jsonLines(join(folder, `${from ?? name}.jsonl`));
    const rows = from === undefined ? recorded : polledEvery(recorded, SLOW_POLL_MS * 1000);
    const found = {};
    results.pollSeconds[name] = pollSeconds(rows);
    const replay = new ReplayedArrival(join(folder, 'traffic.pcap'));
    const capture = await replay.captureName();
    for (const [change, apply] of Object.entries(changes)) {
      const { own, baseline } = joinFiles(folder, truth, header, apply(rows, capture));
      found[change] = { own: Object.fromEntries(own), baseline: Object.fromEntries(baseline) };
    }
    for (const delay of [0, 30]) {
      const lines = await replay.lines(rows, delay);
      found[`as they arrive, ${delay === 0 ? 'at once' : `0 to ${delay} s late and in disorder`}`] = {
        own: Object.fromEntries(byRole(truth, lines)),
      };
    }
    results.sensors[name] = found;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const scoresOf = (sensor, change, whose) => Object.entries(results.sensors[sensor][change][whose] ?? {});
const names = sensors.map(({ name }) => name);
const changed = Object.keys(results.sensors[names[0]]);
const kinds = groups.flatMap(({ protocol, life }) =>
  ['orig', 'resp'].map((role) => ({ key: `${protocol} ${life} ${role}`, protocol, life, role })),
);
console.log(
  `Recall in percent, ${values.processes} processes of each kind; rows as recorded. Baseline: its rules over the rows of the second sensor.\n`,
);
const head = ['protocol', 'life', 'end', ...names, 'baseline'];
const cells = kinds.map(({ key, protocol, life, role }) => {
  const of = (sensor, whose) => share(sum(scoresOf(sensor, 'as recorded', whose), (kind) => kind === key));
  return [protocol, `${life} ms`, role, ...names.map((name) => of(name, 'own')), of(names[1], 'baseline')];
});
console.log(`${table(head, cells)}\n`);
console.log('All kinds, rows changed:\n');
const rest = changed.map((change) => {
  const ofBaseline = scoresOf(names[1], change, 'baseline');
  return [
    change,
    ...names.map((name) => share(sum(scoresOf(name, change, 'own')))),
    ofBaseline.length === 0 ? '-' : share(sum(ofBaseline)),
  ];
});
console.log(`${table(['rows', ...names, 'baseline'], rest)}\n`);
const wrongIn = (changes) =>
  names.flatMap((name) => changes.map((change) => sum(scoresOf(name, change, 'own')).wrong)).reduce((a, b) => a + b, 0);
// What is lost and not told makes rows untrue, so that nothing can be promised.
const truthful = changed.filter((change) => change !== UNTOLD);
const wrong = wrongIn(truthful);
console.log(`${wrong} wrong owners on all lines of all runs, and ${wrongIn([UNTOLD])} where losses were not told`);
for (const name of names) console.log(`${name}: ${results.pollSeconds[name]} s between two polls (median)`);
for (const name of names)
  console.log(`${name}: not named as recorded: ${JSON.stringify(sum(scoresOf(name, 'as recorded', 'own')).missed)}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 1)}\n`);
process.exit(wrong > 0 ? 1 : 0);
