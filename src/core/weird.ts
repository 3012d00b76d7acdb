/**
 * Names of odd traffic, as Zeek's weird.log spells them. Odd traffic never stops the work: it gets a name and a count.
 * `unknown_link_type`, `truncated_pktap_header`, `wireless_rest_of_aggregate` and those that end in `_full` are this program's own.
 */
export type WeirdName =
  | 'truncated_ethernet_frame'
  | 'truncated_link_header'
  | 'truncated_pktap_header'
  | 'truncated_Linux_SLL_header'
  | 'truncated_Linux_SLL2_header'
  | 'truncated_ppp_header'
  | 'truncated_ppp_hdlc_header'
  | 'truncated_ppp_serial_header'
  | 'truncated_vntag_header'
  | 'FDDI_analyzer_failed'
  | 'null_analyzer_failed'
  | 'no_suitable_analyzer_found'
  | 'unknown_link_type'
  | 'truncated_link_header_cfp'
  | 'truncated_PBB_header'
  | 'truncated_VLAN_header'
  | 'triple_tagged_vlan_unsupported'
  | 'max_packet_analyzer_depth_exceeded'
  | 'truncated_ARP'
  | 'truncated_pppoe_header'
  | 'pppoe_extra_data_after_payload'
  | 'pppoe_truncated_payload'
  | 'truncated_llc_header'
  | 'truncated_snap_llc_header'
  | 'truncated_snap_header'
  | 'undefined_ether_type'
  | 'undefined_vlan_protocol'
  | 'truncated_802_11_header'
  | 'truncated_802_11_llc_header'
  | 'truncated_802_11_amsdu_header'
  | 'truncated_802_11_amsdu_packet'
  | 'invalid_802_11_amsdu_inner_packet'
  | 'truncated_radiotap_header'
  | 'wireless_rest_of_aggregate'
  | 'truncated_nflog_header'
  | 'unknown_nflog_version'
  | 'nflog_bad_tlv_len'
  | 'nflog_no_pcap_payload'
  | 'exceeded_tunnel_max_depth'
  | 'invalid_inner_IP_version'
  | 'truncated_inner_IP'
  | 'inner_IP_payload_length_mismatch'
  | 'truncated_GRE'
  | 'unknown_gre_version'
  | 'egre_protocol_type'
  | 'gre_routing'
  | 'unknown_gre_flags'
  | 'non_ip_packet_in_encap'
  | 'truncated_ERSPAN'
  | 'unknown_ERSPAN_version'
  | 'truncated_Teredo'
  | 'truncated_Teredo_origin_indication'
  | 'truncated_Teredo_authentication'
  | 'truncated_IPv6_in_Teredo'
  | 'Teredo_bubble_with_payload'
  | 'vxlan_empty_packet'
  | 'geneve_invalid_version'
  | 'geneve_empty_packet'
  | 'ayiya_empty_packet'
  | 'truncated_IP'
  | 'unknown_ip_version'
  | 'ip_hdr_len_zero'
  | 'truncated_IP_len'
  | 'invalid_IP_header_size'
  | 'internally_truncated_header'
  | 'IPv4_min_header_size'
  | 'bad_IP_checksum'
  | 'incompletely_captured_fragment'
  | 'excessively_small_fragment'
  | 'excessively_large_fragment'
  | 'fragment_with_DF'
  | 'fragment_size_inconsistency'
  | 'fragment_overlap'
  | 'fragment_inconsistency'
  | 'fragment_protocol_inconsistency'
  | 'routing0_hdr'
  | 'multiple_routing_headers'
  | 'odd_routing0_len'
  | 'bad_routing2_len'
  | 'unknown_routing_type'
  | 'bad_ipv6_dest_opt_len'
  | 'bad_home_addr_len'
  | 'multiple_home_addr_opts'
  | 'ipv6_no_next'
  | 'bad_MH_checksum'
  | 'mobility_piggyback'
  | 'igmp_invalid_checksum'
  | 'truncated_ICMPv6_MLDv1'
  | 'truncated_ICMPv6_MLDv2'
  | 'truncated_ICMPv6_MLDv2_record'
  | 'TCP_scale_range'
  | 'truncated_header'
  | 'bad_TCP_header_len'
  | 'bad_TCP_checksum'
  | 'bad_UDP_checksum'
  | 'bad_ICMP_checksum'
  | 'UDP_datagram_length_mismatch'
  | 'TCP_seq_underflow_or_misorder'
  | 'TCP_ack_underflow_or_misorder'
  | 'TCP_christmas'
  | 'baroque_SYN'
  | 'SYN_with_data'
  | 'SYN_seq_jump'
  | 'SYN_inside_connection'
  | 'SYN_after_partial'
  | 'SYN_after_close'
  | 'SYN_after_reset'
  | 'FIN_after_reset'
  | 'data_after_reset'
  | 'FIN_advanced_last_seq'
  | 'connection_originator_SYN_ack'
  | 'bad_SYN_ack'
  | 'simultaneous_open'
  | 'unsolicited_SYN_response'
  | 'spontaneous_FIN'
  | 'spontaneous_RST'
  | 'possible_split_routing'
  | 'repeated_SYN_with_ack'
  | 'repeated_SYN_reply_wo_ack'
  | 'inappropriate_FIN'
  | 'FIN_storm'
  | 'RST_storm'
  | 'window_recision'
  | 'data_before_established'
  | 'active_connection_reuse'
  | 'premature_connection_reuse'
  | 'truncated_tcp_payload'
  | 'above_hole_data_without_any_acks'
  | 'excessive_data_without_further_acks'
  | 'fragment_table_full'
  | 'segment_list_full'
  | 'history_full'
  | 'storm_table_full'
  | 'stream_buffer_full'
  | 'tunnel_parents_full';

