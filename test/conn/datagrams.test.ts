import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import type { Weird } from '../../src/records/weird.js';
import { concat, ethernet, type Frame, ip, START, track, udpDatagram } from './traffic.js';

const A = '192.0.2.10';
const B = '198.51.100.20';

function udp(src: string, dst: string, ports: readonly [number, number], bytes: number, atUs = 0): Frame {
  const payload = udpDatagram(ports[0], ports[1], bytes);
  return { timeUs: START + atUs, bytes: ethernet(ip({ src, dst, proto: 17, payload })) };
}

function icmp(src: string, dst: string, type: number, code: number, atUs = 0, proto = 1): Frame {
  const payload = concat(new Uint8Array([type, code, 0, 0, 0, 1, 0, 1]), new Uint8Array(56));
  return { timeUs: START + atUs, bytes: ethernet(ip({ src, dst, proto, payload })) };
}

describe('a UDP connection', () => {
  it('is SF with requests and replies, S0 without a reply', () => {
    const both = track([udp(A, B, [5000, 9999], 30), udp(B, A, [9999, 5000], 50, 100)]);
    expect(both.updates[0]?.connection).toMatchObject({
      proto: 'udp',
      conn_state: 'SF',
      history: 'Dd',
      duration: 100,
      orig_bytes: 30,
      resp_bytes: 50,
      orig_pkts: 1,
      orig_ip_bytes: 58,
      resp_ip_bytes: 78,
      ip_proto: 17,
    });
    const one = track([udp(A, B, [5000, 9999], 30)]).updates[0]!.connection;
    expect(one).toMatchObject({ conn_state: 'S0', history: 'D' });
    expect('duration' in one || 'orig_bytes' in one).toBe(false);
  });

  it('is SHR when only the responder sends, OTH when nothing valid came', () => {
    const { updates } = track([udp(B, A, [9999, 123], 30, 5), udp(A, B, [123, 9999], 30)]);
    expect(updates[0]?.connection).toMatchObject({ conn_state: 'SF', history: 'Dd', 'id.orig_h': B });
    const reply = udp(B, A, [53, 5000], 30);
    reply.bytes[45]! ^= 1;
    expect(track([reply]).updates[0]?.connection).toMatchObject({ conn_state: 'OTH', history: '^c', resp_pkts: 0 });
    expect(track([reply, udp(B, A, [53, 5000], 30, 1)]).updates[0]?.connection).toMatchObject({
      conn_state: 'SHR',
      history: '^cdX',
      resp_pkts: 1,
    });
  });

  it('has sent nothing where all that its packets claim is less than a header', () => {
    const empty = (atUs: number): Frame => {
      const payload = udpDatagram(5000, 9999, 10);
      payload[5] = 0;
      return { timeUs: START + atUs, bytes: ethernet(ip({ src: A, dst: B, proto: 17, payload })) };
    };
    const { updates, stats } = track([empty(0), empty(5)]);
    expect(updates[0]?.connection).toMatchObject({ conn_state: 'OTH', history: 'D', orig_bytes: 0, orig_pkts: 2 });
    expect(stats.weirds).toEqual({ UDP_datagram_length_mismatch: 2 });
    const more = track([empty(0), udp(A, B, [5000, 9999], 30, 5)]);
    expect(more.updates[0]?.connection).toMatchObject({ conn_state: 'S0', orig_bytes: 30 });
    const less = track([udp(A, B, [5000, 9999], 30), empty(5)]);
    expect(less.updates[0]?.connection).toMatchObject({ conn_state: 'S0', orig_bytes: 22 });
  });

  it('turns the direction when the first packet comes from a server port', () => {
    const { connection } = track([udp(B, A, [53, 5000], 50)]).updates[0]!;
    expect(connection).toMatchObject({
      'id.orig_h': A,
      'id.resp_p': 53,
      conn_state: 'SHR',
      history: '^dX',
      resp_pkts: 1,
    });
  });

  it('does not turn it towards the broadcast address', () => {
    const { connection } = track([udp(A, '255.255.255.255', [67, 68], 50)]).updates[0]!;
    expect(connection).toMatchObject({ 'id.orig_h': A, history: 'D' });
  });

  it('ends after 60 s without a packet', () => {
    const packet = (atUs: number): Frame => udp(A, B, [5000, 9999], 10, atUs);
    expect(track([packet(0), packet(60 * SECOND - 1)]).stats.connections).toBe(1);
    expect(track([packet(0), packet(60 * SECOND)]).stats.connections).toBe(2);
    expect(track([packet(0), packet(40 * SECOND), packet(100 * SECOND - 1)]).stats.connections).toBe(1);
  });

  const message = (src: string, dst: string, port: number, first: readonly number[], atUs = 0, bytes = 48): Frame => {
    const payload = concat(new Uint8Array(first), new Uint8Array(bytes - first.length));
    return {
      timeUs: START + atUs,
      bytes: ethernet(ip({ src, dst, proto: 17, payload: udpDatagram(port, port, payload) })),
    };
  };
  const dnsQuery = [0, 1, 1, 0];
  const dnsAnswer = [0, 1, 0x81, 0];

  it.each([
    ['an answer of DNS comes first', [message(B, A, 53, dnsAnswer), message(A, B, 53, dnsQuery, 9)], A, 'D^', [2, 0]],
    [
      'two answers of DNS come first',
      [message(B, A, 53, dnsAnswer), message(B, A, 53, dnsAnswer, 9)],
      A,
      'D^d',
      [1, 1],
    ],
    ['a query of DNS comes first', [message(A, B, 53, dnsQuery), message(B, A, 53, dnsAnswer, 9)], A, 'Dd', [1, 1]],
    ['an answer goes to a group', [message(B, '224.0.0.251', 5353, dnsAnswer)], B, 'D', [1, 0]],
    ['an answer to a host comes on the port of mDNS', [message(B, A, 5353, dnsAnswer)], A, 'D^', [1, 0]],
    ['it is too short for DNS', [message(B, A, 53, dnsAnswer, 0, 11)], B, 'D', [1, 0]],
    ['what comes first is no DNS', [message(B, A, 53, [0, 1, 0xb8, 0])], B, 'DX', [1, 0]],
    ['a name of NetBIOS is registered', [message(B, A, 137, [0, 1, 0xa8, 0])], A, 'D^', [1, 0]],
    ['an update of DNS is answered', [message(B, A, 53, [0, 1, 0xa8, 0])], A, 'D^', [1, 0]],
    [
      'its answer comes behind what is no DNS',
      [message(B, A, 53, [0, 1, 0xb8, 0]), message(B, A, 53, dnsAnswer, 9)],
      A,
      'DX^',
      [1, 1],
    ],
    ['an NTP answer comes first', [message(B, A, 123, [0x24]), message(A, B, 123, [0x23], 9)], A, 'D^', [2, 0]],
    ['both ends of NTP are clients', [message(A, B, 123, [0x23]), message(B, A, 123, [0x23], 9)], B, 'Dd^', [0, 2]],
    ['both ends of NTP are servers', [message(B, A, 123, [0x24]), message(A, B, 123, [0x24], 9)], A, 'D^', [2, 0]],
    [
      'NTP turns once for a message of either role',
      [0x23, 0x23, 0x23, 0x24].map((first, i) => message(i % 2 === 0 ? A : B, i % 2 === 0 ? B : A, 123, [first], i)),
      A,
      'Dd^^',
      [4, 0],
    ],
    ['they are NTP peers', [message(B, A, 123, [0x21]), message(A, B, 123, [0x21], 9)], B, 'Dd', [1, 1]],
  ] as const)('has the originator that its messages show when %s', (_, frames, originator, history, packets) => {
    const { updates } = track(frames);
    expect(updates.map(({ connection }) => [connection['id.orig_h'], connection.history])).toEqual([
      [originator, history],
    ]);
    const { orig_pkts, resp_pkts, orig_ip_bytes, resp_ip_bytes, conn_state } = updates[0]!.connection;
    expect([orig_pkts, resp_pkts]).toEqual(packets);
    const each = frames[0]!.bytes.length - 14;
    expect([orig_ip_bytes, resp_ip_bytes]).toEqual(packets.map((count) => count * each));
    expect(conn_state).toBe(history.includes('d') ? 'SF' : 'S0');
  });

  it('has what either role had sent for its own, also behind a message that turns it', () => {
    const sizes = (...frames: Frame[]): unknown[] => {
      const { connection } = track(frames).updates[0]!;
      return [connection['id.orig_h'], connection.orig_bytes, connection.resp_bytes];
    };
    const answer = message(B, A, 123, [0x24], 0, 68);
    expect(sizes(answer, message(A, B, 123, [0x23], 9), message(B, A, 123, [0x24], 10, 52))).toEqual([A, 116, 52]);
    expect(sizes(message(A, B, 123, [0x23]), message(B, A, 123, [0x23], 9, 68))).toEqual([B, 48, 68]);
  });

  it('of DNS ends as such also where an answer to its port turned it', () => {
    const answer = (atUs: number): Frame => {
      const payload = concat(new Uint8Array(dnsAnswer), new Uint8Array(44));
      const bytes = ethernet(ip({ src: A, dst: B, proto: 17, payload: udpDatagram(5000, 53, payload) }));
      return { timeUs: START + atUs, bytes };
    };
    expect(track([answer(0)]).updates[0]?.connection).toMatchObject({ 'id.orig_p': 53, history: 'D^' });
    expect(track([answer(0), answer(10 * SECOND - 1)]).stats.connections).toBe(1);
    expect(track([answer(0), answer(10 * SECOND)]).stats.connections).toBe(2);
  });

  it('of DNS ends when a look every 10 s finds nothing of the last 9 s', () => {
    const query = (atUs: number, dport = 53): Frame => udp(A, B, [5000, dport], 10, atUs);
    const connections = (...times: number[]): number => track(times.map((at) => query(at))).stats.connections;
    expect(connections(0, 10 * SECOND - 1)).toBe(1);
    expect(connections(0, 10 * SECOND)).toBe(2);
    // Looked at after 10 s, when the last packet is 9 s old, and after 20 s.
    expect(connections(0, SECOND, 10 * SECOND)).toBe(2);
    expect(connections(0, SECOND + 1, 10 * SECOND)).toBe(1);
    expect(connections(0, SECOND + 1, 10 * SECOND, 20 * SECOND - 1, 20 * SECOND)).toBe(1);
    expect(connections(0, SECOND + 1, 10 * SECOND, 20 * SECOND)).toBe(2);
    expect(track([query(0, 5353), query(11 * SECOND, 5353)]).stats.connections).toBe(2);
    expect(track([query(0, 54), query(11 * SECOND, 54)]).stats.connections).toBe(1);
  });

  it('of DNS says what the parser made nothing of', () => {
    const told = (port: number, first: readonly number[], bytes = 48): unknown[] => {
      const reported: Weird[] = [];
      const frames = [message(A, B, port, first, 0, bytes), message(A, B, port, first, 9, bytes)];
      const { updates } = track(frames, { onWeird: (weird) => reported.push(weird) });
      return [updates[0]!.connection.history, ...reported.map(({ name, addl, source }) => [name, addl, source])];
    };
    expect(told(53, [0, 1, 1, 0, 0, 25])).toEqual(['D']);
    expect(told(53, [0, 1, 1, 0, 0, 26])).toEqual(['DX', ['DNS_Conn_count_too_large', '26 > 25', 'DNS']]);
    expect(told(54, [0, 1, 1, 0, 0, 26])).toEqual(['D']);
    expect(told(5353, [0, 1, 0x10, 0, 1, 0])).toEqual(['DX', ['DNS_unknown_opcode', '2', 'DNS']]);
    expect(told(137, [0, 1, 0x10, 0, 0, 1])).toEqual(['D']);
    expect(told(137, [0, 1, 0x10, 0, 1, 0])).toEqual(['DX', ['DNS_Conn_count_too_large', '256 > 25', 'DNS']]);
    expect(told(53, [0, 1, 0x10, 0, 1, 0], 11)).toEqual(['D']);
  });

  it('of DNS is no longer parsed, and lasts as others do, behind a message with too many queries', () => {
    const many = [0, 1, 1, 0, 0, 26];
    const connections = (...frames: Frame[]): number => track(frames).stats.connections;
    const later = message(A, B, 53, dnsQuery, 59 * SECOND);
    expect(connections(message(A, B, 53, many), later)).toBe(1);
    expect(connections(message(A, B, 53, dnsQuery), message(B, A, 53, many, 9), later)).toBe(1);
    expect(connections(message(A, B, 53, [0, 1, 0x10, 0]), later)).toBe(2);
    // Not where there was more than 10 KiB.
    expect(connections(message(A, B, 53, many, 0, 10_240), later)).toBe(1);
    expect(connections(message(A, B, 53, many, 0, 10_241), later)).toBe(2);
  });

  it('of DNS is looked at when packets let time pass, and 10 s after that again', () => {
    const query = (second: number): Frame => udp(A, B, [5000, 53], 10, second * SECOND);
    const other = (second: number): Frame => udp(A, B, [5000, 9999], 10, second * SECOND);
    const connections = (...frames: Frame[]): number =>
      track(frames).updates.filter(({ connection }) => connection['id.resp_p'] === 53).length;
    // Looked at after 12 and 22 s, when the last packet is 10 s old.
    expect(connections(query(0), query(5), query(12), query(22))).toBe(2);
    // Looked at after 10, 20 and 30 s.
    expect(connections(query(0), query(5), other(10), query(12), other(20), query(22))).toBe(1);
    // Looked at after 14 and 24 s.
    expect(connections(query(0), query(6), query(14), query(23))).toBe(1);
  });

  it('has the checksum of all that was captured where the IPv6 header tells no length', () => {
    const withoutLength = (payload: Uint8Array, proto: number) => {
      const packet = ip({ src: '2001:db8::1', dst: '2001:db8::2', proto, payload });
      packet.fill(0, 4, 6);
      return { timeUs: START, bytes: ethernet(packet) };
    };
    const right = [
      withoutLength(udpDatagram(5000, 6000, 20), 17),
      withoutLength(concat(new Uint8Array([128]), new Uint8Array(11)), 58),
    ];
    const connections = track(right).updates.map(({ connection }) => connection);
    expect(connections.map((c) => [c.proto, c.history, c.orig_pkts])).toEqual([
      ['udp', 'D', 1],
      ['icmp', undefined, 1],
    ]);
    right[0]!.bytes[70]! ^= 1;
    expect(track(right).stats.weirds).toEqual({ bad_UDP_checksum: 1 });
  });

  it('leaves a wrong checksum out and takes an absent one', () => {
    const wrong = udp(A, B, [5000, 9999], 30);
    wrong.bytes[50]! ^= 1;
    expect(track([wrong]).updates[0]?.connection).toMatchObject({ conn_state: 'OTH', history: 'C', orig_pkts: 0 });
    const absent = udp(A, B, [5000, 9999], 30);
    absent.bytes.fill(0, 40, 42);
    expect(track([absent]).updates[0]?.connection.history).toBe('D');
  });
});

