import { describe, expect, it } from 'vitest';
import { ethernet, type Frame, ip, START, TcpScript, tcpSegment, track } from './traffic.js';

const SERVER = '198.51.100.20';
const MAX = 1_000;
const ESTABLISHED = 100;

/** SYNs from ever new addresses, 1 µs apart. */
function flood(count: number, fromUs: number): Frame[] {
  return Array.from({ length: count }, (_, i) => {
    const src = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const payload = tcpSegment({ sport: 1024 + (i % 60_000), dport: 443, seq: i * 7919, flags: 'S' });
    return { timeUs: fromUs + i, bytes: ethernet(ip({ src, dst: SERVER, proto: 6, payload })) };
  });
}

describe('a flood of SYNs', () => {
  const open = Array.from(
    { length: ESTABLISHED },
    (_, i) => new TcpScript([20_000 + i, 443]).handshake().frames,
  ).flat();
  open.sort((a, b) => a.timeUs - b.timeUs);

  it('stays within the bound, costs attempts only, and is counted', () => {
    const { updates, stats } = track([...open, ...flood(5_000, START + 10_000)], { maxConnections: MAX });
    expect(stats.connections).toBe(ESTABLISHED + 5_000);
    expect(stats.evictedAttempts).toBe(stats.connections - MAX);
    expect(stats.evictedOthers).toBe(0);
    const lasting = updates.filter(({ connection }) => connection.conn_state === 'S1');
    expect(lasting).toHaveLength(ESTABLISHED);
    expect(updates).toHaveLength(stats.connections);
  });

  it('ends the oldest attempts first', () => {
    const { updates } = track(flood(1_500, START), { maxConnections: MAX });
    expect(updates.map(({ connection }) => connection.ts)).toEqual(Array.from({ length: 1_500 }, (_, i) => START + i));
  });

  it('costs answered connections only when there is nothing else', () => {
    const one = new TcpScript([30_000, 443]).handshake().frames;
    const two = new TcpScript([30_001, 443]).wait(10_000).handshake().frames;
    expect(track([...one, ...two], { maxConnections: 1 }).stats).toMatchObject({
      evictedAttempts: 0,
      evictedOthers: 1,
    });
  });
});
