import { type Micros, SECOND } from '../core/time.js';
import type { HostRow } from '../records/host-row.js';

/** A host told of times whose connections the join had let go by then. */
export interface LateHost {
  readonly host: string;
  /** The earliest such time, on the host's clock. */
  readonly from: Micros;
}

/** How far the streams of hosts have come: host, stream, watermark. */
export type Watermarks = ReadonlyMap<string, ReadonlyMap<string, Micros>>;

/** What was known before this run began. */
export interface KnownBefore {
  /** Last packet of the connections of earlier runs. */
  readonly until: Micros;
  readonly watermarks: Watermarks;
}

/** Rows that are late come in bursts, when a host is back: a burst is over after a pause of this long, and is not waited for longer than that. */
const PAUSE: Micros = 2 * SECOND;
const PATIENCE: Micros = 60 * SECOND;

interface Burst {
  from: Micros;
  readonly began: Micros;
  last: Micros;
}

/**
 * Notices rows that come too late for the join, since the connections of their time have been let go: more than the lateness behind
 * capture time, or about the time of an earlier run. Rows that a stream had told before are not late: an engine that was
 * started anew is told again what still stands. Bound: that of the hosts and streams of the join.
 */
export class LateWatch {
  readonly #latenessUs: Micros;
  readonly #before: Micros;
  readonly #told = new Map<string, Map<string, Micros>>();
  readonly #bursts = new Map<string, Burst>();
  /** The furthest that any clock of a host was ahead of a capture's. */
  readonly #ahead = new Map<string, Micros>();
  #furthestAhead: Micros = 0;
  #now: Micros = -Infinity;
  /** Connections up to here may have been let go. */
  #horizon: Micros;
  /** Rows about processes, sockets, addresses and users that were late. */
  rows = 0;

  constructor(latenessUs: Micros, before?: KnownBefore) {
    this.#latenessUs = latenessUs;
    this.#before = before?.until ?? -Infinity;
    this.#horizon = this.#before;
    for (const [host, streams] of before?.watermarks ?? []) this.#told.set(host, new Map(streams));
  }

  /** Capture time has reached `now`. */
  advance(now: Micros): void {
    if (now <= this.#now) return;
    this.#now = now;
    this.#horizon = Math.max(this.#before, now - this.#latenessUs);
  }

  row(row: HostRow): void {
    switch (row.kind) {
      case 'row':
        if (row.time - this.#furthestAhead >= this.#horizon || !this.#isLate(row.host, row.time)) return;
        if (row.time <= this.#toldOf(row.host, row.stream)) return;
        this.rows++;
        this.#note(row.host, row.time);
        break;
      case 'complete': {
        const told = this.#toldOf(row.host, row.stream);
        if (row.until <= told) return;
        if (this.#isLate(row.host, row.until)) this.#note(row.host, told);
        this.#tell(row.host, row.stream, row.until);
        break;
      }
      case 'clock':
        if (row.offset > (this.#ahead.get(row.host) ?? 0)) {
          this.#ahead.set(row.host, row.offset);
          this.#furthestAhead = Math.max(this.#furthestAhead, row.offset);
        }
        if (this.#isLate(row.host, row.from + row.offset)) this.#note(row.host, row.from + row.offset);
        break;
      case 'host':
      case 'lost':
        if (this.#isLate(row.host, row.from)) this.#note(row.host, Math.max(row.from, this.#toldByAll(row.host)));
        break;
      case 'host_timeout':
        if (this.#isLate(row.host, row.at)) this.#note(row.host, row.at);
    }
  }

  /** Hosts whose late rows have come as far as can be expected; at the end all. They are not given again. */
  take(isEnd: boolean): LateHost[] {
    const taken: LateHost[] = [];
    for (const [host, { from, began, last }] of this.#bursts) {
      if (!isEnd && this.#now - last < PAUSE && this.#now - began < PATIENCE) continue;
      taken.push({ host, from });
      this.#bursts.delete(host);
    }
    return taken;
  }

  #isLate(host: string, time: Micros): boolean {
    return time - (this.#ahead.get(host) ?? 0) < this.#horizon;
  }

  #note(host: string, from: Micros): void {
    const burst = this.#bursts.get(host);
    if (burst === undefined) {
      this.#bursts.set(host, { from, began: this.#now, last: this.#now });
      return;
    }
    burst.from = Math.min(burst.from, from);
    burst.last = this.#now;
  }

  #toldOf(host: string, stream: string): Micros {
    return this.#told.get(host)?.get(stream) ?? -Infinity;
  }

  #toldByAll(host: string): Micros {
    const streams = this.#told.get(host);
    return streams === undefined ? -Infinity : Math.min(...streams.values());
  }

  #tell(host: string, stream: string, until: Micros): void {
    const streams = this.#told.get(host);
    if (streams === undefined) this.#told.set(host, new Map([[stream, until]]));
    else streams.set(stream, until);
  }
}
