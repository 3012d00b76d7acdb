/**
 * What `live-source.test.ts` runs in a process of its own, in a network namespace of its own. The first argument names
 * the scenario; its result is printed as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { LIVE_BYTES, type LiveOptions, loadCaptureAddon, openLive } from '../../src/capture/live-source.js';
import type { PacketSource } from '../../src/capture/packet-source.js';
import { SharedRoom, sharedPlace } from '../../src/capture/shared-memory.js';
import { CorrelateError } from '../../src/core/errors.js';

const PAYLOAD_BYTES = 64;

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/**
 * `vb` sends what is captured on it: that sees a packet before `send` returns, and an interface sends as soon as it is up. Its peer does
 * not: it drops what it is given until a worker of the kernel has noticed that the link carries again.
 */
function makeVeth(): void {
  ip('link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb');
  ip('addr', 'add', '192.0.2.1/24', 'dev', 'vb');
  ip('link', 'set', 'va', 'up');
  ip('link', 'set', 'vb', 'up');
}

/** Sends numbered datagrams, one after the other; tells how many the kernel took. */
async function sendDatagrams(count: number, address: string, port: number): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  socket.setBroadcast(true);
  let sent = 0;
  for (let i = 0; i < count; i++) {
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload.writeUInt32BE(i);
    await new Promise<void>((resolve) =>
      socket.send(payload, port, address, (error) => {
        if (error === null) sent++;
        resolve();
      }),
    );
  }
  socket.close();
  return sent;
}

interface Collected {
  packets: number;
  bytes: number;
  /** Whether the datagrams' numbers rise without a gap. */
  inOrder: boolean;
  linkTypes: number[];
  timesRise: boolean;
  cutTo: number;
  /** Batches that lie in memory of WebAssembly, and others. */
  near: number;
  far: number;
}

/** Reads to the end of the source. */
async function collect(source: PacketSource): Promise<Collected> {
  const linkTypes = new Set<number>();
  const counted = { packets: 0, bytes: 0, cutTo: 0, near: 0, far: 0 };
  const result: Collected = { ...counted, inOrder: true, linkTypes: [], timesRise: true };
  let lastUs = 0;
  for (;;) {
    const batch = await source.next();
    if (batch === undefined) return { ...result, linkTypes: [...linkTypes] };
    for (let i = 0; i < batch.count; i++) {
      const end = batch.offset[i]! + batch.wireLen[i]!;
      if (batch.capLen[i] === batch.wireLen[i] && batch.view.getUint32(end - PAYLOAD_BYTES) !== result.packets) {
        result.inOrder = false;
      }
      if (batch.timeUs[i]! < lastUs) result.timesRise = false;
      lastUs = batch.timeUs[i]!;
      linkTypes.add(batch.link[i]!);
      result.packets++;
      result.bytes += batch.capLen[i]!;
      result.cutTo = Math.max(result.cutTo, batch.capLen[i]!);
    }
    if (batch.memory === undefined) result.far++;
    else result.near++;
    source.release(batch);
  }
}

const liveRoom = (): SharedRoom => new SharedRoom(sharedPlace(LIVE_BYTES), 0, LIVE_BYTES);

/** Captures while `traffic` runs, then closes at once. */
async function captureDuring(options: LiveOptions, traffic: () => Promise<number>) {
  const source = await openLive(options);
  const collecting = collect(source);
  const before = Date.now() * 1000;
  const sent = await traffic();
  await source.close();
  const collected = await collecting;
  return { sent, ...collected, stats: source.stats(), readBytes: source.readBytes, before };
}

async function codeOf(action: () => Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await action();
    return { code: 'none', message: '' };
  } catch (error) {
    if (!(error instanceof CorrelateError)) throw error;
    return { code: error.code, message: error.message };
  }
}

/** Starts a worker that captures and returns when it does. */
async function startCapturingWorker(): Promise<Worker> {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: ['capture-in-worker'] });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}

