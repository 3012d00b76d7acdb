// Targets of the network side: decoding with every tunnel, fragments, TCP with the bytes of its streams, and the file readers.
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { mutate } from './mutator.mjs';
import { PacketGrammar } from './packet-grammar.mjs';
import { giveBatches, PACKETS, PacketList, step } from './packet-list.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const silent = () => {};
/** More connections than this are evicted, which is to be met as well. */
const MAX_CONNECTIONS = 64;

/** Gives the packets of an input to a tracker of its own; tells how many there were. */
async function packetRunner(options) {
  const { ConnectionTracker } = await load('conn/connection-tracker');
  const { PacketBatch, BYTES_OFFSET } = await load('capture/packet-batch');
  const batch = new PacketBatch();
  return (input) => {
    let updates = 0;
    const tracker = new ConnectionTracker({
      checksums: input[0] & 1 ? 'ignore' : 'verify',
      key: { k0: 1, k1: 2 },
      maxConnections: MAX_CONNECTIONS,
      startRecords: true,
      interimUs: 10e6,
      onWeird: silent,
      emit: () => updates++,
      ...options?.(),
    });
    const packets = giveBatches(input, batch, BYTES_OFFSET, () => tracker.batch(batch, [{ name: 'fuzz' }]));
    const { open, connections, skipped, packets: taken } = tracker.stats;
    if (open > MAX_CONNECTIONS || skipped > taken || taken !== packets) throw new Error('figures that cannot be');
    tracker.end();
    if (updates < connections) throw new Error(`${connections} connections and ${updates} updates`);
    return packets;
  };
}

async function tunnels() {
  const run = await packetRunner();
  const list = new PacketList();
  return {
    name: 'link layers and tunnels',
    generate(random) {
      const grammar = new PacketGrammar(random);
      while (list.count < PACKETS) {
        const { type, bytes } = grammar.frame();
        const cut = random(12) === 0 ? random(bytes.length) : 0;
        list.add(step(random), type, cut, bytes.subarray(0, bytes.length - cut));
      }
      return list.take();
    },
    run,
  };
}

async function fragments() {
  const run = await packetRunner();
  const list = new PacketList();
  return {
    name: 'fragments',
    generate(random) {
      const grammar = new PacketGrammar(random);
      while (list.count < PACKETS)
        for (const { type, bytes } of grammar.fragments()) list.add(step(random), type, 0, bytes);
      return list.take();
    },
    run,
  };
}

/** A consumer that demands what it is promised. */
function strictStream() {
  const ended = [false, false];
  let calls = 0;
  let closed = false;
  const check = (holds) => {
    if (!holds || closed) throw new Error('a stream that breaks its promise');
    return ++calls < 200;
  };
  return {
    data: (_direction, bytes) => check(bytes.length > 0 && bytes.length <= 65_535),
    gap: (_direction, length) => check(length > 0 && Number.isSafeInteger(length)),
    end: (direction) => {
      check(!ended[direction]);
      ended[direction] = true;
    },
    flip: () => ended.reverse(),
    close: () => {
      check(true);
      closed = true;
    },
  };
}

