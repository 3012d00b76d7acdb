import { describe, expect, it } from 'vitest';
import type { Weird } from '../../src/records/weird.js';
import { concat, ip, START, tcpSegment, track, udpDatagram } from '../conn/traffic.js';

const WIRELESS = 105;
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const header = hex('8801 0000 020000000001 020000000002 020000000003 0000 8000');

/** A subframe, filled up to four bytes unless it is the last. */
function subframe(payload: Uint8Array, isLast = false, type = '0800'): Uint8Array {
  const length = 8 + payload.length;
  const start = hex(`020000000004 020000000005 ${length.toString(16).padStart(4, '0')} aaaa03000000 ${type}`);
  return concat(start, payload, new Uint8Array(isLast ? 0 : -(14 + length) & 3));
}

const syn = ip({
  src: '192.0.2.1',
  dst: '192.0.2.2',
  proto: 6,
  payload: tcpSegment({ sport: 40_000, dport: 80, seq: 1, flags: 'S' }),
});
const udp = (bytes: number, port = 9_000) =>
  ip({ src: '192.0.2.1', dst: '192.0.2.3', proto: 17, payload: udpDatagram(port, 9_001, bytes) });
const arp = concat(hex('0001 0800 0604 0001'), new Uint8Array(20));

function trackFrame(...parts: readonly Uint8Array[]) {
  const weirds: Weird[] = [];
  const bytes = concat(...parts);
  const tracked = track([{ timeUs: START, bytes }], { onWeird: (weird) => weirds.push(weird) }, 1000, WIRELESS);
  const ends = tracked.updates.map(({ connection }) => [connection['id.resp_h'], connection.orig_ip_bytes]);
  return { ends, weirds: weirds.map(({ name }) => name), stats: tracked.stats };
}

describe('packets aggregated in one 802.11 frame', () => {
  it('are all taken, whatever fills up each', () => {
    for (let bytes = 0; bytes < 4; bytes++) {
      const { ends, weirds, stats } = trackFrame(
        header,
        subframe(udp(bytes)),
        subframe(arp, false, '0806'),
        subframe(syn, true),
      );
      expect(ends).toEqual([
        ['192.0.2.3', 28 + bytes],
        ['192.0.2.2', 40],
      ]);
      expect(weirds).toEqual([]);
      expect(stats).toMatchObject({ packets: 1, connections: 2 });
    }
  });

  it('count one by one in their connection', () => {
    const { ends } = trackFrame(header, subframe(udp(1)), subframe(udp(2)), subframe(udp(3), true));
    expect(ends).toEqual([['192.0.2.3', 90]]);
  });

  it('end where one is cut or is nothing that is known, which is told', () => {
    const cut = subframe(syn, true).subarray(0, 40);
    expect(trackFrame(header, subframe(udp(1)), cut).weirds).toEqual(['truncated_802_11_amsdu_packet']);
    expect(trackFrame(header, subframe(udp(1)), cut.subarray(0, 9)).weirds).toEqual(['truncated_802_11_amsdu_header']);
    const unknown = trackFrame(header, subframe(udp(1)), subframe(arp, false, '88cc'), subframe(syn, true));
    expect(unknown.ends).toEqual([['192.0.2.3', 29]]);
    expect(unknown.weirds).toEqual(['invalid_802_11_amsdu_inner_packet']);
  });

  it('are cut where the length of their subframe ends', () => {
    const datagram = udp(12);
    datagram[28]! ^= 1;
    const short = subframe(datagram).slice(0, -4);
    short[13]! -= 4;
    const bytes = concat(header, short, subframe(udp(8), true));
    // With all of it there, its checksum would be looked at.
    const { connection } = track([{ timeUs: START, bytes }], {}, 1000, WIRELESS).updates[0]!;
    expect(connection).toMatchObject({ history: 'D', orig_pkts: 2, orig_ip_bytes: 76 });
  });

  it('tell their own weirds with their own addresses', () => {
    const broken = syn.slice();
    broken[10]! ^= 1;
    const weirds: Weird[] = [];
    const bytes = concat(header, subframe(udp(1)), subframe(broken, true));
    track([{ timeUs: START, bytes }], { onWeird: (weird) => weirds.push(weird) }, 1000, WIRELESS);
    expect(weirds).toMatchObject([{ name: 'bad_IP_checksum', 'id.resp_h': '192.0.2.2' }]);
  });

  it('carry the tunnel that the frame came through', () => {
    const inner = concat(header, subframe(udp(1)), subframe(syn, true));
    const gre = ip({ src: '198.51.100.1', dst: '198.51.100.2', proto: 47, payload: concat(hex('0000 8200'), inner) });
    const { updates } = track([{ timeUs: START, bytes: gre }], {}, 1000, 101);
    const parents = updates.map(({ connection }) => connection.tunnel_parents);
    expect(parents).toHaveLength(2);
    expect(parents[0]).toHaveLength(1);
    expect(parents[1]).toEqual(parents[0]);
  });
});
