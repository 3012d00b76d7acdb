// The engine of the agents' benchmark, as a process of its own: real endpoint, hub and join. Tells its figures as JSON lines every second.
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    cert: { type: 'string' },
    key: { type: 'string' },
    secret: { type: 'string' },
    socket: { type: 'string' },
    lateness: { type: 'string', default: '600' },
  },
});
const { Engine } = await load('pipeline/engine');
const { Join } = await load('join/attribution');
const { RunMetrics } = await load('pipeline/run-metrics');

const latenessUs = Number(values.lateness) * 1e6;
const join = new Join({ latenessUs, attrWaitUs: 2e6, finalOnly: false, startsKnown: true, emit() {} });
const figures = { rows: 0, joined: 0, silent: 0 };
/** Milliseconds from the time on a row to when it is in the state, of rows that tell of now. */
let lags = [];
const bad = new Map();

const engine = await Engine.start(
  {
    version: 'bench',
    endpoint: {
      host: '127.0.0.1',
      port: Number(values.port),
      tls: { certFile: values.cert, keyFile: values.key },
      secretFile: values.secret,
    },
    socket: values.socket,
    isDefaultSocket: false,
    subnets: [],
  },
  {
    captures: ['eth0'],
    latenessUs,
    metrics: new RunMetrics('bench', Date.now() * 1000),
    rows(rows) {
      join.together(() => {
        for (const row of rows) join.row(row);
      });
      figures.rows += rows.length;
      for (const row of rows) {
        if (row.kind === 'row' && row.action === 'event') lags.push(Date.now() - row.time / 1000);
      }
    },
    warn: ({ code, message }) =>
      bad.set(`${code} ${message.replace(/^[^:]*: /, '').slice(0, 60)}`, (bad.get(code) ?? 0) + 1),
    info(message) {
      if (message.endsWith('joined') || message.endsWith('is back')) figures.joined++;
      if (message.includes('is silent')) figures.silent++;
    },
  },
);

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
/** Pauses for collections of the young objects and of all: the longest of each and their sum, milliseconds. */
let collections = { young: 0, all: 0, sum: 0 };
new PerformanceObserver((list) => {
  for (const { duration, detail } of list.getEntries()) {
    const which = detail.kind === constants.NODE_PERFORMANCE_GC_MINOR ? 'young' : 'all';
    collections[which] = Math.max(collections[which], duration);
    collections.sum += duration;
  }
}).observe({ entryTypes: ['gc'] });
let cpu = process.cpuUsage();
const timer = setInterval(() => {
  const sorted = lags.sort((a, b) => a - b);
  lags = [];
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const line = {
    ...figures,
    lag: { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) },
    stallMs: Math.round(delay.max / 1e6),
    gc: Object.fromEntries(Object.entries(collections).map(([key, ms]) => [key, Math.round(ms)])),
    cpu: (user + system) / 1e6,
    mb: {
      rss: Math.round(rss / 1e6),
      heap: Math.round(heapUsed / 1e6),
      other: Math.round((external + arrayBuffers) / 1e6),
    },
    bad: Object.fromEntries(bad),
  };
  delay.reset();
  collections = { young: 0, all: 0, sum: 0 };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}, 1000);
process.stdout.write(`${JSON.stringify({ port: engine.port })}\n`);
process.once('SIGTERM', async () => {
  clearInterval(timer);
  await engine.stop();
  process.exit(0);
});
