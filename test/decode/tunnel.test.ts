import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Weird } from '../../src/records/weird.js';
import { concat, ethernet, type Frame, ip, START, TcpScript, tcpSegment, track, udpDatagram } from '../conn/traffic.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const syn = tcpSegment({ sport: 40_000, dport: 80, seq: 1, flags: 'S' });
const v4 = ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 6, payload: syn });
const v6 = ip({ src: '2001:db8::1', dst: '2001:db8::2', proto: 6, payload: syn });
const teredoV6 = ip({ src: '2001:0:1::1', dst: '2001:db8::2', proto: 6, payload: syn });
const bubble = ip({ src: '2001:0:1::1', dst: '2001:0:1::2', proto: 59, payload: new Uint8Array(0) });
const origin = hex('0000 1234 01020304');
const authentication = hex('0001 02 03 aabb cccccc 0011223344556677 00');

/** The carriers of a tunnel: IPv4, IPv6, or UDP over IPv4 to a port. */
const over = (proto: number, payload: Uint8Array) => ip({ src: '198.51.100.1', dst: '198.51.100.2', proto, payload });
const over6 = (proto: number, payload: Uint8Array) =>
  ip({ src: '2001:db8:f::1', dst: '2001:db8:f::2', proto, payload });
const udp = (port: number, payload: Uint8Array, sport = 50_000) => over(17, udpDatagram(sport, port, payload));
const frame = (datagram: Uint8Array, at = START): Frame => ({ timeUs: at, bytes: ethernet(datagram) });
const vlanFrame = (datagram: Uint8Array) => concat(hex('020000000001 020000000002 8100 0007 0800'), datagram);

const ipTunnels: readonly (readonly [string, Uint8Array, string])[] = [
  ['IPv4 in IPv4', over(4, v4), '192.0.2.1'],
  ['IPv6 in IPv4', over(41, v6), '2001:db8::1'],
  ['IPv4 in IPv6', over6(4, v4), '192.0.2.1'],
  ['IPv6 in IPv6', over6(41, v6), '2001:db8::1'],
  ['GRE with IPv4', over(47, concat(hex('0000 0800'), v4)), '192.0.2.1'],
  ['GRE with IPv6', over(47, concat(hex('0000 86dd'), v6)), '2001:db8::1'],
  [
    'GRE with checksum, key and sequence',
    over(47, concat(hex('b000 0800 12340000 0000002a 00000001'), v4)),
    '192.0.2.1',
  ],
  ['GRE with Ethernet', over(47, concat(hex('2000 6558 0000002a'), ethernet(v4))), '192.0.2.1'],
  ['GRE with MPLS', over(47, concat(hex('0000 8847 00010140'), v4)), '192.0.2.1'],
  ['GRE with ERSPAN I', over(47, concat(hex('0000 88be'), ethernet(v4))), '192.0.2.1'],
  ['GRE with ERSPAN II', over(47, concat(hex('1000 88be 00000001 1001000100000000'), ethernet(v4))), '192.0.2.1'],
  [
    'GRE with ERSPAN III',
    over(47, concat(hex('1000 22eb 00000001 200100010000000000000000'), ethernet(v4))),
    '192.0.2.1',
  ],
  [
    'GRE with ERSPAN III and a platform part',
    over(47, concat(hex('1000 22eb 00000001 200100010000000000000001 0000000000000000'), ethernet(v4))),
    '192.0.2.1',
  ],
  [
    'GRE with 802.11, as access points of Aruba send it',
    over(47, concat(hex('0000 8200 0801 0000 020000000001 020000000002 020000000003 0000 aaaa03000000 0800'), v4)),
    '192.0.2.1',
  ],
  ['GRE of PPTP', over(47, concat(hex('3081 880b 00000001 00000001 00000001 ff03 0021'), v4)), '192.0.2.1'],
  [
    'GRE of PPTP with bytes behind the packet',
    over(47, concat(hex('3081 880b 00000001 00000001 00000001 ff03 0021'), v4, hex('0000'))),
    '192.0.2.1',
  ],
];