async function tcpStreams() {
  const run = await packetRunner(() => ({ openStream: strictStream, checksums: 'ignore' }));
  const list = new PacketList();
  const packet = Buffer.alloc(20 + 20 + 64);
  return {
    name: 'TCP and its streams',
    generate(random) {
      const starts = [random(2 ** 31) * 2, 0xffffff00];
      const sent = [0, 0];
      while (list.count < PACKETS) {
        const dir = random(2);
        const length = random(3) === 0 ? 0 : random(64);
        packet.fill(0);
        packet.writeUInt16BE(0x4500, 0);
        packet.writeUInt16BE(40 + length, 2);
        packet.writeUInt16BE(0x4006, 8);
        packet.writeUInt32BE(0xc0000201 + dir, 12);
        packet.writeUInt32BE(0xc0000202 - dir, 16);
        const ports = [40_000, 40_001 + random(2)];
        packet.writeUInt16BE(ports[dir], 20);
        packet.writeUInt16BE(ports[1 - dir], 22);
        const jump = random(6) === 0 ? random(200) - 100 : random(40) === 0 ? random(2 ** 31) : 0;
        packet.writeUInt32BE((starts[dir] + sent[dir] + jump) >>> 0, 24);
        packet.writeUInt32BE((starts[1 - dir] + sent[1 - dir] + (random(6) === 0 ? random(300) - 150 : 0)) >>> 0, 28);
        packet[32] = 0x50;
        packet[33] =
          list.count < 4
            ? [2, 18, 16, 16][list.count]
            : [16, 16, 24, 24, 24, 24, 17, 4, 20, 2, 18, 3, 5, random(64)][random(random(8) === 0 ? 14 : 6)];
        packet.writeUInt16BE(random(20) === 0 ? 0 : 4096, 34);
        for (let i = 0; i < length; i++) packet[40 + i] = random(256);
        if (jump === 0) sent[dir] += length;
        const cut = random(20) === 0 ? random(40 + length) : 0;
        list.add(step(random) >> 4, 101, cut, packet.subarray(0, 40 + length - cut));
      }
      return list.take();
    },
    run,
  };
}

/** Gives its bytes in pieces, as a file or a pipe does. */
class MemoryInput {
  readBytes = 0;

  constructor(bytes, piece) {
    this.bytes = bytes;
    this.piece = piece;
    this.totalBytes = bytes.length;
  }

  async read(target, offset, length) {
    const taken = Math.min(length, this.piece, this.bytes.length - this.readBytes);
    target.set(this.bytes.subarray(this.readBytes, this.readBytes + taken), offset);
    this.readBytes += taken;
    return taken;
  }

  async close() {}
}

/** Bytes that one read gives: few now and then. */
function pieceOf(bytes) {
  const choice = bytes[bytes.length >> 1] ?? 0;
  return choice % 16 === 0 ? 1 + choice : 256 + 8 * choice;
}

const sample = readFileSync(join(root, 'samples/desktop/traffic.pcap')).subarray(0, 6000);

