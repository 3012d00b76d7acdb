// Load on the engine from many agents: real WebSockets over TLS from this process to an engine in another.
//
//   npm run build && node test/bench/agents.mjs [--hosts 1000] [--seconds 60] [--restart]
//
// Each agent joins with 250 processes, 60 sockets, 40 users and 4 addresses, then tells a row and, as agents do, its watermarks. Prints
// how long all took to join, then lag from a row to the state, stalls of the event loop, memory and processor time of the engine; with
// --restart also how long all took to be back after the engine was killed. Needs an open-file limit above the number of agents.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    restart: { type: 'boolean', default: false },
    lateness: { type: 'string', default: '600' },
  },
});
const HOSTS = Number(values.hosts);
const { encodeFrames } = await load('wire/row-message');
const { RowWindow } = await load('wire/row-window');
const { engineDialer } = await load('agent/engine-address');
const { retryDelayMs } = await load('agent/retry-delay');

const folder = mkdtempSync(join(tmpdir(), 'bench-agents-'));
const at = (name) => join(folder, name);
writeFileSync(at('secret'), 'bench\n');
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key.pem')];
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
spawnSync('openssl', ['req', '-x509', ...key, '-out', at('cert.pem'), '-days', '2', ...subject]);

let latest;
async function startEngine(port) {
  const script = fileURLToPath(new URL('agent-engine.mjs', import.meta.url));
  const options = [
    '--cert',
    at('cert.pem'),
    '--key',
    at('key.pem'),
    '--secret',
    at('secret'),
    '--socket',
    at('socket'),
  ];
  const more = ['--port', String(port), '--lateness', values.lateness];
  const child = spawn(
    process.execPath,
    [...(process.env.ENGINE_FLAGS?.split(' ') ?? []), script, ...options, ...more],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout });
  latest = undefined;
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const figures = JSON.parse(line);
      if (figures.port !== undefined) resolve({ child, port: figures.port });
      else {
        latest = figures;
        onFigures(figures);
      }
    });
  });
}
let onFigures = () => {};

const PATHS = Array.from({ length: 120 }, (_, i) => `/usr/lib/systemd/program-${i}`);

/** The state of one host: most of it is the same on all, as with hosts of one image. */
function* stateOf(number, time) {
  const streams = ['processes', 'process_open_sockets', 'users', 'interface_addresses', 'socket_events'];
  yield {
    kind: 'host',
    host: '',
    boot: `boot-${number}`,
    streams: streams.map((table) => ({ stream: table, table })),
    from: time,
  };
  let seq = 0;
  const row = (table, columns) => ({
    kind: 'row',
    host: '',
    boot: `boot-${number}`,
    stream: table,
    table,
    action: 'added',
    time,
    resolution: 1000,
    seq: seq++,
    columns,
  });
  for (let i = 0; i < 250; i++) {
    const path = PATHS[i % PATHS.length];
    const cmdline = i % 5 === 0 ? `${path} --instance ${number}-${i}` : `${path} --config /etc/program-${i}.conf`;
    const ids = { uid: i % 40, gid: i % 40, euid: i % 40, egid: i % 40 };
    yield row('processes', {
      pid: 100 + i,
      name: path.slice(17),
      path,
      cmdline,
      cwd: '/',
      state: 'S',
      parent: 1,
      start_time: 1_700_000_000 + i,
      ...ids,
    });
  }
  for (let i = 0; i < 60; i++) {
    const local = { local_address: `10.${number >> 8}.${number & 255}.1`, local_port: 1_024 + i };
    yield row('process_open_sockets', {
      pid: 100 + i,
      fd: 3,
      socket: 10_000 + i,
      family: 2,
      protocol: 6,
      ...local,
      remote_address: `10.255.0.${i}`,
      remote_port: 443,
      state: 'ESTABLISHED',
    });
  }
  for (let i = 0; i < 40; i++)
    yield row('users', { uid: i, gid: i, username: `user-${i}`, directory: `/home/user-${i}`, shell: '/bin/sh' });
  for (let i = 0; i < 4; i++)
    yield row('interface_addresses', {
      interface: `eth${i}`,
      address: `10.${number >> 8}.${number & 255}.${i + 1}`,
      mask: '255.255.255.0',
    });
}

