import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { concat, ethernet, type Frame, ip, START, track, udpDatagram } from '../conn/traffic.js';

const A = '192.0.2.1';
const B = '198.51.100.2';

/** A UDP datagram whose checksum holds, as the payload of one IP packet. */
function datagram(bytes: number, sport = 5000): Uint8Array {
  return ip({ src: A, dst: B, proto: 17, payload: udpDatagram(sport, 9999, bytes) }).slice(20);
}

/** IPv4 fragments of a payload cut at these places (in units of 8 bytes). */
function fragments(payload: Uint8Array, cuts: readonly number[], id = 7): Uint8Array[] {
  const bounds = [
    ...new Set([0, ...cuts.map((cut) => cut * 8).filter((at) => at > 0 && at < payload.length), payload.length]),
  ];
  bounds.sort((a, b) => a - b);
  return bounds.slice(0, -1).map((from, i) => {
    const to = bounds[i + 1]!;
    const fragment = (to < payload.length ? 0x2000 : 0) | (from / 8);
    return ethernet(ip({ src: A, dst: B, proto: 17, id, fragment, payload: payload.slice(from, to) }));
  });
}

function setDontFragment(frame: Uint8Array): void {
  frame[20] = frame[20]! | 0x40;
  // The header's checksum goes with it.
  frame[24] = frame[24]! - 0x40;
}

const framesOf = (packets: readonly Uint8Array[]): Frame[] => packets.map((bytes, i) => ({ timeUs: START + i, bytes }));