/** Numbers that are the same in every run. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Reads to the end, holding each batch for a while; throws when a packet does not lie in its batch behind the one before. */
async function checkPlaces(source: PacketSource, snaplen: number, holdMs: () => number): Promise<number> {
  let packets = 0;
  for (;;) {
    const batch = await source.next();
    if (batch === undefined) return packets;
    let free = 0;
    for (let i = 0; i < batch.count; i++) {
      const [at, length] = [batch.offset[i]!, batch.capLen[i]!];
      const isWithin = at >= free && at + length <= batch.bytes.length;
      if (!isWithin || length > snaplen || length > batch.wireLen[i]!) {
        throw new Error(`packet ${i} of ${batch.count}: ${length} of ${batch.wireLen[i]} bytes at ${at}`);
      }
      free = at + length;
    }
    packets += batch.count;
    await sleep(holdMs());
    source.release(batch);
  }
}

/** Datagrams of random sizes to nobody; tells how many the kernel took. */
async function sendRandom(count: number, random: (below: number) => number): Promise<number> {
  const socket = createSocket('udp4');
  const payload = Buffer.alloc(65_507, 0x55);
  let sent = 0;
  for (let i = 0; i < count; i++) {
    const length = random(4) === 0 ? random(65_508) : random(1_500);
    await new Promise<void>((resolve) =>
      socket.send(payload, 0, length, 1 + random(65_535), '127.0.0.1', (error) => {
        if (error === null) sent++;
        resolve();
      }),
    );
  }
  socket.close();
  return sent;
}

const FILTER_PIECES = [
  ...['tcp', 'udp', 'port', 'host', 'net', '127.0.0.1', '::1', '80', '-1', '99999999999', 'and', 'or', 'not', '(', ')'],
  ...[
    '[',
    ']',
    '=',
    '&',
    '!',
    'ether',
    'vlan',
    'mpls',
    'less',
    'greater',
    '0x',
    '"',
    '\\',
    '%s',
    'é',
    'x'.repeat(5_000),
  ],
];

