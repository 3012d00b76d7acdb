// Connections joined in a second on one core, and what state costs in memory.
//
//   npm run bench -- --join [--load calls] [--hosts 1,100,1000,10000] [--sockets 500] [--seconds 4] [--rate 100000] [--lateness 600] [--stages] [--restarted]
//
// `--load` names what hosts tell of their connections: every call (calls), the same as agents send it (frames), nothing, since the sockets stand or were accepted (standing), or what two
// polls a second see (polled); see join-traffic.mjs. `--restarted`: the agents of all hosts were started anew before.
//
// Time is CPU time of the process (its threads that compile and collect garbage included) while the join takes connections, their rows and
// the watermarks of the hosts, and lines are written to memory; making these is not timed. `--stages` tells how it is divided, rows apart from
// connections (stages.mjs).
import { parseArgs } from 'node:util';
import { genesis, loads, socketsOf, WATERMARK_EVERY } from '../../test/bench/join-hosts.mjs';
import { JoinTraffic, STEP } from '../../test/bench/join-traffic.mjs';
import { StageProfile } from './stages.mjs';

const { values } = parseArgs({
  options: {
    join: { type: 'boolean' },
    module: { type: 'string', default: '../../dist/join/attribution.js' },
    load: { type: 'string', default: 'calls' },
    hosts: { type: 'string', default: '1,100,1000,10000' },
    sockets: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '100000' },
    lateness: { type: 'string', default: '600' },
    stages: { type: 'boolean', default: false },
    restarted: { type: 'boolean', default: false },
  },
});
const { load } = values;
const { Join } = await import(values.module);
const { LineBuffer } = await import(new URL('../outputs/line-buffer.js', import.meta.resolve(values.module)).href);
const { writeConnection } = await import(
  new URL('../outputs/connection-json.js', import.meta.resolve(values.module)).href
);
const SECOND = 1_000_000;
/** In which every host tells once how far it has come. */
const PERIOD = WATERMARK_EVERY;
/** Ends that have an owner. */
const ORIG = 1;
const RESP = 2;

function makeJoin(emit) {
  return new Join({
    latenessUs: Number(values.lateness) * SECOND,
    attrWaitUs: 2 * SECOND,
    finalOnly: false,
    startsKnown: true,
    emit,
  });
}

/** Bytes of objects and of typed arrays. */
const heldBytes = () => {
  // Memory of typed arrays that a collection finds free is given back by the next one at the latest.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

function feed(join, inputs) {
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    // What was handed on is not held back from the garbage collector.
    inputs[i] = undefined;
    if (input.row !== undefined) join.row(input.row);
    else if (input.rows !== undefined) feedFrame(join, input.rows);
    else join.connection(input.update);
  }
}

function feedFrame(join, rows) {
  join.together(() => {
    for (const row of rows) join.row(row);
  });
}

function run(hosts, sockets) {
  const counts = { lines: 0, bytes: 0 };
  const line = new LineBuffer();
  // States of both ends in the last line of each connection.
  const last = new Uint8Array(Number(values.seconds) * Number(values.rate) + 1);
  const join = makeJoin((attributed) => {
    const { orig, resp, connection } = attributed;
    counts.lines++;
    counts.bytes += line.length;
    line.length = 0;
    writeConnection(line, attributed);
    last[Number(connection.uid.slice(1))] =
      (orig.state === 'attributed' ? ORIG : 0) | (resp.state === 'attributed' ? RESP : 0);
  });
  const traffic = new JoinTraffic({ load, hosts, sockets, rate: Number(values.rate), restarted: values.restarted });
  const before = heldBytes();
  for (const rows of traffic.standing()) for (const row of rows) join.row(row);
  const state = heldBytes() - before;
  const profile = values.stages ? new StageProfile() : undefined;
  /** CPU time of a connection, in each period. */
  const costs = [];
  let spent = 0;
  let total = 0;
  let rows = 0;
  let known = 0;
  const until = genesis + Number(values.seconds) * SECOND;
  for (let now = genesis - STEP; now < until; now += STEP) {
    let used = 0;
    const time = (work) => {
      const started = process.cpuUsage();
      if (profile === undefined) work();
      else profile.during(work);
      const { user, system } = process.cpuUsage(started);
      used += user + system;
    };
    for (const inputs of traffic.batches(now)) {
      for (const input of inputs) rows += input.row !== undefined ? 1 : (input.rows?.length ?? 0);
      time(() => feed(join, inputs));
    }
    time(() => join.advance(now + STEP));
    total += used;
    spent += used;
    // A host's watermarks come in one step of a period: a step says nothing of those in which they come.
    if (now < genesis || (now + STEP - genesis) % PERIOD !== 0) continue;
    costs.push(spent / (traffic.connections - known));
    spent = 0;
    known = traffic.connections;
  }
  // No line comes before the first watermarks.
  costs.shift();
  costs.sort((a, b) => a - b);
  const { connections } = traffic;
  const shareOf = (end) => last.filter((ends) => (ends & end) !== 0).length / connections;
  return {
    hosts,
    us: costs[costs.length >> 1],
    best: costs[0],
    rows: rows / connections,
    lines: counts.lines / connections,
    owned: shareOf(ORIG),
    inside: shareOf(RESP),
    mean: total / connections,
    stages: profile?.stop(),
    socketBytes: state / (hosts * sockets),
    stats: join.stats,
  };
}

