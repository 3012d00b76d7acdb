// A day of churn in compressed time through the real join and the tables that rules read: every second processes are forked, execute, make
// one connection each and exit. Prints memory at each twentieth: past the window that is kept it must not grow.
//
//   npm run bench -- --day [--hours 24] [--rate 1000] [--hosts 100] [--sockets 50] [--lateness 600]
//
// Speed-up is simulated time over time that passed, that of making the load left out.
import { parseArgs } from 'node:util';
import { genesis } from '../../test/bench/join-hosts.mjs';
import { JoinTraffic, STEP } from '../../test/bench/join-traffic.mjs';

const { values } = parseArgs({
  options: {
    day: { type: 'boolean' },
    module: { type: 'string', default: '../../dist/join/attribution.js' },
    hours: { type: 'string', default: '24' },
    rate: { type: 'string', default: '1000' },
    hosts: { type: 'string', default: '100' },
    sockets: { type: 'string', default: '50' },
    lateness: { type: 'string', default: '600' },
  },
});
const beside = (file) => import(new URL(file, import.meta.resolve(values.module)).href);
const { Join } = await import(values.module);
const { HostTables } = await beside('../hosts/tables.js');
const { LineBuffer } = await beside('../outputs/line-buffer.js');
const { writeConnection } = await beside('../outputs/connection-json.js');

const SECOND = 1_000_000;
/** At so many moments, evenly apart, memory is measured. */
const MARKS = 20;
const [hosts, sockets, rate] = [values.hosts, values.sockets, values.rate].map(Number);
const until = genesis + Math.round(Number(values.hours) * 3_600) * SECOND;
const line = new LineBuffer();
const counts = { rows: 0, lines: 0, bytes: 0 };
const join = new Join({
  latenessUs: Number(values.lateness) * SECOND,
  attrWaitUs: 2 * SECOND,
  finalOnly: false,
  startsKnown: true,
  emit(attributed) {
    line.length = 0;
    writeConnection(line, attributed);
    counts.lines++;
    counts.bytes += line.length;
  },
});
const tables = new HostTables();
const traffic = new JoinTraffic({ hosts, sockets, rate, own: 1 });
for (const rows of traffic.standing()) rows.forEach(take);

function take(row) {
  if (row.kind === 'row') {
    counts.rows++;
    tables.apply(row);
  }
  join.row(row);
}

/** Inputs of one step after the other, what came of each let go as soon as it is handed on. */
function pass(now) {
  const inputs = traffic.step(now);
  const started = process.hrtime.bigint();
  for (const { row, update } of inputs) {
    if (row !== undefined) take(row);
    else join.connection(update);
  }
  join.advance(now + STEP);
  return Number(process.hrtime.bigint() - started) / 1e9;
}

if (globalThis.gc === undefined) {
  console.error('memory is measured with node --expose-gc');
  process.exit(2);
}
const marks = Array.from({ length: MARKS }, (_, n) => (n + 1) / MARKS);
let passed = 0;
for (let now = genesis - STEP; now < until; now += STEP) {
  passed += pass(now);
  const share = (now + STEP - genesis) / (until - genesis);
  if (share < marks[0]) continue;
  tell(marks.shift(), (now + STEP - genesis) / SECOND);
}

function tell(share, simulated) {
  globalThis.gc();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const mb = (bytes) => `${Math.round(bytes / 1e6)} MB`;
  const { kept, unsettled } = join.stats;
  console.log(
    `${String(Math.round(100 * share)).padStart(3)} %, ${Math.round(simulated)} s: ${traffic.connections} connections, ${counts.rows} rows, ${counts.lines} lines (${mb(counts.bytes)}); ` +
      `${(simulated / passed).toFixed(1)} times real time, ${Math.round((user + system) / 1e6)} s of CPU with the making of the load; rss ${mb(rss)}, heap ${mb(heapUsed)}, buffers ${mb(arrayBuffers)}; ` +
      `${kept} connections kept, ${unsettled} unsettled; losses ${JSON.stringify(join.losses)}`,
  );
}