const udpTunnels: readonly (readonly [string, Uint8Array, string])[] = [
  ['VXLAN', udp(4789, concat(hex('08000000 00002a00'), ethernet(v4))), '192.0.2.1'],
  ['Geneve with Ethernet', udp(6081, concat(hex('0000 6558 00002a00'), ethernet(v4))), '192.0.2.1'],
  ['Geneve with options and IPv6', udp(6081, concat(hex('0200 86dd 00002a00 0102800100000000'), v6)), '2001:db8::1'],
  ['GTP-U', udp(2152, concat(hex('30ff 0028 00000001'), v4)), '192.0.2.1'],
  ['GTP-U with a sequence number', udp(2152, concat(hex('32ff 002c 00000001 00010000'), v4)), '192.0.2.1'],
  [
    'GTP-U with extension headers',
    udp(2152, concat(hex('34ff 0034 00000001 00000085 01000085 01000000'), v4)),
    '192.0.2.1',
  ],
  [
    'GTP-U with the flag of an extension header alone',
    udp(2152, concat(hex('34ff 0034 00000001 00000000 01000000'), v4)),
    '192.0.2.1',
  ],
  ['Teredo', udp(3544, v6), '2001:db8::1'],
  ['Teredo with authentication and origin', udp(3544, concat(authentication, origin, v6)), '2001:db8::1'],
  ['Teredo on another port, by its prefix', udp(45_000, teredoV6), '2001:0:1::1'],
  ['Teredo on another port, by its origin indication', udp(45_000, concat(origin, v6)), '2001:db8::1'],
  ['Teredo on another port, authenticated', udp(45_000, concat(authentication, origin, v6)), '2001:db8::1'],
  ['AYIYA', udp(5072, concat(hex('10 00 01 29 00000000 aabb'), v6)), '2001:db8::1'],
  ['AYIYA on another port', udp(45_000, concat(hex('44 52 11 04 00000000'), new Uint8Array(36), v4)), '192.0.2.1'],
];

describe('a tunnel over IP', () => {
  it.each(ipTunnels)('is opened and makes no connection of its own: %s', (_name, datagram, inner) => {
    const { updates, stats } = track([frame(datagram), frame(datagram, START + 1000)]);
    expect(updates).toHaveLength(1);
    expect(updates[0]?.connection).toMatchObject({ 'id.orig_h': inner, 'id.resp_p': 80, history: 'S', orig_pkts: 2 });
    expect(updates[0]?.connection.tunnel_parents).toEqual([expect.stringMatching(/^C\w{18}$/)]);
    expect(stats.weirds).toEqual({});
  });

  it('has one id per pair of ends, whichever direction', () => {
    const reply = ip({ src: '198.51.100.2', dst: '198.51.100.1', proto: 4, payload: v4 });
    const other = ip({ src: '198.51.100.3', dst: '198.51.100.1', proto: 4, payload: v4 });
    expect(track([frame(over(4, v4)), frame(reply)]).updates[0]?.connection.tunnel_parents).toHaveLength(1);
    expect(track([frame(over(4, v4)), frame(other)]).updates[0]?.connection.tunnel_parents).toHaveLength(2);
  });

  it('may run over UDP, where GRE is the parent and the UDP packets a connection', () => {
    const straight = track([frame(over(47, concat(hex('0000 0800'), v4)))]);
    const { updates } = track([frame(udp(4754, concat(hex('0000 0800'), v4)))]);
    expect(updates.map(({ connection }) => connection.proto)).toEqual(['udp', 'tcp']);
    expect(updates[1]?.connection.tunnel_parents).toEqual(straight.updates[0]?.connection.tunnel_parents);
  });

  it('hides the VLAN of what carries it', () => {
    const { updates } = track([{ timeUs: START, bytes: vlanFrame(over(4, v4)) }]);
    expect(updates[0]?.connection).not.toHaveProperty('vlan');
  });

  it.each([
    ['truncated_GRE', over(47, hex('0000 08'))],
    ['truncated_GRE', over(47, hex('b000 0800 0000'))],
    ['truncated_ethernet_frame_in_tunnel', over(47, concat(hex('0000 6558'), ethernet(v4).slice(0, 14)))],
    ['truncated_ethernet_frame_in_tunnel', over(47, hex('0000 88be'))],
    ['truncated_802_11_header_in_tunnel', over(47, hex('0000 8200'))],
    ['unknown_gre_version', over(47, hex('0002 0800'))],
    ['egre_protocol_type', over(47, hex('0001 0800'))],
    ['gre_routing', over(47, concat(hex('4000 0800'), v4))],
    ['unknown_gre_flags', over(47, concat(hex('0008 0800'), v4))],
    ['non_ip_packet_in_encap', over(47, hex('3001 880b 00000001 00000001 ff03 c021'))],
    ['truncated_ERSPAN_in_tunnel', over(47, hex('1000 88be 00000001 100100'))],
    ['unknown_ERSPAN_version_in_tunnel', over(47, concat(hex('1000 88be 00000001 7001000100000000'), ethernet(v4)))],
    ['invalid_inner_IP_version', over(4, v6)],
    ['truncated_inner_IP', over(41, v6.slice(0, -1))],
    ['inner_IP_payload_length_mismatch', over(4, concat(v4, hex('00')))],
    ['unknown_ip_version_in_tunnel', over(47, concat(hex('0000 0800'), hex('55'), v4.slice(1)))],
  ])('is left closed and counted as %s (case %#)', (weird, datagram) => {
    const reported: Weird[] = [];
    const { stats } = track([frame(datagram)], { onWeird: (one) => reported.push(one) });
    expect([stats.weirds, stats.connections, stats.skipped]).toEqual([{ [weird]: 1 }, 0, 1]);
    expect(reported.map(({ name }) => name)).toEqual([weird]);
    if (!weird.endsWith('in_tunnel')) expect(reported[0]?.['id.orig_h']).toBe('198.51.100.1');
  });
});

