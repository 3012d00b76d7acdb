import { formatIpv4, formatIpv6 } from '../core/address.js';
import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { WeirdNews } from '../core/weird.js';
import { type CountedWeird, plainName, weirdKinds } from '../core/weird-table.js';
import type { Packet } from '../decode/packet.js';
import type { Connection } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { ConnectionView } from './connection-view.js';

/** How long Zeek leaves out a weird that it has just logged (weird_ignore), and one whose action limits it (did_log, did_notice). */
const REPEAT_US = 600 * SECOND;
const LIMITED_US = 86_400 * SECOND;

/** Zeek's names of the analyzers of transports. */
const transports: Readonly<Record<Connection['proto'], string | undefined>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  unknown_transport: undefined,
};

/** The `source` of a weird, as far as its name shows it, of a connection of `proto` or of a packet. */
function sourceOf(name: CountedWeird, proto?: Connection['proto']): string | undefined {
  // Where Zeek names none, it names the transport of what is in a tunnel.
  if (weirdKinds[name]?.source === null) return undefined;
  return weirdKinds[plainName(name)].source ?? (proto && transports[proto]);
}

/** How long a weird is left out once it was logged. */
function quietUs(name: CountedWeird): Micros {
  return weirdKinds[name]?.reported === undefined ? REPEAT_US : LIMITED_US;
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
      if (weirdKinds[name]?.reported === 'never') continue;
      const of = this.#view.at(base, captureWord);
      const ids = {
        'id.orig_h': of['id.orig_h'],
        'id.orig_p': of['id.orig_p'],
        'id.resp_h': of['id.resp_h'],
        'id.resp_p': of['id.resp_p'],
      };
      if (!this.#isNews(name, ids, ts)) continue;
      this.#report({ ts, capture, name, uid: of.uid, ...ids }, addl, source ?? sourceOf(name, of.proto));
    }
  }

  ofPacket(news: readonly WeirdNews[], packet: Packet, capture: string): void {
    const ts = packet.timeUs;
    for (const { name, addl, source } of news) {
      if (weirdKinds[name]?.reported === 'never') continue;
      const ids =
        source !== undefined || weirdKinds[plainName(name)].hasAddresses === true ? endsOf(packet) : undefined;
      if (!this.#isNews(name, ids, ts)) continue;
      this.#report({ ts, capture, name, ...ids }, addl, source ?? sourceOf(name));
    }
  }

  #report(weird: Weird, addl: string | undefined, source: string | undefined): void {
    this.emit({
      ...weird,
      ...(addl !== undefined && { addl }),
      ...(weirdKinds[weird.name]?.notice === true && { notice: true }),
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
  if (weirdKinds[name]?.reported === 'of_originator') return `${name} of ${ids['id.orig_h']}`;
  return `${name} ${ids['id.orig_h']} ${ids['id.orig_p']} ${ids['id.resp_h']} ${ids['id.resp_p']}`;
}
