// Live capture at a rate: packets of 64 bytes from a sender on one end of a veth pair into the program on the other, at its default
// settings. Tells packets sent, counted and dropped, and what CPU the program took. Needs root.
//
//   npm run bench:live -- [--seconds 10] [--flows 1000] [--rate PACKETS_PER_SECOND] [--json]
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    flows: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const TICKS = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

function must(command, ...args) {
  const { status, stderr, stdout, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

function buildSender() {
  const source = join(root, 'test/bench/packet-sender.c');
  const binary = join(root, 'build/packet-sender');
  mkdirSync(join(root, 'build'), { recursive: true });
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs)
    must('gcc', '-O2', '-o', binary, source);
  return binary;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** User and system seconds of a process so far. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return { user: Number(fields[11]) / TICKS, system: Number(fields[12]) / TICKS };
}

/** Packets that arrived at an interface of a namespace, by the kernel's own count. */
const arrived = (namespace, device) =>
  JSON.parse(must('ip', '-n', namespace, '-j', '-s', 'link', 'show', device))[0].stats64.rx.packets;

async function measure() {
  const sender = buildSender();
  const [near, far] = [`rate${process.pid}-a`, `rate${process.pid}-b`];
  const folder = mkdtempSync(join(tmpdir(), 'live-rate-'));
  let program;
  try {
    for (const name of [near, far]) must('ip', 'netns', 'add', name);
    must('ip', '-n', near, 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1', 'netns', far);
    // Without IPv6 the kernel sends nothing of its own.
    for (const name of [near, far])
      must('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
    must('ip', '-n', near, 'link', 'set', 'veth0', 'up');
    must('ip', '-n', far, 'link', 'set', 'veth1', 'up');
    const command = [
      '-i',
      'veth1',
      '--json-log',
      '--connections',
      join(folder, 'connections.jsonl'),
      '--alerts',
      '/dev/null',
    ];
    program = spawn('ip', ['netns', 'exec', far, process.execPath, join(root, 'bin/correlate.js'), ...command]);
    let log = '';
    program.stderr.setEncoding('utf8').on('data', (text) => {
      log += text;
    });
    const ended = new Promise((resolve) => program.on('close', resolve));
    for (let waited = 0; !log.includes('capturing on'); waited += 50) {
      if (program.exitCode !== null || waited > 20_000) throw new Error(`the program did not start: ${log}`);
      await sleep(50);
    }
    await sleep(500);
    const before = { cpu: cpuOf(program.pid), packets: arrived(far, 'veth1') };
    const send = spawn('ip', ['netns', 'exec', near, sender, 'veth0', values.seconds, values.flows, values.rate]);
    let told = '';
    send.stdout.on('data', (text) => {
      told += text;
    });
    await new Promise((resolve) => send.on('close', resolve));
    const { sent, seconds } = JSON.parse(told);
    await sleep(300);
    const after = { cpu: cpuOf(program.pid), packets: arrived(far, 'veth1') };
    program.kill('SIGINT');
    await ended;
    const summary = JSON.parse(log.split('\n').findLast((line) => line.includes('"packets '))).msg;
    const [, counted] = /packets (\d+)/.exec(summary);
    const [, dropped] = /(\d+) dropped/.exec(summary);
    return {
      seconds,
      sent,
      arrived: after.packets - before.packets,
      counted: Number(counted),
      dropped: Number(dropped),
      user: after.cpu.user - before.cpu.user,
      system: after.cpu.system - before.cpu.system,
      summary,
    };
  } finally {
    if (program?.exitCode === null) program.kill('SIGKILL');
    for (const name of [near, far]) spawnSync('ip', ['netns', 'delete', name]);
    rmSync(folder, { recursive: true, force: true });
  }
}

const result = await measure();
if (values.json) console.log(JSON.stringify(result));
else {
  const { sent, arrived: came, counted, dropped, seconds, user, system, summary } = result;
  console.log(
    `sent      ${sent} packets of 64 bytes in ${seconds} s: ${(sent / seconds / 1e6).toFixed(2)} Mpps; ${came} arrived`,
  );
  console.log(
    `counted   ${counted}, dropped ${dropped} (${((100 * dropped) / sent).toFixed(3)} %), unexplained ${sent - counted - dropped}`,
  );
  console.log(
    `CPU       ${user.toFixed(2)} s user, ${system.toFixed(2)} s system: ${(((user + system) * 1e9) / sent).toFixed(0)} ns per packet`,
  );
  console.log(summary);
}
