import type { Micros } from '../core/time.js';
import { tupleKey } from '../hosts/state/host-state.js';
import type { End } from '../records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import { type ConnectionView, endsOf, socketProtocol } from './connection-view.js';
import type { HostWaiting } from './waiting.js';

/** A connection that the join still knows. */
export class Tracked {
  readonly capture: string;
  readonly captureHost: string | undefined;
  connection: Connection;
  first: Micros;
  last: Micros;
  ended = false;
  /** When it is let go, capture time; once it has ended. */
  goneAt: Micros = Infinity;
  /** No line that may still come would differ. */
  settled = false;
  /** Out of the join: everything about it has been said. */
  gone = false;
  /** Number of lines so far. */
  lines = 0;
  orig: End | undefined;
  resp: End | undefined;
  /** No row that may still come changes that end. */
  isOrigSettled = false;
  isRespSettled = false;
  /** What the last line said of them. */
  shownOrig: End | undefined;
  shownResp: End | undefined;
  /** The first line waits for evidence. */
  holdsStart = false;
  /** Grows with every evaluation, so that older appointments are void. */
  turn = 0;
  /** Who the owners' processes were is not all known yet. */
  lacksDetails = false;
  /** The hosts for which it waits. */
  waitsFor: HostWaiting[] | undefined;
  #ends: ConnectionView['ends'] | undefined;
  /** When the connections of the same tuple and capture before and after this one began; kept when those are gone. */
  previousFirst: Micros = -Infinity;
  nextFirst: Micros = Infinity;
  /** Connections of the same tuple and capture, before and after. */
  previous: Tracked | undefined;
  next: Tracked | undefined;

  constructor(update: ConnectionUpdate) {
    this.capture = update.capture;
    this.captureHost = update.captureHost;
    this.connection = update.connection;
    this.first = update.connection.ts;
    this.last = this.first + (update.connection.duration ?? 0);
  }

  get ends(): ConnectionView['ends'] {
    this.#ends ??= endsOf(this.connection);
    return this.#ends;
  }

  take(update: ConnectionUpdate): void {
    const { connection } = update;
    this.connection = connection;
    this.last = Math.max(this.last, connection.ts + (connection.duration ?? 0));
    if (update.cause === 'end') this.ended = true;
  }
}

/** The key of a connection's endpoints, whichever way round. */
export function pairKey(protocol: number, a: string, aPort: number, b: string, bPort: number): string {
  return a < b || (a === b && aPort < bPort)
    ? tupleKey(protocol, a, aPort, b, bPort)
    : tupleKey(protocol, b, bPort, a, aPort);
}

/** Finds connections by their endpoints, for rows of full tuples and for the neighbours in time. */
export class TupleTracks {
  readonly #byPair = new Map<string, Tracked[]>();

  /** Enters a connection between the ones of its tuple and capture that began before and after it. */
  add(tracked: Tracked): void {
    const key = keyOf(tracked.connection);
    if (key === undefined) return;
    const list = this.#byPair.get(key);
    if (list === undefined) {
      this.#byPair.set(key, [tracked]);
      return;
    }
    let at = list.length;
    while (at > 0 && list[at - 1]!.first > tracked.first) at--;
    list.splice(at, 0, tracked);
    link(
      list.slice(0, at).findLast(({ capture }) => capture === tracked.capture),
      tracked,
    );
    link(
      tracked,
      list.slice(at + 1).find(({ capture }) => capture === tracked.capture),
    );
  }

  remove(tracked: Tracked): void {
    const key = keyOf(tracked.connection);
    const list = key === undefined ? undefined : this.#byPair.get(key);
    if (list === undefined) return;
    if (list.length === 1) this.#byPair.delete(key!);
    else list.splice(list.indexOf(tracked), 1);
    if (tracked.next !== undefined) tracked.next.previous = undefined;
    if (tracked.previous !== undefined) tracked.previous.next = undefined;
  }

  withPair(key: string): readonly Tracked[] | undefined {
    return this.#byPair.get(key);
  }
}

function link(before: Tracked | undefined, after: Tracked | undefined): void {
  if (before !== undefined) before.next = after;
  if (after !== undefined) after.previous = before;
  if (before === undefined || after === undefined) return;
  before.nextFirst = after.first;
  after.previousFirst = before.first;
}

function keyOf(connection: Connection): string | undefined {
  const protocol = socketProtocol(connection);
  if (protocol === undefined) return undefined;
  return pairKey(
    protocol,
    connection['id.orig_h'],
    connection['id.orig_p'],
    connection['id.resp_h'],
    connection['id.resp_p'],
  );
}
