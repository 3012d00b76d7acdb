import { limits } from '../../../core/limits.js';
import { type Micros, SECOND } from '../../../core/time.js';
import type { Warn } from '../../../core/warnings.js';
import type { AnyTableRow, HostRow, HostSeen, StreamSeen } from '../../../records/host-row.js';
import type { HostTable } from '../../../records/host-tables.js';
import type { HostLogDecoder, HostSource, JsonObject, LineVerdict } from '../host-source.js';
import { JoinedRows, joinedStreams } from './joined-rows.js';
import { KnownQueries } from './known-queries.js';
import { isEventTable, isOsqueryLine, parseResultLine, type ResultLine, timeOf } from './line.js';
import { fromOsqueryManager } from './osquery-manager.js';
import { QueryStream, type StreamCounters } from './query-stream.js';
import { compare } from './row-order.js';
import { type QueryRun, toRuns, type WaitingLine } from './runs.js';

const BATCH_ROWS = 1024;

/** osquery's result log: event, batch, snapshot and snapshot-event lines, in any order. */
export const osqueryResults: HostSource = {
  name: 'osquery result log',
  recognises: isOsqueryLine,
  restored: fromOsqueryManager,
  goesOn: true,
  timeOf,
  open: (where, warn) => new OsqueryResultLog(where, warn, limits.hostSortBytes),
};

interface Stream {
  readonly rows: QueryStream;
  readonly joined: JoinedRows;
  /** Some row told of a process that was joined. */
  hasJoined: boolean;
  table: HostTable | undefined;
  waiting: WaitingLine[];
}

interface Host {
  readonly name: string;
  readonly streams: Map<string, Stream>;
  /** Streams that the last HostSeen row told. */
  announced: number;
  /** First and last time of which a line told. */
  from: Micros;
  last: Micros;
}

/** A run with its place in the order of all runs: it never comes before an earlier run of its stream. */
interface PlacedRun {
  readonly host: Host;
  readonly stream: Stream;
  readonly run: QueryRun;
  readonly place: Micros;
}

/**
 * Reads one osquery result log. Lines are held until `sortBytes` of text are there, then the earlier half is handed over: a
 * log up to that size gives the same rows in the same order however its lines are shuffled.
 *
 * A HostSeen row comes before a host's first row, again when a stream turns up later, and at the end where snapshots show how often they are
 * taken. At the end of the log every
 * stream is complete up to the time of its host's last line (of any query, understood or not), and a host_timeout at
 * that time says that nothing is known of the host after it.
 */
export class OsqueryResultLog implements HostLogDecoder {
  private readonly hosts = new Map<string, Host>();
  private readonly queries = new KnownQueries();
  private readonly counters: StreamCounters = { room: limits.hostKnownRows, forgotten: 0, late: 0 };
  private streams = 0;
  private refused = 0;
  private waitingBytes = 0;

  constructor(
    private readonly where: string,
    private readonly warn: Warn,
    private readonly sortBytes: number,
  ) {}

  accept(line: JsonObject, bytes: number): LineVerdict {
    const parsed = parseResultLine(line, this.queries);
    if (typeof parsed === 'string') return { bad: parsed };
    if (parsed.kind === 'other') {
      if (parsed.host !== undefined && parsed.time !== undefined) this.hear(parsed.host, parsed.time, parsed.time);
      return { unused: parsed.what };
    }
    this.hold(parsed, bytes);
    return parsed.missing === undefined ? undefined : { unused: `${parsed.query} (without ${parsed.missing})` };
  }

  ready(): Iterable<HostRow[]> {
    return this.waitingBytes >= this.sortBytes ? this.handOver(this.waitingBytes / 2) : [];
  }

  *end(): Iterable<HostRow[]> {
    yield* this.handOver(Number.POSITIVE_INFINITY);
    const rows: HostRow[] = [];
    for (const [host, { streams, from, last: until, announced }] of [...this.hosts].sort(byName)) {
      const pauses = streamsOf(streams, until);
      if (pauses.some(({ pause }) => pause !== undefined)) rows.push({ kind: 'host', host, streams: pauses, from });
      for (const { stream } of streamsOf(streams)) rows.push({ kind: 'complete', host, stream, until });
      if (announced > 0) rows.push({ kind: 'host_timeout', host, at: until });
    }
    if (rows.length > 0) yield rows;
    this.report();
  }

  private hold(line: ResultLine, bytes: number): void {
    const [from, last] = timesOf(line);
    const host = this.hear(line.host, from, last);
    let stream = host?.streams.get(line.query);
    if (host === undefined || (stream === undefined && this.streams >= limits.hostStreams)) {
      this.refused++;
      return;
    }
    if (stream === undefined) {
      this.streams++;
      const rows = new QueryStream(line.host, line.query, this.counters);
      const joined = new JoinedRows(line.query, this.queries.of(joinedStreams(line.query)[0].stream));
      stream = { rows, joined, hasJoined: false, table: undefined, waiting: [] };
      host.streams.set(line.query, stream);
    }
    stream.table ??= line.table;
    const { epoch, counter, time, kind, added, removed } = line;
    stream.waiting.push({ epoch, counter, time, kind, added, removed, bytes });
    this.waitingBytes += bytes;
  }

