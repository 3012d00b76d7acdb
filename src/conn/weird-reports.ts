import { formatIpv4, formatIpv6 } from '../core/address.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { CountedWeird, WeirdName } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';
import type { Connection } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { ConnectionView } from './connection-view.js';
import { ORDINAL } from './record-layout.js';

/** How long Zeek leaves out a weird that it has just logged (weird_ignore), and one that it logs by originator (did_log). */
const REPEAT_US = 600 * SECOND;
const ORIGINATOR_US = 86_400 * SECOND;

/** Weirds that Zeek counts and does not log (ACTION_IGNORE). */
const silent: ReadonlySet<CountedWeird> = new Set<WeirdName>([
  'unsolicited_SYN_response',
  'FIN_after_reset',
  'spontaneous_FIN',
  'spontaneous_RST',
]);

/** Weirds that Zeek logs once for each originator (ACTION_LOG_PER_ORIG and ACTION_NOTICE_PER_ORIG). */
const byOriginator: ReadonlySet<CountedWeird> = new Set<WeirdName>([
  'FIN_storm',
  'bad_ICMP_checksum',
  'bad_TCP_checksum',
  'bad_UDP_checksum',
  'connection_originator_SYN_ack',
  'SYN_after_partial',
  'SYN_with_data',
  'UDP_datagram_length_mismatch',
  'excessively_small_fragment',
  'fragment_overlap',
  'fragment_inconsistency',
  'fragment_size_inconsistency',
  'bad_IP_checksum',
]);

/** Weirds of decoding that are counted only after the packet's addresses were read. */
const hasAddresses: ReadonlySet<string> = new Set<WeirdName>([
  'incompletely_captured_fragment',
  'excessively_small_fragment',
  'excessively_large_fragment',
  'fragment_with_DF',
  'fragment_size_inconsistency',
  'fragment_overlap',
  'fragment_inconsistency',
  'fragment_protocol_inconsistency',
  'fragment_table_full',
  'routing0_hdr',
  'odd_routing0_len',
  'bad_routing2_len',
  'unknown_routing_type',
  'multiple_routing_headers',
  'bad_ipv6_dest_opt_len',
  'bad_home_addr_len',
  'multiple_home_addr_opts',
  'bad_IP_checksum',
  'ipv6_no_next',
  'bad_MH_checksum',
  'mobility_piggyback',
  'igmp_invalid_checksum',
  'truncated_header',
  'exceeded_tunnel_max_depth',
  'invalid_inner_IP_version',
  'truncated_inner_IP',
  'inner_IP_payload_length_mismatch',
  'truncated_GRE',
  'unknown_gre_version',
  'egre_protocol_type',
  'gre_routing',
  'unknown_gre_flags',
  'non_ip_packet_in_encap',
  'truncated_ERSPAN',
  'unknown_ERSPAN_version',
  'vxlan_empty_packet',
  'geneve_invalid_version',
  'geneve_empty_packet',
  'ayiya_empty_packet',
]);

const IN_TUNNEL = /_in_tunnel$/;

/** Names of tunnels and of what lies below TCP in those of weirds. */
const TUNNEL = /teredo|vxlan|geneve|ayiya|gre|igmp|vlan/i;

const sources: Readonly<Record<Connection['proto'], string | undefined>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  unknown_transport: undefined,
};

/** Zeek's name of the analyzer that a weird comes from, as far as name and protocol show it. */
function sourceOf(name: CountedWeird, proto?: Connection['proto']): { readonly source?: string } {
  const source = TUNNEL.exec(name)?.[0].toUpperCase() ?? (proto && sources[proto]);
  return source === undefined ? {} : { source };
}

/**
 * Weirds as single reports, with Zeek's default rules of what is repeated (scripts/base/frameworks/notice/weird.zeek): a name is
 * reported once in ten minutes for a connection, a pair of addresses or, where neither is known, at all; some names once a day for
 * an originator; some never. Here each connection counts by itself, where Zeek takes those of one 5-tuple together.
 */
export class WeirdReports {
  /** When each weird was reported, the longest ago first. */
  readonly #told = new Map<string, Micros>();
  readonly #view: ConnectionView;

  constructor(
    private readonly table: ConnectionTable,
    private readonly emit: (weird: Weird) => void,
    private readonly bound: number = limits.rememberedWeirds,
  ) {
    this.#view = new ConnectionView(table);
  }

  ofConnection(names: readonly CountedWeird[], base: number, ts: Micros, capture: string, captureWord: number): void {
    const ordinal = this.table.i32[base + ORDINAL]!;
    for (const name of names) {
      if (silent.has(name) || !this.#isNews(`${name} ${ordinal}`, ts, REPEAT_US)) continue;
      const of = this.#view.at(base, captureWord);
      if (byOriginator.has(name) && !this.#isNews(`${name} of ${of['id.orig_h']}`, ts, ORIGINATOR_US)) continue;
      this.emit({
        ts,
        capture,
        name,
        uid: of.uid,
        'id.orig_h': of['id.orig_h'],
        'id.orig_p': of['id.orig_p'],
        'id.resp_h': of['id.resp_h'],
        'id.resp_p': of['id.resp_p'],
        ...sourceOf(name, of.proto),
      });
    }
  }

  ofPacket(names: readonly CountedWeird[], packet: Packet, capture: string): void {
    const ts = packet.timeUs;
    for (const name of names) {
      if (!hasAddresses.has(name.replace(IN_TUNNEL, ''))) {
        if (this.#isNews(name, ts, REPEAT_US)) this.emit({ ts, capture, name, ...sourceOf(name) });
        continue;
      }
      const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = packet;
      const orig = packet.version === 4 ? formatIpv4(src3) : formatIpv6(src0, src1, src2, src3);
      const resp = packet.version === 4 ? formatIpv4(dst3) : formatIpv6(dst0, dst1, dst2, dst3);
      const isNews = byOriginator.has(name)
        ? this.#isNews(`${name} of ${orig}`, ts, ORIGINATOR_US)
        : this.#isNews(`${name} ${orig} ${resp}`, ts, REPEAT_US);
      if (!isNews) continue;
      const ids = { 'id.orig_h': orig, 'id.orig_p': 0, 'id.resp_h': resp, 'id.resp_p': 0 };
      this.emit({ ts, capture, name, ...ids, ...sourceOf(name) });
    }
  }

  #isNews(key: string, now: Micros, quietUs: Micros): boolean {
    const told = this.#told.get(key);
    if (told !== undefined) {
      if (now < told + quietUs) return false;
      this.#told.delete(key);
    } else if (this.#told.size >= this.bound) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(key, now);
    return true;
  }
}
