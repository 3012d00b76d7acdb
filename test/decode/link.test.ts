import { describe, expect, it } from 'vitest';
import { WeirdCounts } from '../../src/core/weird.js';
import { linkDecoder, linkLayers } from '../../src/decode/link.js';
import { Packet } from '../../src/decode/packet.js';
import type { Weird } from '../../src/records/weird.js';
import { ethernet, ip, START, track, udpDatagram } from '../conn/traffic.js';

const macs = '020000000001 020000000002';

interface Case {
  readonly name: string;
  readonly type: number;
  readonly frame: string;
  /** Offset of the IP header, -1 for none. */
  readonly ip: number;
  readonly vlan?: number;
  readonly innerVlan?: number;
  readonly weirds?: Readonly<Record<string, number>>;
}

const cases: readonly Case[] = [
  { name: 'Ethernet with IPv4', type: 1, frame: `${macs} 0800 450000`, ip: 14 },
  { name: 'Ethernet with IPv6', type: 1, frame: `${macs} 86dd 600000`, ip: 14 },
  { name: 'Ethernet with ARP', type: 1, frame: `${macs} 0806 0001 0800 06 04 0001 ${'00'.repeat(20)}`, ip: -1 },
  {
    name: 'Ethernet with a cut RARP',
    type: 1,
    frame: `${macs} 8035 0001 0800 06 04 0001 ${'00'.repeat(19)}`,
    ip: -1,
    weirds: { truncated_ARP: 1 },
  },
  { name: 'three bytes of ARP', type: 1, frame: `${macs} 0806 0001 08`, ip: -1, weirds: { truncated_ARP: 1 } },
  { name: 'Ethernet of 13 bytes', type: 1, frame: `${macs} 08`, ip: -1, weirds: { truncated_ethernet_frame: 1 } },
  {
    name: 'Ethernet of 16 bytes',
    type: 1,
    frame: `${macs} 0806 0001`,
    ip: -1,
    weirds: { truncated_ethernet_frame: 1 },
  },
  { name: '802.1Q', type: 1, frame: `${macs} 8100 a02a 0800 45`, ip: 18, vlan: 42 },
  { name: '802.1Q with VLAN 0', type: 1, frame: `${macs} 8100 0000 0800 45`, ip: 18, vlan: 0 },
  { name: '802.1ad', type: 1, frame: `${macs} 88a8 000a 8100 0014 86dd 60`, ip: 22, vlan: 10, innerVlan: 20 },
  {
    name: 'three tags',
    type: 1,
    frame: `${macs} 8100 0001 8100 0002 8100 0003 0800 45`,
    ip: 26,
    vlan: 1,
    innerVlan: 3,
    weirds: { triple_tagged_vlan_unsupported: 1 },
  },
  { name: 'a cut tag', type: 1, frame: `${macs} 8100 000000`, ip: -1, weirds: { truncated_VLAN_header: 1 } },
  {
    name: 'tags without end',
    type: 1,
    frame: `${macs} ${'8100 0001 '.repeat(40)} 0800 45`,
    ip: -1,
    vlan: 1,
    innerVlan: 1,
    weirds: { triple_tagged_vlan_unsupported: 14, max_packet_analyzer_depth_exceeded: 1 },
  },
  { name: 'MPLS labels', type: 1, frame: `${macs} 8847 00010040 00020140 45`, ip: 22 },
  { name: 'PPPoE with IPv4', type: 1, frame: `${macs} 8864 1100 0001 0003 0021 45`, ip: 22 },
  { name: 'PPPoE with LCP', type: 1, frame: `${macs} 8864 1100 0001 0003 c021 01`, ip: -1 },
  {
    name: 'PPPoE with LCP in a frame that was filled up',
    type: 1,
    frame: `${macs} 8864 1100 0001 0003 c021 01 00`,
    ip: -1,
    weirds: { pppoe_extra_data_after_payload: 1 },
  },
  {
    name: 'cut PPPoE with IPv4',
    type: 1,
    frame: `${macs} 8864 1100 0001 0004 0021 45`,
    ip: 22,
    weirds: { pppoe_truncated_payload: 1 },
  },
  { name: 'PPPoE with MPLS', type: 1, frame: `${macs} 8864 1100 0001 0007 0281 00010140 45`, ip: 26 },
  { name: 'cut PPPoE', type: 1, frame: `${macs} 8864 110000`, ip: -1, weirds: { truncated_pppoe_header: 1 } },
  { name: 'MPLS in a VLAN', type: 1, frame: `${macs} 8100 0009 8847 00010140 45`, ip: 22, vlan: 9 },
  { name: 'cut MPLS labels', type: 1, frame: `${macs} 8847 00010040 00`, ip: -1, weirds: { truncated_link_header: 1 } },
  {
    name: 'MPLS labels without end',
    type: 1,
    frame: `${macs} 8847 ${'00010040'.repeat(40)}`,
    ip: -1,
    weirds: { truncated_link_header: 1 },
  },
  { name: '802.3 with SNAP', type: 1, frame: `${macs} 0009 aaaa03 000000 0800 45`, ip: 22 },
  { name: '802.3 with SNAP of an organization', type: 1, frame: `${macs} 0009 aaaa03 00000c 2000 45`, ip: -1 },
  { name: '802.3 with a spanning tree', type: 1, frame: `${macs} 0008 424203 0000000000`, ip: -1 },
  { name: '802.3 that is shorter than it says', type: 1, frame: `${macs} 000a aaaa03 000000 0800 45`, ip: 22 },
  {
    name: 'LLC that the length of 802.3 cuts',
    type: 1,
    frame: `${macs} 0002 424203 00`,
    ip: -1,
    weirds: { truncated_llc_header: 1 },
  },
  { name: '802.3 in a VLAN', type: 1, frame: `${macs} 8100 0007 0009 aaaa03 000000 0800 45`, ip: 26, vlan: 7 },
  {
    name: 'LLC that a VLAN cuts',
    type: 1,
    frame: `${macs} 8100 0007 0002 424203 00`,
    ip: -1,
    vlan: 7,
    weirds: { truncated_llc_header: 1 },
  },
  { name: 'cut SNAP', type: 1, frame: `${macs} 0004 aaaa03 00`, ip: -1, weirds: { truncated_snap_header: 1 } },
  {
    name: 'neither length nor EtherType',
    type: 1,
    frame: `${macs} 05ef 450000`,
    ip: -1,
    weirds: { undefined_ether_type: 1 },
  },
  {
    name: 'neither length nor EtherType in a VLAN',
    type: 1,
    frame: `${macs} 8100 0007 05ef 45`,
    ip: -1,
    vlan: 7,
    weirds: { undefined_vlan_protocol: 1 },
  },
  { name: 'FDDI', type: 10, frame: `50 ${macs} aaaa03 000000 0800 45`, ip: 21 },
  { name: 'cut FDDI', type: 10, frame: `50 ${macs} aaaa03 00`, ip: -1, weirds: { FDDI_analyzer_failed: 1 } },
  { name: 'a provider backbone', type: 1, frame: `${macs} 88e7 00000001 ${macs} 8100 0005 0800 45`, ip: 36, vlan: 5 },
  {
    name: 'a provider backbone with a frame that is too short for Ethernet',
    type: 1,
    frame: `${macs} 88e7 00000001 ${macs} 0800 4500`,
    ip: -1,
    weirds: { truncated_ethernet_frame: 1 },
  },
  {
    name: 'neither length nor EtherType in a provider backbone in a VLAN',
    type: 1,
    frame: `${macs} 8100 0007 88e7 00000001 ${macs} 05ef 450000`,
    ip: -1,
    vlan: 7,
    weirds: { undefined_ether_type: 1 },
  },
  {
    name: 'a cut provider backbone',
    type: 1,
    frame: `${macs} 88e7 00000001 0200`,
    ip: -1,
    weirds: { truncated_PBB_header: 1 },
  },
  { name: 'FabricPath', type: 1, frame: `${macs} 8903 0001 ${macs} 0800 45`, ip: 30 },
  {
    name: 'cut FabricPath',
    type: 1,
    frame: `${macs} 8903 0001 0200`,
    ip: -1,
    weirds: { truncated_link_header_cfp: 1 },
  },
  { name: 'FabricPath with LLC', type: 1, frame: `${macs} 8903 0001 ${macs} 0003 424203`, ip: -1 },
  {
    name: 'FabricPath with one byte of LLC',
    type: 1,
    frame: `${macs} 8903 0001 ${macs} 0001 42`,
    ip: -1,
    weirds: { truncated_ethernet_frame: 1 },
  },
  { name: 'a length in a VN-tag', type: 1, frame: `${macs} 8926 00000000 0003 ffff00`, ip: -1 },
  { name: 'IPX in a Linux cooked header', type: 113, frame: '0000 0001 0006 020000000001 0000 0001 ffff 001e', ip: -1 },
  {
    name: 'neither length nor EtherType in a Linux cooked header',
    type: 276,
    frame: '05ef 0000 00000001 0001 00 06 0200000000010000 4500',
    ip: -1,
  },
  { name: 'VN-tag', type: 1, frame: `${macs} 8926 00000000 0800 45`, ip: 20 },
  { name: 'BSD loopback, little-endian IPv4', type: 0, frame: '02000000 45', ip: 4 },
  { name: 'BSD loopback, big-endian IPv6', type: 108, frame: '0000001e 60', ip: 4 },
  { name: 'BSD loopback with something else', type: 0, frame: '07000000 45', ip: -1 },
  { name: 'PPP with address and control', type: 9, frame: 'ff03 0021 45', ip: 4 },
  { name: 'PPP with a compressed protocol', type: 9, frame: '21 45 0000', ip: 1 },
  { name: 'PPP with HDLC framing', type: 50, frame: 'ff03 0057 60', ip: 4 },
  { name: 'PPPoE without Ethernet', type: 51, frame: '1100 0001 0003 0021 45', ip: 8 },
  { name: 'PKTAP with Ethernet', type: 258, frame: `0c000000 01000000 01000000 ${macs} 0800 450000`, ip: 26 },
  { name: 'PKTAP in PKTAP', type: 258, frame: '0c000000 01000000 02010000 45', ip: -1 },
  {
    name: 'PKTAP of a wrong length',
    type: 258,
    frame: 'ffffff7f 01000000 01000000',
    ip: -1,
    weirds: { truncated_pktap_header: 1 },
  },
  { name: 'cut PKTAP', type: 258, frame: '0c000000 01', ip: -1, weirds: { truncated_pktap_header: 1 } },
  { name: 'PPP of a protocol alone', type: 9, frame: '0021', ip: -1, weirds: { truncated_ppp_header: 1 } },
  {
    name: 'PPP of a framed protocol alone',
    type: 9,
    frame: 'ff03 0021',
    ip: -1,
    weirds: { truncated_ppp_hdlc_header: 1 },
  },
  { name: 'cut PPP in HDLC', type: 50, frame: 'ff03 0021', ip: -1, weirds: { truncated_ppp_serial_header: 1 } },
  { name: 'PPP in HDLC without address and control', type: 50, frame: '0021 4500 0000', ip: -1 },
  { name: 'cut BSD loopback', type: 0, frame: '02000000', ip: -1, weirds: { null_analyzer_failed: 1 } },
  {
    name: 'a cut old Linux cooked header',
    type: 113,
    frame: '0000 0001 0006 020000000001 0000 0800',
    ip: -1,
    weirds: { truncated_Linux_SLL_header: 1 },
  },
  {
    name: 'a tag with nothing behind it',
    type: 1,
    frame: `${macs} 8100 00070800`,
    ip: -1,
    weirds: { truncated_VLAN_header: 1 },
  },
  { name: 'a cut VN-tag', type: 1, frame: `${macs} 8926 00000000 08`, ip: -1, weirds: { truncated_vntag_header: 1 } },
  {
    name: 'PPPoE with nothing behind it',
    type: 1,
    frame: `${macs} 8864 1100 0001 0020 0021`,
    ip: -1,
    weirds: { truncated_pppoe_header: 1 },
  },
  {
    name: 'IPX without LLC',
    type: 1,
    frame: `${macs} 0005 ffff 001e00`,
    ip: -1,
    weirds: { no_suitable_analyzer_found: 1 },
  },
  { name: 'LLC of three bytes', type: 1, frame: `${macs} 0003 424203`, ip: -1 },
  {
    name: 'LLC with a cut control field',
    type: 1,
    frame: `${macs} 0003 f0f001`,
    ip: -1,
    weirds: { truncated_llc_header: 1 },
  },
  {
    name: 'SNAP that a VLAN cuts',
    type: 1,
    frame: `${macs} 8100 0007 0002 aaaa03 00`,
    ip: -1,
    vlan: 7,
    weirds: { truncated_snap_llc_header: 1 },
  },
  { name: 'SNAP with a numbered frame', type: 1, frame: `${macs} 000a aaaa0100 000000 0800 45`, ip: 23 },
  { name: '802.11', type: 105, frame: `0801 0000 ${macs} 020000000003 0000 aaaa03000000 0800 45`, ip: 32 },
  {
    name: '802.11 with QoS and four addresses',
    type: 105,
    frame: `8803 0000 ${macs} 020000000003 0000 020000000004 0000 aaaa03000000 86dd 60`,
    ip: 40,
  },
  { name: 'encrypted 802.11', type: 105, frame: `0841 0000 ${macs} 020000000003 0000 aaaa03000000 0800 45`, ip: -1 },
  { name: 'an 802.11 beacon', type: 105, frame: `8000 0000 ${macs} 020000000003 0000 aaaa03000000 0800 45`, ip: -1 },
  { name: '802.11 without data', type: 105, frame: `4801 0000 ${macs} 020000000003 0000 aaaa03000000 0800 45`, ip: -1 },
  { name: 'cut 802.11', type: 105, frame: `0801 0000 ${macs}`, ip: -1, weirds: { truncated_802_11_header: 1 } },
  {
    name: '802.11 cut in LLC',
    type: 105,
    frame: `0801 0000 ${macs} 020000000003 0000 aaaa03`,
    ip: -1,
    weirds: { truncated_802_11_llc_header: 1 },
  },
  {
    name: 'a cut aggregate in 802.11',
    type: 105,
    frame: `8801 0000 ${macs} 020000000003 0000 8000 ${macs} 0020 aaaa03000000 0800 45`,
    ip: -1,
    weirds: { truncated_802_11_amsdu_packet: 1 },
  },
  {
    name: 'radiotap',
    type: 127,
    frame: `0000 0a00 00000000 0000 0801 0000 ${macs} 020000000003 0000 aaaa03000000 0800 45`,
    ip: 42,
  },
  {
    name: 'radiotap of a wrong length',
    type: 127,
    frame: '0000 ff00',
    ip: -1,
    weirds: { truncated_radiotap_header: 1 },
  },
  { name: 'NFLOG', type: 239, frame: '02 00 0000 0600 0100 aabb 0000 0500 0900 45', ip: 16 },
  { name: 'NFLOG of another family', type: 239, frame: '07 00 0000 0500 0900 45', ip: -1 },
  {
    name: 'NFLOG without a packet',
    type: 239,
    frame: '02 00 0000 0600 0100 aabb 0000',
    ip: -1,
    weirds: { nflog_no_pcap_payload: 1 },
  },
  {
    name: 'NFLOG with a bad attribute',
    type: 239,
    frame: '02 00 0000 0100 0100 aabb',
    ip: -1,
    weirds: { nflog_bad_tlv_len: 1 },
  },
  {
    name: 'NFLOG with an attribute longer than the frame',
    type: 239,
    frame: '02 00 0000 0901 0100 aabbccdd',
    ip: -1,
    weirds: { nflog_bad_tlv_len: 1 },
  },
  {
    name: 'NFLOG of another version',
    type: 239,
    frame: '02 01 0000 0500 0900 45',
    ip: -1,
    weirds: { unknown_nflog_version: 1 },
  },
  { name: 'cut NFLOG', type: 239, frame: '02 00 00', ip: -1, weirds: { truncated_nflog_header: 1 } },
  { name: 'raw IP (DLT 12)', type: 12, frame: '45', ip: 0 },
  { name: 'raw IP (LINKTYPE 101)', type: 101, frame: '60', ip: 0 },
  { name: 'raw IPv4 (228)', type: 228, frame: '45', ip: 0 },
  { name: 'raw IPv6 (229)', type: 229, frame: '60', ip: 0 },
  { name: 'Linux cooked v1', type: 113, frame: '0000 0001 0006 020000000001 0000 0800 45', ip: 16 },
  {
    name: 'Linux cooked v1 with a VLAN',
    type: 113,
    frame: '0000 0001 0006 020000000001 0000 8100 0007 86dd 60',
    ip: 20,
    vlan: 7,
  },
  { name: 'Linux cooked v2', type: 276, frame: '86dd 0000 00000002 0001 00 06 020000000001 0000 60', ip: 20 },
  {
    name: 'a cut Linux cooked header',
    type: 276,
    frame: '86dd 0000',
    ip: -1,
    weirds: { truncated_Linux_SLL2_header: 1 },
  },
];

