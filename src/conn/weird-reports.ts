import { formatIpv4, formatIpv6 } from '../core/address.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { CountedWeird, WeirdName, WeirdNews } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';
import type { Weird } from '../records/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { ConnectionView } from './connection-view.js';
import { plainName, weirdSource } from './weird-sources.js';

/** How long Zeek leaves out a weird that it has just logged (weird_ignore), and one whose action limits it (did_log, did_notice). */
const REPEAT_US = 600 * SECOND;
const LIMITED_US = 86_400 * SECOND;

/** Weirds that Zeek counts and does not log (ACTION_IGNORE), and one that it does not have. */
const silent: ReadonlySet<CountedWeird> = new Set<WeirdName>([
  'unknown_link_type',
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

/** Weirds that Zeek logs once for each pair of endpoints, for as long (ACTION_LOG_PER_CONN). */
const byEndpoints: ReadonlySet<CountedWeird> = new Set<WeirdName>(['simultaneous_open']);

/** Weirds that Zeek makes a notice of (ACTION_NOTICE_PER_ORIG). */
const noticed: ReadonlySet<CountedWeird> = new Set<WeirdName>(['FIN_storm', 'SYN_after_partial']);

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

/** How long a weird is left out once it was logged. */
function quietUs(name: CountedWeird): Micros {
  return byOriginator.has(name) || byEndpoints.has(name) ? LIMITED_US : REPEAT_US;
}

/**
 * Weirds as single reports, with Zeek's default rules of what is repeated (scripts/base/frameworks/notice/weird.zeek): a name is
 * reported once in ten minutes for a pair of endpoints, a pair of addresses or, where neither is known, at all; some names once a day,
 * for an originator or a pair of endpoints; some never.
 */
export class WeirdReports {
  /** When each weird was reported, the longest ago first. */
  readonly #told = new Map<string, Micros>();
  readonly #view: ConnectionView;

  constructor(
    table: ConnectionTable,
    private readonly emit: (weird: Weird) => void,
    private readonly bound: number = limits.rememberedWeirds,
  ) {
    this.#view = new ConnectionView(table);
  }

  ofConnection(news: readonly WeirdNews[], base: number, ts: Micros, capture: string, captureWord: number): void {
    for (const { name, addl, source } of news) {
      if (silent.has(name)) continue;
      const of = this.#view.at(base, captureWord);
      const ids = {
        'id.orig_h': of['id.orig_h'],
        'id.orig_p': of['id.orig_p'],
        'id.resp_h': of['id.resp_h'],
        'id.resp_p': of['id.resp_p'],
      };
      if (!this.#isNews(name, ids, ts)) continue;
      this.#report({ ts, capture, name, uid: of.uid, ...ids }, addl, source ?? weirdSource(name, of.proto));
    }
  }

  ofPacket(news: readonly WeirdNews[], packet: Packet, capture: string): void {
    const ts = packet.timeUs;
    for (const { name, addl, source } of news) {
      if (silent.has(name)) continue;
      const ids = source !== undefined || hasAddresses.has(plainName(name)) ? endsOf(packet) : undefined;
      if (!this.#isNews(name, ids, ts)) continue;
      this.#report({ ts, capture, name, ...ids }, addl, source ?? weirdSource(name));
    }
  }

  #report(weird: Weird, addl: string | undefined, source: string | undefined): void {
    this.emit({
      ...weird,
      ...(addl !== undefined && { addl }),
      ...(noticed.has(weird.name) && { notice: true }),
      ...(source !== undefined && { source }),
    });
  }

  #isNews(name: CountedWeird, ids: Ends | undefined, now: Micros): boolean {
    const key = keyOf(name, ids);
    const told = this.#told.get(key);
    if (told !== undefined) {
      if (now < told + quietUs(name)) return false;
      this.#told.delete(key);
    } else if (this.#told.size >= this.bound) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(key, now);
    return true;
  }
}

type Ends = Required<Pick<Weird, 'id.orig_h' | 'id.orig_p' | 'id.resp_h' | 'id.resp_p'>>;

/** The addresses of a packet, with ports of 0. */
function endsOf({ version, src0, src1, src2, src3, dst0, dst1, dst2, dst3 }: Packet): Ends {
  return {
    'id.orig_h': version === 4 ? formatIpv4(src3) : formatIpv6(src0, src1, src2, src3),
    'id.orig_p': 0,
    'id.resp_h': version === 4 ? formatIpv4(dst3) : formatIpv6(dst0, dst1, dst2, dst3),
    'id.resp_p': 0,
  };
}

/** What a weird is remembered by. */
function keyOf(name: CountedWeird, ids: Ends | undefined): string {
  if (ids === undefined) return name;
  if (byOriginator.has(name)) return `${name} of ${ids['id.orig_h']}`;
  return `${name} ${ids['id.orig_h']} ${ids['id.orig_p']} ${ids['id.resp_h']} ${ids['id.resp_p']}`;
}
