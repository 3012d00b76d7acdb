import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ControlStorms } from '../../src/conn/control-storms.js';
import { SegmentPool } from '../../src/conn/segment-pool.js';
import { initTcp, plainSegment, segment, type TcpContext } from '../../src/conn/tcp-connection.js';
import { catchUp } from '../../src/conn/tcp-step.js';
import { SECOND } from '../../src/core/time.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { Decoder } from '../../src/decode/decoder.js';
import { META_PLAIN_TCP, Packet } from '../../src/decode/packet.js';
import { concat, ethernet, type Frame, ip, START, tcpSegment, track, udpDatagram } from './traffic.js';

const hosts = ['192.0.2.1', '192.0.2.2', '198.51.100.7', '2001:db8::1', '2001:db8::2'] as const;
const ports = [22, 80, 443, 53, 40_000, 40_001, 50_000] as const;

interface Step {
  readonly from: number;
  readonly to: number;
  readonly sport: number;
  readonly dport: number;
  readonly kind: 'tcp' | 'udp' | 'icmp';
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly window: number;
  readonly waitUs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  from: fc.nat(hosts.length - 1),
  to: fc.nat(hosts.length - 1),
  sport: fc.constantFrom(...ports),
  dport: fc.constantFrom(...ports),
  kind: fc.constantFrom('tcp', 'tcp', 'tcp', 'udp', 'icmp'),
  flags: fc.constantFrom('S', 'SA', 'A', 'A', 'PA', 'PA', 'PA', 'FA', 'R', 'RA', 'F', 'SF', 'FR', ''),
  seq: fc.oneof(fc.nat(60), fc.constantFrom(0xffff_fff0, 0x8000_0000)),
  ack: fc.oneof(fc.nat(60), fc.constantFrom(0, 0xffff_ffff)),
  length: fc.nat(30),
  window: fc.constantFrom(0, 4096),
  waitUs: fc.oneof(
    { weight: 9, arbitrary: fc.nat(200_000) },
    fc.constantFrom(5 * SECOND, 6 * SECOND, 61 * SECOND, 301 * SECOND),
  ),
});

function framesOf(steps: readonly Step[]): Frame[] {
  let timeUs = START;
  return steps.map((s) => {
    timeUs += s.waitUs;
    const src = hosts[s.from]!;
    // Both ends of a packet are of one IP version.
    const six = src.includes(':');
    const dst = six === hosts[s.to]!.includes(':') ? hosts[s.to]! : six ? '2001:db8::2' : '192.0.2.2';
    const payload =
      s.kind === 'tcp'
        ? tcpSegment({
            sport: s.sport,
            dport: s.dport,
            seq: s.seq,
            ack: s.ack,
            flags: s.flags,
            payload: s.length,
            window: s.window,
          })
        : s.kind === 'udp'
          ? udpDatagram(s.sport, s.dport, s.length)
          : concat(new Uint8Array([s.sport % 20, 0, 0, 0, 0, 0, 0, 0]), new Uint8Array(s.length));
    const proto = s.kind === 'tcp' ? 6 : s.kind === 'udp' ? 17 : six ? 58 : 1;
    return { timeUs, bytes: ethernet(ip({ src, dst, proto, payload })) };
  });
}

describe('the tracker', () => {
  it('gives one output whatever the hash secret, the batches and the way of the table', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer(),
        fc.integer(),
        fc.integer({ min: 1, max: 40 }),
        (steps, k0, k1, perBatch) => {
          const frames = framesOf(steps);
          const options = { startRecords: true, interimUs: 7 * SECOND };
          const one = track(frames, { ...options, key: { k0: 1, k1: 2 } });
          const other = track(frames, { ...options, key: { k0: k0, k1: k1 } }, perBatch);
          expect(other.updates).toEqual(one.updates);
          expect(other.stats).toEqual(one.stats);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives one output at the bound of the table too', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, k0) => {
        const frames = framesOf(steps);
        const one = track(frames, { maxConnections: 3, key: { k0: 1, k1: 2 } });
        const other = track(frames, { maxConnections: 3, key: { k0: k0, k1: 5 } }, 1);
        expect(other.updates).toEqual(one.updates);
        expect(other.stats).toEqual(one.stats);
      }),
      { numRuns: 100 },
    );
  });

  it('reports every packet of a connection once, and every connection once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { updates, stats } = track(framesOf(steps));
        const packets = updates.reduce((total, { connection: c }) => total + c.orig_pkts + c.resp_pkts, 0);
        expect(packets + stats.skipped).toBe(stats.packets);
        expect(updates).toHaveLength(stats.connections);
        expect(new Set(updates.map(({ connection }) => connection.uid)).size).toBe(stats.connections);
      }),
    );
  });

  it('only swaps the two ends when source and destination are swapped, where no port decides', () => {
    const neutral = step.map((s) => ({
      ...s,
      sport: 40_000 + (s.sport % 3),
      dport: 40_010 + (s.dport % 3),
      kind: 'tcp' as const,
    }));
    fc.assert(
      fc.property(fc.array(neutral, { maxLength: 60 }), (steps) => {
        const there = track(framesOf(steps)).updates.map(({ connection }) => connection);
        const mirror: Readonly<Record<number, number>> = { 0: 2, 2: 0, 1: 1, 3: 4, 4: 3 };
        const swapped = steps.map((s) => ({ ...s, from: mirror[s.from]!, to: mirror[s.to]! }));
        const back = track(framesOf(swapped)).updates.map(({ connection }) => connection);
        const behaviour = (c: (typeof there)[number]) => [
          c.history,
          c.conn_state,
          c.orig_bytes,
          c.resp_bytes,
          c.missed_bytes,
          c.duration,
        ];
        const plain = steps.every((s) => s.from !== s.to && s.from < 3 === s.to < 3 && s.from !== 1 && s.to !== 1);
        if (plain) expect(back.map(behaviour)).toEqual(there.map(behaviour));
      }),
      { numRuns: 200 },
    );
  });
});

