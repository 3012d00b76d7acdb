// An hour of a host that starts 1,000 processes a second, in compressed time through the real join and the tables that rules read: each process is
// forked, executes, connects, closes and ends. Prints memory at a quarter, half and the end; it must not grow between these.
//
//   npm run build && node --expose-gc test/bench/exec-hour.mjs [--minutes 60] [--rate 1000] [--lateness 600]
import { parseArgs } from 'node:util';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '1000' },
    lateness: { type: 'string', default: '600' },
  },
});
const { Join } = await load('join/attribution');
const { HostTables } = await load('hosts/tables');

const SECOND = 1e6;
const START = 1_700_000_000 * SECOND;
const [rate, seconds] = [Number(values.rate), Number(values.minutes) * 60];
const join = new Join({
  latenessUs: Number(values.lateness) * SECOND,
  attrWaitUs: 2 * SECOND,
  finalOnly: false,
  startsKnown: true,
  emit() {},
});
const tables = new HostTables();
const streams = ['process_events', 'socket_events', 'users'];
const seq = { process_events: 0, socket_events: 0 };
let rows = 0;

function take(row) {
  rows++;
  join.row(row);
  if (row.kind === 'row') tables.apply(row);
}

function event(table, time, columns) {
  take({
    kind: 'row',
    host: 'busy',
    boot: 'boot',
    stream: table,
    table,
    action: 'event',
    time,
    resolution: 1,
    seq: seq[table]++,
    columns,
  });
}

/** Processes numbered from 300 on and, as the kernel does, again from there after 4 million. */
function life(number, time) {
  const pid = 300 + (number % 4_194_000);
  const ids = { uid: 1000 + (number % 20), euid: 1000 + (number % 20), gid: 1000, egid: 1000 };
  const path = `/usr/bin/program-${number % 300}`;
  const cmdline = `${path} --job ${number}`;
  const process = (at, syscall, more) => event('process_events', at, { pid, parent: 1, syscall, ...ids, ...more });
  process(time, 'fork', { path: '/usr/bin/launcher', cmdline: 'launcher' });
  process(time + 200, 'execve', { path, cmdline });
  const ends = {
    pid,
    family: 2,
    protocol: 6,
    local_address: '198.51.100.10',
    local_port: 32_768 + (number % 28_000),
    remote_address: '198.51.100.20',
    remote_port: 443,
    socket: String(number),
  };
  event('socket_events', time + 1_000, { action: 'connect', ...ends });
  event('socket_events', time + 8_000, { action: 'close', ...ends });
  process(time + 10_000, 'exit', {});
}

const named = streams.map((table) => ({ stream: table, table }));
take({ kind: 'host', host: 'busy', boot: 'boot', streams: named, from: START });
const cpu = process.cpuUsage();
for (let second = 1; second <= seconds; second++) {
  const time = START + second * SECOND;
  for (let i = 0; i < rate; i++) life((second - 1) * rate + i, time - SECOND + Math.floor((i * SECOND) / rate));
  for (const stream of streams) take({ kind: 'complete', host: 'busy', stream, until: time });
  join.advance(time);
  const share = second / seconds;
  if (share !== 0.25 && share !== 0.5 && share !== 1) continue;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const used = process.cpuUsage(cpu);
  const mb = (bytes) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${share * 100} %: ${rows} rows; rss ${mb(rss)}, heap ${mb(heapUsed)}, buffers ${mb(external)}; ${((used.user + used.system) / rows).toFixed(1)} us of processor a row; losses ${JSON.stringify(join.losses)}`,
  );
}
