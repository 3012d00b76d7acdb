import type { Micros } from '../../../src/core/time.js';
import type { Connection, ConnectionCause, ConnectionUpdate } from '../../../src/records/connection.js';
import { type Flow, type Network, uncaptured } from './network.js';
import type { Random } from './random.js';
import { isPortless, protocolOf } from './sockets.js';

/** An update and the true time at which the packet side hands it on. */
export interface Emission {
  readonly at: Micros;
  readonly update: ConnectionUpdate;
}

export interface CaptureView {
  /** Nothing before this true time was captured. */
  readonly from: Micros;
  /** Capture clock minus true time, by capture name. */
  readonly offset: (capture: string) => Micros;
  /** Every connection is told of at its first packet; else some only later, and some only when they are over. */
  readonly startsKnown: boolean;
}

/**
 * What was captured of a flow: its beginning may lie before the capture's. Undefined when all of it does. One that nobody answered then begins
 * with a repeated SYN, one that was refused is over.
 */
function captured(flow: Flow, from: Micros): { start: Micros; midstream: boolean } | undefined {
  if (flow.start >= from) return { start: flow.start, midstream: false };
  if (flow.proto !== 'tcp' || flow.refused || flow.last <= from + 1_000) return undefined;
  return { start: from + Math.floor((flow.last - from) / 7), midstream: flow.answered };
}

/** Where the first packet was missed, the second one says after all who began, of every other flow. */
function turns(flow: Flow, midstream: boolean): boolean {
  return flow.flipped && !midstream && flow.orig.port % 2 === 0;
}

/** `isFirst`: only the first packet is known so far. */
function connectionOf(
  flow: Flow,
  start: Micros,
  last: Micros,
  midstream: boolean,
  offset: Micros,
  isFirst: boolean,
): Connection {
  const isTurned = !isFirst && turns(flow, midstream);
  const [orig, resp] = flow.flipped && !isTurned ? [flow.resp, flow.orig] : [flow.orig, flow.resp];
  const single = last <= start;
  return {
    ts: start + offset,
    uid: flow.uid,
    'id.orig_h': orig.address,
    'id.orig_p': orig.port,
    'id.resp_h': resp.address,
    'id.resp_p': resp.port,
    proto: flow.proto === 'raw' ? 'unknown_transport' : flow.proto,
    ...(single ? {} : { duration: last - start }),
    conn_state: flow.proto !== 'tcp' ? 'SF' : flow.refused ? 'REJ' : midstream ? 'OTH' : flow.answered ? 'SF' : 'S0',
    missed_bytes: 0,
    history: isTurned ? '^hADadFf' : historyOf(flow, midstream),
    orig_pkts: single ? 1 : flow.packets,
    orig_ip_bytes: 40 * flow.packets,
    resp_pkts: flow.answered && !single ? flow.packets : 0,
    resp_ip_bytes: flow.answered && !single ? 40 * flow.packets : 0,
    ip_proto: protocolOf(flow.proto, orig.address.includes(':')),
  };
}

function historyOf(flow: Flow, midstream: boolean): string {
  if (flow.proto !== 'tcp') return flow.answered ? 'Dd' : 'D';
  if (midstream) return flow.flipped ? '^DadA' : 'DadA';
  if (flow.flipped) return 'hSaDAdfF';
  if (flow.refused) return 'Sr';
  return flow.answered ? 'ShADadFf' : 'S';
}

/** A moment at which no exchange of datagrams goes on: its packets since would be a connection, of which the world does not know the first. */
function betweenDatagrams(flows: readonly Flow[], from: Micros): Micros {
  const starts = flows.flatMap(({ proto, start, last }) =>
    proto !== 'tcp' && start < from && last >= from ? [start] : [],
  );
  return starts.length === 0 ? from : betweenDatagrams(flows, Math.min(...starts));
}

/** The flows as start, interim and end updates, in order of emission. */
export function emitConnections(network: Network, view: CaptureView, random: Random): Emission[] {
  const out: Emission[] = [];
  const from = betweenDatagrams(network.flows, view.from);
  for (const flow of network.captured) {
    const seen = flow.capture.startsWith(uncaptured) ? undefined : captured(flow, from);
    if (seen === undefined) continue;
    const offset = view.offset(flow.capture);
    const emit = (cause: ConnectionCause, at: Micros, last: Micros): void => {
      const connection = connectionOf(flow, seen.start, last, seen.midstream, offset, cause === 'start');
      const host = flow.captureHost === undefined ? {} : { captureHost: flow.captureHost };
      out.push({ at, update: { cause, capture: flow.capture, ...host, connection } });
    };
    const started = seen.start + (view.startsKnown ? 0 : random.int(500, 20_000));
    const linger =
      flow.proto === 'udp' || isPortless(flow.proto)
        ? network.udpTimeout
        : random.chance(0.2)
          ? 3_000_000
          : random.int(1_000, 60_000);
    const ended = Math.max(flow.last + linger, started + 1);
    if (view.startsKnown || random.chance(0.85)) emit('start', started, seen.start);
    const middle = Math.floor((seen.start + flow.last) / 2);
    if (flow.last - seen.start > 400_000 && random.chance(0.5) && middle > started) emit('interim', middle, middle);
    emit('end', ended, Math.max(flow.last, seen.start));
  }
  return out.sort((a, b) => a.at - b.at);
}