describe('hostile bytes', () => {
  const links = [0, 1, 9, 12, 101, 108, 113, 228, 229, 276, 500];

  it('never throw', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 30 }), fc.constantFrom(...links), (packets, link) => {
        const frames = packets.map((b, i) => ({ timeUs: START + i, bytes: b, wireBytes: b.length + (i % 3) * 7 }));
        const { stats } = track(frames, { checksums: 'ignore' }, 7, link);
        expect(stats.packets).toBe(frames.length);
      }),
      { numRuns: 300 },
    );
  });

  it('never throw when they are real packets, cut or changed', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255), fc.nat(200)), { minLength: 1 }),
        (steps, changes) => {
          const frames = framesOf(steps).map((frame, i) => {
            const [at, value, keep] = changes[i % changes.length]!;
            const bytes = frame.bytes.slice();
            if (at < bytes.length) bytes[at] = value;
            return {
              timeUs: frame.timeUs,
              bytes: bytes.slice(0, Math.min(keep, bytes.length)),
              wireBytes: bytes.length,
            };
          });
          for (const checksums of ['verify', 'ignore'] as const) {
            const { updates, stats } = track(frames, { checksums });
            expect(updates).toHaveLength(stats.connections);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

const LINKTYPE_RAW = 101;

describe('the shortcut for plain segments', () => {
  it('does to a record exactly what the general way does', () => {
    const context = (table: ConnectionTable): TcpContext => ({
      table,
      weird: new WeirdCounts(),
      segments: new SegmentPool(),
      streams: undefined,
      storms: new ControlStorms(),
      windows: undefined,
      closed: false,
      sooner: false,
    });
    // Mostly in order, sometimes behind or ahead of it.
    const jitter = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: -30, max: 30 }));
    const one = fc.record({
      dir: fc.nat(1),
      seq: jitter,
      ack: jitter,
      length: fc.nat(20),
      window: fc.constantFrom(0, 1, 9000, 9000, 9000),
    });
    let taken = 0;
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(1_000, 0xffff_fff0),
        (segments, start) => {
          const tables = [0, 1].map(() => new ConnectionTable({ k0: 1, k1: 2 }, 16));
          const contexts = tables.map(context);
          const packet = new Packet();
          const decoder = new Decoder(false, { k0: 1, k1: 2 }, new WeirdCounts());
          const send = (
            dir: number,
            flags: string,
            seq: number,
            ack: number,
            length: number,
            window: number,
            quick: boolean,
          ): void => {
            const ends = [start, start + 500] as const;
            const bytes = tcpSegment({
              sport: 1,
              dport: 2,
              seq: ends[dir]! + seq,
              ack: ends[1 - dir]! + ack,
              flags,
              payload: length,
              window,
            });
            const datagram = ip({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6, payload: bytes });
            const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
            packet.timeUs += 10;
            decoder.decode(packet, view, LINKTYPE_RAW, 0, datagram.length, datagram.length);
            const { i32, f64, base, meta } = packet;
            segment(contexts[0]!, 0, dir, packet, length, true);
            const plain = quick && (meta & META_PLAIN_TCP) !== 0;
            if (plain && plainSegment(contexts[1]!, 0, dir, i32, f64, base)) taken++;
            else segment(contexts[1]!, 0, dir, packet, length, true);
          };
          for (const table of tables) {
            table.insert(packet, false);
            initTcp(table, 0);
          }
          send(0, 'S', 0, 0, 0, 9000, false);
          send(1, 'SA', 0, 1, 0, 9000, false);
          const next = [1, 1];
          for (const s of segments) {
            const seq = next[s.dir]! + s.seq;
            send(s.dir, 'A', seq, next[1 - s.dir]! + s.ack, s.length, s.window, true);
            next[s.dir] = Math.max(next[s.dir]!, seq + s.length);
          }
          for (const table of tables) catchUp(table, 0);
          expect([...tables[1]!.i32.subarray(0, 64)]).toEqual([...tables[0]!.i32.subarray(0, 64)]);
          expect(contexts[1]!.weird.snapshot()).toEqual(contexts[0]!.weird.snapshot());
        },
      ),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(500);
  });
});