describe('an ICMP connection', () => {
  it('pairs a request with its reply by type', () => {
    const { updates } = track([icmp(A, B, 8, 0), icmp(B, A, 0, 0, 10)]);
    expect(updates).toHaveLength(1);
    expect(updates[0]?.connection).toMatchObject({
      'id.orig_h': A,
      'id.orig_p': 8,
      'id.resp_p': 0,
      proto: 'icmp',
      conn_state: 'OTH',
      orig_bytes: 56,
      resp_bytes: 56,
      ip_proto: 1,
    });
    expect(updates[0]?.connection.history).toBeUndefined();
  });

  it('keeps messages without an answer apart by direction', () => {
    const { updates } = track([icmp(A, B, 3, 1), icmp(B, A, 3, 1, 10)]);
    expect(
      updates.map(({ connection }) => [connection['id.orig_h'], connection['id.orig_p'], connection['id.resp_p']]),
    ).toEqual([
      [A, 3, 1],
      [B, 3, 1],
    ]);
  });

  it('reads ICMPv6 neighbour discovery', () => {
    const { updates, stats } = track([
      icmp('2001:db8::1', '2001:db8::2', 135, 0, 0, 58),
      icmp('2001:db8::2', '2001:db8::1', 136, 0, 10, 58),
    ]);
    expect(stats.weirds).toEqual({});
    expect(updates.map(({ connection }) => [connection['id.orig_h'], connection.proto, connection.ip_proto])).toEqual([
      ['2001:db8::1', 'icmp', 58],
    ]);
  });

  it('has the bytes of a message that the capture cut, and does not count it as a packet', () => {
    const whole = icmp(A, B, 8, 0);
    const cut = { timeUs: START + 100, bytes: whole.bytes.slice(0, 60), wireBytes: whole.bytes.length };
    expect(track([whole, cut]).updates[0]?.connection).toMatchObject({
      duration: 100,
      orig_bytes: 112,
      orig_pkts: 1,
      orig_ip_bytes: 84,
    });
  });

  it('counts a wrong checksum', () => {
    const wrong = icmp(A, B, 8, 0);
    wrong.bytes[60]! ^= 1;
    const { stats, updates } = track([wrong]);
    expect(stats.weirds).toEqual({ bad_ICMP_checksum: 1 });
    expect(updates[0]?.connection.orig_pkts).toBe(0);
  });
});