describe('IPv4 fragments', () => {
  it('make one packet in any order, with duplicates and overlaps', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 480 }),
        cuts,
        cuts,
        fc.infiniteStream(fc.nat()),
        (bytes, one, two, order) => {
          const payload = datagram(bytes);
          const first = fragments(payload, one);
          // A second, differently cut copy overlaps the first; the last missing piece comes at the end.
          const extra = fragments(payload, two).slice(0, -1);
          const shuffled = [...first.slice(1), ...(first.length > 1 ? extra : [])].sort(
            () => (order.next().value % 3) - 1,
          );
          const { updates, stats } = track(framesOf([...shuffled, first[0]!]));
          const whole = updates.find(({ connection }) => connection.orig_bytes !== 0)?.connection;
          expect(whole).toMatchObject({ history: 'D', orig_pkts: 1, orig_ip_bytes: 20 + payload.length });
          expect(stats.weirds.bad_UDP_checksum).toBeUndefined();
        },
      ),
    );
  });

  it('of different datagrams are kept apart', () => {
    const one = fragments(datagram(200), [10], 1);
    const two = fragments(datagram(300, 6000), [10], 2);
    const { updates } = track(framesOf([one[0]!, two[1]!, one[1]!, two[0]!]));
    expect(updates.map(({ connection }) => [connection['id.orig_p'], connection.orig_ip_bytes])).toEqual([
      [5000, 228],
      [6000, 328],
    ]);
  });

  it('where they overlap, keep what came first', () => {
    const payload = datagram(64);
    const [first, last] = fragments(payload, [4]);
    const forged = fragments(new Uint8Array(payload.length).fill(0xee), [2])[1]!;
    const { updates, stats } = track(framesOf([first!, forged, last!]));
    expect(updates.some(({ connection }) => connection.history === 'C')).toBe(true);
    expect(stats.weirds).toMatchObject({ fragment_inconsistency: 1 });
  });

  it('that say the same where they overlap are told apart from those that do not', () => {
    const payload = datagram(64);
    const [first, last] = fragments(payload, [4]);
    const again = fragments(payload, [2])[1]!;
    const { stats } = track(framesOf([first!, again, last!]));
    expect([stats.weirds.fragment_overlap, stats.weirds.fragment_inconsistency]).toEqual([1, undefined]);
  });

  it('are compared with each of those that they overlap', () => {
    const payload = datagram(64);
    const [first, second, last] = fragments(payload, [2, 4]);
    const half = payload.map((byte, i) => (i < 16 ? byte : 0xee));
    const forged = fragments(half, [4])[0]!;
    const { stats, updates } = track(framesOf([first!, second!, forged, last!]));
    expect([stats.weirds.fragment_overlap, stats.weirds.fragment_inconsistency]).toEqual([1, 1]);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['D']);
  });

  it('without a byte say where the end is and complete nothing', () => {
    const payload = datagram(56);
    const [first, second] = fragments(payload, [4]);
    const more = second!.slice();
    more[20] = more[20]! | 0x20;
    const end = ethernet(ip({ src: A, dst: B, proto: 17, id: 7, fragment: 8, payload: new Uint8Array(0) }));
    const options = { checksums: 'ignore' } as const;
    expect(track(framesOf([first!, more, end]), options).stats.connections).toBe(0);
    expect(track(framesOf([first!, end, more]), options).stats.connections).toBe(1);
  });

  it('without a length are odd, and belong to no packet', () => {
    const [first, second] = fragments(datagram(56), [6]);
    const empty = second!.slice();
    empty.set([0, 0], 16);
    const { stats } = track(framesOf([first!, empty]), { checksums: 'ignore' });
    expect([stats.connections, stats.weirds]).toEqual([0, { ip_hdr_len_zero: 1, fragment_protocol_inconsistency: 1 }]);
  });

  it('of a small size make a large packet in any order', () => {
    const parts = fragments(
      datagram(65_400),
      Array.from({ length: 136 }, (_, i) => 60 * (i + 1)),
    );
    const even = parts.filter((_, i) => i % 2 === 0);
    const odd = parts.filter((_, i) => i % 2 === 1);
    const { updates, stats } = track(framesOf([...even, ...odd]));
    expect(updates.map(({ connection }) => connection.orig_ip_bytes)).toEqual([20 + 8 + 65_400]);
    expect(stats.weirds).toEqual({ excessively_large_fragment: expect.any(Number) });
  });

  it('beyond the longest IP packet make one whose length begins again at 0', () => {
    const whole = new Uint8Array(65_628);
    whole.set(udpDatagram(5000, 9999, 84));
    const parts = fragments(
      whole,
      Array.from({ length: 44 }, (_, i) => 185 * (i + 1)),
    );
    const { updates, stats } = track(framesOf(parts), { checksums: 'ignore' });
    expect(updates.map(({ connection }) => connection.orig_ip_bytes)).toEqual([112]);
    expect(stats.weirds).toEqual({ excessively_large_fragment: expect.any(Number) });
    const shorter = track(framesOf(fragments(whole.slice(0, 65_528), [4000, 8000])), { checksums: 'ignore' });
    expect(shorter.stats).toMatchObject({ connections: 0, weirds: { invalid_IP_header_size: 1 } });
  });

  it('beyond the end that the last one claims make a longer packet, which is counted', () => {
    const payload = datagram(120);
    const long = fragments(payload, [6, 12]);
    const last = fragments(payload.slice(0, 80), [6])[1]!;
    const { stats, updates } = track(framesOf([long[1]!, last, long[0]!]), { checksums: 'ignore' });
    expect(stats.weirds.fragment_size_inconsistency).toBe(1);
    expect(updates[0]?.connection).toMatchObject({ orig_ip_bytes: 20 + 96 });
  });

  it('take the protocol and the header of the one that came first', () => {
    const payload = datagram(120);
    const [first, last] = fragments(payload, [6]);
    const other = last!.slice();
    other[14 + 9] = 99;
    const { stats, updates } = track(framesOf([other, first!]), { checksums: 'ignore' });
    expect(stats.weirds).toMatchObject({ fragment_protocol_inconsistency: 1 });
    expect(updates[0]?.connection).toMatchObject({ ip_proto: 99 });
  });

  it('that are cut by the capture count with the first one only', () => {
    const [first, last] = fragments(datagram(200), [10]);
    for (const one of [first!, last!]) setDontFragment(one);
    const frames: Frame[] = [first!, last!].map((bytes, i) => ({
      timeUs: START + i,
      bytes: bytes.slice(0, 60),
      wireBytes: bytes.length,
    }));
    const { stats, updates } = track(frames);
    expect(stats.weirds).toEqual({ incompletely_captured_fragment: 2, UDP_datagram_length_mismatch: 1 });
    expect(updates.map(({ connection }) => connection['id.orig_p'])).toEqual([5000]);
  });

  it('are dropped, oldest first, at the bound', () => {
    const opens: Uint8Array[] = [];
    for (let id = 0; id < limits.fragmentDatagrams + 1; id++) opens.push(fragments(datagram(200), [10], id)[0]!);
    const second = (id: number): Uint8Array => fragments(datagram(200), [10], id)[1]!;
    const dropped = track(framesOf([...opens, second(0)]));
    expect([dropped.stats.weirds.fragment_table_full, dropped.stats.connections]).toEqual([2, 0]);
    const kept = track(framesOf([...opens, second(1)]));
    expect([kept.stats.weirds.fragment_table_full, kept.stats.connections]).toEqual([1, 1]);
  });
});

