// What an agent costs its host, with eBPF and an engine to speak to: processor time and memory of the agent, processor time that a
// connection takes its client with and without it, and rows lost, at 100 and 1,000 short connections per second over loopback. Needs root.
//
//   node scripts/agent-cost.mjs [--seconds 10] [--rounds 3]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, rounds: { type: 'string', default: '3' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'bin', 'correlate.js');
const folder = mkdtempSync(join(tmpdir(), 'agent-cost-'));
const traffic = join(folder, 'traffic');
const PORT = '7400';
const ENGINE = '127.0.0.1:7401';
const ticksPerSecond = 100;

/** Processor seconds so far and the most memory ever of a process. */
function usage(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const memory = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    megabytes: Number(memory[1]) / 1000,
  };
}

async function output(child, wanted) {
  let text = '';
  for await (const chunk of child) {
    text += chunk;
    if (wanted.test(text)) return text;
  }
  throw new Error(`ended without ${wanted}: ${text}`);
}

function flood(rate) {
  const args = ['flood', '/dev/null', '127.0.0.1', PORT, String(rate), values.seconds];
  return JSON.parse(execFileSync(traffic, args, { encoding: 'utf8' }));
}

/** Starts a command of the program; gives it once it has told on stderr what shows that it is ready. */
async function start(args, ready) {
  const child = spawn(process.execPath, [bin, ...args, '--json-log'], { stdio: ['ignore', 'ignore', 'pipe'] });
  await output(child.stderr.iterator({ destroyOnReturn: false }), ready);
  child.stderr.resume();
  return child;
}

async function stop(child) {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await exited;
}

/** What is in the spool: connects to the server that the agent has told of, and rows that say something was lost. */
function told(spool) {
  let connects = 0;
  let lost = 0;
  for (const name of readdirSync(spool).filter((each) => each.endsWith('.rows'))) {
    for (const line of readFileSync(join(spool, name), 'utf8').split('\n').filter(Boolean)) {
      for (const block of JSON.parse(line.slice(line.indexOf('{'))).blocks) {
        if (block.lost !== undefined) lost++;
        if (block.table !== 'socket_events') continue;
        const { action, remote_port } = block.columns;
        connects += action.filter((each, i) => each === 'connect' && remote_port[i] === Number(PORT)).length;
      }
    }
  }
  return { connects, lost };
}

let run = 0;

/** A flood while an agent watches and tells an engine. */
async function watched(rate) {
  const spool = join(folder, `spool-${run++}`);
  const engine = await start(['run', '--listen', ENGINE, '--no-local-host', '--alerts', '/dev/null'], /may connect to/);
  const agent = await start(['agent', '--server', `ws://${ENGINE}`, '--spool', spool], /takes this host/);
  await sleep(1000);
  const before = usage(agent.pid);
  const load = flood(rate);
  await sleep(200);
  const after = usage(agent.pid);
  await stop(agent);
  await stop(engine);
  return {
    load,
    share: (after.cpuSeconds - before.cpuSeconds) / load.seconds,
    megabytes: after.megabytes,
    ...told(spool),
  };
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const perConnection = ({ cpuSeconds, connections }) => (cpuSeconds / connections) * 1e6;

async function measure(rate) {
  const [without, withAgent] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    without.push(flood(rate));
    withAgent.push(await watched(rate));
  }
  const plain = median(without.map(perConnection));
  const slowed = median(withAgent.map(({ load }) => perConnection(load)));
  const connects = withAgent.reduce((sum, each) => sum + each.connects, 0);
  const made = withAgent.reduce((sum, { load }) => sum + load.connections, 0);
  console.log(
    `${String(rate).padStart(5)} connections/s: agent ${(100 * median(withAgent.map(({ share }) => share))).toFixed(1)} % of a core, ` +
      `${Math.max(...withAgent.map(({ megabytes }) => megabytes)).toFixed(0)} MB; client ${plain.toFixed(0)} -> ${slowed.toFixed(0)} us of processor per connection; ` +
      `${connects} of ${made} connects told, ${withAgent.reduce((sum, { lost }) => sum + lost, 0)} losses`,
  );
}

let server;
try {
  execFileSync('gcc', ['-O2', '-o', traffic, join(root, 'test', 'sensor', 'accuracy', 'traffic.c')]);
  server = spawn(traffic, ['serve', '/dev/null', '127.0.0.1', '::1', PORT], { stdio: ['pipe', 'pipe', 'inherit'] });
  await output(server.stdout, /ready/);
  for (const rate of [100, 1000]) await measure(rate);
} finally {
  server?.stdin.end();
  rmSync(folder, { recursive: true });
}
