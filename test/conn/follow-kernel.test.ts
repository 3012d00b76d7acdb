import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ConnectionTracker } from '../../src/conn/connection-tracker.js';
import { ControlStorms } from '../../src/conn/control-storms.js';
import { udpPacket } from '../../src/conn/datagram-connection.js';
import { FollowKernel } from '../../src/conn/follow-kernel.js';
import { historyOf } from '../../src/conn/history.js';
import { CAPTURE, IP_BYTES, ORDINAL, RECORD_WORDS, SEEN, START_TIME, VLANS } from '../../src/conn/record-layout.js';
import { SegmentPool } from '../../src/conn/segment-pool.js';
import { initTcp, type TcpContext, tcpPacket } from '../../src/conn/tcp-connection.js';
import { catchUp } from '../../src/conn/tcp-step.js';
import { tcpSize } from '../../src/conn/tcp-stream.js';
import { kernelOver } from '../../src/core/kernel.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { DECODED_AT_ONCE, DecodedBatch } from '../../src/decode/decoded-batch.js';
import { Decoder } from '../../src/decode/decoder.js';
import { META_PLAIN_TCP, META_VALID, Packet, ROW_BYTES, ROW_WORDS } from '../../src/decode/packet.js';
import { PROTO_TCP, TCP_ACK, TCP_SYN } from '../../src/decode/transport.js';
import { withoutWebAssembly } from '../core/without-webassembly.js';
import { batches, ip, START, TcpScript, tcpSegment, track, udpDatagram } from './traffic.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'follow'], { encoding: 'utf8' });

const LINKTYPE_RAW = 101;
const ROOM = DECODED_AT_ONCE * ROW_BYTES;
const key = { k0: 1, k1: 2 };
const never = Number.POSITIVE_INFINITY;
const ends = [
  ['10.0.0.1', '10.0.0.2'],
  ['2001:db8::1', '2001:db8::2'],
] as const;

interface Step {
  readonly dir: 0 | 1;
  readonly flags: string;
  /** How far its numbers are from the next ones. */
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly window: number;
  /** Of a SYN: its window scale. */
  readonly scale: number;
  /** Bytes cut off its end, and whether its checksum is wrong. */
  readonly cut: number;
  readonly isBroken: boolean;
}

/** What the record has before the first packet: letters of its history, and bytes of each end. */
interface Before {
  readonly letters: number;
  readonly ipBytes: number;
}

const rarely = (other: fc.Arbitrary<number>) =>
  fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: other });
const step: fc.Arbitrary<Step> = fc.record({
  dir: fc.constantFrom(0, 1),
  flags: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('A', 'PA') },
    { weight: 5, arbitrary: fc.constantFrom('FA', 'FPA') },
    { weight: 1, arbitrary: fc.constantFrom('S', 'SA', 'F', 'R', 'RA', 'AU', 'FAU', 'SAU', 'SF', '') },
  ),
  seq: rarely(fc.integer({ min: -40, max: 40 })),
  // Also of nothing of what is more than an initial window.
  ack: rarely(fc.oneof(fc.integer({ min: -40, max: 40 }), fc.constant(-20_000))),
  length: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 8, arbitrary: fc.nat(30) }, fc.constant(20_000)),
  window: fc.constantFrom(9000, 9000, 9000, 9000, 9000, 9000, 1, 0),
  scale: fc.constantFrom(7, 15),
  cut: rarely(fc.nat(4)),
  isBroken: fc.nat(30).map((n) => n === 0),
});

/** A connection mostly begins with its handshake, and its ends mostly in order. */
const plain = { seq: 0, ack: 0, length: 0, window: 9000, scale: 7, cut: 0, isBroken: false } as const;
const opening: readonly Step[] = [
  { ...plain, dir: 0, flags: 'S' },
  { ...plain, dir: 1, flags: 'SA' },
  { ...plain, dir: 0, flags: 'A' },
];
const steps = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: fc.constant(3) }, fc.nat(2)),
    fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, step),
    fc.array(step, { maxLength: 30 }),
  )
  .map(([count, odd, rest]) => [...opening.slice(0, count), ...(odd === undefined ? [] : [odd]), ...rest]);

/** A connection in a table of its own. */
class Followed {
  readonly table = new ConnectionTable(key, 16, ROOM);
  readonly context: TcpContext = {
    table: this.table,
    weird: new WeirdCounts(),
    segments: new SegmentPool(),
    streams: undefined,
    storms: new ControlStorms(2),
    windows: undefined,
    closed: false,
    sooner: false,
  };