  /** The host, of which a line told something about these times. Undefined when there are too many. */
  private hear(name: string, from: Micros, last: Micros): Host | undefined {
    let host = this.hosts.get(name);
    if (host === undefined) {
      if (this.hosts.size >= limits.hostStreams) return undefined;
      host = { name, streams: new Map(), announced: 0, from, last };
      this.hosts.set(name, host);
    }
    host.from = Math.min(host.from, from);
    host.last = Math.max(host.last, last);
    return host;
  }

  /** Hands over the earliest runs, about `bytes` of text; the others go on waiting. */
  private *handOver(bytes: number): Iterable<HostRow[]> {
    let rows: HostRow[] = [];
    let left = bytes;
    for (const { streams } of this.hosts.values())
      for (const { rows: stream } of streams.values()) stream.beginHandOver();
    // What was handed over is let go of at once.
    const runs = this.placeRuns().reverse();
    for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
      const { host, stream, run } = next;
      if (left <= 0) {
        for (const line of run.lines) stream.waiting.push(line);
        continue;
      }
      for (const line of run.lines) {
        left -= line.bytes;
        this.waitingBytes -= line.bytes;
      }
      if (stream.table === undefined) continue;
      const taken: AnyTableRow[] = [];
      stream.rows.take(run, stream.table, taken);
      const told = taken.length;
      for (let at = 0; at < told; at++) if (stream.joined.take(taken[at]!, run.time, taken)) stream.hasJoined = true;
      const seen = announcement(host);
      if (seen !== undefined) rows.push(seen);
      for (const row of taken) rows.push(row);
      if (rows.length < BATCH_ROWS) continue;
      yield rows;
      rows = [];
    }
    if (rows.length > 0) yield rows;
  }

  /** Takes all waiting lines out and orders them as runs: by time, host and query, within a query as `toRuns` says. */
  private placeRuns(): PlacedRun[] {
    const placed: PlacedRun[] = [];
    for (const [, host] of [...this.hosts].sort(byName)) {
      for (const [, stream] of [...host.streams].sort(byName)) {
        let place = 0;
        for (const run of toRuns(stream.waiting)) {
          place = Math.max(place, run.time);
          placed.push({ host, stream, run, place });
        }
        stream.waiting = [];
      }
    }
    // The sort is stable, so hosts, queries and runs keep their order at equal times.
    return placed.sort((a, b) => a.place - b.place);
  }

  private report(): void {
    const { late, forgotten } = this.counters;
    const tell = (count: number, message: string) => {
      if (count > 0) this.warn({ code: 'HOST_LOG_BAD_LINE', message, where: this.where, count });
    };
    tell(late, `${late} lines were dropped: they came too long after later lines of their query to be put in order`);
    tell(this.refused, `${this.refused} lines were dropped: the log has more than ${limits.hostStreams} query streams`);
    tell(forgotten, `${forgotten} rows could not be remembered, so that it will not be seen when they go`);
  }
}

/** A HostSeen row when the host has streams that it was not announced with. */
function announcement(host: Host): HostSeen | undefined {
  let known = 0;
  for (const { table, hasJoined } of host.streams.values()) known += (table === undefined ? 0 : 1) + Number(hasJoined);
  if (known === host.announced) return undefined;
  host.announced = known;
  return { kind: 'host', host: host.name, streams: streamsOf(host.streams), from: host.from };
}

/** The streams that rows are told of, in order of their names; with pauses where the log is over at `until`. */
function streamsOf(streams: ReadonlyMap<string, Stream>, until?: Micros): StreamSeen[] {
  return [...streams]
    .sort(byName)
    .flatMap(([stream, { rows, table, hasJoined }]) => [
      ...(table === undefined ? [] : [{ stream, table, ...pauseOf(rows, until) }]),
      ...(hasJoined ? joinedStreams(stream) : []),
    ]);
}

function pauseOf(rows: QueryStream, until: Micros | undefined): { pause?: Micros } {
  const pause = until === undefined ? undefined : rows.pause(until);
  return pause === undefined ? {} : { pause };
}

/** First and last time that a line tells of: its own and those of its events. */
function timesOf(line: ResultLine): [Micros, Micros] {
  let from = line.time > 0 ? line.time : Number.POSITIVE_INFINITY;
  let last = line.time;
  if (line.table !== undefined && isEventTable(line.table)) {
    for (const { time } of line.added) {
      if (typeof time !== 'number' || time <= 0) continue;
      from = Math.min(from, time * SECOND);
      last = Math.max(last, time * SECOND);
    }
  }
  return [from, last];
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return compare(a[0], b[0]);
}
