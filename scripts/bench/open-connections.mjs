// What a packet costs with many connections open, and what a flood of SYNs does.
//
//   npm run bench -- --open [--connections 1000,100000,1000000] [--packets 4000000]
//   npm run bench -- --flood [--packets 10000000]
//
// Time is the CPU time of the process while batches are taken, decoding included; making the packets is not timed.
import { parseArgs } from 'node:util';
import { endsOf, PacketWriter } from '../../test/bench/packet-source.mjs';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const { ConnectionTracker } = await load('conn/connection-tracker');
const { limits } = await load('core/limits');
const layout = await load('capture/packet-batch');

const { values } = parseArgs({
  options: {
    open: { type: 'boolean' },
    flood: { type: 'boolean' },
    connections: { type: 'string', default: '1000,100000,1000000' },
    packets: { type: 'string' },
  },
});
const START = 1_700_000_000_000_000;
const [SYN, SYN_ACK, ACK, PSH_ACK] = [2, 18, 16, 24];

function randomSource(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/** Takes packets that `make(writer, i, number)` puts one by one; gives the CPU seconds of the tracker alone. */
function feed(tracker, writer, packets, make) {
  let cpu = 0;
  for (let done = 0; done < packets; ) {
    const count = Math.min(writer.most, packets - done);
    for (let i = 0; i < count; i++) make(i, done + i);
    const batch = writer.batch(count);
    const began = cpuSeconds();
    tracker.batch(batch, [{ name: 'bench' }]);
    cpu += cpuSeconds() - began;
    done += count;
  }
  return cpu;
}

function trackerOf() {
  let ended = 0;
  const tracker = new ConnectionTracker({ checksums: 'ignore', emit: () => ended++ });
  return { tracker, ended: () => ended };
}

/** Opens `count` connections in `seconds` of traffic from `timeUs` on. */
function openAll(tracker, writer, count, timeUs) {
  const step = (20 * 1e6) / (3 * count);
  return feed(tracker, writer, 3 * count, (i, n) => {
    const ends = endsOf(Math.floor(n / 3));
    const time = timeUs + Math.floor(n * step);
    if (n % 3 === 0) writer.put(i, time, true, ends, 1000, 0, SYN);
    else if (n % 3 === 1) writer.put(i, time, false, ends, 5000, 1001, SYN_ACK);
    else writer.put(i, time, true, ends, 1001, 5001, ACK);
  });
}

function costWhenOpen(count, packets) {
  const { tracker } = trackerOf();
  const opener = new PacketWriter(layout);
  const writer = new PacketWriter(layout, 100);
  const opening = openAll(tracker, opener, count, START);
  const random = randomSource(7);
  const sent = new Uint32Array(count);
  let time = START + 21e6;
  // All within the timeouts, so that the same connections are open throughout.
  const step = Math.min(2, 200e6 / packets);
  const send = (i) => {
    const number = random(count);
    time += step;
    writer.put(i, Math.floor(time), true, endsOf(number), 1001 + 100 * sent[number]++, 5001, PSH_ACK);
  };
  feed(tracker, writer, packets / 8, send);
  const cpu = feed(tracker, writer, packets, send);
  const { open } = tracker.stats;
  if (open !== count) throw new Error(`${open} of ${count} connections are open`);
  return { ns: (cpu * 1e9) / packets, openingNs: (opening * 1e9) / (3 * count), rss: process.memoryUsage().rss };
}

function benchOpen() {
  const packets = Number(values.packets ?? 4_000_000);
  let first;
  for (const count of values.connections.split(',').map(Number)) {
    const { ns, openingNs, rss } = costWhenOpen(count, packets);
    first ??= ns;
    console.log(
      `${String(count).padStart(8)} open: ${ns.toFixed(0)} ns of CPU per packet, ${(ns / first).toFixed(2)} of the first; ` +
        `${openingNs.toFixed(0)} ns per packet while they are opened; resident ${megabytes(rss)}`,
    );
  }
}

function benchFlood() {
  const packets = Number(values.packets ?? 10_000_000);
  const established = 1000;
  const { tracker, ended } = trackerOf();
  const writer = new PacketWriter(layout);
  openAll(tracker, writer, established, START);
  const before = process.memoryUsage().rss;
  const random = randomSource(3);
  let most = 0;
  const cpu = feed(tracker, writer, packets, (i, n) => {
    if (i === 0) most = Math.max(most, process.memoryUsage.rss());
    const time = START + 21e6 + n;
    // One packet in 500 belongs to what was there before the flood.
    if (n % 500 === 0) writer.put(i, time, true, endsOf((n / 500) % established), 1001, 5001, ACK);
    else writer.put(i, time, true, [random(2 ** 32), random(65_536), 0xc0a80001, 443], random(2 ** 32), 0, SYN);
  });
  const { open, evictedAttempts, evictedOthers, connections } = tracker.stats;
  console.log(
    `${packets} packets, all but 1 in 500 SYNs of random sources: ${((cpu * 1e9) / packets).toFixed(0)} ns of CPU per packet`,
  );
  console.log(
    `${open} open (bound ${limits.connections}), ${evictedAttempts} attempts and ${evictedOthers} others evicted, ${ended()} records`,
  );
  console.log(`resident before ${megabytes(before)}, at most ${megabytes(most)}`);
  if (evictedOthers > 0 || open > limits.connections || connections !== open + ended()) process.exitCode = 1;
}

if (values.flood) benchFlood();
else benchOpen();