describe('a tunnel over UDP', () => {
  it.each(udpTunnels)('is a connection, and the parent of what is inside: %s', (_name, datagram, inner) => {
    const { updates, stats } = track([frame(datagram), frame(datagram, START + 1000)]);
    expect(updates).toHaveLength(2);
    const [outside, inside] = updates.map(({ connection }) => connection);
    expect(outside).toMatchObject({ proto: 'udp', history: 'D', orig_pkts: 2, orig_ip_bytes: 2 * datagram.length });
    expect(outside).not.toHaveProperty('tunnel_parents');
    expect(inside).toMatchObject({ 'id.orig_h': inner, 'id.resp_p': 80, history: 'S', orig_pkts: 2 });
    expect(inside?.tunnel_parents).toEqual([outside?.uid]);
    expect(stats.weirds).toEqual({});
  });

  it.each([
    ['no VXLAN flag', udp(4789, concat(hex('00000000 00002a00'), ethernet(v4))), {}],
    ['a cut VXLAN header', udp(4789, hex('080000')), {}],
    ['nothing in VXLAN', udp(4789, hex('08000000 00002a00')), { vxlan_empty_packet: 1 }],
    [
      'another version of Geneve',
      udp(6081, concat(hex('4000 6558 00002a00'), ethernet(v4))),
      { geneve_invalid_version: 1 },
    ],
    ['nothing in Geneve', udp(6081, hex('0000 6558 00002a00')), { geneve_empty_packet: 1 }],
    ['cut Geneve options', udp(6081, hex('3f00 6558 00002a00 00')), {}],
    ['a VLAN in Geneve', udp(6081, concat(hex('0000 8100 00002a00 0007 0800'), v4)), {}],
    ['a cut ARP packet in Geneve', udp(6081, hex('0000 0806 00002a00 0001')), { truncated_ARP_in_tunnel: 1 }],
    ['a GTP extension header of type 0', udp(2152, concat(hex('34ff 0034 00000001 00000000'), v4)), {}],
    ['GTP of version 2', udp(2152, concat(hex('50ff 0028 00000001'), v4)), {}],
    ['a GTP echo', udp(2152, hex('3201 0004 00000000 00010000')), {}],
    ['GTP of the wrong length', udp(2152, concat(hex('30ff 0028 00000001'), v4, hex('00'))), {}],
    ['an endless GTP extension', udp(2152, concat(hex('34ff 0034 00000001 00000085 00000085'), v4)), {}],
    ['a cut Teredo origin', udp(3544, hex('0000 1234')), {}],
    ['a cut Teredo packet', udp(3544, v6.slice(0, 30)), {}],
    ['two Teredo origins', udp(3544, concat(origin, origin, v6)), {}],
    ['Teredo of the wrong length', udp(3544, v6.slice(0, -1)), {}],
    ['a Teredo bubble', udp(3544, bubble), {}],
    ['a Teredo bubble with more', udp(3544, concat(bubble, hex('00'))), { Teredo_bubble_with_payload: 1 }],
    ['nothing in AYIYA', udp(5072, hex('00 00 01 29 00000000 aa')), { ayiya_empty_packet: 1 }],
    ['an AYIYA query', udp(5072, concat(hex('00 00 02 29 00000000 aa'), v6)), {}],
    [
      'a wrong checksum of IP inside',
      udp(2152, concat(hex('30ff 0028 00000001'), v4.with(10, 0))),
      { bad_IP_checksum_in_tunnel: 1 },
    ],
  ])('is an ordinary connection with %s inside', (_name, datagram, weirds) => {
    const { updates, stats } = track([frame(datagram)]);
    expect(updates.map(({ connection }) => [connection.proto, connection.history])).toEqual([['udp', 'D']]);
    expect(stats.weirds).toEqual(weirds);
  });

  it('is not looked at again after a packet that is something else', () => {
    const other = udp(4789, concat(hex('00000000 00002a00'), ethernet(v4)));
    const good = udp(4789, concat(hex('08000000 00002a00'), ethernet(v4)));
    expect(track([frame(good), frame(other), frame(good)]).updates[1]?.connection.orig_pkts).toBe(1);
    expect(track([frame(other), frame(good)]).updates).toHaveLength(1);
  });

  it('stays closed when its own checksum is wrong', () => {
    const bad = udp(2152, concat(hex('30ff 0028 00000001'), v4));
    bad[27] = bad[27]! ^ 1;
    expect(track([frame(bad)]).updates.map(({ connection }) => connection.history)).toEqual(['C']);
  });

  it('leaves a wrong checksum inside to the inner connection', () => {
    const broken = v4.slice();
    broken[broken.length - 1] = 1;
    const { updates } = track([frame(udp(4789, concat(hex('08000000 00002a00'), ethernet(broken))))]);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['D', 'C']);
  });

  it('keeps the length on the wire of what the capture cut', () => {
    const big = ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 17, payload: udpDatagram(1000, 2000, 500) });
    const whole = ethernet(udp(4789, concat(hex('08000000 00002a00'), ethernet(big))));
    const { updates } = track([{ timeUs: START, bytes: whole.slice(0, 120), wireBytes: whole.length }]);
    expect(updates[1]?.connection).toMatchObject({ 'id.resp_p': 2000, orig_pkts: 1, orig_ip_bytes: 528 });
  });

  it('is opened in a datagram that came in fragments', () => {
    const payload = udpDatagram(50_000, 2152, concat(hex('30ff 0028 00000001'), v4));
    const part = (from: number, to: number, field: number) =>
      frame(
        ip({
          src: '198.51.100.1',
          dst: '198.51.100.2',
          proto: 17,
          payload: payload.slice(from, to),
          id: 7,
          fragment: field,
        }),
      );
    const { updates } = track([part(0, 24, 0x2000), part(24, payload.length, 3)]);
    expect(updates.map(({ connection }) => connection['id.resp_p'])).toEqual([2152, 80]);
  });

  it.each([
    ['truncated_Teredo_origin_indication', hex('0000 1234')],
    ['truncated_Teredo_authentication', hex('0001 ff ff 00')],
    ['truncated_Teredo', hex('60')],
    ['truncated_IPv6_in_Teredo', v6.slice(0, 30)],
  ])('is told of as %s where both ends had sent Teredo', (weird, payload) => {
    const answer = ip({ src: '198.51.100.2', dst: '198.51.100.1', proto: 17, payload: udpDatagram(3544, 50_000, v6) });
    const asked = udp(3544, v6);
    const weirdsOf = (...datagrams: Uint8Array[]) => track(datagrams.map((datagram) => frame(datagram))).stats.weirds;
    expect(weirdsOf(asked, answer, udp(3544, payload))).toEqual({ [weird]: 1 });
    expect(weirdsOf(asked, asked, udp(3544, payload))).toEqual({});
  });

  it('is told of by Teredo for the connection, by others for the packet', () => {
    const reported: Weird[] = [];
    const datagrams = [udp(3544, concat(bubble, hex('00'))), udp(4789, hex('08000000 00002a00'))];
    track(
      datagrams.map((datagram) => frame(datagram)),
      { onWeird: (one) => reported.push(one) },
    );
    expect(reported.map((one) => [one.name, one['id.resp_p'], one.uid !== undefined])).toEqual([
      ['Teredo_bubble_with_payload', 3544, true],
      ['vxlan_empty_packet', 0, false],
    ]);
  });
});

