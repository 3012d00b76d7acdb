// A fuzz target of capture files of frames: what WebAssembly reads and decodes of them is what TypeScript does without it.
import { deepStrictEqual } from 'node:assert';
import { Buffer } from 'node:buffer';
import { CaptureWriter } from './capture-writer.mjs';
import { PacketGrammar } from './packet-grammar.mjs';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const FRAMES = 64;
const DATA_BYTES = 1 << 17;
const IP = 14;

function checksum(bytes, sum) {
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** TCP or UDP over either IP over Ethernet, with right lengths and checksums. */
function usualFrame(random) {
  const isSix = random(3) === 0;
  const isUdp = random(3) === 0;
  const transport = IP + (isSix ? 40 : 20);
  const options = 4 * (random(3) === 0 ? random(11) : 0);
  const length = (isUdp ? 8 : 20 + options) + random(random(4) === 0 ? 1400 : 40);
  const frame = Buffer.alloc(transport + length);
  for (let i = 0; i < frame.length; i++) frame[i] = random(256);
  const address = (at, bytes) => {
    for (let i = 0; i < bytes - 4; i++) frame[at + i] = random(40) === 0 ? 1 : 0;
    frame.writeUInt32BE(0xc0000201 + random(3), at + bytes - 4);
  };
  if (isSix) {
    frame.writeUInt16BE(0x86dd, 12);
    frame.writeUInt32BE(0x60000000, IP);
    frame.writeUInt16BE(length, IP + 4);
    frame[IP + 6] = isUdp ? 17 : 6;
    for (const at of [IP + 8, IP + 24]) address(at, 16);
  } else {
    frame.writeUInt16BE(0x0800, 12);
    frame.writeUInt16BE(0x4500, IP);
    frame.writeUInt16BE(20 + length, IP + 2);
    frame.writeUInt16BE(random(2) << 14, IP + 6);
    frame[IP + 9] = isUdp ? 17 : 6;
    for (const at of [IP + 12, IP + 16]) address(at, 4);
    frame.writeUInt16BE(0, IP + 10);
    frame.writeUInt16BE(checksum(frame.subarray(IP, transport), 0), IP + 10);
  }
  for (const at of [transport, transport + 2]) frame.writeUInt16BE(random(20) === 0 ? 4789 : 80 + random(3), at);
  if (!isUdp) {
    if (random(8) === 0) frame.writeUInt32BE(0, transport + 8);
    frame[transport + 12] = ((20 + options) / 4) << 4;
    frame[transport + 13] = [16, 24, 2, 18, 17, 4, random(256)][random(7)];
    if (random(8) === 0) frame.writeUInt16BE(0, transport + 14);
    for (let at = transport + 20; at < transport + 20 + options; at++) if (random(2) === 0) frame[at] = random(5);
  }
  // Nearly what tunnels look like on any port.
  if (isUdp && random(2) === 0)
    for (let at = transport + 8; at < Math.min(transport + 11, frame.length); at++)
      frame[at] = [0, 0x60, 0x52, 0x11][random(4)];
  if (isUdp && length >= 48 && random(8) === 0) frame.writeUInt32BE(0x20010000, transport + 8 + [8, 24][random(2)]);
  const sumAt = transport + (isUdp ? 6 : 16);
  frame.writeUInt16BE(0, sumAt);
  let ends = length + (isUdp ? 17 : 6);
  for (let at = IP + (isSix ? 8 : 12); at < transport; at += 2) ends += frame.readUInt16BE(at);
  if (!isUdp || random(4) > 0) frame.writeUInt16BE(checksum(frame.subarray(transport), ends), sumAt);
  return frame;
}

/** The frame with a tag or two before its type. */
function tagged(frame, random) {
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE([0x8100, 0x8100, 0x88a8, 0x9100][random(4)], 0);
  tag.writeUInt16BE(random(65_536), 2);
  const whole = Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
  return random(8) === 0 ? tagged(whole, random) : whole;
}

/** What is captured of a frame, with or without a tag, and as Linux cooks it now and then. */
function captured(random) {
  const frame = random(3) === 0 ? tagged(usualFrame(random), random) : usualFrame(random);
  return random(6) === 0 ? Buffer.concat([Buffer.of(0, random(5), 0, 1), frame.subarray(2)]) : frame;
}

async function frames() {
  const { BatchDecoder } = await load('decode/batch-decoder');
  const { DecodedBatch, DECODED_AT_ONCE } = await load('decode/decoded-batch');
  const { ROW_BYTES } = await load('decode/packet');
  const { PacketBatch, BYTES_OFFSET } = await load('capture/packet-batch');
  const { SharedRoom, sharedPlace } = await load('capture/shared-memory');
  const { frameKernel } = await load('capture/frame-kernel');
  const [pcap, pcapng] = (await load('capture/capture-file')).captureFormats;
  const { WeirdCounts } = await load('core/weird');
  const rowsBytes = DECODED_AT_ONCE * ROW_BYTES;
  const place = sharedPlace(rowsBytes + 64 + BYTES_OFFSET + DATA_BYTES);
  if (frameKernel(place.memory) === undefined) throw new Error('build/frames.wasm is not built');
  const room = new SharedRoom(place, 0, rowsBytes + 64 + BYTES_OFFSET + DATA_BYTES);
  const rows = room.take(rowsBytes);
  const key = { k0: 1, k1: 2 };

  /** What is made of a file, in two pieces, and how far it was read. */
  function made(batch, decoded, file, cut) {
    const format = file.length >= 4 && pcapng.recognises(file.readUInt32LE(0)) ? pcapng : pcap;
    const parser = format.createParser();
    batch.count = 0;
    batch.bytes.set(file, BYTES_OFFSET);
    const first = parser.parse(batch, BYTES_OFFSET, BYTES_OFFSET + cut);
    const at = parser.parse(batch, first, BYTES_OFFSET + file.length);
    const { count } = batch;
    const columns = [batch.timeUs, batch.capLen, batch.wireLen, batch.offset, batch.link].map((c) => c.slice(0, count));
    const weird = new WeirdCounts(true);
    const decoder = new BatchDecoder({ verifyChecksums: cut % 3 > 0, key }, weird);
    const results = [];
    for (let from = 0; from < count; from += DECODED_AT_ONCE) {
      decoder.decode(batch, from, Math.min(count, from + DECODED_AT_ONCE), decoded);
      const sides = [...decoded.sides].map(([i, { view, ...side }]) => [i, side, view?.byteLength]);
      const { wireBytes, isAllInRows } = decoded;
      results.push({ rows: decoded.rows.i32.slice(), wireBytes, isAllInRows, sides });
    }
    return { first, at, failure: parser.failure, skip: parser.skipBytes, columns, results, weirds: weird.snapshot() };
  }

  const plain = [new PacketBatch(DATA_BYTES), new DecodedBatch()];
  const ofMemory = [
    new PacketBatch(DATA_BYTES, room.take(BYTES_OFFSET + DATA_BYTES)),
    new DecodedBatch(rows.buffer, rows.offset, rows.memory),
  ];
  return {
    name: 'frames in WebAssembly',
    generate(random) {
      const grammar = new PacketGrammar(random);
      const file = new CaptureWriter(random);
      for (let i = 0; i < FRAMES; i++) {
        const bytes = random(3) === 0 ? grammar.frame().bytes : captured(random);
        if (random(16) === 0) bytes[random(Math.min(bytes.length, 60))] = random(256);
        const cut = random(16) === 0 ? random(bytes.length) : 0;
        const beyond = random(16) === 0 ? random(100) : cut;
        file.packet(bytes.subarray(0, bytes.length - cut), bytes.length - cut + beyond);
      }
      return file.take();
    },
    run(bytes, random) {
      const file = bytes.subarray(0, DATA_BYTES);
      const cut = random(file.length + 1);
      const expected = made(...plain, file, cut);
      deepStrictEqual(made(...ofMemory, file, cut), expected);
      return Math.max(1, expected.columns[0].length);
    },
  };
}

export const frameTargets = [frames];
