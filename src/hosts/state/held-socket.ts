import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { SocketFact } from './socket-fact.js';
import type { SocketInterval } from './socket-interval.js';

/** A socket interval with the process that held it and the rows that tell so. */
export interface HeldSocket extends SocketInterval {
  readonly pid: number;
  readonly inode?: string;
  /** Path of the process at the call, where the row has it. */
  readonly path?: string;
  readonly stream: string;
  readonly rows: readonly AnyTableRow[];
}

/** What the rest of the host's state says about when sockets closed. */
export interface Closings {
  /** Bounds of the first close of this socket at or after `from`. */
  closeOf(fact: SocketFact, from: Micros): { readonly lo: Micros; readonly hi: Micros } | undefined;
  /** A socket seen open at `openHi` and never seen to close was open without doubt until then. */
  openUntil(stream: string, isEvent: boolean, openHi: Micros): Micros;
}

/** Order within one stream; `seq` decides where coarse times tie. */
function byOrder(a: SocketFact, b: SocketFact): number {
  return a.lo - b.lo || a.row.seq - b.row.seq || (a.row.stream < b.row.stream ? -1 : 1);
}

/**
 * The sockets that a set of facts about the same endpoints describes, whatever the order of the facts. Rows of a poll about
 * one (pid, fd, inode) are one socket from `added` to `removed`; every event that opens is a socket of its own.
 */
export function heldSockets(facts: readonly SocketFact[], closings: Closings): HeldSocket[] {
  const polls = new Map<string, SocketFact[]>();
  const calls: SocketFact[] = [];
  for (const fact of facts) {
    if (fact.source === 'close') continue;
    if (fact.row.action === 'event') {
      calls.push(fact);
      continue;
    }
    const key = `${fact.row.stream} ${fact.pid} ${fact.fd} ${fact.inode} ${fact.localAddress} ${fact.family}`;
    const list = polls.get(key);
    if (list === undefined) polls.set(key, [fact]);
    else list.push(fact);
  }
  const out: HeldSocket[] = [];
  if (calls.length > 0) addCalls(calls, closings, out);
  for (const list of polls.values()) addPolled(list, closings, out);
  return out;
}

function addCalls(calls: SocketFact[], closings: Closings, out: HeldSocket[]): void {
  calls.sort(byOrder);
  for (let i = 0; i < calls.length; i++) {
    const fact = calls[i]!;
    const close = closings.closeOf(fact, fact.lo);
    const next = supersededBy(calls, i);
    const closeHi = Math.min(close?.hi ?? Infinity, next === undefined ? Infinity : next.hi - 1);
    const closeLo = close?.lo ?? closings.openUntil(fact.row.stream, true, fact.hi);
    out.push(
      held(fact, [fact.row], { openLo: fact.lo, openHi: fact.hi, closeLo: Math.min(closeLo, closeHi), closeHi }),
    );
  }
}

/** A connected TCP socket has closed before another process opens one with the same endpoints. */
function supersededBy(calls: readonly SocketFact[], index: number): SocketFact | undefined {
  const fact = calls[index]!;
  if (fact.protocol !== 6 || fact.localPort === undefined || fact.remotePort === undefined) return undefined;
  for (let i = index + 1; i < calls.length; i++) {
    const next = calls[i]!;
    const isSame = next.pid === fact.pid && (next.inode === undefined || next.inode === fact.inode);
    if (!isSame && next.lo > fact.hi) return next;
  }
  return undefined;
}

function addPolled(facts: SocketFact[], closings: Closings, out: HeldSocket[]): void {
  facts.sort(byOrder);
  let added: SocketFact | undefined;
  for (const fact of facts) {
    if (fact.row.action === 'added') {
      added ??= fact;
      continue;
    }
    out.push(polled(added, fact, closings));
    added = undefined;
  }
  if (added !== undefined) out.push(polled(added, undefined, closings));
}

function polled(added: SocketFact | undefined, removed: SocketFact | undefined, closings: Closings): HeldSocket {
  const fact = (added ?? removed)!;
  const lastSeen = removed?.row.since;
  const openLo = added?.row.since ?? -Infinity;
  const openHi = added?.hi ?? (lastSeen ?? removed!.lo) + Math.max(fact.row.resolution, 1) - 1;
  const close = closings.closeOf(fact, added?.lo ?? -Infinity);
  const seenUntil = removed === undefined ? closings.openUntil(fact.row.stream, false, openHi) : (lastSeen ?? openHi);
  const closeHi = Math.min(removed?.hi ?? Infinity, close?.hi ?? Infinity);
  const closeLo = Math.min(close === undefined ? seenUntil : Math.max(close.lo, added?.lo ?? close.lo), closeHi);
  const rows = added !== undefined && removed !== undefined ? [added.row, removed.row] : [fact.row];
  return held(fact, rows, { openLo, openHi, closeLo, closeHi });
}

type Bounds = Pick<SocketInterval, 'openLo' | 'openHi' | 'closeLo' | 'closeHi'>;

function held(fact: SocketFact, rows: readonly AnyTableRow[], bounds: Bounds): HeldSocket {
  const { row, source, pid, inode, path, protocol, family, localAddress, localPort, remoteAddress, remotePort } = fact;
  return {
    source: source as SocketInterval['source'],
    pid,
    protocol,
    stream: row.stream,
    rows,
    resolution: row.resolution,
    ...bounds,
    ...(inode !== undefined && { inode }),
    ...(path !== undefined && { path }),
    ...(family !== undefined && { family }),
    ...(localAddress !== undefined && { localAddress }),
    ...(localPort !== undefined && { localPort }),
    ...(remoteAddress !== undefined && { remoteAddress }),
    ...(remotePort !== undefined && { remotePort }),
  };
}
