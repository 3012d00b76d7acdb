// How long owners take to be named while traffic goes on: short connections of TCP and UDP between hosts that are network namespaces, captured on
// the bridge between them by the program as a user runs it. Lines are timed as they arrive at a reader of its output, by the clock that
// stamped the packets. Needs root.
//
//   npm run bench -- --latency [--processes 400] [--agents each|one] [--attr-wait 2]
//
// `--agents each`: of both hosts an agent of their own tells, not the program that captures; `one`: one agent tells of both, as of containers.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChildPrograms, trafficProgram } from '../../dist/selftest/child-programs.js';
import { buildStage } from '../../dist/selftest/stage.js';

const { values } = parseArgs({
  options: {
    latency: { type: 'boolean' },
    processes: { type: 'string', default: '400' },
    agents: { type: 'string' },
    'attr-wait': { type: 'string', default: '2' },
  },
});
const program = [process.execPath, fileURLToPath(new URL('../../bin/correlate.js', import.meta.url))];
/** Address of the bridge, with agents. */
const ENGINE = '198.51.100.1';
const FIRST_PORT = 48_000;
/** Zeek's tcp_close_delay: what ended in order is removed so long after its last packet. */
const CLOSE_DELAY = 5;
/** What is sent: protocol and life in milliseconds. */
const groups = [
  ['tcp', 5],
  ['tcp', 200],
  ['tcp', 2000],
  ['udp', 5],
  ['udp', 200],
];
/** Milliseconds from one connection of a group to the next. */
const GAP = 50;

async function started(child, sign) {
  const isReady = await child.until(() => sign.test(child.said) || sign.test(child.lines.join('\n')) || undefined);
  if (isReady !== true) throw new Error(`${child.name}: ${child.said}`);
  return child;
}

/** Seconds from the first packet to the first line that names an owner, of either end by protocol, and from the removal to the final line. */
class Delays {
  owners = new Map();
  final = [];
  lines = 0;
  uids = new Set();
  #named = new Set();
  #removed = new Set();

  line(text, now) {
    const { ts, uid, duration = 0, proto, conn_state, cause, orig, resp } = JSON.parse(text);
    this.lines++;
    this.uids.add(uid);
    for (const [role, { state }] of Object.entries({ orig, resp })) {
      if (state !== 'attributed' || this.#named.has(`${uid} ${role}`)) continue;
      this.#named.add(`${uid} ${role}`);
      const name = `${proto} ${role}`;
      if (!this.owners.has(name)) this.owners.set(name, []);
      this.owners.get(name).push(now - ts);
    }
    if (cause === 'end' && conn_state === 'SF' && proto === 'tcp') this.#removed.add(uid);
    if (orig.state === 'pending' || resp.state === 'pending' || !this.#removed.delete(uid)) return;
    this.final.push(now - ts - duration - CLOSE_DELAY);
  }
}

/** The programs that watch, those that tell first. */
async function watched(programs, stage, folder, delays) {
  const { tap, client, server } = stage.spots;
  const outputs = [
    '--connections',
    '-',
    '--alerts',
    '/dev/null',
    '--table',
    'never',
    '--attr-wait',
    values['attr-wait'],
  ];
  const hosts =
    values.agents === undefined
      ? ['--sensor', 'ebpf']
      : ['--no-local-host', '--listen', `${ENGINE}:9443`, '--engine-socket', join(folder, 'engine')];
  if (values.agents !== undefined) {
    const { code, said } = await programs
      .start([...tap.prefix, 'ip', 'address', 'add', `${ENGINE}/24`, 'dev', 'br0'])
      .wait();
    if (code !== 0) throw new Error(said);
  }
  const engine = programs.start([...tap.prefix, ...program, 'run', '-i', 'br0', ...outputs, ...hosts]);
  let rest = '';
  engine.process.stdout.on('data', (text) => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) delays.line(line, now);
  });
  await started(engine, /capturing on/);
  const places = { each: [client, server], one: [tap] }[values.agents] ?? [];
  const agents = places.map((place, i) => {
    const netns = values.agents === 'each' ? ['--netns', 'self'] : [];
    const command = [
      'agent',
      '--server',
      `ws://${ENGINE}:9443`,
      '--sensor',
      'ebpf',
      '--host-id',
      `host-${i}`,
      ...netns,
    ];
    return programs.start([...place.prefix, ...program, ...command]);
  });
  for (const agent of agents) await started(agent, /takes this host/);
  return [...agents, engine];
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

function tell(name, seconds) {
  const sorted = seconds.toSorted((a, b) => a - b);
  const [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1].map((share) => `${(1000 * quantile(sorted, share)).toFixed(0)} ms`);
  console.log(
    `${name.padEnd(28)} ${String(sorted.length).padStart(6)}   p50 ${p50}, p90 ${p90}, p99 ${p99}, most ${most}`,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'correlate-latency-'));
const programs = new ChildPrograms();
const delays = new Delays();
try {
  const stage = await buildStage(programs);
  const watchers = await watched(programs, stage, folder, delays);
  await sleep(3000);
  const plans = groups.map(([protocol, life], i) => {
    const isTcp = protocol === 'tcp';
    const words = [`kind=${protocol} ${life}`, `port=${FIRST_PORT + i}`, `address=${stage.spots.server.addresses[4]}`];
    const exchange = isTcp ? [`life=${life}`] : ['datagrams=2', `pause=${Math.max(1, life / 2)}`];
    const kind = isTcp ? 'stream' : 'datagram';
    return {
      server: ['server', kind, ...words, ...(isTcp ? ['how=together'] : [])],
      client: ['client', kind, ...words, ...exchange, `processes=${values.processes}`, `gap=${GAP}`],
    };
  });
  const servers = [];
  for (const { server } of plans)
    servers.push(await started(programs.start([...stage.spots.server.prefix, trafficProgram, ...server]), /^ready/m));
  await sleep(1000);
  const clients = plans.map(({ client }) => programs.start([...stage.spots.client.prefix, trafficProgram, ...client]));
  for (const client of clients) {
    const { code, said } = await client.ended;
    if (code !== 0) throw new Error(`the traffic failed: ${said}`);
  }
  await sleep(1000 * (CLOSE_DELAY + Number(values['attr-wait']) + 2));
  for (const each of watchers) await each.end('SIGINT');
  for (const server of servers) await server.end();
} finally {
  await programs.close();
  rmSync(folder, { recursive: true, force: true });
}
for (const [name, seconds] of delays.owners) tell(`owner named, ${name}`, seconds);
tell('owner named, all', [...delays.owners.values()].flat());
tell('final line after removal', delays.final);
console.log(`${(delays.lines / delays.uids.size).toFixed(2)} lines for each of ${delays.uids.size} connections`);
