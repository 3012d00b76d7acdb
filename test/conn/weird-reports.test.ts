import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { WeirdReports } from '../../src/conn/weird-reports.js';
import { SECOND } from '../../src/core/time.js';
import { Packet } from '../../src/decode/packet.js';
import type { Weird } from '../../src/records/weird.js';
import { concat, ethernet, type Frame, ip, START, TcpScript, tcpSegment, track, udpDatagram } from './traffic.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const CLIENT = '192.0.2.10';

const SERVER = '198.51.100.20';

function tcpFrame(timeUs: number, sport: number, flags: string, payload = 0, seq = 100): Frame {
  const segment = tcpSegment({ sport, dport: 80, seq, flags, payload });
  return { timeUs, bytes: ethernet(ip({ src: CLIENT, dst: SERVER, proto: 6, payload: segment })) };
}

function weirdsOf(frames: readonly Frame[], perBatch?: number) {
  const weirds: Weird[] = [];
  const options = { checksums: 'ignore', onWeird: (weird: Weird) => void weirds.push(weird) } as const;
  const { stats, updates } = track(frames, options, perBatch);
  return { weirds, stats, updates };
}

const cut = (frame: Frame, length: number): Frame => ({ timeUs: frame.timeUs, bytes: frame.bytes.slice(0, length) });

/** A header with options that the capture cut. */
function cutOptions(): Uint8Array {
  const bytes = tcpFrame(START, 4000, 'S').bytes.slice(0, 36);
  bytes[14] = 0x47;
  return bytes;
}

