import type { Micros } from '../../core/time.js';
import type { HostRow, HostSeen, HostTimeout } from '../../records/host-row.js';

/**
 * From when to when a host was watched, by the rows that its agent tells, in the order of its journal; says what has to be told besides.
 *
 * A run of the watcher begins with a `host` row and ends with a `host_timeout`, which an agent that was killed without a spool never tells.
 * Whether anything was missed shows in what comes first of what is later than all before: a watermark goes on with the same run, a `host`
 * row begins another one. So a journal may be told anew from anywhere, and need not be known from another.
 */
export class WatchedRuns {
  /** The last row that told of a run. */
  #seen: HostSeen | undefined;
  /** The latest moment at which the host is known to have been watched, on its clock. */
  #until: Micros | undefined;
  /** The last run has told of its end. */
  #isOver = false;
  #isGivenUp = false;

  constructor(readonly host: string) {}

  /** The engine has told that nothing is known after the latest moment. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Takes a row over. Returns what is to be told before it. */
  take(row: HostRow): HostRow | undefined {
    switch (row.kind) {
      case 'host':
        return this.#begin(row);
      case 'complete':
        return this.#goOn(row.until);
      case 'host_timeout':
        this.#isOver = true;
        return this.#goOn(row.at);
      default:
        return undefined;
    }
  }

  /** Nothing is known any more. Returns what is to be told of that; undefined when it was told, or nothing was ever known. */
  giveUp(): HostTimeout | undefined {
    if (this.#until === undefined || this.#isOver || this.#isGivenUp) return undefined;
    this.#isGivenUp = true;
    return this.#timeout(this.#until);
  }

  #begin(row: HostSeen): HostTimeout | undefined {
    const before = this.#until;
    const isKnown = this.#isOver || this.#isGivenUp;
    this.#seen = row;
    this.#isOver = false;
    // It is told again, or its clock was set back: then there is no moment at which the gap began.
    if (before !== undefined && row.from <= before) return undefined;
    this.#until = row.from;
    this.#isGivenUp = false;
    return before === undefined || isKnown ? undefined : this.#timeout(before);
  }

  #goOn(until: Micros): HostSeen | undefined {
    const before = this.#until;
    if (before !== undefined && until <= before) return undefined;
    this.#until = until;
    if (before === undefined || !this.#isGivenUp) return undefined;
    this.#isGivenUp = false;
    const { boot, streams = [] } = this.#seen ?? {};
    // Seen again from the very next moment on, nothing was missed.
    return { kind: 'host', host: this.host, ...(boot !== undefined && { boot }), streams, from: before + 1 };
  }

  #timeout(at: Micros): HostTimeout {
    return { kind: 'host_timeout', host: this.host, at };
  }
}
