import { isLoopback } from '../core/address.js';
import { MILLISECOND, type Micros } from '../core/time.js';
import { isSocketRow, type SocketFact, socketFact } from '../hosts/state/socket-fact.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { ClockSample, HostRow } from '../records/host-row.js';
import { PROMPT } from './call-times.js';
import { isOpening } from './connection-view.js';
import { UNMEASURED_ERR } from './host-clocks.js';

/** Tuples looked at: further connections and rows are not used, the clock is known well enough by then. */
const MAX_TUPLES = 262_144;
/** A connection is normally accepted within this time of its first packet. */
const ACCEPT_PROMPT: Micros = 1_000 * MILLISECOND;
/** Added to every error: the capture's and the host's times are read at different moments of one packet's way. */
const FLOOR: Micros = MILLISECOND;
/** Differences beyond this are another connection with the same endpoints, not a clock. */
const MAX_OFFSET: Micros = 3_600_000 * MILLISECOND;

/** A connection that a row may be about. */
interface Seen {
  readonly origAddress: string;
  readonly origPort: number;
  readonly first: Micros;
  last: Micros;
}

/** What one capture saw. */
interface Captured {
  /** First packet of the earliest connection. */
  first: Micros;
  /** Of what rows are paired by (see Told). */
  readonly paired: Map<string, Seen | 'several'>;
}

/** A call or sighting, and what it is paired by: endpoints, or of an accept that lacks its local one the originator. */
interface Told {
  readonly fact: SocketFact;
  readonly pairedBy: string;
}

/** Bounds of host clock minus capture clock that one pair gives. */
interface Bounds {
  /** What holds whatever the delay between call and packet; -Infinity or Infinity where the pair says nothing. */
  readonly lo: Micros;
  readonly hi: Micros;
  /** What holds if that delay was the usual one. */
  readonly promptLo: Micros;
  readonly promptHi: Micros;
}

/**
 * Measures the clocks of hosts whose logs have no clock rows, before anything is joined. Fed with all rows, then all connections, it
 * pairs each TCP connection with the one call or sighting of its full tuple, where the tuple came up only once, so that no
 * guess is in it. A socket that a poll saw wait for an answer bounds nothing: it may wait long after its last packet, and its packets need never
 * have come as far as the capture. An accept without the local endpoint (audit records) is paired by the originator's, if that came up only once. A connect is called just before its SYN, an accept after it, and a sighting lies within the connection, so
 * each pair bounds the difference of the clocks, as coarsely as the source tells times. All bounds are met together where
 * they can be, also with the error that an unmeasured clock is given; where they contradict each other, the error covers what they differ by. Hosts without a pair get no sample.
 */
export class ClockEstimator {
  readonly #captures = new Map<string, Captured>();
  readonly #uids = new Map<string, Seen>();
  /** By host, then by what tells a fact from others. */
  readonly #told = new Map<string, Map<string, Told | 'several'>>();
  /** What some row is paired by: no other connection is remembered. */
  readonly #asked = new Set<string>();
  readonly #measured = new Set<string>();

  row(row: HostRow): void {
    if (row.kind === 'clock') this.#measured.add(`${row.host}\n${row.capture}`);
    if (row.kind !== 'row' || !isSocketRow(row) || row.action === 'removed') return;
    const fact = socketFact(row);
    if (fact === undefined || fact.protocol !== 6 || fact.source === 'close') return;
    const { remoteAddress, remotePort } = fact;
    if (remoteAddress === undefined || remotePort === undefined || isLoopback(remoteAddress)) return;
    const pairedBy = pairingOf(fact, remoteAddress, remotePort);
    if (pairedBy === undefined) return;
    let told = this.#told.get(row.host);
    if (told === undefined) {
      told = new Map();
      this.#told.set(row.host, told);
    }
    const key = keyOf(fact, pairedBy);
    const known = told.get(key);
    if (known === undefined && told.size >= MAX_TUPLES) return;
    this.#asked.add(pairedBy);
    told.set(key, known === undefined || isSameRow(known, fact) ? { fact, pairedBy } : 'several');
  }

