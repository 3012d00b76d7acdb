import { appended } from '../../core/short-list.js';
import type { Micros } from '../../core/time.js';

/** Moments kept of each kind; of more the second oldest is forgotten. */
const MAX_MOMENTS = 64;

/** A run of whoever watches the host. */
interface Run {
  readonly from: Micros;
  /** Boot of the host, where it is told. */
  readonly boot: string | undefined;
}

/** When the rows of a run are of: after `after`, and up to `until`. */
export interface RunSpan {
  readonly after: Micros;
  readonly until: Micros;
}

/** The first poll of a run, which tells of all that stands: it began at `time` and was over by `end`. */
export interface Look {
  readonly time: Micros;
  readonly end: Micros;
  /** Streams whose rows tell of it, a bit for each place. */
  readonly streams: number;
}

/**
 * When a host was watched, on its clock. A run of its watcher begins with a row `host` and ends with `host_timeout`, told by itself or by
 * whoever missed it. What goes on between two runs nobody tells, but the next run's first polls tell again of all that stands. Rows may come in
 * any order.
 */
export class WatchTimes {
  /** Ends of runs. */
  #timeouts: Micros[] = [];
  #runs: Run[] = [];
  #looks: { -readonly [K in keyof Look]: Look[K] }[] = [];

  /** The watcher fell silent at this moment. */
  timedOut(at: Micros): void {
    if (this.#runs.some(({ from }) => from === at + 1)) return;
    this.#timeouts = inserted(this.#timeouts, at);
  }

  /** Seen again right after a timeout means that all was told after all, only late: the timeout is taken back. */
  seen(from: Micros, boot?: string): void {
    this.#timeouts = this.#timeouts.filter((at) => at !== from - 1);
    const known = this.#runs.findIndex((run) => run.from === from);
    if (known >= 0 && (boot === undefined || this.#runs[known]!.boot !== undefined)) return;
    const runs = this.#runs.filter((run) => run.from !== from);
    runs.push({ from, boot });
    runs.sort((a, b) => a.from - b.from);
    if (runs.length > MAX_MOMENTS) runs.splice(1, 1);
    this.#runs = runs;
  }

  /** A poll that had none before it in its run told of what it saw, within [time, end]. Returns whether that may change what is known of sockets. */
  looked(place: number, time: Micros, end: Micros): boolean {
    const bit = bitOf(place);
    const latest = this.#looks.at(-1);
    const look = latest?.time === time ? latest : this.#looks.find((one) => one.time === time);
    if (look !== undefined) {
      const isKnown = end <= look.end && (look.streams & bit) === bit;
      look.end = Math.max(look.end, end);
      look.streams |= bit;
      return !isKnown && !this.isOneRun;
    }
    this.#looks = appended(this.#looks, { time, end, streams: bit }).sort((a, b) => a.time - b.time);
    if (this.#looks.length > MAX_MOMENTS) this.#looks.splice(1, 1);
    return !this.isOneRun;
  }

  /** Before this moment nobody watched the host; -Infinity: nothing is told. */
  get since(): Micros {
    return this.#runs[0]?.from ?? -Infinity;
  }

  /** No more than one run is known of. */
  get isOneRun(): boolean {
    return this.#runs.length < 2;
  }

  /** It was given up, and nobody has watched it since as far as is told. */
  get isGivenUp(): boolean {
    const at = this.#timeouts.at(-1);
    return at !== undefined && this.#runAfter(at) === undefined;
  }

  /** The last moment before the last run, as far as is told; -Infinity: there is no other run. */
  get beforeLastRun(): Micros {
    for (let i = this.#runs.length - 1; i > 0; i--)
      if (this.#endBefore(i) !== undefined) return this.#runs[i]!.from - 1;
    return -Infinity;
  }

  /** It fell silent at some moment within [from, to]. */
  fellSilentWithin(from: Micros, to: Micros): boolean {
    return this.#timeouts.some((at) => at >= from && at <= to);
  }

  /** The first moment at or after `from` at which it was silent; Infinity: it was not. */
  silentFrom(from: Micros): Micros {
    const before = this.#timeouts.findLast((at) => at < from);
    const isSilent = before !== undefined && (this.#runAfter(before)?.from ?? Infinity) > from;
    if (isSilent) return from;
    return Math.min(this.#timeouts.find((at) => at >= from) ?? Infinity, this.#bootedFrom(from));
  }

  /** From when on it may have been silent before a boot, where nobody told that it was. */
  #bootedFrom(from: Micros): Micros {
    for (let at = 1; at < this.#runs.length; at++) {
      const [before, run] = [this.#runs[at - 1]!, this.#runs[at]!];
      if (run.from <= from || !isOtherBoot(before, run)) continue;
      if (!this.fellSilentWithin(before.from, run.from)) return Math.max(from, before.from);
    }
    return Infinity;
  }

  /** Nobody watched the host in part of this span. */
  isUnwatched(from: Micros, to: Micros): boolean {
    if (this.since > from) return true;
    return this.#timeouts.some((at) => at <= to && (this.#runAfter(at)?.from ?? Infinity) > from);
  }

  /** Nothing more will be heard about times up to `until`, since the host fell silent before. */
  isSilent(until: Micros): boolean {
    return this.isGivenUp && this.#timeouts.at(-1)! <= until;
  }

  /** The run after that of a row of this moment; undefined: there is none. */
  runAfter(moment: Micros): Run | undefined {
    return this.#runs.find((run, i) => run.from > moment && this.#endBefore(i) !== undefined);
  }

  /** Whether the moment `to` is of a later run than `from`. */
  isLaterRun(from: Micros, to: Micros): boolean {
    return !this.isOneRun && (this.runAfter(from)?.from ?? Infinity) <= to;
  }

  /** The boot of the host at the moment; before anybody watched it, that of when somebody began to. Undefined: it is not told. */
  bootAt(moment: Micros): string | undefined {
    return (this.#runs.findLast(({ from }) => from <= moment) ?? this.#runs[0])?.boot;
  }

  /** When the host was known to run as another boot, after the moment; Infinity: it never was. */
  bootOver(boot: string | undefined, moment: Micros): Micros {
    if (boot === undefined) return Infinity;
    const isOther = (run: Run): boolean => run.from > moment && run.boot !== undefined && run.boot !== boot;
    return this.#runs.find(isOther)?.from ?? Infinity;
  }

  /**
   * When the watcher fell silent before the run of the moment, and whether the host booted since. Undefined: it was the first run, or how it
   * ended before is not told.
   */
  gapBefore(moment: Micros): { readonly silentAt: Micros; readonly isBooted: boolean } | undefined {
    const run = this.#runs.findLast(({ from }) => from <= moment);
    const silentAt = run && this.#timeouts.findLast((at) => at < run.from);
    if (run === undefined || silentAt === undefined || silentAt < this.since) return undefined;
    const before = this.#runs.findLast(({ from }) => from <= silentAt);
    return { silentAt, isBooted: before !== undefined && isOtherBoot(before, run) };
  }

  /**
   * The span of the rows of the run of a moment. A moment between two runs is taken for the later one's.
   */
  spanOf(moment: Micros): RunSpan {
    let after = -Infinity;
    for (const [i, { from }] of this.#runs.entries()) {
      const end = this.#endBefore(i);
      if (end === undefined) continue;
      if (end >= moment) return { after, until: from - 1 };
      after = from - 1;
    }
    return { after, until: Infinity };
  }

  /** The span of the rows of the run before. */
  spanBefore({ after }: RunSpan): RunSpan {
    let before = -Infinity;
    for (const [i, { from }] of this.#runs.entries()) {
      if (this.#endBefore(i) !== undefined && from <= after) before = from - 1;
    }
    return { after: before, until: after };
  }

  /** When the run before this one ended, at the latest. Undefined: both are one, of which two rows tell, or it is the first. */
  #endBefore(i: number): Micros | undefined {
    const [before, run] = [this.#runs[i - 1], this.#runs[i]!];
    if (before === undefined) return undefined;
    const silentAt = this.#timeouts.findLast((at) => at >= before.from && at < run.from);
    if (silentAt !== undefined) return silentAt;
    return isOtherBoot(before, run) ? run.from - 1 : undefined;
  }

  /**
   * The first poll of the run that began then, which told of all that stood: that of the stream where rows of it tell of one, else of another, since
   * those that had nothing to tell were complete. Undefined: nothing is told of it.
   */
  lookAfter(from: Micros, place: number): Look | undefined {
    const { until } = this.spanOf(from);
    const looks = this.#looks.filter(({ time }) => time >= from && time <= until);
    const bit = bitOf(place);
    return looks.find(({ streams }) => (streams & bit) !== 0) ?? looks[0];
  }

  /** The last first poll before the moment that the stream told of. */
  lookBefore(place: number, moment: Micros): Look | undefined {
    const bit = bitOf(place);
    return this.#looks.findLast((look) => look.end <= moment && (look.streams & bit) !== 0);
  }

  /** The poll that the run of the moment began with. Undefined: none is told of. */
  lookOfRun(moment: Micros): Look | undefined {
    const run = this.#runs.findLast(({ from }) => from <= moment);
    return run && this.#looks.find(({ time, end }) => time === run.from && end <= moment);
  }

  #runAfter(at: Micros): Run | undefined {
    return this.#runs.find(({ from }) => from > at);
  }
}

function isOtherBoot(before: Run, run: Run): boolean {
  return before.boot !== undefined && run.boot !== undefined && before.boot !== run.boot;
}

/** The bit of a stream; those beyond the first 31 of a host have none. */
export function bitOf(place: number): number {
  return place < 31 ? 1 << place : 0;
}

function inserted(times: Micros[], at: Micros): Micros[] {
  if (times.includes(at)) return times;
  const all = appended(times, at).sort((a, b) => a - b);
  if (all.length > MAX_MOMENTS) all.splice(1, 1);
  return all;
}
