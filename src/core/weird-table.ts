/** What is told of a kind of odd traffic, beside its name. */
export interface WeirdKind {
  /** Zeek's name of the analyzer that tells of it, where it is one's alone; null: none. Absent: that of the connection's transport. */
  readonly source?: string | null;
  /**
   * How often Zeek logs it: never (ACTION_IGNORE), once a day for an originator (ACTION_LOG_PER_ORIG, ACTION_NOTICE_PER_ORIG) or a pair of
   * endpoints (ACTION_LOG_PER_CONN). Absent: once in ten minutes for a pair of endpoints or addresses.
   */
  readonly reported?: 'never' | 'of_originator' | 'of_endpoints';
  /** Zeek makes a notice of it, too (ACTION_NOTICE_PER_ORIG). */
  readonly notice?: true;
  /** It is told of packets, once their addresses were read. */
  readonly hasAddresses?: true;
  /** Zeek tells it without the packet, so that its name is the same inside of a tunnel. */
  readonly sameInTunnel?: true;
}

/**
 * All that odd traffic may be, with the names of Zeek's weird.log. `unknown_link_type`, `truncated_pktap_header`, `wireless_rest_of_aggregate` and those that
 * end in `_full` are this program's own.
 */
const table = {
  empty_pcap_header: {},
  truncated_ethernet_frame: { source: 'ETHERNET' },
  truncated_link_header: { source: 'MPLS' },
  truncated_pktap_header: {},
  truncated_Linux_SLL_header: { source: 'LINUXSLL' },
  truncated_Linux_SLL2_header: { source: 'LINUXSLL2' },
  truncated_ppp_header: { source: 'PPP' },
  truncated_ppp_hdlc_header: { source: 'PPP' },
  truncated_ppp_serial_header: { source: 'PPPSERIAL' },
  truncated_vntag_header: { source: 'VNTAG' },
  FDDI_analyzer_failed: { source: 'FDDI' },
  null_analyzer_failed: { source: 'NULL' },
  no_suitable_analyzer_found: { source: 'NOVELL_802_3' },
  unknown_link_type: { reported: 'never' },
  truncated_link_header_cfp: { source: 'ETHERNET' },
  truncated_PBB_header: { source: 'PBB' },
  truncated_VLAN_header: { source: 'VLAN' },
  triple_tagged_vlan_unsupported: { source: 'VLAN' },
  max_packet_analyzer_depth_exceeded: { source: 'ETHERNET' },
  truncated_ARP: { source: 'ARP' },
  truncated_pppoe_header: { source: 'PPPOE' },
  pppoe_extra_data_after_payload: { source: 'PPPOE' },
  pppoe_truncated_payload: { source: 'PPPOE', sameInTunnel: true },
  truncated_llc_header: { source: 'LLC' },
  truncated_snap_llc_header: { source: 'SNAP' },
  truncated_snap_header: { source: 'SNAP' },
  undefined_ether_type: { source: 'ETHERNET' },
  undefined_vlan_protocol: { source: 'VLAN' },
  truncated_802_11_header: { source: 'IEEE802_11' },
  truncated_802_11_llc_header: { source: 'IEEE802_11' },
  truncated_802_11_amsdu_header: { source: 'IEEE802_11' },
  truncated_802_11_amsdu_packet: { source: 'IEEE802_11' },
  invalid_802_11_amsdu_inner_packet: { source: 'IEEE802_11' },
  truncated_radiotap_header: { source: 'IEEE802_11_RADIO' },
  wireless_rest_of_aggregate: {},
  truncated_nflog_header: { source: 'NFLOG' },
  unknown_nflog_version: { source: 'NFLOG' },
  nflog_bad_tlv_len: { source: 'NFLOG' },
  nflog_no_pcap_payload: { source: 'NFLOG' },
  exceeded_tunnel_max_depth: { hasAddresses: true },
  tunnel_depth: { source: 'GTPV1', sameInTunnel: true },
  invalid_inner_IP_version: { source: 'IPINIP', hasAddresses: true },
  truncated_inner_IP: { source: 'IPINIP', hasAddresses: true },
  inner_IP_payload_length_mismatch: { source: 'IPINIP', hasAddresses: true },
  truncated_GRE: { source: 'GRE', hasAddresses: true },
  unknown_gre_version: { source: 'GRE', hasAddresses: true },
  egre_protocol_type: { source: 'GRE', hasAddresses: true },
  gre_routing: { source: 'GRE', hasAddresses: true },
  unknown_gre_flags: { source: 'GRE', hasAddresses: true },
  non_ip_packet_in_encap: { source: 'GRE', hasAddresses: true },
  truncated_ERSPAN: { source: 'ERSPAN' },
  unknown_ERSPAN_version: { source: 'ERSPAN' },
  truncated_Teredo: { source: 'TEREDO', sameInTunnel: true },
  truncated_Teredo_origin_indication: { source: 'TEREDO', sameInTunnel: true },
  truncated_Teredo_authentication: { source: 'TEREDO', sameInTunnel: true },
  truncated_IPv6_in_Teredo: { source: 'TEREDO', sameInTunnel: true },
  Teredo_bubble_with_payload: { source: 'TEREDO', sameInTunnel: true },
  vxlan_empty_packet: { source: 'VXLAN', hasAddresses: true },
  geneve_invalid_version: { source: 'GENEVE', hasAddresses: true },
  geneve_empty_packet: { source: 'GENEVE', hasAddresses: true },
  ayiya_empty_packet: { source: 'AYIYA', hasAddresses: true },
  truncated_IP: { source: 'IP' },
  unknown_ip_version: { source: 'IP' },
  ip_hdr_len_zero: { source: 'IP' },
  truncated_IP_len: { source: 'IP' },
  invalid_IP_header_size: { source: 'IP' },
  internally_truncated_header: { source: 'IP' },
  IPv4_min_header_size: { source: 'IP' },
  bad_IP_checksum: { source: 'IP', reported: 'of_originator', hasAddresses: true },
  incompletely_captured_fragment: { source: 'IP', hasAddresses: true },
  excessively_small_fragment: { reported: 'of_originator', hasAddresses: true, sameInTunnel: true },
  excessively_large_fragment: { hasAddresses: true, sameInTunnel: true },
  fragment_with_DF: { hasAddresses: true, sameInTunnel: true },
  fragment_size_inconsistency: { reported: 'of_originator', hasAddresses: true, sameInTunnel: true },
  fragment_overlap: { reported: 'of_originator', hasAddresses: true, sameInTunnel: true },
  fragment_inconsistency: { reported: 'of_originator', hasAddresses: true, sameInTunnel: true },
  fragment_protocol_inconsistency: { hasAddresses: true, sameInTunnel: true },
  routing0_hdr: { hasAddresses: true, sameInTunnel: true },
  multiple_routing_headers: { hasAddresses: true, sameInTunnel: true },
  odd_routing0_len: { hasAddresses: true, sameInTunnel: true },
  bad_routing2_len: { hasAddresses: true, sameInTunnel: true },
  unknown_routing_type: { hasAddresses: true, sameInTunnel: true },
  bad_ipv6_dest_opt_len: { hasAddresses: true, sameInTunnel: true },
  bad_home_addr_len: { hasAddresses: true, sameInTunnel: true },
  multiple_home_addr_opts: { hasAddresses: true, sameInTunnel: true },
  ipv6_no_next: { source: 'IP', hasAddresses: true },
  bad_MH_checksum: { source: 'IP', hasAddresses: true },
  mobility_piggyback: { source: 'IP', hasAddresses: true },
  igmp_invalid_checksum: { source: 'IGMP', hasAddresses: true },
  truncated_ICMPv6_MLDv1: {},
  truncated_ICMPv6_MLDv2: {},
  truncated_ICMPv6_MLDv2_record: {},
  DNS_unknown_opcode: { source: 'DNS' },
  DNS_Conn_count_too_large: { source: 'DNS' },
  TCP_scale_range: {},
  truncated_header: { hasAddresses: true },
  bad_TCP_header_len: {},
  bad_TCP_checksum: { reported: 'of_originator' },
  bad_UDP_checksum: { reported: 'of_originator' },
  bad_ICMP_checksum: { reported: 'of_originator' },
  UDP_datagram_length_mismatch: { reported: 'of_originator' },
  TCP_seq_underflow_or_misorder: {},
  TCP_ack_underflow_or_misorder: {},
  TCP_christmas: {},
  baroque_SYN: {},
  SYN_with_data: { reported: 'of_originator' },
  SYN_seq_jump: { source: null },
  SYN_inside_connection: { source: null },
  SYN_after_partial: { reported: 'of_originator', notice: true },
  SYN_after_close: {},
  SYN_after_reset: {},
  FIN_after_reset: { reported: 'never' },
  data_after_reset: {},
  FIN_advanced_last_seq: {},
  connection_originator_SYN_ack: { reported: 'of_originator' },
  bad_SYN_ack: {},
  simultaneous_open: { reported: 'of_endpoints' },
  unsolicited_SYN_response: { reported: 'never' },
  spontaneous_FIN: { reported: 'never' },
  spontaneous_RST: { reported: 'never' },
  possible_split_routing: { source: null },
  repeated_SYN_with_ack: {},
  repeated_SYN_reply_wo_ack: {},
  inappropriate_FIN: {},
  FIN_storm: { reported: 'of_originator', notice: true },
  RST_storm: {},
  window_recision: { source: null },
  data_before_established: {},
  active_connection_reuse: {},
  premature_connection_reuse: {},
  truncated_tcp_payload: {},
  above_hole_data_without_any_acks: {},
  excessive_data_without_further_acks: {},
  fragment_table_full: { hasAddresses: true },
  segment_list_full: {},
  history_full: {},
  storm_table_full: {},
  stream_buffer_full: {},
} as const satisfies Readonly<Record<string, WeirdKind>>;

export type WeirdName = keyof typeof table;

/** A name as it is counted and logged. What Zeek tells by the packet ends in `_in_tunnel` for packets inside of one. */
export type CountedWeird = WeirdName | `${WeirdName}_in_tunnel`;

/** By what is told of it: what Zeek does about a name it does not do inside of a tunnel, where the name is another. */
export const weirdKinds: Readonly<Record<WeirdName, WeirdKind> & Partial<Record<CountedWeird, WeirdKind>>> = table;

/** A weird's name without what being in a tunnel adds to it. */
export function plainName(name: CountedWeird): WeirdName {
  return name.replace(/_in_tunnel$/, '') as WeirdName;
}
