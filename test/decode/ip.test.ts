import { describe, expect, it } from 'vitest';
import { concat, ethernet, type Frame, ip, START, tcpSegment, track } from '../conn/traffic.js';

const segment = tcpSegment({ sport: 40_000, dport: 80, seq: 1, flags: 'S' });
const v4 = ethernet(ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 6, payload: segment }));
const v6 = ethernet(ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 6, payload: segment }));

/** A copy with some bytes set; offsets count from the IP header. */
function changed(frame: Uint8Array, ...changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = frame.slice();
  for (const [at, value] of changes) copy[14 + at] = value;
  return copy;
}

/** An IPv6 frame with extension headers, given in hex, between header and segment. */
function extended(firstType: number, headers: string): Uint8Array {
  const extra = Buffer.from(headers.replaceAll(' ', ''), 'hex');
  const frame = new Uint8Array(v6.length + extra.length);
  frame.set(v6.subarray(0, 54));
  frame.set(extra, 54);
  frame.set(v6.subarray(54), 54 + extra.length);
  frame[14 + 6] = firstType;
  const payload = extra.length + segment.length;
  frame[14 + 4] = payload >> 8;
  frame[14 + 5] = payload & 255;
  return frame;
}

/** A mobile sender's home address as a destination option, in hex. */
const home = (last: string): string => `c9 10 20010db8 00000000 00000000 000000${last}`;

const one = (bytes: Uint8Array, wireBytes = bytes.length): Frame[] => [{ timeUs: START, bytes, wireBytes }];

