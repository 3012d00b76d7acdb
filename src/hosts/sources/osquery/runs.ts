import type { Micros } from '../../../core/time.js';
import type { ResultLine } from './line.js';

/** A line that waits for its place, with the length of its text. */
export interface WaitingLine {
  readonly line: ResultLine;
  readonly bytes: number;
}

/** What one execution of a query gave: the lines with one epoch, counter, time and kind. */
export interface QueryRun {
  readonly epoch: string;
  readonly counter: number | undefined;
  readonly time: Micros;
  readonly kind: 'changes' | 'snapshot';
  readonly lines: WaitingLine[];
}

/** Whether two runs are one, of which more lines came later. */
export function isSameRun(a: QueryRun, b: QueryRun): boolean {
  return a.epoch === b.epoch && a.counter === b.counter && a.time === b.time && a.kind === b.kind;
}

/** Order of two texts by code units, the same on every machine. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Groups the lines of one query of one host into runs, in order.
 *
 * In an epoch the counter grows with every run, so it is trusted over the clock, which may be set back. When a counter
 * stands at two times, or 0 comes after a higher one, it began anew within the epoch (a lost database, a changed query)
 * or does not count runs (snapshots, derived logs): then time decides.
 */
export function toRuns(waiting: readonly WaitingLine[]): QueryRun[] {
  const byKey = new Map<string, QueryRun>();
  for (const each of waiting) {
    const { epoch, counter, time, kind } = each.line;
    const key = `${epoch} ${counter ?? ''} ${time} ${kind}`;
    const run = byKey.get(key);
    if (run === undefined) byKey.set(key, { epoch, counter, time, kind, lines: [each] });
    else run.lines.push(each);
  }
  const runs = [...byKey.values()].sort(byTime);
  return countersAreSound(runs) ? orderByCounter(runs) : runs;
}

function byTime(a: QueryRun, b: QueryRun): number {
  return (
    a.time - b.time || compare(a.epoch, b.epoch) || (a.counter ?? -1) - (b.counter ?? -1) || compare(a.kind, b.kind)
  );
}

/** Takes runs ordered by time. */
function countersAreSound(runs: readonly QueryRun[]): boolean {
  const seen = new Map<string, Set<number>>();
  for (const { epoch, counter } of runs) {
    const counters = seen.get(epoch);
    if (counter === undefined || counters?.has(counter) === true) return false;
    if (counter === 0 && counters !== undefined) return false;
    if (counters === undefined) seen.set(epoch, new Set([counter]));
    else counters.add(counter);
  }
  return true;
}

/** Epochs in the order of their first time, each by counter. */
function orderByCounter(runs: readonly QueryRun[]): QueryRun[] {
  const epochs = new Map<string, QueryRun[]>();
  for (const run of runs) {
    const list = epochs.get(run.epoch);
    if (list === undefined) epochs.set(run.epoch, [run]);
    else list.push(run);
  }
  return [...epochs.values()].flatMap((list) => list.sort((a, b) => a.counter! - b.counter!));
}
