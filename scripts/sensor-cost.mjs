// What watching this host with eBPF costs: processor time and memory of the sensor, processor time that a connection takes its client with
// and without it, and records lost, at 100 and 1,000 short connections per second over loopback. Needs root.
//
//   node scripts/sensor-cost.mjs [--seconds 10] [--rounds 3]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, rounds: { type: 'string', default: '3' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sensor-cost-'));
const traffic = join(folder, 'traffic');
const PORT = '7400';
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

/** A flood while the sensor records. */
async function watched(rate) {
  const recording = join(folder, 'recording');
  const sensor = spawn(process.execPath, [join(root, 'bin', 'correlate.js'), 'record', '--sensor', 'ebpf', recording], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await output(sensor.stderr.iterator({ destroyOnReturn: false }), /recording into/);
  await sleep(1000);
  const before = usage(sensor.pid);
  const load = flood(rate);
  await sleep(200);
  const after = usage(sensor.pid);
  sensor.kill('SIGINT');
  await new Promise((resolve) => sensor.once('exit', resolve));
  const rows = readFileSync(recording, 'utf8').split('\n');
  return {
    load,
    share: (after.cpuSeconds - before.cpuSeconds) / load.seconds,
    megabytes: after.megabytes,
    connects: rows.filter((row) => row.includes('"action":"connect"') && row.includes(`"remote_port":${PORT}`)).length,
    lost: rows.filter((row) => row.startsWith('{"kind":"lost"')).length,
  };
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const perConnection = ({ cpuSeconds, connections }) => (cpuSeconds / connections) * 1e6;

async function measure(rate) {
  const [without, withSensor] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    without.push(flood(rate));
    withSensor.push(await watched(rate));
  }
  const plain = median(without.map(perConnection));
  const slowed = median(withSensor.map(({ load }) => perConnection(load)));
  const told = withSensor.reduce((sum, { connects }) => sum + connects, 0);
  const made = withSensor.reduce((sum, { load }) => sum + load.connections, 0);
  console.log(
    `${String(rate).padStart(5)} connections/s: sensor ${(100 * median(withSensor.map(({ share }) => share))).toFixed(1)} % of a core, ` +
      `${Math.max(...withSensor.map(({ megabytes }) => megabytes)).toFixed(0)} MB; client ${plain.toFixed(0)} -> ${slowed.toFixed(0)} us of processor per connection; ` +
      `${told} of ${made} connects told, ${withSensor.reduce((sum, { lost }) => sum + lost, 0)} losses`,
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