describe('an IP header', () => {
  it.each([
    ['truncated_IP', v4.slice(0, 30), v4.length],
    ['truncated_IP', v6.slice(0, 50), v6.length],
    ['unknown_ip_version', changed(v4, [0, 0x55]), undefined],
    ['ip_hdr_len_zero', changed(v4, [2, 0], [3, 0]), undefined],
    ['truncated_IP_len', changed(v4, [2, 2]), undefined],
    ['truncated_IP_len', changed(v6, [4, 2]), undefined],
    ['invalid_IP_header_size', changed(v4, [0, 0x4f], [2, 0], [3, 40]), undefined],
    ['internally_truncated_header', changed(v4, [0, 0x4f], [2, 0], [3, 60]).slice(0, 60), 80],
    ['IPv4_min_header_size', changed(v4, [0, 0x44]), undefined],
    ['bad_IP_checksum', changed(v4, [8, 63]), undefined],
    ['truncated_header', changed(v4, [3, 30], [10, 0xf6], [11, 0xd3]), undefined],
    ['ipv6_no_next', changed(v6, [6, 59]), undefined],
    ['ipv6_no_next', ethernet(ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 59, payload: segment })), undefined],
  ] as const)('is left out and counted as %s (case %#)', (weird, bytes, wire) => {
    const checksums = weird === 'truncated_header' ? 'ignore' : 'verify';
    const { stats } = track(one(bytes, wire), { checksums });
    expect(stats.weirds).toEqual({ [weird]: 1 });
    expect([stats.skipped, stats.connections]).toEqual([1, 0]);
  });

  // Ethernet, here and in a VLAN, up to a length or PPPoE; each has six zero bytes of padding behind the packet.
  const macs = '020000000001 020000000002';
  const header = (text: string, bytes: number): string => text.replace('LEN', bytes.toString(16).padStart(4, '0'));
  const layers: readonly (readonly [string, (bytes: number) => string])[] = [
    ['PPPoE', (bytes) => header(`${macs} 8864 1100 0001 LEN 0021`, bytes + 2)],
    ['802.3', (bytes) => header(`${macs} LEN aaaa03 000000 0800`, bytes + 8)],
    ['802.3 in a VLAN', (bytes) => header(`${macs} 8100 0007 LEN aaaa03 000000 0800`, bytes + 8)],
  ];
  const padded = (text: string, datagram: Uint8Array) =>
    concat(Buffer.from(text.replaceAll(' ', ''), 'hex'), datagram, new Uint8Array(6));

  it.each(layers)('without a length ends where that of %s does', (_, below) => {
    const datagram = changed(v4, [2, 0], [3, 0]).slice(14);
    const { updates, stats } = track(one(padded(below(datagram.length), datagram)), { checksums: 'ignore' });
    expect(updates[0]?.connection).toMatchObject({ history: 'S', orig_pkts: 1, orig_ip_bytes: 0 });
    expect(updates[0]?.connection.orig_bytes ?? 0).toBe(0);
    expect(stats.weirds.ip_hdr_len_zero).toBe(1);
  });

  it.each(layers)('that ends behind the length of %s is cut there', (_, below) => {
    const payload = tcpSegment({ sport: 40_000, dport: 80, seq: 1, flags: 'PA', payload: 20 });
    const datagram = ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 6, payload });
    datagram[44]! ^= 1;
    const whole = padded(below(datagram.length), datagram);
    const short = track(one(padded(below(datagram.length - 4), datagram)));
    const cut = track(one(whole.slice(0, -10), whole.length));
    expect(short.updates[0]?.connection).toEqual(cut.updates[0]?.connection);
    // What is cut has a checksum that cannot be looked at.
    expect([short, track(one(whole))].map(({ updates }) => updates[0]?.connection.history)).toEqual(['D', 'C']);
  });

  it('may have options', () => {
    const payload = new Uint8Array([1, 1, 1, 0, ...segment]);
    const frame = ethernet(ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 6, payload, fragment: 0 }));
    frame[14] = 0x46;
    const { updates } = track(one(frame), { checksums: 'ignore' });
    expect(updates[0]?.connection).toMatchObject({ 'id.orig_p': 40_000, history: 'S', orig_ip_bytes: 44 });
  });

  it('with an empty length counts 0 bytes when checksums are ignored', () => {
    const { updates } = track(one(changed(v4, [2, 0], [3, 0])), { checksums: 'ignore' });
    expect(updates[0]?.connection).toMatchObject({ history: 'S', orig_pkts: 1, orig_ip_bytes: 0 });
  });

  it('may be followed by padding', () => {
    const padded = new Uint8Array(v4.length + 6);
    padded.set(v4);
    const { updates } = track(one(padded));
    expect(updates[0]?.connection).toMatchObject({ orig_pkts: 1, orig_ip_bytes: 40 });
  });
});