  constructor(first: Packet, { letters, ipBytes }: Before) {
    // The record does not lie at the beginning.
    for (let i = 0; i < 3; i++) this.table.insert(new Packet(), false);
    this.base = RECORD_WORDS * this.table.insert(first, false);
    initTcp(this.table, this.base);
    this.table.i32[this.base + SEEN] = letters << 16;
    this.table.i32.fill(ipBytes, this.base + IP_BYTES, this.base + IP_BYTES + 2);
  }

  readonly base: number;

  /** All that there is to say of it. */
  get state(): unknown {
    const { table, context, base } = this;
    catchUp(table, base);
    const { closed, sooner, weird } = context;
    const words = [...table.i32.subarray(base, base + RECORD_WORDS)];
    return { words, history: historyOf(table, base), closed, sooner, weirds: weird.snapshot() };
  }
}

const taken = new Map<string, number>();

/** Sends the packets to two records, of which one is the kernel's where it takes them. */
function compare(
  sent: readonly Step[],
  start: number,
  version: 0 | 1,
  before: Before = { letters: 0, ipBytes: 0 },
): void {
  const decoder = new Decoder(true, key, new WeirdCounts());
  const next = [0, 0];
  let both: readonly [Followed, Followed] | undefined;
  let kernel: FollowKernel | undefined;
  let timeUs = START;
  const packet = new Packet();
  for (const { dir, flags, seq, ack, length, window, scale, cut, isBroken } of sent) {
    const numbers = [start, start + 0x4000_0000] as const;
    const peer = dir === 0 ? 1 : 0;
    const payload = flags.includes('S') ? 0 : length;
    const bytes = ip({
      src: ends[version][dir],
      dst: ends[version][peer],
      proto: 6,
      payload: tcpSegment({
        sport: 40_000 + dir,
        dport: 40_000 + peer,
        seq: numbers[dir] + next[dir]! + seq,
        ack: flags.includes('A') ? numbers[peer] + next[peer]! + ack : 0,
        flags,
        payload,
        window,
        ...(flags.includes('S') && { options: [3, 3, scale, 0] }),
      }),
    });
    if (isBroken) bytes[bytes.length - 1]! ^= 1;
    timeUs += 10;
    packet.timeUs = timeUs;
    const captured = bytes.length - cut;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    decoder.decode(packet, view, LINKTYPE_RAW, 0, captured, bytes.length);
    if (both === undefined) {
      both = [new Followed(packet, before), new Followed(packet, before)];
      kernel = FollowKernel.over(both[1].table);
    }
    const [one, other] = both;
    tcpPacket(one.context, one.base, dir, packet);
    const { buffer, offset, memory } = other.table.room!;
    const batch = new DecodedBatch(buffer, offset, memory);
    batch.rows.i32.set(packet.i32.subarray(packet.base, packet.base + ROW_WORDS));
    if (kernel!.take(batch, 0, 1, timeUs - 5, never, other.context.storms.isCalm) === 1) {
      taken.set(flags, (taken.get(flags) ?? 0) + 1);
      expect(kernel!.now).toBe(timeUs);
      if (kernel!.closing >= 0) other.context.closed = true;
    } else {
      expect(kernel!.now).toBe(timeUs - 5);
      tcpPacket(other.context, other.base, dir, packet);
    }
    expect(other.state).toEqual(one.state);
    for (const { context } of both) context.closed = context.sooner = false;
    const more = payload + Number(flags.includes('S')) + Number(flags.includes('F'));
    next[dir] = Math.max(next[dir]!, next[dir]! + seq + more);
  }
}

