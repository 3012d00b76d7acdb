import { limits } from '../core/limits.js';
import type { Metric, Sample } from '../core/metric.js';
import type { AttributedConnection, End } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import { type Reason, reasons } from '../records/reason.js';

type Outcome = 'attributed' | 'ambiguous' | 'pending' | Reason;
const outcomes: readonly Outcome[] = ['attributed', 'ambiguous', 'pending', ...reasons];
const places = Object.fromEntries(outcomes.map((outcome, place) => [outcome, place])) as Record<Outcome, number>;

export type Side = 'orig' | 'resp';
type Protocol = Connection['proto'];

/** Ends that have all of this in common. */
interface Cell {
  readonly side: Side;
  readonly protocol: Protocol;
  /** Absent: the end has no host. */
  readonly host: string | undefined;
  readonly outcome: Outcome;
  count: number;
}

const outcomeOf = (end: End): Outcome => (end.state === 'unattributed' ? end.reason : end.state);

/** What stands for hosts beyond those that are told apart. */
const OTHER_HOSTS = 'other';

/**
 * How many ends have an owner, and why the others have none, by protocol, side and host; every connection counts once, by its last line.
 * Hosts beyond `limits.coverageHosts` count together as `other`.
 */
export class Coverage {
  readonly #cells: Cell[] = [];
  readonly #byHost = new Map<string | undefined, Map<Protocol, (Cell | undefined)[]>>();
  readonly #open = new Map<string, readonly [Cell, Cell]>();
  connections = 0;

  /** `last`: no further line of this uid can follow (offline, final-only), so nothing is remembered of it. */
  line({ connection, orig, resp, rev, cause }: AttributedConnection, last: boolean): void {
    const { proto } = connection;
    const now = [this.#cell('orig', proto, orig), this.#cell('resp', proto, resp)] as const;
    // Most runs over files remember nothing, and then no uid is needed.
    const before = this.#open.size === 0 ? undefined : this.#open.get(connection.uid);
    if (before === undefined) {
      if (rev > 0 && cause === 'evidence') return;
      this.connections++;
    } else {
      for (const cell of before) cell.count--;
    }
    for (const cell of now) cell.count++;
    if (!last) this.#remember(connection.uid, now);
    else if (before !== undefined) this.#open.delete(connection.uid);
  }

  /** So many last lines of connections of which none came before, where none is remembered. */
  lines(protocol: Protocol, orig: End, resp: End, count: number): void {
    this.connections += count;
    this.#cell('orig', protocol, orig).count += count;
    this.#cell('resp', protocol, resp).count += count;
  }

  #remember(uid: string, now: readonly [Cell, Cell]): void {
    this.#open.delete(uid);
    this.#open.set(uid, now);
    // A revision of something forgotten is not counted again; what it counted as stays.
    if (this.#open.size > limits.coverageConnections) this.#open.delete(this.#open.keys().next().value!);
  }

  #cell(side: Side, protocol: Protocol, end: End): Cell {
    let host = hostOf(end);
    let byProtocol = this.#byHost.get(host);
    if (byProtocol === undefined) {
      if (this.#byHost.size >= limits.coverageHosts) host = OTHER_HOSTS;
      byProtocol = this.#byHost.get(host) ?? new Map();
      this.#byHost.set(host, byProtocol);
    }
    let cells = byProtocol.get(protocol);
    if (cells === undefined) {
      cells = [];
      byProtocol.set(protocol, cells);
    }
    const outcome = outcomeOf(end);
    const place = places[outcome] * 2 + (side === 'orig' ? 0 : 1);
    const known = cells[place];
    if (known !== undefined) return known;
    const cell = { side, protocol, host, outcome, count: 0 };
    cells[place] = cell;
    this.#cells.push(cell);
    return cell;
  }

  count(side: Side, outcome: Outcome): number {
    return this.#sum((cell) => cell.side === side && cell.outcome === outcome);
  }

  #sum(which: (cell: Cell) => boolean): number {
    return this.#cells.reduce((sum, cell) => sum + (which(cell) ? cell.count : 0), 0);
  }

  /** `originators: 12 attributed, 3 no_agent`; of one protocol alone where that is given. */
  text(side: Side, protocol?: Protocol): string {
    const counts = outcomes.map((outcome) => {
      const isOf = (cell: Cell): boolean => cell.side === side && cell.outcome === outcome;
      const count = this.#sum((cell) => isOf(cell) && (protocol === undefined || cell.protocol === protocol));
      return { outcome, count };
    });
    const parts = counts.filter(({ count }) => count > 0).map(({ outcome, count }) => `${count} ${outcome}`);
    return parts.length > 0 ? parts.join(', ') : 'none';
  }

  /** The protocols that came, in alphabetical order. */
  get protocols(): Protocol[] {
    return [...new Set(this.#cells.filter(({ count }) => count > 0).map(({ protocol }) => protocol))].sort();
  }

  /** Ends of each host, and how many of them have an owner; those with the most ends first. */
  byHost(): { readonly host: string; readonly ends: number; readonly attributed: number }[] {
    const hosts = [...this.#byHost.keys()].filter((host) => host !== undefined);
    const of = (host: string) => ({
      host,
      ends: this.#sum((cell) => cell.host === host),
      attributed: this.#sum((cell) => cell.host === host && cell.outcome === 'attributed'),
    });
    const counted = hosts.map(of).filter(({ ends }) => ends > 0);
    return counted.sort((a, b) => b.ends - a.ends || (a.host < b.host ? -1 : 1));
  }

  metrics(): Metric[] {
    const help = 'Ends of connections by what their last line said; an end moves when a later line says otherwise.';
    const samples = this.#cells.map(({ side, protocol, host, outcome, count }): Sample => {
      const isReason = outcome !== 'attributed' && outcome !== 'ambiguous' && outcome !== 'pending';
      const state = isReason ? { state: 'unattributed', reason: outcome } : { state: outcome };
      return { labels: { protocol, direction: side, ...(host !== undefined && { host }), ...state }, value: count };
    });
    return [
      { name: 'correlate_ends', help, type: 'gauge', samples },
      {
        name: 'correlate_connections_total',
        help: 'Connections told of.',
        type: 'counter',
        samples: [{ value: this.connections }],
      },
    ];
  }
}

/** The host of an end's owner, or that has its address. */
function hostOf(end: End): string | undefined {
  if (end.state === 'attributed') return end.host.id;
  if (end.state === 'ambiguous') return end.candidates[0]?.host.id;
  return end.state === 'unattributed' ? end.host?.id : undefined;
}