  connection({ capture, connection }: ConnectionUpdate): void {
    if (connection.proto !== 'tcp' || !isOpening(connection)) return;
    const { ts: first, uid, 'id.orig_h': origAddress, 'id.orig_p': origPort } = connection;
    let captured = this.#captures.get(capture);
    if (captured === undefined) {
      captured = { first, paired: new Map() };
      this.#captures.set(capture, captured);
    }
    captured.first = Math.min(captured.first, first);
    const pair = pairKey(origAddress, origPort, connection['id.resp_h'], connection['id.resp_p']);
    const originator = endpointKey(origAddress, origPort);
    const isAsked = this.#asked.has(pair);
    const isOriginatorAsked = this.#asked.has(originator);
    if (!isAsked && !isOriginatorAsked) return;
    const last = first + (connection.duration ?? 0);
    const known = this.#uids.get(uid);
    if (known !== undefined) {
      known.last = Math.max(known.last, last);
      return;
    }
    if (this.#uids.size >= MAX_TUPLES) return;
    const seen = { origAddress, origPort, first, last };
    this.#uids.set(uid, seen);
    const { paired } = captured;
    if (isAsked) paired.set(pair, paired.has(pair) ? 'several' : seen);
    if (isOriginatorAsked) paired.set(originator, paired.has(originator) ? 'several' : seen);
  }

  /** The clocks, by host and capture in order of their names; the same whatever order rows, and then connections, came in. */
  estimate(): ClockSample[] {
    const out: ClockSample[] = [];
    const captures = [...this.#captures].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const host of [...this.#told.keys()].sort()) {
      for (const [capture, { first: from, paired }] of captures) {
        if (this.#measured.has(`${host}\n${capture}`)) continue;
        const bounds = this.#boundsOf(host, paired);
        if (bounds.length > 0) out.push({ kind: 'clock', host, capture, ...meet(bounds), from });
      }
    }
    return out;
  }

  #boundsOf(host: string, paired: Captured['paired']): Bounds[] {
    const out: Bounds[] = [];
    for (const told of this.#told.get(host)!.values()) {
      if (told === 'several') continue;
      const { fact, pairedBy } = told;
      const seen = paired.get(pairedBy);
      if (seen === undefined || seen === 'several') continue;
      const bounds = boundsOf(fact, seen);
      if (bounds !== undefined && Math.abs(fact.lo - seen.first) < MAX_OFFSET) out.push(bounds);
    }
    return out;
  }
}

function endpointKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** Endpoints as a key, whichever way round. */
function pairKey(a: string, aPort: number, b: string, bPort: number): string {
  return a < b || (a === b && aPort < bPort) ? `${a} ${aPort} ${b} ${bPort}` : `${b} ${bPort} ${a} ${aPort}`;
}

/** What a fact is paired by. Undefined: it names too little. */
function pairingOf(fact: SocketFact, remoteAddress: string, remotePort: number): string | undefined {
  const { localAddress, localPort, source } = fact;
  if (localAddress !== undefined && localPort !== undefined) {
    return pairKey(localAddress, localPort, remoteAddress, remotePort);
  }
  return source === 'accept' && localPort === undefined ? endpointKey(remoteAddress, remotePort) : undefined;
}

/** What tells a fact from other facts of its host: the two ends of a connection within one host differ in which is local. */
function keyOf({ localAddress, localPort, source }: SocketFact, pairedBy: string): string {
  return localPort === undefined ? pairedBy : `${pairedBy}\n${localAddress} ${localPort} ${source}`;
}

function isSameRow(a: Told | 'several', { row }: SocketFact): boolean {
  return a !== 'several' && a.fact.row.stream === row.stream && a.fact.row.seq === row.seq;
}

function boundsOf({ source, localAddress, localPort, lo, hi }: SocketFact, seen: Seen): Bounds | undefined {
  const isOriginator = localAddress === seen.origAddress && localPort === seen.origPort;
  const { first, last } = seen;
  const none = { lo: -Infinity, hi: Infinity, promptLo: -Infinity, promptHi: Infinity };
  if (source === 'connect' && isOriginator) return { ...none, lo: lo - first, promptHi: hi - first + PROMPT };
  const within = { ...none, lo: lo - Math.max(last, first + PROMPT), hi: hi - first };
  if (source === 'accept' && !isOriginator) return { ...within, promptLo: lo - first - ACCEPT_PROMPT };
  return source === 'open' ? within : undefined;
}

/**
 * The middle of what all bounds allow, taking every call for prompt. If that contradicts itself, only the promptest counts
 * as such; if even that does, the error covers what the bounds disagree about.
 */
function meet(bounds: readonly Bounds[]): { offset: Micros; err: Micros } {
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
  const lo = most(bounds.map((bound) => bound.lo));
  const hi = least(bounds.map((bound) => bound.hi));
  const promptLos = bounds.map(({ promptLo }) => promptLo).filter(Number.isFinite);
  const promptHis = bounds.map(({ promptHi }) => promptHi).filter(Number.isFinite);
  let from = Math.max(lo, most(promptLos));
  let to = Math.min(hi, least(promptHis));
  if (from > to) {
    from = promptLos.length === 0 ? lo : Math.max(lo, least(promptLos));
    to = promptHis.length === 0 ? hi : Math.min(hi, most(promptHis));
  }
  // A few loose bounds tell less than what an unmeasured clock is trusted with.
  if (from <= UNMEASURED_ERR && to >= -UNMEASURED_ERR) {
    from = Math.max(from, -UNMEASURED_ERR);
    to = Math.min(to, UNMEASURED_ERR);
  }
  return { offset: Math.round((from + to) / 2), err: Math.ceil(Math.abs(to - from) / 2) + FLOOR };
}
