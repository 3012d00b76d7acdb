// A fuzz target of what follows connections in WebAssembly: it does to records and tells of them what TypeScript does without it, whatever
// packets come in whatever order, as far as decoding can give them.
import { deepStrictEqual } from 'node:assert';
import { Buffer } from 'node:buffer';
import { PacketGrammar } from './packet-grammar.mjs';
import { giveBatches, PACKETS, PacketList, step } from './packet-list.mjs';

const load = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const ETHERNET = 1;
const RAW_IP = 101;
const MAX_CONNECTIONS = 64;
const KEY = { k0: 1, k1: 2 };
const [FIN, SYN, RST, PSH, ACK, URG] = [1, 2, 4, 8, 16, 32];
/** Near the places where sequence numbers and their quarters turn over. */
const STARTS = [0, 1, 0x3fffffe0, 0x7fffffe0, 0xbfffffe0, 0xffffffe0, 0xffffffff];

/** Two ends that speak TCP, for the most part as they should: one in `oddity` packets has something wrong. */
class Talk {
  #random;
  #oddity;
  #starts;
  #sent = [0, 0];
  #told = 0;
  #number;
  #isSix;

  constructor(number, random, oddity) {
    this.#random = random;
    this.#oddity = oddity;
    this.#number = number;
    this.#isSix = random(3) === 0;
    this.#starts = [0, 1].map(() => (random(2) === 0 ? STARTS[random(STARTS.length)] : random(2 ** 31) * 2));
  }

