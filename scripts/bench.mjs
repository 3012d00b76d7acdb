// Whole-process time of reading a capture and writing its connections, beside softflowd and nfpcapd on the same file: runs alternate,
// medians and ratios are printed. The file is made once and kept (1.5 GB).
//
//   npm run bench -- [--file trace.pcap] [--runs 5]
//   npm run bench -- --tools correlate,softflowd,nfpcapd,argus,tshark        which of them; the last two take long
//   npm run bench -- --join ...      connections joined in a second, see scripts/bench/join.mjs
//   npm run bench -- --day ...       a day of processes and connections in compressed time: speed-up, memory; see scripts/bench/day.mjs
//   npm run bench -- --accuracy ...  who is named rightly, by sensor, protocol, role and life, with rows late, lost, repeated: scripts/bench/accuracy.mjs
//   npm run bench -- --latency ...   how long owners take to be named, live: scripts/bench/latency.mjs
//   npm run bench -- --open ...      cost per packet with many connections open; --flood: SYNs; see scripts/bench/open-connections.mjs
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const other = {
  '--accuracy': 'accuracy',
  '--day': 'day',
  '--join': 'join',
  '--latency': 'latency',
  '--open': 'open-connections',
  '--flood': 'open-connections',
}[process.argv[2]];
if (other !== undefined) {
  const script = join(root, `scripts/bench/${other}.mjs`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', script, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}
const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    runs: { type: 'string', default: '5' },
    packets: { type: 'string', default: '3000000' },
    tools: { type: 'string', default: 'correlate,softflowd,nfpcapd' },
  },
});
const scratch = join(tmpdir(), 'correlate-bench');
mkdirSync(scratch, { recursive: true });
const file = values.file ?? makeFile(Number(values.packets));
const flows = join(scratch, 'nfcapd');
rmSync(flows, { recursive: true, force: true });
mkdirSync(flows);

function makeFile(packets) {
  const path = join(scratch, `tcp-${packets}.pcap`);
  if (existsSync(path)) return path;
  console.error(`making ${path}`);
  const { status } = spawnSync(process.execPath, [join(root, 'test/bench/tcp-traffic.mjs'), packets, `${path}.part`], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
  renameSync(`${path}.part`, path);
  return path;
}

const contestants = [
  {
    name: 'correlate',
    needs: process.execPath,
    command: [
      process.execPath,
      join(root, 'bin/correlate.js'),
      '-q',
      '-r',
      file,
      '--connections',
      join(scratch, 'connections.jsonl'),
    ],
  },
  {
    name: 'softflowd',
    needs: '/usr/sbin/softflowd',
    command: ['/usr/sbin/softflowd', '-r', file, '-m', '1000000', '-n', '127.0.0.1:9'],
  },
  { name: 'nfpcapd', needs: '/usr/bin/nfpcapd', command: ['/usr/bin/nfpcapd', '-r', file, '-w', flows, '-l', flows] },
  {
    name: 'argus',
    needs: '/usr/sbin/argus',
    command: ['/usr/sbin/argus', '-F', '/dev/null', '-r', file, '-w', join(scratch, 'argus.out')],
  },
  {
    name: 'tshark',
    needs: '/usr/bin/tshark',
    command: ['/usr/bin/tshark', '-n', '-q', '-r', file, '-z', 'conv,tcp'],
  },
];

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/** Node reads the certificates that this variable names whenever it starts, which would be measured too. */
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;

/** Wall and CPU seconds of one run, from the shell's `time`. */
function time(command) {
  const script = `TIMEFORMAT='%R %U %S'; time ${command.map(quote).join(' ')} >/dev/null 2>/dev/null`;
  const { stderr, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env });
  const [wall, user, system] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { wall, cpu: user + system, status };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const wanted = values.tools.split(',');
const present = contestants.filter(({ needs, name }) => {
  if (!wanted.includes(name)) return false;
  if (existsSync(needs)) return true;
  console.error(`${name} is not installed: apt-get install -y softflowd nfdump argus-server tshark`);
  return false;
});
const results = new Map(present.map(({ name }) => [name, []]));
for (let run = 0; run < Number(values.runs) + 1; run++) {
  for (const { name, command } of present) {
    const result = time(command);
    if (result.status !== 0) console.error(`${name} ended with ${result.status}`);
    // The first round warms the page cache.
    if (run > 0) results.get(name).push(result);
  }
}

const own = median(results.get('correlate').map(({ wall }) => wall));
console.log(`${file}: ${(statSync(file).size / 1e9).toFixed(2)} GB, medians of ${values.runs} alternating runs`);
for (const [name, runs] of results) {
  const wall = median(runs.map((r) => r.wall));
  const spread = `${Math.min(...runs.map((r) => r.wall))} to ${Math.max(...runs.map((r) => r.wall))}`;
  const ratio = name === 'correlate' ? '' : `, correlate takes ${(own / wall).toFixed(2)} of it`;
  console.log(
    `${name.padEnd(10)} ${wall.toFixed(2)} s (${spread}), ${median(runs.map((r) => r.cpu)).toFixed(2)} s CPU${ratio}`,
  );
}