describe('IPv6 extension headers', () => {
  it.each([
    ['hop-by-hop options', extended(0, '06 00 0104 00000000'), {}],
    ['destination options twice', extended(60, '3c 00 0104 00000000 06 00 0104 00000000'), {}],
    ['an authentication header', extended(51, '06 01 0000 00000001 00000002'), {}],
    ['a routing header that is used up', extended(43, '06 00 00 00 00000000'), { routing0_hdr: 1 }],
    ['a routing header of an unknown type', extended(43, '06 00 63 00 00000000'), { unknown_routing_type: 1 }],
  ] as const)('are followed through %s', (_name, frame, weirds) => {
    const { updates, stats } = track(one(frame));
    expect(updates[0]?.connection).toMatchObject({ 'id.resp_p': 80, history: 'S', orig_ip_bytes: frame.length - 14 });
    expect(stats.weirds).toEqual(weirds);
  });

  it('name the true destination in a routing header', () => {
    const route = '06 02 00 01 00000000 20010db8 00000000 00000000 00000099';
    const { updates } = track(one(extended(43, route)), { checksums: 'ignore' });
    expect(updates[0]?.connection['id.resp_h']).toBe('2001:db8::99');
  });

  it('name the home of a mobile sender in a destination option', () => {
    const { updates, stats } = track(one(extended(60, `06 02 0102 0000 ${home('88')}`)), { checksums: 'ignore' });
    expect(updates[0]?.connection['id.orig_h']).toBe('2001:db8::88');
    expect(stats.weirds).toEqual({});
  });

  it.each([
    ['bad_home_addr_len', extended(60, '06 00 c9 04 20010db8')],
    ['bad_ipv6_dest_opt_len', extended(60, '06 00 01 09 00000000')],
    ['multiple_home_addr_opts', extended(60, `06 04 01 00 ${home('88')} ${home('99')}`)],
  ] as const)('are followed through destination options that are odd: %s', (weird, frame) => {
    const { updates, stats } = track(one(frame), { checksums: 'ignore' });
    expect(updates[0]?.connection['id.resp_p']).toBe(80);
    expect(stats.weirds[weird]).toBe(1);
  });

  it('count a second routing header once a first one has named the destination', () => {
    const route = (next: string, last: string) => `${next} 02 02 01 00000000 20010db8 00000000 00000000 000000${last}`;
    const { updates, stats } = track(one(extended(43, route('2b', '99') + route('06', '77'))), { checksums: 'ignore' });
    expect(updates[0]?.connection['id.resp_h']).toBe('2001:db8::99');
    expect(stats.weirds).toEqual({ multiple_routing_headers: 1 });
  });

  it('are left out when their length is wrong', () => {
    const wrong = extended(0, '06 00 0104 00000000');
    wrong[14 + 5] = 4;
    const { stats } = track(one(wrong));
    expect([stats.connections, stats.weirds]).toEqual([0, { invalid_IP_header_size: 1 }]);
  });

  it.each([
    ['cut in its length', extended(0, '06 00 0104 00000000').slice(0, 55), 0],
    ['longer than what was captured', extended(0, '06 ff 0104 00000000').slice(0, 80), 0],
    ['cut in a fragment header', extended(44, '06 00 0001 00000007').slice(0, 60), 44],
    ['cut in encryption', extended(50, '00000001 00000002').slice(0, 60), 50],
    ['cut in a mobility header', extended(135, '3b 00 0500 00000000').slice(0, 60), 135],
  ] as const)('stand for the transport when one is %s', (_name, frame, proto) => {
    const { updates, stats } = track(one(frame, 2200));
    expect(updates[0]?.connection).toMatchObject({ proto: 'unknown_transport', ip_proto: proto, orig_pkts: 1 });
    expect(stats.weirds).toEqual({});
  });

  it('end at encryption', () => {
    const { stats } = track(one(changed(v6, [6, 50])));
    expect([stats.skipped, stats.weirds]).toEqual([1, {}]);
  });

  it('end at a message between mobile hosts, whose checksum is verified', () => {
    const mobility = (next: string, sum: string) =>
      one(extended(135, `${next} 01 0500 ${sum} 0001 8000 000a 0102 0000`));
    // RFC 6275 6.1.1 over 2001:db8::1, 2001:db8::2, a length of 16 and the protocol 135.
    const sumOf = (next: number): string => {
      const words = [0x2001, 0xdb8, 1, 0x2001, 0xdb8, 2, 16, 135, (next << 8) | 1, 0x0500, 1, 0x8000, 0x000a, 0x0102];
      let sum = words.reduce((total, word) => total + word, 0);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
      return (~sum & 0xffff).toString(16).padStart(4, '0');
    };
    const weirdsOf = (frames: Frame[], checksums: 'verify' | 'ignore') => {
      const { stats } = track(frames, { checksums });
      expect([stats.skipped, stats.connections]).toEqual([1, 0]);
      return stats.weirds;
    };
    expect(weirdsOf(mobility('3b', sumOf(59)), 'verify')).toEqual({});
    expect(weirdsOf(mobility('3b', '1234'), 'verify')).toEqual({ bad_MH_checksum: 1 });
    expect(weirdsOf(mobility('3b', '1234'), 'ignore')).toEqual({});
    expect(weirdsOf(mobility('06', sumOf(6)), 'verify')).toEqual({ mobility_piggyback: 1 });
  });
});