  /** The next frame, with its link type. */
  frame() {
    const bytes = this.#random(8) === 0 ? this.#udp() : this.#packet();
    if (this.#random(2) === 0) return { type: RAW_IP, bytes };
    const header = Buffer.from(this.#isSix ? '02000000000102000000000286dd' : '0200000000010200000000020800', 'hex');
    return { type: ETHERNET, bytes: Buffer.concat([header, bytes]) };
  }

  /** The next packet, an IP datagram. */
  #packet() {
    const random = this.#random;
    const opening = this.#told < 3 && random(this.#oddity) > 0;
    const dir = opening ? this.#told % 2 : random(2);
    const flags = opening ? [SYN, SYN | ACK, ACK][this.#told] : this.#flags();
    this.#told++;
    const odd = random(this.#oddity) === 0;
    const jump = !odd ? 0 : random(4) === 0 ? random(2 ** 31) * 2 : random(200) - 100;
    const length = (flags & SYN) !== 0 && random(8) > 0 ? 0 : random(3) === 0 ? 0 : random(random(9) === 0 ? 1400 : 60);
    const seq = this.#starts[dir] + this.#sent[dir] + jump;
    const unheard = random(this.#oddity) === 0 ? random(random(4) === 0 ? 2 ** 31 : 300) - 150 : 0;
    const ack = (flags & ACK) !== 0 || random(20) === 0 ? this.#starts[1 - dir] + this.#sent[1 - dir] + unheard : 0;
    if (jump === 0 || random(4) === 0) {
      const [syn, fin] = [SYN, FIN].map((flag) => ((flags & flag) === 0 ? 0 : 1));
      this.#sent[dir] += length + syn + fin;
    }
    return this.#segment(dir, seq >>> 0, ack >>> 0, flags, length);
  }

  #flags() {
    const random = this.#random;
    const kind = random(this.#oddity * 3);
    if (kind < this.#oddity * 2) return random(2) === 0 ? ACK : ACK | PSH;
    if (kind < this.#oddity * 3 - 3) return FIN | ACK | (random(2) * PSH);
    return [SYN, SYN | ACK, RST, RST | ACK, FIN, SYN | FIN, ACK | URG, random(256)][random(8)];
  }

  /** A datagram between the same ports. */
  #udp() {
    const random = this.#random;
    const length = random(3) === 0 ? random(1400) : random(60);
    const { bytes, at } = this.#ip(random(2), 17, 8 + length);
    bytes.writeUInt16BE(random(30) === 0 ? random(100) : 8 + length, at + 4);
    if (random(2) === 0)
      for (let i = 0; i < Math.min(length, 4); i++) bytes[at + 8 + i] = [0, 1, 0x11, 0x52, 0x60][random(5)];
    if (length >= 32 && random(8) === 0) bytes.writeUInt32BE(0x20010000, at + 8 + [8, 24][random(2)]);
    return bytes;
  }

  /** An IP datagram of one end with its ports, and where what it carries begins. */
  #ip(dir, proto, length) {
    const at = this.#isSix ? 40 : 20;
    const bytes = Buffer.alloc(at + length);
    const ends = [0xc0000201, 0xc0000202 + (this.#number & 1)];
    if (this.#isSix) {
      bytes.writeUInt32BE(0x60000000, 0);
      bytes.writeUInt16BE(bytes.length - at, 4);
      bytes[6] = proto;
      bytes.writeUInt32BE(ends[dir], 20);
      bytes.writeUInt32BE(ends[1 - dir], 36);
    } else {
      bytes.writeUInt16BE(0x4500, 0);
      bytes.writeUInt16BE(bytes.length, 2);
      bytes.writeUInt16BE(0x4000 | proto, 8);
      bytes.writeUInt32BE(ends[dir], 12);
      bytes.writeUInt32BE(ends[1 - dir], 16);
    }
    const ports = [40_000, this.#number === 5 ? 4789 : 40_000 + (this.#number >> 1)];
    bytes.writeUInt16BE(ports[dir], at);
    bytes.writeUInt16BE(ports[1 - dir], at + 2);
    return { bytes, at };
  }

  #segment(dir, seq, ack, flags, length) {
    const random = this.#random;
    const options = (flags & SYN) !== 0 && random(2) === 0 ? 4 : 0;
    const { bytes, at } = this.#ip(dir, 6, 20 + options + length);
    bytes.writeUInt32BE(seq, at + 4);
    bytes.writeUInt32BE(ack, at + 8);
    bytes[at + 12] = (random(100) === 0 ? random(16) : 5 + options / 4) << 4;
    bytes[at + 13] = flags;
    bytes.writeUInt16BE(random(24) === 0 ? 0 : 1 + random(65_535), at + 14);
    if (options > 0) bytes.set([3, 3, random(20), 0], at + 20);
    return bytes;
  }
}

/** Everything that a tracker tells of the packets of an input, by the kernels or without them. */
async function tellers() {
  const { PacketBatch, BYTES_OFFSET } = await load('capture/packet-batch');
  const { SharedRoom } = await load('capture/shared-memory');
  const { connectionRecord } = await load('conn/connection-record');
  const { ConnectionTracker } = await load('conn/connection-tracker');
  const { addWeirds, WeirdCounts } = await load('core/weird');
  const { BatchDecoder } = await load('decode/batch-decoder');
  const { DecodedBatch, DECODED_AT_ONCE, DECODED_BYTES } = await load('decode/decoded-batch');
  const dataBytes = 1 << 18;
  const roomBytes = DECODED_BYTES + BYTES_OFFSET + dataBytes;
  const captures = [{ name: 'fuzz' }];
  const plain = new PacketBatch(dataBytes);
  const decoded = new DecodedBatch();

  const tell = (told, { cause, connection }) => told.push(`${cause} ${JSON.stringify(connection)}`);
  const lend = (told) => {
    const emit = ({ cause, connection }) => tell(told, { cause, connection: connectionRecord(connection) });
    const emitEnded = (records) => {
      for (let i = 0; i < records.count; i++) emit(records.update(i));
    };
    return { lends: true, emit, emitEnded };
  };
  const trackerOf = (input, told, options) =>
    new ConnectionTracker({
      checksums: 'ignore',
      key: KEY,
      maxConnections: MAX_CONNECTIONS,
      // The kernel begins connections where nobody is told of it.
      startRecords: input[0] % 3 === 0,
      roomBytes,
      ...(input[0] % 4 === 0 && { interimUs: 1e6 }),
      emit: (update) => tell(told, update),
      ...options,
    });

  return {
    withKernels(input) {
      const told = [];
      const tracker = trackerOf(input, told, input[1] % 2 === 0 ? lend(told) : {});
      if (tracker.room === undefined) throw new Error('there is no memory of WebAssembly');
      const place = new SharedRoom(tracker.room, DECODED_BYTES, roomBytes).take(BYTES_OFFSET + dataBytes);
      const batch = new PacketBatch(dataBytes, place);
      giveBatches(input, batch, BYTES_OFFSET, () => tracker.batch(batch, captures));
      tracker.end();
      return { told, stats: tracker.stats };
    },

    without(input) {
      const told = [];
      const tracker = trackerOf(input, told);
      const weird = new WeirdCounts();
      const decoder = new BatchDecoder({ verifyChecksums: false, key: KEY }, weird);
      const packets = giveBatches(input, plain, BYTES_OFFSET, () => {
        for (let from = 0; from < plain.count; from += DECODED_AT_ONCE) {
          decoder.decode(plain, from, Math.min(plain.count, from + DECODED_AT_ONCE), decoded);
          tracker.decoded(decoded, captures);
        }
      });
      tracker.end();
      const { stats } = tracker;
      return { packets, all: { told, stats: { ...stats, weirds: addWeirds(stats.weirds, weird.snapshot()) } } };
    },
  };
}

/** Compares the records of two tables, word for word: packets go one by one into both, into the second by the kernel where it takes them. */
async function recordComparer() {
  const { PacketBatch, BYTES_OFFSET } = await load('capture/packet-batch');
  const { ConnectionTable } = await load('conn/connection-table');
  const { ControlStorms } = await load('conn/control-storms');
  const { udpPacket } = await load('conn/datagram-connection');
  const { FollowKernel } = await load('conn/follow-kernel');
  const { historyOf } = await load('conn/history');
  const { RECORD_WORDS } = await load('conn/record-layout');
  const { SegmentPool } = await load('conn/segment-pool');
  const { initTcp, tcpPacket } = await load('conn/tcp-connection');
  const { catchUp } = await load('conn/tcp-step');
  const { WeirdCounts } = await load('core/weird');
  const { BatchDecoder } = await load('decode/batch-decoder');
  const { DecodedBatch, DECODED_BYTES } = await load('decode/decoded-batch');
  const { META_VALID, Packet, ROW_WORDS } = await load('decode/packet');
  const batch = new PacketBatch(1 << 18);

  class Records {
    table = new ConnectionTable(KEY, MAX_CONNECTIONS, DECODED_BYTES);
    context = {
      table: this.table,
      weird: new WeirdCounts(),
      segments: new SegmentPool(),
      streams: undefined,
      storms: new ControlStorms(2),
      windows: undefined,
      closed: false,
      sooner: false,
    };

    /** Where the packet's connection is, which begins with it if need be; -1 where there is no room. */
    find(packet) {
      const slot = this.table.find(packet.i32, packet.base);
      if (slot >= 0 || this.table.isFull) return slot * RECORD_WORDS;
      const base = RECORD_WORDS * this.table.insert(packet, false);
      this.table.find(packet.i32, packet.base);
      if (packet.proto === 6) initTcp(this.table, base);
      return base;
    }

    take(packet, base) {
      const take = packet.proto === 6 ? tcpPacket : udpPacket;
      take(this.context, base, this.table.dir, packet);
    }

    state(base) {
      const { table, context } = this;
      catchUp(table, base);
      const weirds = context.weird.snapshot();
      const words = table.i32.slice(base, base + RECORD_WORDS);
      return {
        words,
        history: historyOf(table, base),
        missed: table.missedBytes.get(base / RECORD_WORDS),
        weirds,
      };
    }
  }

  return (input) => {
    const [one, other] = [new Records(), new Records()];
    const kernel = FollowKernel.over(other.table);
    const { buffer, offset, memory } = other.table.room;
    const rows = new DecodedBatch(buffer, offset, memory);
    const decoded = new DecodedBatch();
    const decoder = new BatchDecoder({ verifyChecksums: false, key: KEY }, new WeirdCounts());
    const packet = new Packet();
    // How often records are looked at, which brings some of their numbers up to date.
    const every = 1 + ((input[2] ?? 0) % 8);
    let now = 0;
    let taken = 0;
    const bases = new Set();
    const compare = () => {
      for (const base of bases) deepStrictEqual(other.state(base), one.state(base));
      bases.clear();
    };
    const take = (i) => {
      decoder.decode(batch, i, i + 1, decoded);
      packet.i32 = decoded.rows.i32;
      packet.f64 = decoded.rows.f64;
      decoded.read(packet, 0);
      if ((packet.meta & META_VALID) === 0 || (packet.proto !== 6 && packet.proto !== 17) || decoded.sides.size > 0)
        return;
      const base = one.find(packet);
      if (base !== other.find(packet)) throw new Error('found in different places');
      if (base < 0) return;
      bases.add(base);
      one.take(packet, base);
      rows.rows.i32.set(packet.i32.subarray(0, ROW_WORDS));
      if (kernel.take(rows, 0, 1, now, Number.POSITIVE_INFINITY, other.context.storms.isCalm) === 0)
        other.take(packet, base);
      else if (kernel.closing >= 0) other.context.closed = true;
      now = Math.max(now, packet.timeUs);
      if (kernel.now > now) throw new Error('a time that nobody told');
      if (++taken % every === 0) compare();
      for (const flag of ['closed', 'sooner']) {
        if (one.context[flag] !== other.context[flag]) throw new Error(`${flag} is ${other.context[flag]}`);
        one.context[flag] = other.context[flag] = false;
      }
    };
    giveBatches(input, batch, BYTES_OFFSET, () => {
      for (let i = 0; i < batch.count; i++) take(i);
    });
    compare();
  };
}

async function followed() {
  const { withKernels, without } = await tellers();
  const compareRecords = await recordComparer();
  const list = new PacketList();
  return {
    name: 'connections followed in WebAssembly',
    generate(random) {
      const grammar = new PacketGrammar(random);
      // In half of them many that mostly go well, with time between their packets: these end one after the other.
      const many = random(2) === 0;
      const talks = Array.from({ length: 1 + random(many ? 40 : 6) }, (_, i) => new Talk(i, random, many ? 100 : 12));
      while (list.count < PACKETS) {
        const { type, bytes } = random(24) === 0 ? grammar.frame() : talks[random(talks.length)].frame();
        const cut = random(30) === 0 ? random(bytes.length) : 0;
        const wait =
          random(40) === 0 ? -random(3_000_000) : random(30) === 0 ? step(random) : random(many ? 1_500_000 : 20_000);
        list.add(wait, type, cut, bytes.subarray(0, bytes.length - cut));
      }
      return list.take();
    },
    run(input) {
      const { packets, all } = without(input);
      deepStrictEqual(withKernels(input), all);
      compareRecords(input);
      return packets;
    },
  };
}

export const followTargets = [followed];