const scenarios: Record<string, () => Promise<unknown>> = {
  /** Captures with random settings, some closed while traffic comes, beside one another. */
  async 'random-settings'() {
    ip('link', 'set', 'lo', 'up');
    const random = randomSource(5);
    let [captures, packets, sent] = [0, 0, 0];
    for (let round = 0; round < 12; round++) {
      const settings = Array.from({ length: 1 + random(3) }, () => ({
        interface: random(3) === 0 ? 'any' : 'lo',
        snaplen: 1 + random(random(2) === 0 ? 200 : 262_144),
        ringBytes: 1 + random(random(2) === 0 ? 100_000 : 8 << 20),
        promiscuous: random(2) === 0,
        ...(random(2) === 0 && { filter: `udp and greater ${random(2_000)}` }),
        ...(random(2) === 0 && { room: liveRoom() }),
      }));
      const sources = await Promise.all(settings.map((options) => openLive(options)));
      // On `any` libpcap takes one byte more than the longest cooked header at least.
      const most = settings.map((options) => Math.max(options.snaplen, options.interface === 'any' ? 21 : 0));
      const reading = sources.map((source, i) => checkPlaces(source, most[i]!, () => random(4)));
      const traffic = sendRandom(200, random);
      if (random(2) === 0) await sleep(random(20));
      else sent += await traffic;
      await Promise.all(sources.map((source) => source.close()));
      for (const count of await Promise.all(reading)) packets += count;
      captures += sources.length;
      await traffic;
    }
    return { captures, packets, sent };
  },
  /** Filters of random pieces: libpcap says what is wrong, or nothing. */
  async 'random-filters'() {
    const random = randomSource(9);
    const addon = loadCaptureAddon();
    let [compiled, refused] = [0, 0];
    for (let i = 0; i < 3_000; i++) {
      const pieces = Array.from({ length: random(12) }, () => FILTER_PIECES[random(FILTER_PIECES.length)]);
      if (addon.filterError(pieces.join(' ')) === '') compiled++;
      else refused++;
    }
    return { compiled, refused };
  },
  async 'count-on-veth'() {
    makeVeth();
    return captureDuring({ interface: 'vb', filter: 'udp dst port 9' }, () => sendDatagrams(30_000, '192.0.2.255', 9));
  },

  async 'in-memory-of-webassembly'() {
    makeVeth();
    const options = { interface: 'vb', filter: 'udp dst port 9', room: liveRoom() };
    return captureDuring(options, () => sendDatagrams(30_000, '192.0.2.255', 9));
  },

  'filter-on-loopback': () =>
    captureDuring({ interface: 'lo', filter: 'udp dst port 9', snaplen: 60 }, async () => {
      const other = await sendDatagrams(500, '127.0.0.1', 10);
      return other === 500 ? sendDatagrams(700, '127.0.0.1', 9) : 0;
    }),

  'any-interface': () =>
    captureDuring({ interface: 'any', filter: 'udp dst port 9' }, () => sendDatagrams(100, '127.0.0.1', 9)),

  async 'slow-consumer'() {
    makeVeth();
    const source = await openLive({ interface: 'vb', filter: 'udp dst port 9', ringBytes: 1 << 20 });
    const sent = await sendDatagrams(100_000, '192.0.2.255', 9);
    const collecting = collect(source);
    await sleep(300);
    await source.close();
    return { sent, packets: (await collecting).packets, stats: source.stats() };
  },

  async 'close-while-waiting'() {
    const source = await openLive({ interface: 'lo' });
    const ended = collect(source);
    await sleep(30);
    await source.close();
    await source.close();
    const { packets } = await ended;
    return { packets, after: (await source.next()) === undefined };
  },

  async 'idle-interface'() {
    const source = await openLive({ interface: 'lo' });
    const batch = await source.next();
    const result = { count: batch?.count, captureTimeUs: batch?.captureTimeUs, now: Date.now() * 1000 };
    if (batch !== undefined) source.release(batch);
    await source.close();
    return result;
  },

  async 'interface-lost'() {
    makeVeth();
    const source = await openLive({ interface: 'vb' });
    const lost = codeOf(() => collect(source));
    await sleep(30);
    ip('link', 'del', 'va');
    const result = await lost;
    await source.close();
    return result;
  },

  async 'interface-down-and-up'() {
    makeVeth();
    return captureDuring({ interface: 'vb', filter: 'udp dst port 9' }, async () => {
      const before = await sendDatagrams(10, '192.0.2.255', 9);
      await sleep(50);
      ip('link', 'set', 'vb', 'down');
      await sleep(200);
      ip('link', 'set', 'vb', 'up');
      return before + (await sendDatagrams(10, '192.0.2.255', 9));
    });
  },

  async refusals() {
    return {
      unknown: await codeOf(() => openLive({ interface: 'no-such-if' })),
      filter: await codeOf(() => openLive({ interface: 'lo', filter: 'tcp prot 80' })),
      snaplen: await codeOf(() => openLive({ interface: 'lo', snaplen: 0 })),
      ring: await codeOf(() => openLive({ interface: 'lo', ringBytes: 2 ** 31 })),
    };
  },

  async refused() {
    return codeOf(() => openLive({ interface: 'lo' }));
  },

  async 'worker-terminated'() {
    let terminated = 0;
    for (let i = 0; i < 10; i++) {
      const worker = await startCapturingWorker();
      await sendDatagrams(50, '127.0.0.1', 9);
      await worker.terminate();
      terminated++;
    }
    return { terminated };
  },

  async 'exit-while-capturing'() {
    const source = await openLive({ interface: 'lo' });
    void collect(source);
    await startCapturingWorker();
    await sendDatagrams(50, '127.0.0.1', 9);
    return { open: true };
  },

  async 'capture-in-worker'() {
    const source = await openLive({ interface: 'lo' });
    parentPort!.postMessage('open');
    return collect(source);
  },
};

const scenario = process.argv[2] ?? '';
if (isMainThread) ip('link', 'set', 'lo', 'up');
const result = await scenarios[scenario]!();
if (isMainThread) process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
