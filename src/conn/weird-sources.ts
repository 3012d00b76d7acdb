import type { CountedWeird, WeirdName } from '../core/weird.js';
import type { Connection } from '../records/connection.js';

/** Zeek's analyzers of what is below the transport, with the weirds that are each one's alone. */
const byAnalyzer: Readonly<Record<string, readonly WeirdName[]>> = {
  ETHERNET: [
    'truncated_ethernet_frame',
    'truncated_link_header_cfp',
    'undefined_ether_type',
    'max_packet_analyzer_depth_exceeded',
  ],
  VLAN: ['truncated_VLAN_header', 'triple_tagged_vlan_unsupported', 'undefined_vlan_protocol'],
  VNTAG: ['truncated_vntag_header'],
  PBB: ['truncated_PBB_header'],
  MPLS: ['truncated_link_header'],
  ARP: ['truncated_ARP'],
  LLC: ['truncated_llc_header'],
  SNAP: ['truncated_snap_llc_header', 'truncated_snap_header'],
  NOVELL_802_3: ['no_suitable_analyzer_found'],
  PPPOE: ['truncated_pppoe_header', 'pppoe_extra_data_after_payload', 'pppoe_truncated_payload'],
  PPP: ['truncated_ppp_header', 'truncated_ppp_hdlc_header'],
  PPPSERIAL: ['truncated_ppp_serial_header'],
  FDDI: ['FDDI_analyzer_failed'],
  NULL: ['null_analyzer_failed'],
  LINUXSLL: ['truncated_Linux_SLL_header'],
  LINUXSLL2: ['truncated_Linux_SLL2_header'],
  NFLOG: ['truncated_nflog_header', 'unknown_nflog_version', 'nflog_bad_tlv_len', 'nflog_no_pcap_payload'],
  IEEE802_11: [
    'truncated_802_11_header',
    'truncated_802_11_llc_header',
    'truncated_802_11_amsdu_header',
    'truncated_802_11_amsdu_packet',
    'invalid_802_11_amsdu_inner_packet',
  ],
  IEEE802_11_RADIO: ['truncated_radiotap_header'],
  IP: [
    'truncated_IP',
    'unknown_ip_version',
    'ip_hdr_len_zero',
    'truncated_IP_len',
    'invalid_IP_header_size',
    'internally_truncated_header',
    'IPv4_min_header_size',
    'bad_IP_checksum',
    'incompletely_captured_fragment',
    'ipv6_no_next',
    'bad_MH_checksum',
    'mobility_piggyback',
  ],
  IGMP: ['igmp_invalid_checksum'],
  IPTUNNEL: ['invalid_inner_IP_version', 'truncated_inner_IP', 'inner_IP_payload_length_mismatch'],
  GRE: [
    'truncated_GRE',
    'unknown_gre_version',
    'egre_protocol_type',
    'gre_routing',
    'unknown_gre_flags',
    'non_ip_packet_in_encap',
  ],
  ERSPAN: ['truncated_ERSPAN', 'unknown_ERSPAN_version'],
  TEREDO: [
    'truncated_Teredo',
    'truncated_Teredo_origin_indication',
    'truncated_Teredo_authentication',
    'truncated_IPv6_in_Teredo',
    'Teredo_bubble_with_payload',
  ],
  VXLAN: ['vxlan_empty_packet'],
  GENEVE: ['geneve_invalid_version', 'geneve_empty_packet'],
  AYIYA: ['ayiya_empty_packet'],
};

const analyzerOf: ReadonlyMap<string, string> = new Map(
  Object.entries(byAnalyzer).flatMap(([analyzer, names]) => names.map((name) => [name, analyzer] as const)),
);

/** Of connections, without an analyzer's name. */
const nameless: ReadonlySet<CountedWeird> = new Set<WeirdName>([
  'SYN_seq_jump',
  'SYN_inside_connection',
  'window_recision',
  'possible_split_routing',
]);

const transports: Readonly<Record<Connection['proto'], string | undefined>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  unknown_transport: undefined,
};

/** A weird's name without what being in a tunnel adds to it. */
export function plainName(name: CountedWeird): string {
  return name.replace(/_in_tunnel$/, '');
}

/** The `source` of a weird, as far as its name shows it, of a connection of `proto` or of a packet. */
export function weirdSource(name: CountedWeird, proto?: Connection['proto']): string | undefined {
  if (nameless.has(name)) return undefined;
  return analyzerOf.get(plainName(name)) ?? (proto && transports[proto]);
}