function packetsOf(capture) {
  const packets = [];
  for (let at = 24; at + 16 <= capture.length; ) {
    const length = capture.readUInt32LE(at + 8);
    packets.push(capture.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return packets;
}

/** A pcapng with two sections, several interfaces of several clocks, every kind of packet block, and blocks to be skipped. */
function pcapngOf(packets, bigEndian) {
  const numbers = (width, values) => {
    const bytes = Buffer.alloc(width * values.length);
    for (const [i, value] of values.entries()) {
      if (bigEndian) bytes.writeUIntBE(value >>> 0, width * i, width);
      else bytes.writeUIntLE(value >>> 0, width * i, width);
    }
    return bytes;
  };
  const u32 = (...values) => numbers(4, values);
  const u16 = (...values) => numbers(2, values);
  const block = (type, ...parts) => {
    const body = Buffer.concat(parts);
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    return Buffer.concat([u32(type, padded.length + 12), padded, u32(padded.length + 12)]);
  };
  const option = (code, bytes) => Buffer.concat([u16(code, bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
  const section = () => [
    block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1, 0), u32(0xffffffff, 0xffffffff)),
    block(1, u16(1, 0), u32(0), option(9, Buffer.of(9)), option(14, Buffer.alloc(8)), u32(0)),
    block(1, u16(101, 0), u32(96), option(9, Buffer.of(0x86)), u32(0)),
    block(0x0bad, u32(1, 2, 3)),
    ...packets.flatMap((packet, i) => [
      block(6, u32(i & 1, 0, i, packet.length, packet.length), packet),
      block(3, u32(packet.length), packet),
    ]),
    block(5, u32(0, 0, 0)),
  ];
  return Buffer.concat([...section(), ...section()]);
}

async function fileReader(name, format, seeds) {
  const { FileSource, READ_OFFSET } = await load('capture/file-source');
  const { PacketBatch } = await load('capture/packet-batch');
  const { MAX_RECORD_BYTES } = await load('capture/capture-format');
  const formats = (await load('capture/capture-file')).captureFormats;
  const readBytes = 2048;
  // A pool of its own: a source that ends early keeps batches, which is no matter for one input.
  const batches = Array.from({ length: 8 }, () => new PacketBatch(MAX_RECORD_BYTES + readBytes));
  let free = [];
  const pool = {
    acquire() {
      const batch = free.pop();
      batch.count = 0;
      return batch;
    },
    release: (batch) => free.push(batch),
  };
  const known = formats.find((candidate) => candidate.name === format);
  return {
    name,
    seeds,
    async run(bytes) {
      free = [...batches];
      const batch = pool.acquire();
      const head = Math.min(bytes.length, 64);
      batch.bytes.set(bytes.subarray(0, head), READ_OFFSET);
      const first = { batch, start: READ_OFFSET, end: READ_OFFSET + head, last: false };
      const input = new MemoryInput(bytes.subarray(head), pieceOf(bytes));
      const source = new FileSource({
        name,
        input,
        pool,
        parser: known.createParser(),
        first,
        readBytes,
        warn: silent,
      });
      for (let next = await source.next(); next !== undefined; next = await source.next()) {
        for (let i = 0; i < next.count; i++) {
          const fits = next.offset[i] + next.capLen[i] <= next.bytes.length && next.capLen[i] <= MAX_RECORD_BYTES;
          if (!fits || !Number.isFinite(next.timeUs[i])) throw new Error('a packet outside of its batch');
        }
        source.release(next);
      }
      await source.close();
      return 1;
    },
  };
}

async function decompressor(name, file, type, seeds) {
  const Input = (await load(file))[type];
  const target = new Uint8Array(1 << 16);
  return {
    name,
    seeds,
    async run(bytes) {
      const input = new Input(
        new MemoryInput(bytes.subarray(8), pieceOf(bytes)),
        Uint8Array.from(bytes.subarray(0, 8)),
        'fuzz',
        silent,
      );
      // A few bytes can stand for gigabytes; what comes is handed on and not kept, so a part of it will do.
      for (let left = 256; left > 0; left--) if ((await input.read(target, 0, target.length)) === 0) break;
      await input.close();
      return 1;
    },
  };
}

const pcapFiles = () =>
  fileReader('pcap files', 'pcap', [
    sample,
    Buffer.concat([Buffer.from('a1b23c4d000200040000000000000000', 'hex'), Buffer.alloc(8), sample.subarray(24)]),
  ]);
const pcapngFiles = () =>
  fileReader(
    'pcapng files',
    'pcapng',
    [false, true].map((big) => pcapngOf(packetsOf(sample).slice(0, 6), big)),
  );
const gzipFiles = () =>
  decompressor('gzip files', 'capture/gzip-input', 'GzipInput', [
    gzipSync(sample),
    gzipSync(sample, { level: 0 }),
    Buffer.concat([gzipSync(sample.subarray(0, 100), { level: 1 }), gzipSync(sample.subarray(100))]),
    gzipSync(Buffer.alloc(200_000)),
  ]);

function zstdSeeds() {
  // A raw, a repeated and an empty last block, for where there is no zstd.
  const plain = Buffer.from('28b52ffd0058180000616263 0240 0061 010000'.replaceAll(' ', ''), 'hex');
  const made = ['-1', '-3', '-19', '--fast=9', '--ultra -22'].map(
    (level) => spawnSync('zstd', ['-q', '-c', ...level.split(' ')], { input: sample }).stdout,
  );
  return [plain, ...made.filter((seed) => seed?.length > 0)];
}
const zstdFiles = () => decompressor('zstd files', 'capture/zstd-input', 'ZstdInput', zstdSeeds());

/** Inputs of the packet targets are changed as bytes, too. */
export function spoiled(input, other, random) {
  return random(16) === 0 ? mutate(input, other, random) : input;
}

export const networkTargets = [tunnels, fragments, tcpStreams, pcapFiles, pcapngFiles, gzipFiles, zstdFiles];