/** Bytes of a connection that waits for its owners, its record included. */
function waitingBytes(hosts) {
  const join = makeJoin(() => undefined);
  const traffic = new JoinTraffic({ load, hosts, sockets: socketsOf(load, hosts, 20), rate: 100_000 });
  for (const rows of traffic.standing()) for (const row of rows) join.row(row);
  for (let now = genesis - STEP; now < genesis; now += STEP) feed(join, traffic.step(now));
  const before = heldBytes();
  for (let now = genesis; now < genesis + SECOND / 4; now += STEP) {
    feed(
      join,
      traffic.step(now).filter(({ update }) => update?.cause === 'start'),
    );
  }
  const { unsettled } = join.stats;
  // What the load itself holds back for later steps is let go first.
  traffic.drop();
  return (heldBytes() - before) / unsettled;
}

function printStages(stages, mean) {
  const shareOf = (group) => stages.reduce((sum, [stage, share]) => sum + (stage.startsWith(group) ? share : 0), 0);
  const us = (share) => `${(share * mean).toFixed(2).padStart(10)} us`;
  for (const [stage, share] of stages) console.log(`${us(share)}  ${stage}`);
  const joining = shareOf('connections') - shareOf('connections: writing lines');
  console.log(`${us(joining)}  joining alone: without rows, lines, garbage collection and the rest`);
  console.log(
    `${us(1)}  a connection altogether: its rows ${us(shareOf('rows')).trim()}, itself ${us(shareOf('connections')).trim()}`,
  );
}

if (Number(values.seconds) < 1) {
  console.error('--seconds: from 1 on, since the first half second does not count');
  process.exit(2);
}
if (!loads.includes(load)) {
  console.error(`--load: one of ${loads.join(', ')}`);
  process.exit(2);
}
if (globalThis.gc === undefined) {
  console.error('the join is measured with node --expose-gc');
  process.exit(2);
}
console.log(`${Math.round(waitingBytes(100))} bytes for a waiting connection`);
for (const hosts of values.hosts.split(',').map(Number)) {
  const sockets = socketsOf(load, hosts, hosts > 1000 ? Math.min(Number(values.sockets), 50) : Number(values.sockets));
  const { us, best, mean, stages, rows, lines, owned, inside, socketBytes, stats } = run(hosts, sockets);
  console.log(
    `${String(hosts).padStart(6)} hosts with ${sockets} sockets: ${Math.round(1e6 / us)} connections/s, median of the half seconds ${us.toFixed(2)} us each (best ${best.toFixed(2)}, mean ${mean.toFixed(2)}) with ` +
      `${rows.toFixed(1)} rows and ${lines.toFixed(2)} lines; ${(100 * owned).toFixed(1)} % originators, ${(100 * inside).toFixed(1)} % responders owned; ` +
      `${Math.round(socketBytes)} bytes for a socket; ${stats.kept} kept, ${stats.unsettled} unsettled`,
  );
  if (stages !== undefined) printStages(stages, mean);
}
