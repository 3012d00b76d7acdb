// Capture files of both formats, made for fuzzing: of either byte order and several clocks, whose lengths are right.
import { Buffer } from 'node:buffer';

const ETHERNET = 1;
const LINUX_SLL = 113;
const RAW_IP = 101;

/** Writes one file. `random(n)` gives a number below n. */
export class CaptureWriter {
  #parts = [];
  #big;

  constructor(random) {
    this.random = random;
    this.#big = random(2) === 0;
    this.isPcapng = random(2) === 0;
    if (this.isPcapng) this.#section();
    else {
      const magic = random(2) === 0 ? 0xa1b23c4d : 0xa1b2c3d4;
      this.#parts.push(this.#words(magic), this.#halves(2, 4), this.#words(0, 0, 262_144, this.#link()));
    }
  }

  /** A packet of which `wire` bytes were sent. */
  packet(bytes, wire) {
    const { random } = this;
    const lengths = [bytes.length, wire];
    if (!this.isPcapng) {
      this.#parts.push(this.#words(1_700_000_000 + random(1000), random(1_000_000), ...lengths), Buffer.from(bytes));
      return;
    }
    if (random(40) === 0) this.#section();
    if (random(20) === 0) return this.#block(3, this.#words(bytes.length), bytes);
    const interfaceId = random(8) === 0 ? 1 : 0;
    const ticks = random(30) === 0 ? [random(2 ** 31) * 2, random(2 ** 31)] : [0x60000, random(2 ** 31)];
    this.#block(6, this.#words(interfaceId, ...ticks, ...lengths), bytes, random(20) === 0 ? Buffer.alloc(4) : []);
  }

  take() {
    return Buffer.concat(this.#parts);
  }

  #link() {
    return [ETHERNET, ETHERNET, ETHERNET, ETHERNET, LINUX_SLL, RAW_IP][this.random(6)];
  }

  /** A section with two interfaces. */
  #section() {
    this.#block(0x0a0d0d0a, this.#words(0x1a2b3c4d), this.#halves(1, 0), this.#words(0xffffffff, 0xffffffff));
    for (let i = 0; i < 2; i++) {
      const resolution = [6, 9, 12, 13, 0x86, 3][this.random(this.random(3) === 0 ? 6 : 2)];
      const offset = this.random(8) === 0 ? [this.#halves(14, 8), Buffer.alloc(8, this.random(256))] : [];
      const options = [this.#halves(9, 1), Buffer.of(resolution, 0, 0, 0), ...offset, this.#words(0)];
      this.#block(1, this.#halves(this.#link(), 0), this.#words(this.random(3) === 0 ? 96 : 0), ...options);
    }
  }

  #block(type, ...parts) {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const length = this.#words(12 + body.length + (-body.length & 3));
    this.#parts.push(this.#words(type), length, body, Buffer.alloc(-body.length & 3), length);
  }

  #words(...values) {
    return this.#numbers(4, values);
  }

  #halves(...values) {
    return this.#numbers(2, values);
  }

  #numbers(width, values) {
    const bytes = Buffer.alloc(width * values.length);
    for (const [i, value] of values.entries()) {
      if (this.#big) bytes.writeUIntBE(value >>> 0, width * i, width);
      else bytes.writeUIntLE(value >>> 0, width * i, width);
    }
    return bytes;
  }
}