/** A packet in `depth` tunnels of VXLAN, each with addresses of its own. */
function nested(depth: number, innermost = v4): Uint8Array {
  let inner = innermost;
  for (let i = depth; i > 0; i--) {
    const payload = udpDatagram(50_000, 4789, concat(hex('08000000 00002a00'), ethernet(inner)));
    inner = ip({ src: `198.18.${i}.1`, dst: `198.18.${i}.2`, proto: 17, payload });
  }
  return inner;
}

describe('nested tunnels', () => {
  it('each have the next outer one as the parent', () => {
    const connections = track([frame(nested(4))]).updates.map(({ connection }) => connection);
    expect(connections.map((c) => c['id.orig_h'])).toEqual(
      [1, 2, 3, 4].map((i) => `198.18.${i}.1`).concat('192.0.2.1'),
    );
    for (let i = 1; i < 5; i++) expect(connections[i]?.tunnel_parents).toEqual([connections[i - 1]?.uid]);
  });

  it('are opened to the bound, and the one that stays closed says so in its history', () => {
    const { updates, stats } = track([frame(nested(6)), frame(nested(6))]);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['D', 'D', 'D', 'D', 'DX']);
    expect(stats.weirds).toEqual({ exceeded_tunnel_max_depth_in_tunnel: 2 });
  });

  it.each([
    ['GTP', 2152, concat(hex('30ff 0028 00000001'), v4), 'D', { tunnel_depth: 1 }],
    ['GRE', 4754, concat(hex('0000 0800'), v4), 'DX', { exceeded_tunnel_max_depth_in_tunnel: 1 }],
  ])('of %s that stay closed say so in the history as Zeek has it', (_, port, payload, history, weirds) => {
    const { updates, stats } = track([frame(nested(4, udp(port, payload)))]);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['D', 'D', 'D', 'D', history]);
    expect(stats.weirds).toEqual(weirds);
  });

  it('are opened to the same bound over IP', () => {
    let inner = v4;
    for (let i = 0; i < 5; i++) inner = over(4, inner);
    const { stats } = track([frame(inner)]);
    expect([stats.connections, stats.weirds]).toEqual([0, { exceeded_tunnel_max_depth_in_tunnel: 1 }]);
  });

  it('are the parents of a connection, up to the fifth change from one to another', () => {
    const frames = Array.from({ length: 12 }, (_, i) =>
      frame(udp(2152, concat(hex('30ff 0028 00000001'), v4), 50_000 + i)),
    );
    const { updates, stats } = track(frames);
    const inside = updates.find(({ connection }) => connection.proto === 'tcp')?.connection;
    expect(inside?.tunnel_parents).toEqual(
      updates
        .filter((u) => u.connection.proto === 'udp')
        .slice(0, 6)
        .map((u) => u.connection.uid),
    );
    expect([inside?.history, stats.weirds]).toEqual(['SX', {}]);
  });

  it.each([
    [5, 'D', 'D'],
    [6, 'DX', 'DX'],
    [20, 'DX', 'DX'],
  ])('are followed through %i changes between one and none', (changes, straightFirst, tunnelFirst) => {
    const data = (i: number) => {
      const segment = tcpSegment({ sport: 40_000, dport: 40_001, seq: 1 + i, ack: 1, flags: 'PA', payload: 1 });
      return ip({ src: '192.0.2.7', dst: '192.0.2.8', proto: 6, payload: segment });
    };
    const histories = [0, 1].map((odd) => {
      const frames = Array.from({ length: changes + 1 }, (_, i) =>
        frame(i % 2 === odd ? data(i) : over(47, concat(hex('0000 0800'), data(i)))),
      );
      const { connection } = track(frames).updates[0]!;
      expect(connection.tunnel_parents).toHaveLength(1);
      expect(connection.orig_pkts).toBe(changes + 1);
      return connection.history;
    });
    expect(histories).toEqual([straightFirst, tunnelFirst]);
  });

  it('are followed where packets that come straight are plain', () => {
    const ends = { src: '192.0.2.7', dst: '192.0.2.8' };
    const wrapped = (i: number, inner: Uint8Array) =>
      frame(i % 2 === 0 ? inner : over(47, concat(hex('0000 0800'), inner)));
    const datagrams = Array.from({ length: 12 }, (_, i) => {
      const payload = udpDatagram(40_000, 40_001, hex('0102'));
      return wrapped(i, ip({ ...ends, proto: 17, payload }));
    });
    const segments = new TcpScript([40_000, 40_001], [1_000, 9_000], [ends.src, ends.dst]).handshake();
    for (let i = 0; i < 12; i++) segments.client('PA', 1 + i, 1, 1);
    const frames = segments.frames.map(({ bytes }, i) => wrapped(i < 3 ? 0 : i, bytes.subarray(14)));
    for (const history of [track(datagrams), track(frames)].map(({ updates }) => updates[0]?.connection.history)) {
      expect(history).toMatch(/^(D|ShAD)X$/);
    }
  });

  it('do not leave parents to the next connection in the same place', () => {
    const plain = ip({ src: '192.0.2.7', dst: '192.0.2.8', proto: 6, payload: syn });
    const { updates } = track([frame(over(4, v4)), frame(plain)], { maxConnections: 1 });
    expect(updates.map(({ connection }) => connection.tunnel_parents?.length)).toEqual([1, undefined]);
  });
});