describe('reports of weirds', () => {
  it('name the connection, its ends, the time of the packet, and the protocol', () => {
    const { weirds, updates } = weirdsOf([tcpFrame(START, 4000, 'S'), tcpFrame(START + 1, 4000, 'SU')]);
    expect(updates).toHaveLength(1);
    expect(weirds).toEqual([
      {
        ts: START + 1,
        capture: 'test',
        name: 'baroque_SYN',
        uid: updates[0]!.connection.uid,
        'id.orig_h': CLIENT,
        'id.orig_p': 4000,
        'id.resp_h': SERVER,
        'id.resp_p': 80,
        source: 'TCP',
      },
    ]);
  });

  it('come once in ten minutes, while every one is counted', () => {
    const frames = [0, 1, 599, 600, 601].map((at) => cut(tcpFrame(START + at * SECOND, 4000, 'S'), 24));
    const { weirds, stats } = weirdsOf(frames);
    expect(weirds.map(({ ts }) => (ts - START) / SECOND)).toEqual([0, 600]);
    expect(stats.weirds.truncated_IP).toBe(5);
  });

  it('come later where one connection had more than 25 of them before, as Zeek samples them', () => {
    const repeats = (count: number, everySeconds: number) => {
      const script = new TcpScript().handshake();
      const from = script.timeUs;
      for (let i = 0; i < count; i++) {
        script.timeUs = from + Math.round(i * everySeconds * SECOND);
        script.client('SU', 0);
      }
      const { weirds } = weirdsOf(script.frames);
      const told = weirds.filter(({ name }) => name === 'baroque_SYN');
      expect(new Set(told.map(({ uid }) => uid)).size).toBe(1);
      return told.map(({ ts }) => (ts - from) / SECOND);
    };
    // The 26th comes after 500 seconds, and from then on for ten minutes only each thousandth is told.
    expect(repeats(120, 20)).toEqual([0, 1120, 2240]);
    // Zeek counts on until it samples, however long that takes.
    expect(repeats(60, 25)).toEqual([0, 600, 1250]);
    expect(repeats(26, 100)).toEqual([0, 600, 1200, 1800, 2400]);
    expect(repeats(33, 100)).toEqual([0, 600, 1200, 1800, 2400, 3200]);
    // The 1,025th comes after 600 seconds, and is told.
    expect(repeats(1100, 600 / 1024)).toEqual([0, 600]);
    // It comes too early, and the rest while Zeek samples.
    expect(repeats(1040, 599 / 1024)).toEqual([0]);
  });

  it('are counted for one connection only, also where the next one has its endpoints', () => {
    const script = new TcpScript();
    for (const from of [0, 600.01]) {
      script.timeUs = START + from * SECOND;
      script.handshake();
      for (let i = 0; i < 40; i++) script.client('SU', 0);
      script.client('R', 1);
    }
    const { weirds, updates } = weirdsOf(script.frames);
    expect(updates).toHaveLength(2);
    const told = weirds.filter(({ name }) => name === 'baroque_SYN').map(({ ts }) => (ts - START) / SECOND);
    expect(told).toEqual([0.003, 600.013]);
  });

  it('come for each connection by itself', () => {
    const { weirds } = weirdsOf([4000, 4001, 4000].map((port, i) => tcpFrame(START + i, port, 'SU')));
    expect(weirds.map((weird) => weird['id.orig_p'])).toEqual([4000, 4001]);
    expect(new Set(weirds.map(({ uid }) => uid)).size).toBe(2);
  });

  it('come once for the same endpoints, also when another connection has them', () => {
    const starts = [0, 700, 1000].map((seq) => {
      const segment = tcpSegment({ sport: 4000, dport: 80, seq, flags: 'SU' });
      return ethernet(ip({ src: CLIENT, dst: SERVER, proto: 6, payload: segment }));
    });
    const { weirds, updates } = weirdsOf(starts.map((bytes, i) => ({ timeUs: START + 20 * i * SECOND, bytes })));
    expect(updates).toHaveLength(3);
    expect(weirds.map(({ name }) => name)).toEqual(['baroque_SYN']);
  });

  it('come once a day for the endpoints of a simultaneous open', () => {
    const both = [0, 700, 86_399, 86_400].flatMap((at) =>
      [4000, 80].map((sport) => {
        const [src, dst] = sport === 80 ? [SERVER, CLIENT] : [CLIENT, SERVER];
        const segment = tcpSegment({ sport, dport: 4080 - sport, seq: at, flags: 'S' });
        return { timeUs: START + at * SECOND + sport, bytes: ethernet(ip({ src, dst, proto: 6, payload: segment })) };
      }),
    );
    const { weirds } = weirdsOf(both);
    const told = weirds.filter(({ name }) => name === 'simultaneous_open').map(({ ts }) => (ts - START) / SECOND);
    expect(told.map(Math.floor)).toEqual([0, 86_400]);
  });

  it('are made a notice of where Zeek does so', () => {
    const { weirds } = weirdsOf([
      tcpFrame(START, 4000, 'A', 0, 101),
      tcpFrame(START + 1, 4000, 'S'),
      tcpFrame(START, 80, 'SU'),
    ]);
    expect(weirds.map(({ name, notice }) => [name, notice])).toEqual([
      ['SYN_after_partial', true],
      ['baroque_SYN', undefined],
    ]);
  });

  const scaled = (scale: number) => {
    const bytes = concat(tcpFrame(START, 4000, 'S').bytes, new Uint8Array([1, 3, 3, scale]));
    bytes[46] = 0x60;
    bytes[17] = 44;
    return bytes;
  };
  const over = (proto: number, payload: Uint8Array) => ethernet(ip({ src: CLIENT, dst: SERVER, proto, payload }));
  const inGre = (inner: Uint8Array) => over(47, concat(hex('0000 6558'), inner));
  const udp = (payload: Uint8Array) => over(17, udpDatagram(5000, 6081, payload));
  const mismatch = () => {
    const bytes = udp(new Uint8Array(4));
    bytes[39] = 9;
    return bytes;
  };
  const macs = '020000000001 020000000002';
  const fragment = over(17, new Uint8Array(20));
  fragment[20] = 0x20;

  it.each<[string, Uint8Array, string | undefined, string | undefined, string | undefined]>([
    ['TCP_scale_range', scaled(255), '255', 'TCP', CLIENT],
    ['UDP_datagram_length_mismatch', mismatch(), '9 != 12', 'UDP', CLIENT],
    ['geneve_invalid_version', udp(hex('c000 0800 00002a00')), '3', 'GENEVE', CLIENT],
    ['unknown_gre_version', over(47, hex('0002 0800')), 'version=2', 'GRE', CLIENT],
    ['egre_protocol_type', over(47, hex('0001 0800')), 'proto=2048', 'GRE', CLIENT],
    ['invalid_inner_IP_version', over(4, new Uint8Array(40)), undefined, 'IPINIP', CLIENT],
    ['truncated_ERSPAN_in_tunnel', over(47, hex('1000 88be 00000001 100100')), undefined, 'ERSPAN', undefined],
    ['truncated_header', over(6, new Uint8Array(12)), undefined, 'TCP', CLIENT],
    ['truncated_header', over(1, new Uint8Array(4)), undefined, 'ICMP', CLIENT],
    ['internally_truncated_header', over(17, new Uint8Array(12)).slice(0, 38), undefined, 'UDP', CLIENT],
    ['internally_truncated_header', cutOptions(), undefined, 'IP', undefined],
    ['excessively_small_fragment', fragment, undefined, undefined, CLIENT],
    ['excessively_small_fragment', inGre(fragment), undefined, undefined, CLIENT],
    ['truncated_IP_in_tunnel', inGre(hex(`${macs} 0800 450000`)), undefined, 'IP', undefined],
    [
      'triple_tagged_vlan_unsupported',
      concat(hex(`${macs} 8100 0001 8100 0002 8100 0003`), scaled(1).slice(12)),
      'inner VLAN tag overwritten',
      'VLAN',
      undefined,
    ],
    ['truncated_ARP', hex(`${macs} 0806 0001 0800 06 04 0001`), undefined, 'ARP', undefined],
    ['truncated_link_header', hex(`${macs} 8847 00010040 00`), undefined, 'MPLS', undefined],
  ])('say what Zeek says of %s (case %#)', (name, bytes, addl, source, address) => {
    const { weirds } = weirdsOf([{ timeUs: START, bytes, wireBytes: Math.max(bytes.length, 60) }]);
    expect(weirds.map((w) => [w.name, w.addl, w.source, w['id.orig_h']])).toEqual([[name, addl, source, address]]);
  });

  it('name the ends of the packet that had it, not of the one that it carries', () => {
    const inner = ip({ src: CLIENT, dst: SERVER, proto: 17, payload: udpDatagram(5000, 6000, 4) });
    const gre = concat(hex('0000 0800'), inner);
    const fragments = [gre.slice(0, 24), gre.slice(24)].map((payload, i) =>
      ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 47, payload, fragment: i === 0 ? 0x2000 : 0x4003 }),
    );
    const routed = ip({
      src: '2001:db8::1',
      dst: '2001:db8::2',
      proto: 43,
      payload: concat(hex('2f 00 04 00 00000000'), gre),
    });
    const packets = [...fragments, routed];
    const { weirds } = weirdsOf(packets.map((packet, i) => ({ timeUs: START + i, bytes: ethernet(packet) })));
    expect(weirds.map((w) => [w.name, w['id.orig_h'], w['id.resp_h']])).toEqual([
      ['excessively_small_fragment', '192.0.2.1', '192.0.2.2'],
      ['fragment_with_DF', '192.0.2.1', '192.0.2.2'],
      ['unknown_routing_type', '2001:db8::1', '2001:db8::2'],
    ]);
  });

  it('name the ends that were known of when it occurred', () => {
    const options = hex(`11 03 c904 00000000 c910 ${'20010db8000000000000000000000009'} 0104 00000000`);
    const payload = concat(options, udpDatagram(5000, 6000, 4));
    const { weirds, updates } = weirdsOf([
      { timeUs: START, bytes: ethernet(ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 60, payload })) },
    ]);
    expect(weirds.map((w) => [w.name, w['id.orig_h']])).toEqual([['bad_home_addr_len', '2001:db8::1']]);
    expect(updates[0]?.connection['id.orig_h']).toBe('2001:db8::9');
  });

  it('say by how much an attribute of NFLOG is longer than its frame', () => {
    const weirds: Weird[] = [];
    const bytes = hex('02 00 0000 0901 0100 aabbccdd');
    const onWeird = (weird: Weird) => void weirds.push(weird);
    track([{ timeUs: START, bytes }], { checksums: 'ignore', onWeird }, 1, 239);
    expect(weirds.map(({ name, addl, source }) => [name, addl, source])).toEqual([
      ['nflog_bad_tlv_len', '(268 > 8)', 'NFLOG'],
    ]);
  });

  it('are those of IP where the link layer is not known', () => {
    const weirds: Weird[] = [];
    const packets = ['0f000800 4500', '45'].map((bytes) => concat(hex(bytes), new Uint8Array(30)));
    packets.push(tcpFrame(START, 4000, 'S').bytes.slice(14));
    const frames = packets.map((bytes, i) => ({ timeUs: START + i, bytes }));
    const { stats } = track(frames, { onWeird: (weird) => weirds.push(weird) }, 1000, 104);
    expect(weirds.map(({ name, source }) => [name, source])).toEqual([
      ['unknown_ip_version', 'IP'],
      ['ip_hdr_len_zero', 'IP'],
    ]);
    expect(stats).toMatchObject({ connections: 1, weirds: { unknown_link_type: 3 } });
  });

  it('name no analyzer where Zeek tells of a connection from outside of one', () => {
    const start = tcpFrame(START, 4000, 'S');
    const again = start.bytes.slice();
    again[41] = again[41]! ^ 1;
    again[47] = 0x12;
    const jump = weirdsOf([start, { timeUs: START + 1, bytes: again }]).weirds;
    const reuse = weirdsOf([start, { timeUs: START + 1, bytes: again.with(47, 2) }]).weirds;
    expect([jump, reuse].map((some) => some.find(({ name }) => name === 'SYN_seq_jump')?.source)).toEqual([
      undefined,
      'TCP',
    ]);
  });

  it('come once a day for an originator where Zeek has them so', () => {
    const frames = [0, 1, 86_399, 86_400].map((at, i) => tcpFrame(START + at * SECOND, 4000 + i, 'S', 10));
    const { weirds, stats } = weirdsOf(frames);
    const told = weirds.filter(({ name }) => name === 'SYN_with_data').map(({ ts }) => (ts - START) / SECOND);
    expect(told).toEqual([0, 86_400]);
    expect(stats.weirds.SYN_with_data).toBe(4);
  });

  it('are not made of what Zeek only counts', () => {
    const { weirds, stats } = weirdsOf([tcpFrame(START, 4000, 'F')]);
    expect(stats.weirds.spontaneous_FIN).toBe(1);
    expect(weirds).toEqual([]);
  });

  it('have no addresses where the packet was cut before them, and come between those of its neighbours', () => {
    const frames = [
      tcpFrame(START, 4000, 'SU'),
      cut(tcpFrame(START + 1, 4001, 'S'), 24),
      tcpFrame(START + 2, 4002, 'SU'),
    ];
    for (const perBatch of [1, 1000]) {
      const { weirds } = weirdsOf(frames, perBatch);
      expect(weirds.map(({ name }) => name)).toEqual(['baroque_SYN', 'truncated_IP', 'baroque_SYN']);
      expect(weirds[1]).toEqual({ ts: START + 1, capture: 'test', name: 'truncated_IP', source: 'IP' });
    }
  });

  it('have the addresses and ports of 0 where the packet belongs to no connection', () => {
    const fragment = ip({ src: CLIENT, dst: SERVER, proto: 17, payload: new Uint8Array(80), id: 7, fragment: 0x6000 });
    const { weirds } = weirdsOf([{ timeUs: START, bytes: ethernet(fragment) }]);
    expect(weirds.find(({ name }) => name === 'fragment_with_DF')).toEqual({
      ts: START,
      capture: 'test',
      name: 'fragment_with_DF',
      'id.orig_h': CLIENT,
      'id.orig_p': 0,
      'id.resp_h': SERVER,
      'id.resp_p': 0,
    });
  });

  it('change nothing in the connections and counts', () => {
    const { frames } = new TcpScript().handshake().client('SR', 1).client('PA', 1, 1, 100).server('S', 0);
    const { updates, stats } = weirdsOf(frames);
    expect({ updates, stats }).toEqual(track(frames, { checksums: 'ignore' }));
  });
});

describe('WeirdReports', () => {
  it('forgets the oldest at its bound, which is then reported again', () => {
    const weirds: Weird[] = [];
    const reports = new WeirdReports(new ConnectionTable({ k0: 1, k1: 2 }, 16), (weird) => weirds.push(weird), 2);
    const packet = new Packet();
    for (const name of [
      'truncated_IP',
      'unknown_ip_version',
      'truncated_IP',
      'ip_hdr_len_zero',
      'truncated_IP',
    ] as const) {
      reports.ofPacket([{ name }], packet, 'test');
    }
    expect(weirds.map(({ name }) => name)).toEqual([
      'truncated_IP',
      'unknown_ip_version',
      'ip_hdr_len_zero',
      'truncated_IP',
    ]);
  });
});