/** A name as it is counted and logged. What Zeek tells by the packet ends in `_in_tunnel` for packets inside of one. */
export type CountedWeird = WeirdName | `${WeirdName}_in_tunnel`;

/** What Zeek tells beside the name: more about it, and its analyzer where the name alone does not show that. */
export interface WeirdDetails {
  readonly addl?: string;
  /** Of a packet only where its addresses had been read. */
  readonly source?: string;
}

/** A weird that was just counted. */
export interface WeirdNews extends WeirdDetails {
  readonly name: CountedWeird;
}

/** What Zeek tells without the packet, so that its name is the same inside of a tunnel. */
const neverInTunnel: ReadonlySet<WeirdName> = new Set<WeirdName>([
  'pppoe_truncated_payload',
  'excessively_small_fragment',
  'excessively_large_fragment',
  'fragment_with_DF',
  'fragment_size_inconsistency',
  'fragment_overlap',
  'fragment_inconsistency',
  'fragment_protocol_inconsistency',
  'routing0_hdr',
  'multiple_routing_headers',
  'odd_routing0_len',
  'bad_routing2_len',
  'unknown_routing_type',
  'bad_ipv6_dest_opt_len',
  'bad_home_addr_len',
  'multiple_home_addr_opts',
  'truncated_Teredo',
  'truncated_Teredo_origin_indication',
  'truncated_Teredo_authentication',
  'truncated_IPv6_in_Teredo',
  'Teredo_bubble_with_payload',
]);

/** How often each weird occurred. */
export class WeirdCounts {
  readonly #counts = new Map<CountedWeird, number>();
  /** What was counted since `takeNews`, in order; stays empty unless `keepsNews`. Bounded by taking them after every packet. */
  news: WeirdNews[] = [];

  /** Counted so far, of all names. */
  total = 0;

  /** Whether what is being decoded lies in a tunnel. */
  inTunnel = false;

  constructor(private readonly keepsNews = false) {}

  count(weird: WeirdName, details?: WeirdDetails): void {
    const name = this.inTunnel && !neverInTunnel.has(weird) ? (`${weird}_in_tunnel` as const) : weird;
    this.total++;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (this.keepsNews) this.news.push({ name, ...details });
  }

  takeNews(): readonly WeirdNews[] {
    const { news } = this;
    this.news = [];
    return news;
  }

  /** Only those that occurred, by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Two snapshots as one. */
export function addWeirds(
  one: Readonly<Record<string, number>>,
  two: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(two)) sum[name] = (sum[name] ?? 0) + count;
  return Object.fromEntries(Object.entries(sum).sort(([a], [b]) => (a < b ? -1 : 1)));
}