describe('the kernel that follows', () => {
  it('is what most packets are taken by', () => {
    expect([built.status, built.stderr]).toEqual([0, '']);
    const table = new ConnectionTable(key, 16, ROOM);
    const kernel = FollowKernel.over(table)!;
    const { buffer, offset, memory } = table.room!;
    expect(kernel.reads(new DecodedBatch(buffer, offset, memory))).toBe(true);
    expect(kernel.reads(new DecodedBatch())).toBe(false);
  });

  it('reads ahead what packets will need of the index and of records', () => {
    const line = 16;
    for (const [proto, flags, lines] of [
      ['tcp', 'A', [0]],
      ['tcp', 'R', [0, 1, 2, 3]],
      ['udp', '', [0, 1]],
    ] as const) {
      const table = new ConnectionTable(key, 20_000, ROOM);
      // So many that the index is larger than at first.
      const other = new Packet();
      for (let i = 0; i < 5000; i++) {
        other.hash = -1 - i;
        table.insert(other, false);
      }
      const { memory } = table;
      const { buffer, offset } = table.room!;
      const packet = new Packet();
      packet.i32 = new DecodedBatch(buffer, offset, memory).rows.i32;
      packet.f64 = new Float64Array(buffer, offset);
      const segment = { sport: 40_000, dport: 9, seq: 1, ack: 1, flags, payload: 0 };
      const payload = proto === 'tcp' ? tcpSegment(segment) : udpDatagram(40_000, 9, 20);
      const bytes = ip({ src: ends[0][0], dst: ends[0][1], proto: proto === 'tcp' ? 6 : 17, payload });
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      new Decoder(true, key, new WeirdCounts()).decode(packet, view, LINKTYPE_RAW, 0, bytes.length, bytes.length);
      const base = RECORD_WORDS * table.insert(packet, false);
      // Its lines are told apart by a bit of their first words.
      for (let i = 1; i < 4; i++) table.i32[base + i * line] = 1 << (20 + i);
      packet.i32[line] = 1 << 24;
      const entry = new Int32Array(buffer, table.indexAt)[packet.hash & table.mask]!;
      const expected = lines.reduce(
        (sum, i) => sum ^ table.i32[base + i * line]!,
        entry ^ (lines.length === 4 ? 1 << 24 : 0),
      );

      const { follow, touched } = kernelOver('follow', memory!) as {
        follow: (...of: number[]) => number;
        touched: WebAssembly.Global;
      };
      follow(offset, 0, 1, table.indexAt, table.mask, table.recordsAt, START, never, 1);
      expect(new Int32Array(buffer, touched.value as number, 1)[0], `${proto} ${flags}`).toBe(expected);
    }
  });

  it('closes an end beside one of whose data, more than an initial window, nothing was acknowledged', () => {
    for (const dir of [0, 1] as const) {
      const peer = dir === 0 ? 1 : 0;
      for (const length of [16_384, 16_385, 20_000]) {
        const data: Step = { ...plain, dir: peer, flags: 'PA', length };
        const fin: Step = { ...plain, dir, flags: 'FA', ack: -length };
        compare([...opening, data, fin, { ...plain, dir: peer, flags: 'FA' }], 1_000, 0);
      }
    }
  });

  it('does to a record exactly what is done without it', () => {
    const start = fc.constantFrom(1_000, 0xffff_ffff, 0xffff_fff0, 0x7fff_fff8, 0x3fff_fff0);
    const before = fc.record({ letters: fc.constantFrom(0, 0, 8, 11, 12), ipBytes: fc.constantFrom(0, -100) });
    fc.assert(
      fc.property(steps, start, fc.constantFrom(0, 1), before, (sent, first, version, record) =>
        compare(sent, first, version, record),
      ),
      { numRuns: 3000 },
    );
    for (const flags of ['A', 'PA', 'SA', 'FA', 'FPA']) expect(taken.get(flags) ?? 0, flags).toBeGreaterThan(100);
    for (const flags of ['S', 'F', 'R', 'RA', 'FAU', 'SAU', 'SF', '']) expect(taken.get(flags), flags).toBeUndefined();
  });

  it('does to the record of plain datagrams exactly what is done without it', () => {
    const datagram = fc.record({
      dir: fc.constantFrom(0, 1),
      length: fc.oneof(fc.nat(40), fc.constantFrom(0, 1400)),
      isNext: fc.boolean(),
    });
    const before = fc.record({ letters: fc.constantFrom(0, 0, 10, 11, 12), ipBytes: fc.constantFrom(0, -100) });
    let [kept, left] = [0, 0];
    fc.assert(
      fc.property(fc.array(datagram, { minLength: 1 }), before, fc.constantFrom(0, 1), (sent, start, version) => {
        const decoder = new Decoder(true, key, new WeirdCounts());
        const packet = new Packet();
        let timeUs = START;
        let both: readonly [Followed, Followed] | undefined;
        for (const { dir, length, isNext } of sent) {
          const peer = dir === 0 ? 1 : 0;
          const payload = udpDatagram(40_000 + dir, 40_000 + peer, length);
          const bytes = ip({ src: ends[version][dir], dst: ends[version][peer], proto: 17, payload });
          packet.timeUs = timeUs += isNext ? 10 : -10;
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
          decoder.decode(packet, view, LINKTYPE_RAW, 0, bytes.length, bytes.length);
          both ??= [new Followed(packet, start), new Followed(packet, start)];
          const [one, other] = both;
          one.table.find(packet.i32, packet.base);
          // The first one makes its sender the originator.
          const end = one.table.dir;
          udpPacket(one.context, one.base, end, packet);
          const { buffer, offset, memory } = other.table.room!;
          const batch = new DecodedBatch(buffer, offset, memory);
          batch.rows.i32.set(packet.i32.subarray(packet.base, packet.base + ROW_WORDS));
          if (FollowKernel.over(other.table)!.take(batch, 0, 1, START, never, true) === 1) kept++;
          else {
            left++;
            udpPacket(other.context, other.base, end, packet);
          }
          expect(other.state).toEqual(one.state);
        }
      }),
    );
    // The letter of an end finds no room in a full history.
    expect(kept).toBeGreaterThan(300);
    expect(left).toBeGreaterThan(10);
  });

  it('leaves datagrams into which somebody looks, and those that begin a connection', () => {
    const table = new ConnectionTable(key, 16, ROOM);
    const kernel = FollowKernel.over(table)!;
    const { buffer, offset, memory } = table.room!;
    const batch = new DecodedBatch(buffer, offset, memory);
    const decoder = new Decoder(true, key, new WeirdCounts());
    const packet = new Packet();
    packet.i32 = batch.rows.i32;
    packet.f64 = batch.rows.f64;
    for (const [port, isLookedInto] of [
      [9, false],
      [53, true],
    ] as const) {
      const payload = udpDatagram(40_000, port, 20);
      const bytes = ip({ src: ends[0][0], dst: ends[0][1], proto: 17, payload });
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      decoder.decode(packet, view, LINKTYPE_RAW, 0, bytes.length, bytes.length);
      expect(kernel.take(batch, 0, 1, START, never, true)).toBe(0);
      table.insert(packet, false);
      expect(kernel.take(batch, 0, 1, START, never, true)).toBe(isLookedInto ? 0 : 1);
    }
  });

  it('begins a connection with the record that is made without it', () => {
    let begun = 0;
    const first = fc.record({
      step: fc.oneof(
        { weight: 3, arbitrary: fc.constant(opening[0]!) },
        step.map((each) => ({ ...each, flags: each.flags.includes('S') ? each.flags : 'S' })),
      ),
      payload: rarely(fc.nat(3)),
      version: fc.constantFrom(0, 1),
      vlans: fc.constantFrom([-1, -1], [-1, -1], [5, -1], [4095, 0]),
      source: fc.constantFrom(0, 0, 1, 8),
      // Slots that were used before, and how many are left.
      before: fc.nat(3),
      limit: fc.constantFrom(1, 16),
    });
    const one = (each: typeof first extends fc.Arbitrary<infer T> ? T : never): void => {
      const { step: sent, payload, version, vlans, source, before, limit } = each;
      const bytes = ip({
        src: ends[version]![0],
        dst: ends[version]![1],
        proto: 6,
        payload: tcpSegment({
          sport: 443,
          dport: 40_000,
          seq: -1,
          ack: sent.flags.includes('A') ? 5 : 0,
          flags: sent.flags,
          payload,
          window: sent.window,
          options: [3, 3, sent.scale, 0],
        }),
      });
      if (sent.isBroken) bytes[bytes.length - 1]! ^= 1;
      const packet = new Packet();
      [packet.vlan, packet.innerVlan] = vlans as [number, number];
      packet.source = source;
      packet.timeUs = START + 7;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      new Decoder(true, key, new WeirdCounts()).decode(
        packet,
        view,
        LINKTYPE_RAW,
        0,
        bytes.length - sent.cut,
        bytes.length,
      );
      [packet.vlan, packet.innerVlan] = vlans as [number, number];
      const tables = [new ConnectionTable(key, limit, ROOM), new ConnectionTable(key, limit, ROOM)] as const;
      for (const table of tables) {
        const other = new Packet();
        const slots = Array.from({ length: Math.min(before, limit) }, () => table.insert(other, false));
        for (const slot of slots) {
          table.i32.fill(-1, slot * RECORD_WORDS, slot * RECORD_WORDS + 2);
          table.remove(slot);
        }
      }
      const [expected, table] = tables;
      const kernel = FollowKernel.over(table)!;
      const { buffer, offset, memory } = table.room!;
      const batch = new DecodedBatch(buffer, offset, memory);
      batch.rows.i32.set(packet.i32.subarray(packet.base, packet.base + ROW_WORDS));
      kernel.begins(99, [3, 2], 5_000_000);
      const next = kernel.take(batch, 0, 1, START, START + 8, true);
      const usual = opening[0]!;
      const isUsual =
        sent.flags === 'S' &&
        payload === 0 &&
        sent.cut === 0 &&
        !sent.isBroken &&
        sent.window > 0 &&
        sent.scale === usual.scale;
      expect([next, kernel.begun]).toEqual(isUsual && source < 8 ? [1, 1] : [0, 0]);
      if (next === 0) {
        expect(table.count).toBe(0);
        return;
      }
      begun++;
      expect([kernel.now, table.count]).toEqual([packet.timeUs, 1]);
      const slot = expected.insert(packet, false);
      expect([kernel.unarmedSlot(0), table.find(packet.i32, packet.base), table.dir]).toEqual([slot, slot, 0]);
      const base = slot * RECORD_WORDS;
      initTcp(expected, base);
      expected.i32[base + ORDINAL] = 99;
      expected.u16[2 * base + CAPTURE] = [3, 2][source] ?? 0;
      expected.f64[(base >> 1) + START_TIME] = packet.timeUs;
      expected.i32[base + VLANS] = vlans.reduce<number>(
        (sum, id, i) => (id! < 0 ? sum : sum | ((id! | 4096) << (16 * i))),
        0,
      );
      const context = { table: expected, weird: new WeirdCounts(), segments: new SegmentPool(), streams: undefined };
      const storms = new ControlStorms();
      tcpPacket({ ...context, storms, windows: undefined, closed: false, sooner: false }, base, 0, packet);
      expect(table.i32.subarray(base, base + RECORD_WORDS)).toEqual(expected.i32.subarray(base, base + RECORD_WORDS));
    };
    fc.assert(fc.property(first, one), { numRuns: 400 });
    expect(begun).toBeGreaterThan(100);
  });

  it('begins none where there is no slot or none is to begin, and stops where the first of them is due', () => {
    const frames = [0, 1, 2].map((i) => new TcpScript([40_000 + i, 443]).client('S', 0).frames[0]!);
    const table = new ConnectionTable(key, 2, ROOM);
    const { buffer, offset, memory } = table.room!;
    const decoded = new DecodedBatch(buffer, offset, memory);
    const decoder = new Decoder(true, key, new WeirdCounts());
    const [batch] = batches(frames);
    const packet = new Packet();
    packet.i32 = decoded.rows.i32;
    packet.f64 = decoded.rows.f64;
    for (let i = 0; i < frames.length; i++) {
      packet.base = i * ROW_WORDS;
      packet.timeUs = START + i;
      decoder.decode(packet, batch!.view, 1, batch!.offset[i]!, batch!.capLen[i]!, batch!.wireLen[i]!);
    }
    const kernel = FollowKernel.over(table)!;
    expect([kernel.take(decoded, 0, 3, 0, never, true), kernel.begun]).toEqual([0, 0]);
    kernel.begins(0, [0], 1);
    expect([kernel.take(decoded, 0, 3, 0, never, true), kernel.begun]).toEqual([1, 1]);
    kernel.begins(1, [0], 1);
    expect([kernel.take(decoded, 1, 3, 0, never, false), kernel.begun]).toEqual([1, 0]);
    kernel.begins(1, [0], 5);
    expect([kernel.take(decoded, 1, 3, 0, never, true), kernel.begun]).toEqual([2, 1]);
    expect(table.left).toBe(0);
  });

  it('counts as many bytes as without it, acknowledged or not', () => {
    for (const [count, isAcknowledged] of [
      [80_000, true],
      [200, false],
    ] as const) {
      const length = 60_000;
      const packet = new Packet();
      packet.view = new DataView(new ArrayBuffer(20));
      packet.meta = PROTO_TCP;
      packet.src3 = 0;
      packet.dst3 = 1;
      const [one, other] = [0, 1].map(() => new Followed(packet, { letters: 0, ipBytes: 0 })) as [Followed, Followed];
      const { buffer, offset, memory } = other.table.room!;
      const batch = new DecodedBatch(buffer, offset, memory);
      const kernel = FollowKernel.over(other.table)!;
      let left = 0;
      const next = [0x3fff_ffff, -2];
      const send = (dir: 0 | 1, flags: number, payload: number): void => {
        packet.meta = PROTO_TCP | META_VALID | (flags === TCP_ACK ? META_PLAIN_TCP : 0);
        packet.seq = next[dir]!;
        packet.ack = flags === TCP_SYN ? 0 : next[1 - dir]!;
        packet.control = (5 << 28) | (flags << 16) | 9_000;
        packet.length = packet.captured = 20 + payload;
        packet.ipBytes = 40 + payload;
        packet.src3 = dir;
        packet.dst3 = 1 - dir;
        tcpPacket(one.context, one.base, dir, packet);
        batch.rows.i32.set(packet.i32.subarray(0, ROW_WORDS));
        if (kernel.take(batch, 0, 1, -1, never, true) === 0) {
          left++;
          tcpPacket(other.context, other.base, dir, packet);
        }
        next[dir] = (next[dir]! + payload + ((flags & TCP_SYN) === 0 ? 0 : 1)) | 0;
      };
      send(0, TCP_SYN, 0);
      send(1, TCP_SYN | TCP_ACK, 0);
      send(0, TCP_ACK, 0);
      for (let i = 0; i < count; i++) {
        send(0, TCP_ACK, length);
        if (isAcknowledged || i === 0) send(1, TCP_ACK, 0);
      }
      expect(other.state).toEqual(one.state);
      expect(tcpSize(other.table, other.base, 0)).toBe(count * length);
      if (isAcknowledged) expect(left).toBeLessThan(40);
    }
  });

  it('stops where something is due, where a row is left, and where an end is certain', () => {
    const packets = new TcpScript().handshake();
    const frames = packets.client('PA', 1, 1, 10).server('FA', 1, 11).client('FA', 11, 2).server('A', 2, 12).frames;
    const tracker = new ConnectionTracker({ checksums: 'verify', key, emit: () => {} });
    const table = new ConnectionTable(key, 16, ROOM);
    const kernel = FollowKernel.over(table)!;
    const { buffer, offset, memory } = table.room!;
    const decoded = new DecodedBatch(buffer, offset, memory);
    const decoder = new Decoder(true, key, new WeirdCounts());
    const [batch] = batches(frames);
    const packet = new Packet();
    packet.i32 = decoded.rows.i32;
    packet.f64 = decoded.rows.f64;
    for (let i = 0; i < frames.length; i++) {
      packet.base = i * ROW_WORDS;
      packet.timeUs = batch!.timeUs[i]!;
      decoder.decode(packet, batch!.view, 1, batch!.offset[i]!, batch!.capLen[i]!, batch!.wireLen[i]!);
    }
    const take = (from: number, due = never) => {
      const next = kernel.take(decoded, from, frames.length, START - 1, due, true);
      return [next, kernel.now - START, kernel.closing];
    };
    // Nobody has begun the connection.
    expect(take(0)).toEqual([0, -1, -1]);
    packet.base = 0;
    const slot = table.insert(packet, false);
    initTcp(table, slot * RECORD_WORDS);
    const storms = new ControlStorms();
    const context = {
      table,
      weird: new WeirdCounts(),
      segments: new SegmentPool(),
      streams: undefined,
      windows: undefined,
    };
    tcpPacket({ ...context, storms, closed: false, sooner: false }, slot * RECORD_WORDS, 0, packet);
    expect(take(1, START + 2_000)).toEqual([2, 1_000, -1]);
    expect(take(2, START + 1_999)).toEqual([2, -1, -1]);
    expect(take(2)).toEqual([6, 5_000, slot]);
    expect(take(6)).toEqual([7, 6_000, -1]);
    tracker.end();
  });

  it('leaves FINs and what follows while ends are counted that send them over and over', () => {
    const sent: Step[] = [
      ...opening,
      { ...plain, dir: 0, flags: 'FA' },
      { ...plain, dir: 0, flags: 'FA', seq: -1 },
      { ...plain, dir: 1, flags: 'A' },
      { ...plain, dir: 1, flags: 'FA' },
    ];
    taken.clear();
    compare(sent, 1_000, 0);
    expect(Object.fromEntries(taken)).toEqual({ SA: 1, A: 1, FA: 1 });
  });

  it('is not needed', () => {
    const { frames } = new TcpScript().handshake().client('PA', 1, 1, 10).server('A', 1, 11);
    const usual = track(frames, { key });
    withoutWebAssembly(() => {
      const table = new ConnectionTable(key, 16, ROOM);
      expect([table.memory, table.room, FollowKernel.over(table)]).toEqual([undefined, undefined, undefined]);
      expect(track(frames, { key })).toEqual(usual);
    });
  });
});
