import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { TimerWheel } from '../../src/conn/timer-wheel.js';
import { SECOND } from '../../src/core/time.js';
import { Packet, ROW_PORTS } from '../../src/decode/packet.js';
import { ethernet, type Frame, ip, START, TcpScript, track, trackWithKernel, udpDatagram } from './traffic.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'follow'], { encoding: 'utf8' });

/** Within a bucket, some of them further, and beyond what the wheel spans. */
const span = fc.constantFrom(0, 3, 20_000, SECOND, 400 * SECOND, 700 * SECOND);
/** How long a connection stays. */
const delay = fc.constantFrom(0, 3, 20_000, SECOND, 400 * SECOND, 700 * SECOND);
const hosts = [
  ['192.0.2.1', '198.51.100.1'],
  ['2001:db8::1', '2001:db8::2'],
] as const;

/** Of connections: when each begins, its waits, after how many of its packets nothing more comes, and what it is. */
const connection = fc.record({
  begins: span,
  waits: fc.array(span, { minLength: 5, maxLength: 5 }),
  packets: fc.integer({ min: 1, max: 6 }),
  version: fc.constantFrom(0, 0, 0, 1),
  port: fc.constantFrom(443, 443, 22, 53),
  isUdp: fc.nat(3).map((n) => n === 0),
  /** Letters of more flags than the history has room for, of the client. */
  isOdd: fc.nat(9).map((n) => n === 0),
});
type Connection = typeof connection extends fc.Arbitrary<infer T> ? T : never;

function framesOf({ begins, waits, packets, version, port, isUdp, isOdd }: Connection, number: number): Frame[] {
  const [second, third, fourth, fifth, last] = waits as [number, number, number, number, number];
  const client = 10_000 + number;
  const ends = hosts[version]!;
  if (isUdp) {
    return [begins, ...waits].slice(0, packets).map((_, i, all) => {
      const payload = udpDatagram(client, port, 12);
      const timeUs = START + all.slice(0, i + 1).reduce((sum, wait) => sum + wait, 0);
      return { timeUs, bytes: ethernet(ip({ src: ends[0], dst: ends[1], proto: 17, payload })) };
    });
  }
  const script = new TcpScript([client, port], [1_000, 9_000], ends).wait(begins).client('S', 0);
  script.wait(second).server('SA', 0, 1).wait(third).client('A', 1, 1);
  // Of a gap, and what comes after a reset.
  if (isOdd) script.client('A', 101, 1, 10).server('A', 1, 111).client('R', 111).client('A', 1, 1, 5);
  script.wait(fourth).client('FA', 1, 1).wait(fifth).server('FA', 1, 2).wait(last).client('A', 2, 2);
  return script.frames.slice(0, isOdd ? 2 * packets : packets);
}

const inOrder = (frames: Frame[]): Frame[] => frames.sort((a, b) => a.timeUs - b.timeUs);

afterEach(() => vi.restoreAllMocks());

