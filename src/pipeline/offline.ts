import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { HostLogCounts, HostLogOptions } from '../hosts/sources/host-log.js';
import { UNMEASURED_ERR } from '../join/host-clocks.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { ClockSample, HostRow } from '../records/host-row.js';
import type { FileNetwork } from './file-network.js';
import { Lookahead } from './lookahead.js';
import { watchedUntil } from './watched-until.js';

/** What takes the inputs: the join and the rules. */
export interface Intake {
  /** `handedOver`: when a live capture handed it over, so that a connection that ended was removed by then. */
  connection(update: ConnectionUpdate, handedOver?: Micros): void;
  row(row: HostRow): void;
  /** Capture time has reached `now`. */
  advance(now: Micros): void;
  /** Waits while the outputs have too much queued; called between batches. */
  ready(): Promise<void>;
  /** True when going on would be for nobody. */
  readonly stopped: boolean;
}

/** Where hosts are watched as the run goes on. */
export interface LiveIntake extends Intake {
  /** Rows of one host that came together (see Join.together). */
  rows(rows: readonly HostRow[]): void;
}

/**
 * How far the clock of each host is ahead of the captures': of several the farthest, so that its rows are rather early than late.
 * A clock that is off by less than one that nobody measured may be is taken for right, so that the errors of measuring change no order.
 */
type Leads = ReadonlyMap<string, Micros>;

function leadsOf(rows: readonly HostRow[]): Leads {
  const leads = new Map<string, Micros>();
  for (const row of rows) {
    if (row.kind !== 'clock' || Math.abs(row.offset) <= UNMEASURED_ERR) continue;
    leads.set(row.host, Math.max(row.offset, leads.get(row.host) ?? row.offset));
  }
  return leads;
}

/** The time of a row by the captures' clock, as far as that of its host is known; else by that of its host. */
function timeOf(row: HostRow, leads: Leads): Micros {
  return row.kind === 'clock' ? row.from : hostTimeOf(row) - (leads.get(row.host) ?? 0);
}

function hostTimeOf(row: Exclude<HostRow, ClockSample>): Micros {
  switch (row.kind) {
    case 'row':
      return row.time;
    case 'host':
      return row.from;
    case 'complete':
      return row.until;
    case 'lost':
      return row.to;
    case 'host_timeout':
      return row.at;
  }
}

async function* hostRows(paths: readonly string[], options: HostLogOptions): AsyncGenerator<HostRow[]> {
  const { readHostLogs } = await import('../hosts/sources/host-log.js');
  yield* readHostLogs(paths, options);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Rows of several streams put in order of time, by the captures' clock, at one time by host and stream, whatever order the log had. What hosts
 * there are comes first. Every log ends with a host_timeout; where several logs tell of one host, only those are true at which none goes on.
 */
function inOrder(all: readonly HostRow[], leads: Leads): HostRow[] {
  const ends = watchedUntil(all);
  const rows = all.filter(({ kind }) => kind !== 'host_timeout');
  for (const [host, times] of ends) for (const at of times) rows.push({ kind: 'host_timeout', host, at });
  const times = Float64Array.from(rows, (row) => timeOf(row, leads));
  const isFirst = Uint8Array.from(rows, (row) =>
    Number(row.kind === 'host' && row.from <= (ends.get(row.host)?.[0] ?? Infinity)),
  );
  const order = Uint32Array.from(rows, (_, at) => at).sort(
    (a, b) => isFirst[b]! - isFirst[a]! || times[a]! - times[b]! || compareAtOneTime(rows[a]!, rows[b]!),
  );
  return Array.from(order, (at) => rows[at]!);
}

function compareAtOneTime(a: HostRow, b: HostRow): number {
  return (
    compareText(a.host, b.host) ||
    Number(b.kind === 'row') - Number(a.kind === 'row') ||
    (a.kind === 'row' && b.kind === 'row' ? compareText(a.stream, b.stream) || a.seq - b.seq : 0)
  );
}

/**
 * Reads captures and host logs together, in order of time, with host rows ahead of the connections that they may explain by the
 * lateness that the join allows. Where a log carries no clock rows, the first connections and rows are looked at before anything is
 * joined, and the clocks measured from them enter as rows. With `stop` the logs end where they have been read to. Returns what became of the lines of the logs.
 */
export async function readFiles(
  network: FileNetwork,
  hostLogs: readonly string[],
  latenessUs: Micros,
  intake: Intake,
  { warn, stop }: Omit<HostLogOptions, 'counts'>,
  onProgress: (readBytes: number) => void,
): Promise<HostLogCounts> {
  const counts: HostLogCounts = { lines: 0, bad: 0, unused: 0, unusedKinds: new Map() };
  if (hostLogs.length === 0) {
    for await (const _ of network.follow((update) => intake.connection(update))) {
      onProgress(network.readBytes);
      await intake.ready();
      if (intake.stopped) break;
    }
    return counts;
  }

  const connections = new Lookahead(network.updates());
  const ordered = await rowsInOrder(
    new Lookahead(hostRows(hostLogs, { warn, counts, ...(stop !== undefined && { stop }) })),
    connections,
    intake,
  );
  for (;;) {
    const updates = await connections.next();
    if (updates === undefined) break;
    for (const update of updates) {
      const end = update.connection.ts + (update.connection.duration ?? 0);
      await ordered.until(end + latenessUs, intake);
      intake.connection(update);
      intake.advance(end);
    }
    onProgress(network.readBytes);
    await intake.ready();
    if (intake.stopped) return counts;
  }
  await ordered.until(Number.POSITIVE_INFINITY, intake);
  return counts;
}

/**
 * The clocks of the hosts are measured from the first rows and connections and handed on. By itself, so that nothing of what it takes
 * is held while the files are read.
 */
async function rowsInOrder(
  rows: Lookahead<HostRow>,
  connections: Lookahead<ConnectionUpdate>,
  intake: Intake,
): Promise<OrderedRows> {
  const { ClockEstimator } = await import('../join/clock.js');
  const clocks = new ClockEstimator();
  const first = (await rows.peek(limits.clockRows)).flat();
  for (const row of first) clocks.row(row);
  for (const list of await connections.peek(limits.clockConnections)) {
    for (const update of list) clocks.connection(update);
  }
  const measured = clocks.estimate();
  for (const row of measured) intake.row(row);
  return new OrderedRows(rows, first, leadsOf([...first, ...measured]));
}

/** Host rows handed on up to a time of the captures: the looked-at ones sorted, what follows in the order it comes. */
class OrderedRows {
  /** The next one last, so that what was handed on is not held. */
  #list: HostRow[];

  constructor(
    private readonly rest: Lookahead<HostRow>,
    first: readonly HostRow[],
    private readonly leads: Leads,
  ) {
    this.#list = inOrder(first, leads).reverse();
    rest.drop();
  }

  async until(time: Micros, intake: Intake): Promise<void> {
    for (;;) {
      for (let next = this.#list.at(-1); next !== undefined; next = this.#list.at(-1)) {
        if (timeOf(next, this.leads) > time) return;
        intake.row(next);
        this.#list.pop();
      }
      const next = await this.rest.next();
      if (next === undefined) return;
      this.#list = next.reverse();
    }
  }
}