/** In the template: what stands for the host's number in text, in addresses, and for the time. */
const [NUMBER, TIME] = [987_654, 1_234_567_890_123_456];
const template = (() => {
  const rows = [...stateOf(NUMBER, TIME)];
  const frames = encodeFrames(rows, 0, `boot-${NUMBER}`);
  return { rows: rows.length, texts: frames.map(({ text }) => text), sizes: frames.map((frame) => frame.rows.length) };
})();

/** One of the messages with the state of a host, made from the template, since this process plays all hosts and must not be the slowest part. */
function stateMessage(number, frame) {
  const time = String(Date.now() * 1000);
  const network = `10.${number >> 8}.${number & 255}.`;
  return template.texts[frame]
    .replaceAll(String(TIME), time)
    .replaceAll(`10.${NUMBER >> 8}.${NUMBER & 255}.`, network)
    .replaceAll(String(NUMBER), String(number));
}

/** Connections that are made at the same time: each host would have a processor of its own for it, here all share one. */
const HANDSHAKES = 100;
let shaking = 0;
const gate = [];
function dialled(connect) {
  if (shaking < HANDSHAKES) {
    shaking++;
    connect();
  } else gate.push(connect);
}
function shaken() {
  const next = gate.shift();
  if (next === undefined) shaking--;
  else next();
}

/** One simulated agent. It keeps its journal as real ones do, in the smallest form: the state can be made again. */
class Simulated {
  next = 0;
  /** Where the state of the join ends. */
  joined = false;
  lostAt;
  constructor(number, dial) {
    this.number = number;
    this.dial = dial;
  }

  connect() {
    dialled(() => this.dialNow());
  }

  dialNow() {
    const socket = this.dial();
    this.socket = socket;
    let isShaking = true;
    const settle = () => {
      if (isShaking) shaken();
      isShaking = false;
    };
    socket.on('open', () => {
      settle();
      const { number } = this;
      socket.send(
        JSON.stringify({
          type: 'hello',
          host: `host-${number}`,
          run: `run-${number}`,
          version: 'bench',
          boot: `boot-${number}`,
          groups: ['bench'],
          tables: [],
          limited: [],
          time: Date.now() * 1000,
          journal: { id: `journal-${number}`, next: Math.max(this.next, template.rows) },
          token: `token-${number}`,
        }),
      );
    });
    socket.on('message', (data) => this.message(JSON.parse(String(data))));
    socket.on('error', () => {});
    socket.on('close', () => {
      settle();
      if (this.ended) return;
      if (this.joined) joined--;
      this.joined = false;
      clearInterval(this.timer);
      this.timer = undefined;
      this.lostAt ??= performance.now();
      setTimeout(() => this.connect(), retryDelayMs(performance.now() - this.lostAt, false, Math.random()));
    });
  }

  message(message) {
    const received = Date.now() * 1000;
    if (message.type === 'ask_clock') {
      this.socket.send(JSON.stringify({ type: 'clock', id: message.id, received, sent: Date.now() * 1000 }));
    } else if (message.type === 'welcome') {
      this.lostAt = undefined;
      this.window = new RowWindow(message.window);
      this.sent = message.received === undefined ? 0 : template.texts.length;
      this.underWay = 0;
      this.flying = [];
      this.pump();
      this.next = Math.max(this.next, template.rows);
      this.completeAt = 0;
      this.completeEveryMs = message.completeEveryMs;
      if (this.flying.length === 0) this.live();
    } else if (message.type === 'ack') {
      while (this.flying.length > 0 && this.flying[0].last <= message.received) {
        const { rows } = this.flying.shift();
        this.underWay -= rows;
        this.window.acknowledged(rows);
      }
      this.pump();
      if (this.joined || this.sent < template.texts.length || this.flying.length > 0) return;
      this.joined = true;
      joined++;
      if (this.timer === undefined) this.live();
    }
  }

  /** Tells what happens from now on. */
  live() {
    this.timer = setTimeout(() => {
      this.row();
      this.timer = setInterval(() => this.row(), 1000);
    }, Math.random() * 1000);
  }

  /** Sends of the state what the window has room for. */
  pump() {
    while (this.sent < template.texts.length && (this.underWay === 0 || this.underWay < this.window.rows)) {
      const rows = template.sizes[this.sent];
      const last = (this.flying.at(-1)?.last ?? this.firstOf(this.sent) - 1) + rows;
      this.flying.push({ rows, last });
      this.underWay += rows;
      this.socket.send(stateMessage(this.number, this.sent++));
    }
  }

  firstOf(frame) {
    return template.sizes.slice(0, frame).reduce((sum, rows) => sum + rows, 0);
  }

