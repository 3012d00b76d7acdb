import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ControlStorms } from '../../src/conn/control-storms.js';
import { addIpBytes, ipBytesOf } from '../../src/conn/ip-bytes.js';
import { SegmentPool } from '../../src/conn/segment-pool.js';
import { initTcp, plainSegment, segment, type TcpContext } from '../../src/conn/tcp-connection.js';
import { catchUp } from '../../src/conn/tcp-step.js';
import { tcpSize } from '../../src/conn/tcp-stream.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { Packet } from '../../src/decode/packet.js';
import { TCP_ACK, TCP_SYN } from '../../src/decode/transport.js';

const HEADER = 20;
const SEGMENT = 60_000;
const SEGMENTS = 100_000;

/** A connection at the numbers given, and a way to send on it: through the shortcut where it is taken. */
function connection(start: readonly [number, number]) {
  const table = new ConnectionTable({ k0: 1, k1: 2 }, 4);
  const context: TcpContext = {
    table,
    weird: new WeirdCounts(),
    segments: new SegmentPool(),
    streams: undefined,
    storms: new ControlStorms(),
    windows: undefined,
    closed: false,
    sooner: false,
  };
  const packet = new Packet();
  // A SYN's options are looked at.
  packet.view = new DataView(new ArrayBuffer(HEADER));
  packet.view.setUint8(12, 5 << 4);
  const base = 64 * table.insert(packet, false);
  initTcp(table, base);
  const sent = [0, 0];
  let plain = 0;
  const send = (dir: 0 | 1, flags: number, length: number): void => {
    packet.seq = (start[dir] + sent[dir]!) | 0;
    packet.ack = (flags & TCP_ACK) === 0 ? 0 : (start[1 - dir]! + sent[1 - dir]!) | 0;
    packet.control = (5 << 28) | (flags << 16) | 9_000;
    packet.length = packet.captured = HEADER + length;
    packet.ipBytes = 20 + HEADER + length;
    const { i32, f64 } = packet;
    if (flags === TCP_ACK && plainSegment(context, base, dir, i32, f64, packet.base)) plain++;
    else segment(context, base, dir, packet, length, true);
    sent[dir]! += length + ((flags & TCP_SYN) !== 0 ? 1 : 0);
  };
  return { table, context, base, send, plain: () => plain };
}

describe('a connection in step', () => {
  it('counts bytes beyond 32 bits, wherever the numbers begin', () => {
    for (const start of [
      [1, 2],
      [-1, 0x7fff_fff0],
      [0x3fff_ff00, -0x4000_0000],
    ] as const) {
      const { table, context, base, send, plain } = connection(start);
      send(0, TCP_SYN, 0);
      send(1, TCP_SYN | TCP_ACK, 0);
      send(0, TCP_ACK, 0);
      for (let i = 0; i < SEGMENTS; i++) {
        send(0, TCP_ACK, SEGMENT);
        send(1, TCP_ACK, 0);
      }
      catchUp(table, base);
      expect(tcpSize(table, base, 0)).toBe(SEGMENT * SEGMENTS);
      expect(ipBytesOf(table, base, 0)).toBe((SEGMENT + 40) * SEGMENTS + 80);
      expect(plain()).toBeGreaterThan(2 * SEGMENTS - 40);
      expect(context.weird.snapshot()).toEqual({});
    }
  });
});

describe('IP bytes', () => {
  it('carry into the upper part', () => {
    const table = new ConnectionTable({ k0: 1, k1: 2 }, 4);
    const base = 64 * table.insert(new Packet(), false);
    for (let i = 0; i < 5; i++) addIpBytes(table, base, 1, 0xffff_fff0);
    expect(ipBytesOf(table, base, 1)).toBe(5 * 0xffff_fff0);
    expect(ipBytesOf(table, base, 0)).toBe(0);
  });
});