/** One layer more around a packet. */
const wrappers: readonly ((inner: Uint8Array) => Uint8Array)[] = [
  (inner) => over(4, inner),
  (inner) => over6(41, inner),
  (inner) => over(47, concat(hex('0000 0800'), inner)),
  (inner) => over(47, concat(hex('1000 88be 00000001 1001000100000000'), ethernet(inner))),
  (inner) => over6(47, concat(hex('3001 880b 00000001 00000001 ff03 0021'), inner)),
  (inner) => udp(4754, concat(hex('0000 6558'), ethernet(inner))),
  (inner) => udp(4789, concat(hex('08000000 00002a00'), ethernet(inner))),
  (inner) => udp(6081, concat(hex('0100 6558 00002a00 01028000'), ethernet(inner))),
  (inner) => udp(2152, concat(hex('34ff 0034 00000001 00000085 01000000'), inner)),
  (inner) => udp(3544, concat(authentication, origin, inner)),
  (inner) => udp(5072, concat(hex('10 00 01 29 00000000 aabb'), inner)),
];
const layers = fc.array(fc.nat(wrappers.length - 1), { maxLength: 7 });
const change = fc.tuple(fc.nat(400), fc.nat(255));

describe('packets in any tunnels', () => {
  it('never throw, cut or changed anywhere, and open no deeper than the bound', () => {
    fc.assert(
      fc.property(
        layers,
        fc.array(change, { maxLength: 4 }),
        fc.nat(400),
        fc.boolean(),
        (around, changes, length, ignore) => {
          const bytes = ethernet(around.reduce((inner, i) => wrappers[i]!(inner), around.length % 2 === 0 ? v4 : v6));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const cut = bytes.slice(0, Math.max(1, length));
          const frames = [cut, bytes].map((some) => ({ timeUs: START, bytes: some, wireBytes: bytes.length }));
          const { updates, stats } = track(frames, { checksums: ignore ? 'ignore' : 'verify', onWeird: () => {} });
          expect(updates).toHaveLength(stats.connections);
          // Each of the two frames makes at most one connection per tunnel, and one inside of the last.
          expect(stats.connections).toBeLessThanOrEqual(2 * 5);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('give one output whatever the hash secret and the batches, at the bound of the table too', () => {
    const packets = fc.array(fc.tuple(layers, fc.boolean()), { maxLength: 30 });
    fc.assert(
      fc.property(packets, fc.integer(), fc.integer({ min: 1, max: 40 }), (some, k0, perBatch) => {
        const frames = some.map(([around, six], i) =>
          frame(
            around.reduce((inner, kind) => wrappers[kind]!(inner), six ? v6 : v4),
            START + i * 1000,
          ),
        );
        for (const maxConnections of [2, 1000]) {
          const options = { startRecords: true, maxConnections };
          const one = track(frames, { ...options, key: { k0: 1, k1: 2 } });
          const other = track(frames, { ...options, key: { k0: k0, k1: 7 } }, perBatch);
          expect(other.updates).toEqual(one.updates);
          expect(other.stats).toEqual(one.stats);
          const ended = one.updates.filter(({ cause }) => cause === 'end');
          expect(new Set(ended.map(({ connection }) => connection.uid)).size).toBe(one.stats.connections);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('never throw with random bytes behind the outer header', () => {
    const carrier = fc.constantFrom(
      ...[4, 41, 47].map((proto) => (payload: Uint8Array) => over(proto, payload)),
      ...[2152, 3544, 4754, 4789, 5072, 6081, 45_000].map((port) => (payload: Uint8Array) => udp(port, payload)),
    );
    fc.assert(
      fc.property(carrier, fc.uint8Array({ maxLength: 80 }), (carry, payload) => {
        const { updates, stats } = track([frame(carry(payload))], { checksums: 'ignore', onWeird: () => {} });
        expect(updates).toHaveLength(stats.connections);
      }),
      { numRuns: 2000 },
    );
  });
});
