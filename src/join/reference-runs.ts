import type { Micros } from '../core/time.js';
import type { HostSeen, TableRow } from '../records/host-row.js';
import { eventTables, type HostRows, isLost, pauseOf, streamsOf, streamUntil, tableOf } from './reference-rows.js';

/*
 * What the reference makes of the runs in which a host is watched: each tells at first of all that stands, and nobody tells what went on
 * between two of them.
 */

function runsOf({ seen }: HostRows): HostSeen[] {
  return [...seen].sort((a, b) => a.from - b.from);
}

/** The first moment at or after `from` at which the host was silent, told or, before a boot, not. */
export function silentFrom(host: HostRows, from: Micros): Micros {
  const told = host.timeouts.map(({ at }) => at);
  const runs = runsOf(host);
  const isSilent = told.some((at) => at < from && !runs.some((run) => run.from > at && run.from <= from));
  if (isSilent) return from;
  const untold = runs.flatMap((run, i) => {
    const before = runs[i - 1];
    if (before === undefined || run.from <= from || !isBooted(before, run)) return [];
    return told.some((at) => at >= before.from && at <= run.from) ? [] : [Math.max(from, before.from)];
  });
  return Math.min(Infinity, ...told.filter((at) => at >= from), ...untold);
}

function isBooted(before: HostSeen, run: HostSeen): boolean {
  return before.boot !== undefined && run.boot !== undefined && before.boot !== run.boot;
}

function runAfter(host: HostRows, moment: Micros): HostSeen | undefined {
  const runs = runsOf(host);
  return runs.find((run, i) => {
    const before = runs[i - 1];
    if (before === undefined || run.from <= moment) return false;
    return isBooted(before, run) || host.timeouts.some(({ at }) => at >= before.from && at < run.from);
  });
}

/** Whether the moment `to` is of a later run than `from`. */
export function isLaterRun(host: HostRows, from: Micros, to: Micros): boolean {
  return (runAfter(host, from)?.from ?? Infinity) <= to;
}

/** When the host was known to run as another boot, after the moment. */
export function bootOver(host: HostRows, boot: string | undefined, moment: Micros): Micros {
  const run = runsOf(host).find((run) => run.from > moment && run.boot !== undefined && run.boot !== boot);
  return boot === undefined || run === undefined ? Infinity : run.from;
}

interface Look {
  readonly time: Micros;
  readonly end: Micros;
  readonly streams: ReadonlySet<string>;
}

/** Polls that had none before them in their run. */
function looksOf({ table }: HostRows): Look[] {
  const first = table.filter(({ action, since }) => action === 'added' && since === undefined);
  const times = [...new Set(first.map(({ time }) => time))].sort((a, b) => a - b);
  return times.map((time) => {
    const rows = first.filter((row) => row.time === time);
    const end = Math.max(...rows.map(({ resolution }) => time + Math.max(resolution, 1) - 1));
    return { time, end, streams: new Set(rows.map(({ stream }) => stream)) };
  });
}

function isLostOf(host: HostRows, stream: string, from: Micros, to: Micros): boolean {
  const table = tableOf(host, stream);
  return table !== undefined && isLost(host, [table], from, to);
}

/** By when what the row tells had gone, unless a later run tells of it again. */
export function goneBy(host: HostRows, { stream, time, boot }: Pick<TableRow, 'stream' | 'time' | 'boot'>): Micros {
  const booted = bootOver(host, boot, time);
  const run = runAfter(host, time);
  if (run === undefined) return booted;
  const until = runAfter(host, run.from)?.from ?? Infinity;
  const looks = looksOf(host).filter((look) => look.time >= run.from && look.time < until);
  const look = looks.find(({ streams }) => streams.has(stream)) ?? looks[0];
  if (look === undefined || streamUntil(host, stream) < look.time) return booted;
  return isLostOf(host, stream, run.from, look.end) ? booted : Math.min(booted, look.end);
}

/** By when a socket that a call made had gone, unless a later run shows it. */
export function callGoneBy(host: HostRows, call: Pick<TableRow, 'time' | 'boot'>): Micros {
  const told = streamsOf(host, ['process_open_sockets']).map((stream) => goneBy(host, { ...call, stream }));
  return Math.min(bootOver(host, call.boot, call.time), ...told);
}

/** Until when what the row tells, not knowing since when, was not there: the run before had not told of it, nor of a call where such are told. */
export function absentUntil(
  host: HostRows,
  { stream, time, resolution }: Pick<TableRow, 'stream' | 'time' | 'resolution'>,
  isCalled = false,
): Micros {
  const runs = runsOf(host);
  const run = runs.findLast(({ from }) => from <= time + Math.max(resolution, 1) - 1);
  const silentAt = Math.max(-Infinity, ...host.timeouts.map(({ at }) => at).filter((at) => run && at < run.from));
  const before = runs.findLast(({ from }) => from <= silentAt);
  if (run === undefined || before === undefined) return -Infinity;
  if (isBooted(before, run)) return silentAt;
  // Some streams of sockets tell what is seen between polls, of a few processes alone.
  const table = tableOf(host, stream);
  const ofSockets = table === 'process_open_sockets' || table === 'listening_ports';
  const look = looksOf(host).findLast(
    ({ time: at, end, streams }) => end <= silentAt && (ofSockets ? at === before.from : streams.has(stream)),
  );
  // It is of the run before.
  const isOfEarlier = runs.some(
    (one, i) =>
      look !== undefined &&
      one.from > look.time &&
      one.from <= silentAt &&
      (host.timeouts.some(({ at }) => at >= look.time && at < one.from) || (i > 0 && isBooted(runs[i - 1]!, one))),
  );
  if (look === undefined || isOfEarlier) return -Infinity;
  if (isLostOf(host, stream, look.time, silentAt)) return -Infinity;
  if (isCalled && !isLost(host, eventTables, look.time, silentAt)) return silentAt;
  const alike = [...look.streams].filter((one) => {
    const of = tableOf(host, one);
    return of === table || (table === 'listening_ports' && of === 'process_open_sockets');
  });
  return Math.max(look.time, silentAt - Math.min(...alike.map((one) => pauseOf(host, one))));
}
