// Synthetic load for the benchmark: interleaved TCP connections with real handshakes, data in both directions, closes, and
// valid checksums, written as a µs pcap. Always the same bytes for the same count.
//
//   node test/bench/tcp-traffic.mjs PACKETS FILE      (3,000,000 packets are about 1.5 GB)
import { closeSync, openSync, writeSync } from 'node:fs';

const OPEN_CONNECTIONS = 5000;
const DATA_SIZES = [1460, 1460, 700, 200];
const SERVER_PORTS = [443, 443, 80, 22, 8080];

let state = 7;
/** mulberry32: small, seeded, good enough to pick tuples and lengths. */
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];

function fold(sum) {
  let s = sum;
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 65536);
  return ~s & 0xffff;
}
const words = (value) => (value >>> 16) + (value & 0xffff);

const body = Buffer.from(Array.from({ length: 1460 }, (_, i) => i & 255));
const bodySum = new Map(
  [0, 300, ...DATA_SIZES].map((n) => {
    let sum = 0;
    for (let i = 0; i < n; i += 2) sum += body.readUInt16BE(i);
    return [n, sum];
  }),
);

class Writer {
  #fd;
  #buffer = Buffer.alloc(4 << 20);
  #at = 0;
  #us = 0;

  constructor(path) {
    this.#fd = openSync(path, 'w');
    const b = this.#buffer;
    b.writeUInt32LE(0xa1b2c3d4, 0);
    b.writeUInt16LE(2, 4);
    b.writeUInt16LE(4, 6);
    b.writeUInt32LE(262144, 16);
    b.writeUInt32LE(1, 20);
    this.#at = 24;
  }

  packet(src, dst, sport, dport, seq, ack, flags, length) {
    const b = this.#buffer;
    const total = 40 + length;
    if (this.#at + 16 + 14 + total > b.length) this.flush();
    this.#us += 2;
    let at = this.#at;
    b.writeUInt32LE(1_700_000_000 + Math.floor(this.#us / 1e6), at);
    b.writeUInt32LE(this.#us % 1e6, at + 4);
    b.writeUInt32LE(14 + total, at + 8);
    b.writeUInt32LE(14 + total, at + 12);
    at += 16;
    b.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], at);
    at += 14;
    const id = random(65536);
    const ipSum = 0x4500 + total + id + 0x4000 + 0x4006 + words(src) + words(dst);
    b.writeUInt16BE(0x4500, at);
    b.writeUInt16BE(total, at + 2);
    b.writeUInt16BE(id, at + 4);
    b.writeUInt16BE(0x4000, at + 6);
    b.writeUInt16BE(0x4006, at + 8);
    b.writeUInt16BE(fold(ipSum), at + 10);
    b.writeUInt32BE(src, at + 12);
    b.writeUInt32BE(dst, at + 16);
    at += 20;
    const pseudo = words(src) + words(dst) + 6 + 20 + length;
    const header = sport + dport + words(seq) + words(ack) + (0x5000 | flags) + 65535;
    b.writeUInt16BE(sport, at);
    b.writeUInt16BE(dport, at + 2);
    b.writeUInt32BE(seq, at + 4);
    b.writeUInt32BE(ack, at + 8);
    b.writeUInt16BE(0x5000 | flags, at + 12);
    b.writeUInt16BE(65535, at + 14);
    b.writeUInt16BE(fold(pseudo + header + bodySum.get(length)), at + 16);
    b.writeUInt16BE(0, at + 18);
    body.copy(b, at + 20, 0, length);
    this.#at = at + 20 + length;
  }

  flush() {
    writeSync(this.#fd, this.#buffer, 0, this.#at);
    this.#at = 0;
  }

  close() {
    this.flush();
    closeSync(this.#fd);
  }
}

const newConnection = () => ({
  client: 0x0a000000 + 1 + random(65535),
  server: 0xc0a80000 + 1 + random(16383),
  cport: 1024 + random(64511),
  sport: pick(SERVER_PORTS),
  cseq: random(2 ** 32),
  sseq: random(2 ** 32),
  step: 0,
  data: pick([2, 4, 8, 16, 40]),
});

/** The next packet of a connection; true when it was the last. */
function advance(out, c) {
  const up = (flags, length) =>
    out.packet(c.client, c.server, c.cport, c.sport, c.cseq >>> 0, c.sseq >>> 0, flags, length);
  const down = (flags, length) =>
    out.packet(c.server, c.client, c.sport, c.cport, c.sseq >>> 0, c.cseq >>> 0, flags, length);
  const { step, data } = c;
  c.step++;
  if (step === 0) {
    out.packet(c.client, c.server, c.cport, c.sport, c.cseq, 0, 0x02, 0);
    c.cseq += 1;
  } else if (step === 1) {
    down(0x12, 0);
    c.sseq += 1;
  } else if (step === 2) up(0x10, 0);
  else if (step === 3) {
    up(0x18, 300);
    c.cseq += 300;
  } else if (step < 4 + data) {
    if (step % 3 === 2) up(0x10, 0);
    else {
      const length = pick(DATA_SIZES);
      down(0x18, length);
      c.sseq += length;
    }
  } else if (step === 4 + data) {
    down(0x11, 0);
    c.sseq += 1;
  } else if (step === 5 + data) {
    up(0x11, 0);
    c.cseq += 1;
  } else {
    down(0x10, 0);
    return true;
  }
  return false;
}

const [count, path] = [Number(process.argv[2]), process.argv[3]];
if (!Number.isInteger(count) || path === undefined) {
  console.error('usage: node tcp-traffic.mjs PACKETS FILE');
  process.exit(2);
}
const out = new Writer(path);
const active = Array.from({ length: OPEN_CONNECTIONS }, newConnection);
for (let n = 0; n < count; n++) {
  const i = random(active.length);
  if (advance(out, active[i])) active[i] = newConnection();
}
out.close();