describe('any other transport', () => {
  it('is a connection of unknown_transport with its protocol number', () => {
    const frame = { timeUs: START, bytes: ethernet(ip({ src: A, dst: B, proto: 132, payload: new Uint8Array(20) })) };
    expect(track([frame]).updates[0]?.connection).toMatchObject({
      proto: 'unknown_transport',
      ip_proto: 132,
      conn_state: 'OTH',
      orig_pkts: 1,
    });
  });
});

describe('IGMP', () => {
  const message = (checksum: number): Frame => {
    const payload = new Uint8Array([0x16, 0, checksum >> 8, checksum & 255, 224, 0, 0, 251]);
    return { timeUs: START, bytes: ethernet(ip({ src: A, dst: '224.0.0.251', proto: 2, payload })) };
  };

  it('makes no connection, and tells of a wrong checksum', () => {
    const right = track([message(0x0904)]);
    expect(right.stats).toMatchObject({ connections: 0, skipped: 1, weirds: {} });
    expect(track([message(0x1234)]).stats.weirds).toEqual({ igmp_invalid_checksum: 1 });
  });
});

describe('a report of multicast listeners', () => {
  const report = (records: number, ...body: Uint8Array[]): Frame => {
    const payload = concat(new Uint8Array([143, 0, 0, 0, 0, 0, 0, records]), ...body);
    return { timeUs: START, bytes: ethernet(ip({ src: '2001:db8::1', dst: 'ff02::16', proto: 58, payload })) };
  };
  const first = (type: number, bytes: number): Frame => {
    const payload = concat(new Uint8Array([type, 0, 0, 0, 0, 0, 0, 0]), new Uint8Array(bytes));
    return { timeUs: START, bytes: ethernet(ip({ src: '2001:db8::1', dst: 'ff02::16', proto: 58, payload })) };
  };
  const record = (auxiliaryWords: number, sources: number, bytes: number): Uint8Array =>
    concat(new Uint8Array([4, auxiliaryWords, 0, sources]), new Uint8Array(bytes));

  it.each([
    ['of version 1', first(131, 16), {}],
    ['of version 1 without its whole address', first(131, 15), { truncated_ICMPv6_MLDv1: 1 }],
    ['of version 1 that takes leave without an address', first(132, 0), { truncated_ICMPv6_MLDv1: 1 }],
    ['with whole records', report(2, record(0, 0, 16), record(1, 2, 16 + 32 + 4)), {}],
    ['with fewer bytes than its records need', report(2, record(0, 0, 16)), { truncated_ICMPv6_MLDv2: 1 }],
    ['with sources that are not there', report(1, record(0, 2, 16 + 31)), { truncated_ICMPv6_MLDv2_record: 1 }],
    ['with auxiliary data that is not there', report(1, record(3, 0, 16 + 8)), { truncated_ICMPv6_MLDv2_record: 1 }],
  ])('%s has its weirds', (_, frame, weirds) => {
    const { stats } = track([frame]);
    expect(stats).toMatchObject({ connections: 1, weirds });
    expect(Object.keys(stats.weirds)).toEqual(Object.keys(weirds));
  });
});
