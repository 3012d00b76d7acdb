import type { Micros } from '../../../core/time.js';
import type { RowColumns } from './columns.js';
import { compare } from './row-order.js';

/** What the lines of one execution of a query have in common. */
export interface RunMark {
  readonly epoch: string;
  readonly counter: number | undefined;
  readonly time: Micros;
  readonly kind: 'changes' | 'snapshot';
}

/** What is kept of a line that waits for its place, with the length of its text. */
export interface WaitingLine extends RunMark {
  readonly added: readonly RowColumns[];
  readonly removed: readonly RowColumns[];
  readonly bytes: number;
}

/** What one execution of a query gave, in the order in which the lines came. */
export interface QueryRun extends RunMark {
  readonly lines: readonly WaitingLine[];
}

/** Whether two runs are one, of which more lines came later. */
export function isSameRun(a: RunMark, b: RunMark): boolean {
  return a.time === b.time && a.counter === b.counter && a.epoch === b.epoch && a.kind === b.kind;
}

export function markOf({ epoch, counter, time, kind }: RunMark): RunMark {
  return { epoch, counter, time, kind };
}

/**
 * Groups the lines of one query of one host into runs, in order.
 *
 * In an epoch the counter grows with every run, so it is trusted over the clock, which may be set back. When a counter
 * stands at two times, or 0 comes after a higher one, it began anew within the epoch (a lost database, a changed query)
 * or does not count runs (snapshots, derived logs): then time decides.
 */
export function toRuns(waiting: readonly WaitingLine[]): QueryRun[] {
  // Lines mostly wait in this order, which makes the sort cheap. It is stable, so those of a run stay as they came.
  const lines = waiting.toSorted(byTime);
  const runs: QueryRun[] = [];
  for (let from = 0, to = 0; from < lines.length; from = to) {
    const first = lines[from]!;
    while (to < lines.length && isSameRun(first, lines[to]!)) to++;
    const { epoch, counter, time, kind } = first;
    runs.push({ epoch, counter, time, kind, lines: lines.slice(from, to) });
  }
  return countersAreSound(runs) ? orderByCounter(runs) : runs;
}

function byTime(a: RunMark, b: RunMark): number {
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
