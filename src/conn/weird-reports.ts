import { limits } from '../core/limits.js';
import { type Micros, SECOND } from '../core/time.js';
import type { WeirdEnds, WeirdNews } from '../core/weird.js';
import { type CountedWeird, plainName, weirdKinds } from '../core/weird-table.js';
import type { Packet } from '../decode/packet.js';
import { endsOf } from '../decode/packet-ends.js';
import type { Connection } from '../records/connection.js';
import type { Weird } from '../records/weird.js';
import type { ConnectionTable } from './connection-table.js';
import { ConnectionView } from './connection-view.js';
import { ORDINAL } from './record-layout.js';

/** How long Zeek leaves out a weird that it has just logged (weird_ignore), and one whose action limits it (did_log, did_notice). */
const REPEAT_US = 600 * SECOND;
const LIMITED_US = 86_400 * SECOND;
/** How many of a name one connection may have before Zeek looks only at some of them (Weird::sampling_threshold, _rate, _duration). */
const UNSAMPLED = 25;
const SAMPLED_OF = 1_000;
const SAMPLING_US = 600 * SECOND;

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

/** A weird that was reported. */
interface Told {
  readonly at: Micros;
  /** The connection that had it last, how often since Zeek last began to count, and when there were too many. */
  connection: number;
  count: number;
  sampledFrom: Micros;
}

/** Whether Zeek looks at one more of a connection, which it does not at most of many (PermitWeird in WeirdState.cc). */
function isLookedAt(told: Told, connection: number, now: Micros): boolean {
  if (told.connection !== connection) {
    told.connection = connection;
    told.count = 0;
  }
  told.count++;
  if (told.count <= UNSAMPLED) return true;
  if (told.count === UNSAMPLED + 1) told.sampledFrom = now;
  else if (now > told.sampledFrom + SAMPLING_US) {
    told.count = 1;
    return true;
  }
  return (told.count - UNSAMPLED) % SAMPLED_OF === 0;
}

/**
 * Weirds as single reports, with Zeek's default rules of what is repeated (scripts/base/frameworks/notice/weird.zeek): a name is
 * reported once in ten minutes for a pair of endpoints, a pair of addresses or, where neither is known, at all; some names once a day,
 * for an originator or a pair of endpoints; some never. Of one connection with many of a name only some are looked at.
 */
export class WeirdReports {
  /** What was reported, the longest ago first. */
  readonly #told = new Map<string, Told>();
  readonly #view: ConnectionView;

  constructor(
    private readonly table: ConnectionTable,
    private readonly emit: (weird: Weird) => void,
    private readonly bound: number = limits.rememberedWeirds,
  ) {
    this.#view = new ConnectionView(table);
  }

  ofConnection(news: readonly WeirdNews[], base: number, ts: Micros, capture: string, captureWord: number): void {
    const ordinal = this.table.i32[base + ORDINAL]!;
    for (const { name, addl, source } of news) {
      if (weirdKinds[name]?.reported === 'never') continue;
      const of = this.#view.at(base, captureWord);
      const ids = {
        'id.orig_h': of['id.orig_h'],
        'id.orig_p': of['id.orig_p'],
        'id.resp_h': of['id.resp_h'],
        'id.resp_p': of['id.resp_p'],
      };
      if (!this.#isNews(name, ids, ts, ordinal)) continue;
      this.#report({ ts, capture, name, uid: of.uid, ...ids }, addl, source ?? sourceOf(name, of.proto));
    }
  }

  ofPacket(news: readonly WeirdNews[], packet: Packet, capture: string): void {
    const ts = packet.timeUs;
    for (const { name, addl, source, ends } of news) {
      if (weirdKinds[name]?.reported === 'never') continue;
      const hasAddresses = source !== undefined || weirdKinds[plainName(name)].hasAddresses === true;
      const ids = hasAddresses ? withoutPorts(ends ?? endsOf(packet)) : undefined;
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

  #isNews(name: CountedWeird, ids: Ends | undefined, now: Micros, connection?: number): boolean {
    const key = keyOf(name, ids);
    let told = this.#told.get(key);
    if (told !== undefined) {
      if (connection !== undefined && !isLookedAt(told, connection, now)) return false;
      if (now < told.at + quietUs(name)) return false;
      this.#told.delete(key);
      told = { ...told, at: now };
    } else {
      if (this.#told.size >= this.bound) this.#told.delete(this.#told.keys().next().value!);
      told = { at: now, connection: connection ?? 0, count: 1, sampledFrom: 0 };
    }
    this.#told.set(key, told);
    return true;
  }
}

type Ends = Required<Pick<Weird, 'id.orig_h' | 'id.orig_p' | 'id.resp_h' | 'id.resp_p'>>;

function withoutPorts({ src, dst }: WeirdEnds): Ends {
  return { 'id.orig_h': src, 'id.orig_p': 0, 'id.resp_h': dst, 'id.resp_p': 0 };
}

/** What a weird is remembered by. */
function keyOf(name: CountedWeird, ids: Ends | undefined): string {
  if (ids === undefined) return name;
  if (weirdKinds[name]?.reported === 'of_originator') return `${name} of ${ids['id.orig_h']}`;
  return `${name} ${ids['id.orig_h']} ${ids['id.orig_p']} ${ids['id.resp_h']} ${ids['id.resp_p']}`;
}