describe('link layers', () => {
  it.each(cases)('find IP behind $name', ({ type, frame, ip, vlan, innerVlan, weirds }) => {
    const bytes = Buffer.from(frame.replaceAll(' ', ''), 'hex');
    const packet = new Packet();
    packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const counts = new WeirdCounts();
    expect(linkDecoder(type)?.(packet, 0, bytes.length, counts)).toBe(ip);
    expect([packet.vlan, packet.innerVlan]).toEqual([vlan ?? -1, innerVlan ?? -1]);
    expect(counts.snapshot()).toEqual(weirds ?? {});
  });

  it('are registered under each of their numbers once', () => {
    const types = linkLayers.flatMap((layer) => layer.types);
    expect(new Set(types).size).toBe(types.length);
    for (const layer of linkLayers) for (const type of layer.types) expect(linkDecoder(type)).toBe(layer.decode);
    expect(linkDecoder(147)).toBeUndefined();
    expect(linkDecoder(65_535)).toBeUndefined();
  });
});

describe('a frame without a byte', () => {
  const datagram = ip({ src: '192.0.2.1', dst: '192.0.2.2', proto: 17, payload: udpDatagram(1000, 2000, 10) });

  it.each([
    ['captured', new Uint8Array(0), 60],
    ['on the wire', ethernet(datagram), 0],
  ])('%s is left out', (_name, bytes, wireBytes) => {
    for (const link of [1, 12]) {
      const reported: Weird[] = [];
      const frames = [{ timeUs: START, bytes, wireBytes }];
      const { stats } = track(frames, { onWeird: (weird) => reported.push(weird) }, 1000, link);
      expect([stats.weirds, stats.skipped]).toEqual([{ empty_pcap_header: 1 }, 1]);
      expect(reported.map((weird) => [weird.name, weird['id.orig_h'], weird.source])).toEqual([
        ['empty_pcap_header', undefined, undefined],
      ]);
      expect(track(frames, {}, 1000, link).stats.connections).toBe(0);
    }
  });
});
