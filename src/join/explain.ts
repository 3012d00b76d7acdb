import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import type { AttributedConnection, End, Method } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';
import type { ConnectionView } from './connection-view.js';
import type { Role } from './end-query.js';
import { evaluateEnd } from './evaluation.js';
import type { HostClocks } from './host-clocks.js';
import { type Loss, losses } from './loss.js';
import type { Matched, Weight } from './match.js';

/** One socket that was tried for an end. Times are the host's. */
export interface TriedSocket {
  readonly host: string;
  readonly pid: number;
  /** The rows that tell of it. */
  readonly rows: readonly AnyTableRow[];
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  /** Set when it can be the end's socket; 0 is the best rank. */
  readonly method?: Method;
  readonly rank?: number;
  readonly weight?: Weight;
  /** Set when it cannot, or when another one was preferred. */
  readonly lost?: string;
}

/** How the clock of a host was taken into account. */
export interface ClockUsed {
  readonly host: string;
  readonly offset: Micros;
  readonly err: Micros;
  readonly measured: boolean;
}

/** Why an end has the owner that it has, best evidence first. */
export interface EndExplanation {
  readonly end: End;
  readonly clocks: readonly ClockUsed[];
  readonly tried: readonly TriedSocket[];
}

/** Both ends of a connection. */
export interface Explanation {
  readonly uid: string;
  readonly orig: EndExplanation;
  readonly resp: EndExplanation;
}

/** A connection's line and why it says what it says. */
export interface Explained {
  readonly attributed: AttributedConnection;
  readonly explanation: Explanation;
}

/** Decides both ends afresh and notes what was looked at. It changes nothing. */
export function explainConnection(
  states: Pick<HostStates, 'get' | 'held' | 'heldAt' | 'columns'>,
  clocks: HostClocks,
  view: ConnectionView,
): Explanation {
  const explain = (role: Role): EndExplanation => explainEnd(states, clocks, view, role);
  return { uid: view.connection.uid, orig: explain('orig'), resp: explain('resp') };
}

function explainEnd(
  states: Pick<HostStates, 'get' | 'held' | 'heldAt' | 'columns'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
): EndExplanation {
  const tried: { host: HostState; socket: HeldSocket; outcome: Matched | Loss }[] = [];
  const { end } = evaluateEnd(states, clocks, view, role, (host, socket, outcome) => {
    tried.push({ host, socket, outcome });
  });
  const hosts = [...new Set(tried.map(({ host }) => host))];
  return {
    end,
    clocks: hosts.map((host) => {
      const { offset, err, measured } = clocks.at(host, view.capture, view.captureHost, view.first);
      return { host: host.id, offset, err, measured };
    }),
    tried: tried.map(({ host, socket, outcome }) => triedSocket(host, socket, outcome, end)).sort(inOrder),
  };
}

/** Best first; the same order whatever the order of the rows. */
function inOrder(a: TriedSocket, b: TriedSocket): number {
  const [left, right] = [a.rows[0]!, b.rows[0]!];
  const byStream = left.stream < right.stream ? -1 : left.stream > right.stream ? 1 : left.seq - right.seq;
  return (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.openHi - b.openHi || a.pid - b.pid || byStream;
}

function triedSocket(host: HostState, socket: HeldSocket, outcome: Matched | Loss, end: End): TriedSocket {
  const { pid, records, openLo, openHi, closeLo, closeHi } = socket;
  const rows = records.map(({ row }) => row);
  const told = { host: host.id, pid, rows, openLo, openHi, closeLo, closeHi };
  if (typeof outcome === 'string') return { ...told, lost: losses[outcome] };
  const { method, rank, weight } = outcome;
  const lost = whyNot(host, socket, outcome, end);
  return { ...told, method, rank, weight, ...(lost !== undefined && { lost }) };
}

const leftOpen = 'its times leave it open, others are sure';

/** Why a socket that fits was not taken. */
function whyNot(host: HostState, socket: HeldSocket, { method, weight }: Matched, end: End): string | undefined {
  switch (end.state) {
    case 'attributed':
      if (end.host.id === host.id && end.process.pid === socket.pid) {
        return weight === 'possible' && method !== end.method ? leftOpen : undefined;
      }
      if (end.sharers?.some(({ pid }) => pid === socket.pid)) return 'its process shares the socket, another made it';
      return weight === 'possible' ? leftOpen : 'better evidence was found';
    case 'ambiguous':
      return end.candidates.some((candidate) => candidate.process.pid === socket.pid)
        ? undefined
        : 'better evidence was found';
    case 'pending':
      return 'rows that could outrank it may still come';
    case 'unattributed':
      return `nothing was taken: ${end.reason}`;
  }
}