  /** A connection is made. */
  row() {
    const { number, next: seq } = this;
    const time = Date.now() * 1000;
    const boot = `boot-${number}`;
    const ends = {
      local_address: `10.${number >> 8}.${number & 255}.1`,
      local_port: 32_768 + (seq % 28_000),
      remote_address: '10.255.0.1',
      remote_port: 443,
    };
    const columns = { action: 'connect', pid: 100 + (seq % 250), fd: '7', family: 2, protocol: 6, ...ends };
    const rows = [
      {
        kind: 'row',
        host: '',
        boot,
        stream: 'socket_events',
        table: 'socket_events',
        action: 'event',
        time,
        resolution: 1,
        seq,
        columns,
      },
    ];
    if (performance.now() - this.completeAt > this.completeEveryMs) {
      this.completeAt = performance.now();
      for (const stream of ['processes', 'process_open_sockets', 'users', 'interface_addresses', 'socket_events'])
        rows.push({ kind: 'complete', host: '', stream, until: time });
    }
    this.socket.send(encodeFrames(rows, seq, boot)[0].text);
    this.next += rows.length;
  }

  end() {
    this.ended = true;
    clearInterval(this.timer);
    this.socket?.terminate();
  }
}

let joined = 0;
async function untilJoined(what) {
  const began = performance.now();
  let stall = 0;
  let cpu = 0;
  let collecting = 0;
  onFigures = ({ stallMs, ...figures }) => {
    stall = Math.max(stall, stallMs);
    cpu += figures.cpu;
    collecting += figures.gc.sum;
    if (process.env.VERBOSE) console.log(joined, JSON.stringify({ stallMs, ...figures }));
  };
  while (joined < HOSTS) {
    await sleep(50);
    if (performance.now() - began > 600_000) throw new Error(`only ${joined} joined: ${JSON.stringify(latest)}`);
  }
  console.log(
    `${what}: all ${HOSTS} within ${((performance.now() - began) / 1000).toFixed(1)} s, longest stall ${stall} ms; ${((cpu * 1000) / HOSTS).toFixed(1)} ms of processor time a host, ${(collecting / HOSTS).toFixed(1)} ms in pauses for collections`,
  );
}

async function steady(seconds) {
  const seen = { p99: [], stall: 0, cpu: 0, n: 0, max: 0, rows: 0 };
  await sleep(5_000);
  const before = latest.rows;
  onFigures = ({ lag, stallMs, cpu, ...rest }) => {
    seen.p99.push(lag.p99);
    seen.max = Math.max(seen.max, lag.max);
    seen.stall = Math.max(seen.stall, stallMs);
    seen.cpu += cpu;
    seen.n++;
    if (process.env.VERBOSE) console.log(JSON.stringify({ lag, stallMs, cpu, ...rest }));
  };
  await sleep(seconds * 1000);
  const rate = Math.round((latest.rows - before) / seconds);
  const p99 = seen.p99.sort((a, b) => a - b);
  const { mb } = latest;
  console.log(
    `steady for ${seconds} s: ${rate} rows/s; lag p99 ${p99[p99.length >> 1]} ms (median of seconds), ${p99.at(-1)} ms (worst second), max ${seen.max} ms; longest stall ${seen.stall} ms; ${(seen.cpu / seen.n).toFixed(2)} cores; rss ${mb.rss} MB, heap ${mb.heap} MB: ${Math.round((mb.rss * 1000) / HOSTS)} kB a host`,
  );
  console.log('cut off or warned:', JSON.stringify(latest.bad), 'silent:', latest.silent);
}

let engine = await startEngine(0);
await sleep(1_500);
console.log(`engine without hosts: rss ${latest?.mb.rss} MB`);
const address = { server: `wss://127.0.0.1:${engine.port}`, ca: at('cert.pem'), secretFile: at('secret') };
// Each with TLS sessions of its own, as on hosts of their own.
const agents = Array.from({ length: HOSTS }, (_, i) => new Simulated(i, engineDialer(address)));
try {
  for (const agent of agents) agent.connect();
  await untilJoined('joined');
  await steady(Number(values.seconds));
  if (values.restart) {
    engine.child.kill('SIGKILL');
    await sleep(10_000);
    engine = await startEngine(engine.port);
    await untilJoined('back after a restart');
    await steady(10);
  }
} finally {
  for (const agent of agents) agent.end();
  engine.child.kill('SIGTERM');
  await new Promise((resolve) => engine.child.once('close', resolve));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