describe('deadlines', () => {
  it('are kept in one order by code in WebAssembly and without, near, far and beyond the wheel', () => {
    expect(built.status, built.stderr).toBe(0);
    let closed = 0;
    fc.assert(
      fc.property(
        fc.array(connection, { minLength: 1, maxLength: 12 }),
        delay,
        delay,
        delay,
        (all, attempt, close, quiet) => {
          const frames = inOrder(all.flatMap(framesOf));
          const timeouts = {
            tcp_attempt_delay: attempt + 1,
            tcp_close_delay: close + 1,
            tcp_inactivity_timeout: 100 * SECOND + quiet,
            udp_inactivity_timeout: quiet + 1,
            port_inactivity_timeouts: { 22: attempt + 2, 80: 7 },
          };
          const { updates } = track(frames, { timeouts, key: { k0: 1, k1: 2 } });
          closed += updates.filter(({ connection: { conn_state } }) => conn_state === 'SF').length;
        },
      ),
      { numRuns: 300 },
    );
    expect(closed).toBeGreaterThan(100);
  });

  it('beyond what the wheel spans are kept as they are', () => {
    const usual = { packets: 1, version: 0, port: 443, isUdp: true, isOdd: false, waits: [0, 0, 0, 0, 0] } as const;
    const closed: Connection = { ...usual, waits: [0, 0, 0, 0, 0], begins: 0, packets: 6, isUdp: false };
    const others = [100, 600].map((at): Connection => ({ ...usual, waits: [0, 0, 0, 0, 0], begins: at * SECOND }));
    const timeouts = { tcp_close_delay: 700 * SECOND, udp_inactivity_timeout: 450 * SECOND };
    const { updates } = track(inOrder([closed, ...others].flatMap(framesOf)), { timeouts });
    expect(updates.map(({ connection: { 'id.orig_p': port } }) => port)).toEqual([10_001, 10_000, 10_002]);
  });

  it('of one that begins and closes at once lie on both sides of what the heap takes', () => {
    const usual = { version: 0, port: 443, isOdd: false } as const;
    const closed: Connection = { ...usual, waits: [0, 0, 0, 0, 0], begins: 0, packets: 5, isUdp: false };
    // The heap takes what is before the end of the first.
    const first: Connection = { ...closed, packets: 1, isUdp: true };
    const later: Connection = { ...closed, waits: [3 * SECOND, 0, 0, 0, 0], packets: 2 };
    const timeouts = { tcp_attempt_delay: SECOND, tcp_close_delay: 4 * SECOND, udp_inactivity_timeout: 2 * SECOND };
    const { updates } = track(inOrder([first, closed, later].flatMap(framesOf)), { timeouts });
    const ports = updates.map(({ connection: { 'id.orig_p': port } }) => port);
    expect(ports).toEqual([10_002, 10_000, 10_001, 10_002]);
  });

  it('are met however far time goes on at once, and whichever is given up first is that of the earliest', () => {
    const table = new ConnectionTable({ k0: 1, k1: 2 }, 16);
    const wheel = new TimerWheel(table);
    const day = 86_400 * SECOND;
    const slots = [3, 365, 1, 30].map((days) => {
      const packet = new Packet();
      packet.i32[packet.base + ROW_PORTS] = days;
      const slot = table.insert(packet, false);
      wheel.arm(slot, days * day);
      return slot;
    });
    const [third, last, first, second] = slots;
    expect([wheel.popDue(day - 1), wheel.popDue(day), wheel.popDue(2 * day)]).toEqual([-1, first, -1]);
    expect([wheel.popDue(200 * day), wheel.popDue(200 * day), wheel.popDue(200 * day)]).toEqual([third, second, -1]);
    expect(wheel.next).toBeLessThanOrEqual(365 * day);
    expect([wheel.popDue(Number.POSITIVE_INFINITY), wheel.popDue(Number.POSITIVE_INFINITY)]).toEqual([last, -1]);
  });

  it('end many connections beside each other in the index, over IPv6 too, and more than are told at once', () => {
    const all = Array.from({ length: 3000 }, (_, i): Connection => {
      const packets = 1 + (i % 6);
      const waits = [0, 0, 0, 0, 2 * SECOND * (i % 3)];
      const begins = 7 * i + (i % 5) * SECOND;
      return {
        begins,
        waits,
        packets,
        version: i % 3 === 2 ? 1 : 0,
        port: 443,
        isUdp: i % 11 === 0,
        isOdd: i % 97 === 0,
      };
    });
    const timeouts = { tcp_attempt_delay: SECOND, tcp_close_delay: SECOND, tcp_inactivity_timeout: 3 * SECOND };
    const { stats } = track(inOrder(all.flatMap(framesOf)), { timeouts });
    expect(stats.connections).toBeGreaterThan(2999);
  });

  it.each([600, 9000])('end %i that are due at one time, of which there are more than there is room for', (count) => {
    const usual = { waits: [0, 0, 0, 0, 0], packets: 1, version: 0, port: 443, isUdp: false, isOdd: false } as const;
    const begins = Array.from({ length: count }, (_, i) => i >> 8);
    const frames = [...begins, 6 * SECOND, 7 * SECOND].flatMap((at, i) =>
      framesOf({ ...usual, waits: [...usual.waits], begins: at }, i),
    );
    const { updates } = track(frames);
    expect(updates.length).toBe(count + 2);
  });

  it('of usual connections are met by code in WebAssembly alone', () => {
    const popDue = vi.spyOn(TimerWheel.prototype, 'popDue');
    const frames = Array.from({ length: 700 }, (_, i) =>
      framesOf(
        { begins: 30_000 * i, waits: [0, 0, 0, 0, 0], packets: 6, version: 0, port: 22, isUdp: false, isOdd: false },
        i,
      ),
    );
    let ended = 0;
    const emitEnded = ({ count }: { readonly count: number }) => {
      ended += count;
    };
    trackWithKernel(inOrder(frames.flat()), { lends: true, emitEnded }, 1000, 1);
    expect(ended).toBe(700);
    // Where as many ended as are told at once.
    expect(popDue.mock.calls.length).toBeLessThan(5);
  });
});
