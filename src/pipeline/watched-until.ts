import type { Micros } from '../core/time.js';
import type { HostRow, HostSeen } from '../records/host-row.js';

/** A span in which one log has its host watched; both ends belong to it. */
interface Run {
  readonly from: Micros;
  readonly to: Micros;
}

/** What one log after the other told of a host. */
class HostRuns {
  readonly #runs: Run[] = [];
  /** When the run began that has no end yet. */
  #from: Micros | undefined;
  #first: Micros = Infinity;
  /** The latest watermark of that run. */
  #until: Micros | undefined;

  seen({ from }: HostSeen): void {
    // A log of a program that was killed has no timeout.
    if (this.#until !== undefined && from > this.#until) this.end(this.#until);
    this.#first = Math.min(this.#first, from);
    this.#from = Math.min(this.#from ?? from, from);
  }

  complete(until: Micros): void {
    this.#until = Math.max(this.#until ?? until, until);
  }

  /** Without a beginning of its own the run is one of a log that was read in between. */
  end(to: Micros): void {
    this.#runs.push({ from: this.#from ?? this.#first, to });
    this.#from = undefined;
    this.#until = undefined;
  }

  /** Where none of the runs goes on. Those that overlap or follow at once are one. */
  ends(): Micros[] {
    const open = this.#from === undefined ? [] : [{ from: this.#from, to: Infinity }];
    const ends: Micros[] = [];
    let end: Micros | undefined;
    for (const { from, to } of [...this.#runs, ...open].sort((a, b) => a.from - b.from)) {
      if (end !== undefined && from > end + 1) ends.push(end);
      end = end === undefined || from > end + 1 ? to : Math.max(end, to);
    }
    if (end !== undefined && end !== Infinity) ends.push(end);
    return ends;
  }
}

/**
 * When each host ceased to be watched, earliest first, by the rows of one log after the other. In each the host is watched from `host` rows,
 * several where streams turn up later, to a `host_timeout`, which is only true where no other log has it watched then.
 */
export function watchedUntil(rows: readonly HostRow[]): Map<string, readonly Micros[]> {
  const hosts = new Map<string, HostRuns>();
  for (const row of rows) {
    if (row.kind === 'row' || row.kind === 'clock' || row.kind === 'lost') continue;
    let host = hosts.get(row.host);
    if (host === undefined) {
      host = new HostRuns();
      hosts.set(row.host, host);
    }
    if (row.kind === 'host') host.seen(row);
    else if (row.kind === 'complete') host.complete(row.until);
    else host.end(row.at);
  }
  return new Map([...hosts].map(([host, runs]) => [host, runs.ends()]));
}