describe('IPv6 fragments', () => {
  it('make one packet', () => {
    const payload = ip({
      src: '2001:db8::1',
      dst: '2001:db8::2',
      proto: 17,
      payload: udpDatagram(5000, 9999, 100),
    }).slice(40);
    const cut = (from: number, to: number): Uint8Array => {
      const more = to < payload.length ? 1 : 0;
      const header = new Uint8Array([17, 0, from >> 8, (from & 0xf8) | more, 0, 0, 0, 9]);
      return ethernet(
        ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 44, payload: concat(header, payload.slice(from, to)) }),
      );
    };
    const { updates, stats } = track(framesOf([cut(48, payload.length), cut(0, 48)]));
    expect(stats.weirds).toEqual({});
    expect(updates[0]?.connection).toMatchObject({ proto: 'udp', history: 'D', orig_ip_bytes: 40 + payload.length });
  });

  it('say nothing of the end where they are the last one and empty at the beginning', () => {
    const udp = ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 17, payload: udpDatagram(5000, 9999, 56) }).slice(
      40,
    );
    const part = (field: number, payload: Uint8Array): Uint8Array => {
      const header = new Uint8Array([17, 0, 0, field, 0, 0, 0, 9]);
      return ethernet(ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 44, payload: concat(header, payload) }));
    };
    const parts = [part(0, new Uint8Array(0)), part(1, udp.slice(0, 32)), part(32, udp.slice(32))];
    const { updates, stats } = track(framesOf(parts));
    expect(updates.map(({ connection }) => [connection.history, connection.orig_bytes])).toEqual([['D', undefined]]);
    expect(stats.weirds).toEqual({});
  });

  it('are put together once, whatever is inside', () => {
    const inner = concat(new Uint8Array([17, 0, 0, 9, 0, 0, 0, 1]), udpDatagram(5000, 9999, 40));
    const payload = concat(new Uint8Array([44, 0, 0, 0, 0, 0, 0, 9]), inner);
    const frame = ethernet(ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 44, payload }));
    const { updates } = track(framesOf([frame]), { checksums: 'ignore' });
    expect(updates.map(({ connection }) => connection['id.resp_p'])).toEqual([9999]);
  });

  it('may begin with further extension headers', () => {
    const src = '2001:db8::1';
    const dst = '2001:db8::2';
    const options = new Uint8Array([17, 0, 1, 4, 0, 0, 0, 0]);
    const udp = ip({ src, dst, proto: 17, payload: udpDatagram(5000, 9999, 100) }).slice(40);
    const payload = concat(options, udp);
    const cut = (from: number, to: number): Uint8Array => {
      const more = to < payload.length ? 1 : 0;
      const header = new Uint8Array([60, 0, from >> 8, (from & 0xf8) | more, 0, 0, 0, 9]);
      return ethernet(ip({ src, dst, proto: 44, payload: concat(header, payload.slice(from, to)) }));
    };
    const { updates, stats } = track(framesOf([cut(0, 48), cut(48, payload.length)]));
    expect(stats.weirds).toEqual({});
    expect(updates.map(({ connection }) => connection)).toMatchObject([
      { proto: 'udp', 'id.resp_p': 9999, history: 'D', orig_ip_bytes: 40 + payload.length },
    ]);
  });
});
