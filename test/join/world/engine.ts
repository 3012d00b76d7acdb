import { Join, type JoinOptions } from '../../../src/join/attribution.js';
import type { AttributedConnection, End } from '../../../src/records/attributed-connection.js';
import { type Input, liveOrder } from './schedule.js';
import type { World } from './world.js';

export interface RunOptions {
  /** Time is told to the join after this many inputs; 0: never, as for files. */
  readonly advanceEvery: number;
  readonly limits?: JoinOptions['limits'];
  readonly finalOnly?: boolean;
  /** The world's, where the inputs come in live order. */
  readonly startsKnown?: boolean;
  readonly takesShortWay?: boolean;
  /** Rows that follow each other come together, up to this many; absent: each by itself. */
  readonly together?: number;
  /** Looks at the join after every input. */
  readonly watch?: (stats: Join['stats']) => void;
}

export interface Run {
  readonly lines: readonly AttributedConnection[];
  /** When each line came, by the inputs' time. */
  readonly times: readonly number[];
  readonly stats: Join['stats'];
}

/** Runs a world as a running engine would. */
export function runLive(world: World, options: RunOptions = { advanceEvery: 1 }): Run {
  return runJoin(world, liveOrder(world), { startsKnown: world.startsKnown, ...options });
}

/** Feeds a join in the given order and ends it. */
export function runJoin(world: World, inputs: readonly Input[], options: RunOptions): Run {
  const lines: AttributedConnection[] = [];
  const times: number[] = [];
  let now = 0;
  const join = new Join({
    latenessUs: world.latenessUs,
    attrWaitUs: 2_000_000,
    finalOnly: options.finalOnly ?? false,
    startsKnown: options.startsKnown ?? false,
    takesShortWay: options.takesShortWay ?? true,
    emit: (line) => {
      lines.push(line);
      times.push(now);
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  let sinceAdvance = 0;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    now = input.at;
    if ('row' in input && options.together !== undefined) i += takeTogether(join, inputs, i, options.together) - 1;
    else if ('row' in input) join.row(input.row);
    else if ('update' in input) join.connection(input.update);
    options.watch?.(join.stats);
    if (options.advanceEvery === 0) continue;
    if (++sinceAdvance >= options.advanceEvery) {
      join.advance(input.at - world.captureLag);
      sinceAdvance = 0;
    }
  }
  join.end();
  return { lines, times, stats: join.stats };
}

/** Hands in up to `most` rows from a place on, as one frame. Returns how many. */
function takeTogether(join: Join, inputs: readonly Input[], from: number, most: number): number {
  let taken = 0;
  join.together(() => {
    for (const input of inputs.slice(from, from + most)) {
      if (!('row' in input)) return;
      join.row(input.row);
      taken++;
    }
  });
  return taken;
}

export function lastLines(run: Run): AttributedConnection[] {
  const last = new Map<string, AttributedConnection>();
  for (const line of run.lines) last.set(line.connection.uid, line);
  return [...last.values()].sort(
    (a, b) => a.connection.ts - b.connection.ts || (a.connection.uid < b.connection.uid ? -1 : 1),
  );
}

/** An end as its line shows it, for comparison: the rows that decided are no part of the line. */
export function shownEnd(end: End): unknown {
  const shown = JSON.parse(
    JSON.stringify(end, (key, value: unknown) => (key === 'evidence' ? undefined : value)),
  ) as End;
  if (shown.state === 'ambiguous') {
    return { ...shown, candidates: shown.candidates.map((c) => JSON.stringify(c)).sort() };
  }
  return shown;
}

/** A last line without `rev` and without what made it, which depend on the order of arrival by their nature. */
export function shownLine(line: AttributedConnection): string {
  return JSON.stringify([line.capture, line.connection, shownEnd(line.orig), shownEnd(line.resp)]);
}
