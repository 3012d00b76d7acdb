import { canonicalAddress } from '../../core/address.js';
import type { Micros } from '../../core/time.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';
import type { HostCounters } from './host-context.js';
import type { HostLimits } from './host-limits.js';
import type { HostState } from './host-state.js';
import { hasPorts } from './portless-endpoints.js';
import type { StreamProgress } from './stream-progress.js';

/** Packets from one endpoint to another. */
export interface Direction {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** A host turned packets of one direction into the reverse of the other, from a moment in [openLo, openHi] to one in [closeLo, closeHi] of its clock. */
export interface Translation {
  readonly gateway: HostState;
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  /** No row tells of its beginning; it was there at openHi. */
  readonly isOlder: boolean;
  /** The direction that is not the one asked for: what its packets come from is where the others go to. */
  readonly other: Direction;
}

type Span = Omit<Translation, 'gateway' | 'other'>;

interface Fact {
  readonly isGone: boolean;
  readonly lo: Micros;
  readonly hi: Micros;
  readonly since: Micros | undefined;
  readonly seq: number;
  readonly stream: string;
  readonly boot: string | undefined;
}

/** What rows tell of one pair of directions on one host. */
interface Entry {
  /** That of the host's entries. */
  readonly name: string;
  readonly gateway: HostState;
  readonly protocol: number;
  readonly original: Direction;
  readonly reply: Direction;
  /** In order of time. */
  readonly facts: Fact[];
}

type ConntrackRow = TableRow<'conntrack'>;

/** What a row says; undefined: it lacks an endpoint, or says that nothing was translated. */
export function directionsOf({
  columns: c,
}: ConntrackRow): { readonly protocol: number; readonly original: Direction; readonly reply: Direction } | undefined {
  const original = direction(
    c.original_source,
    c.original_source_port,
    c.original_destination,
    c.original_destination_port,
  );
  const reply = direction(c.reply_source, c.reply_source_port, c.reply_destination, c.reply_destination_port);
  if (c.protocol === undefined || !hasPorts(c.protocol) || original === undefined || reply === undefined)
    return undefined;
  return isSame(original, reversed(reply)) ? undefined : { protocol: c.protocol, original, reply };
}

function direction(
  from: string | undefined,
  sourcePort: number | undefined,
  to: string | undefined,
  destinationPort: number | undefined,
): Direction | undefined {
  const source = from === undefined ? undefined : canonicalAddress(from);
  const destination = to === undefined ? undefined : canonicalAddress(to);
  if (source === undefined || destination === undefined || !isPort(sourcePort) || !isPort(destinationPort)) {
    return undefined;
  }
  return { source, sourcePort, destination, destinationPort };
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port > 0 && port <= 0xffff;
}

export function reversed({ source, sourcePort, destination, destinationPort }: Direction): Direction {
  return { source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort };
}

export function isSame(a: Direction, b: Direction): boolean {
  return (
    a.source === b.source &&
    a.sourcePort === b.sourcePort &&
    a.destination === b.destination &&
    a.destinationPort === b.destinationPort
  );
}

function keyOf(protocol: number, { source, sourcePort, destination, destinationPort }: Direction): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}

type Limits = Pick<HostLimits, 'translationRows' | 'translationsOfDirection'>;

/** The rows of one host, oldest first. */
export interface TranslationsOfHost {
  entries: Map<string, Entry> | undefined;
  rows: number;
  /** Rows about times up to here were evicted. */
  goneUntil: Micros;
}

/** The connections that hosts translate, found by either direction. Rows may come in any order. */
export class Translations {
  readonly #byDirection = new Map<string, Entry[]>();
  readonly #counters: Pick<HostCounters, 'translationsEvicted'>;

  constructor(counters: Pick<HostCounters, 'translationsEvicted'>) {
    this.#counters = counters;
  }

  get isEmpty(): boolean {
    return this.#byDirection.size === 0;
  }

  /**
   * Takes a row over; false: it was known, or tells of no translation. All that is known of the same packets is gone through as one of their
   * connections is looked at, hence the bound on it beside that of all rows.
   */
  add(of: TranslationsOfHost, gateway: HostState, row: ConntrackRow & AnyTableRow, limits: Limits): boolean {
    const told = directionsOf(row);
    if (told === undefined) return false;
    const { protocol, original, reply } = told;
    const name = `${row.columns.net_namespace ?? ''} ${keyOf(protocol, original)} ${keyOf(protocol, reply)}`;
    of.entries ??= new Map();
    let entry = of.entries.get(name);
    if (entry === undefined) {
      entry = { name, gateway, protocol, original, reply, facts: [] };
      of.entries.set(name, entry);
      for (const each of [original, reply])
        this.#enter(of, keyOf(protocol, each), entry, limits.translationsOfDirection);
    }
    const { time: lo, since, seq, stream } = row;
    if (entry.facts.some((fact) => fact.seq === seq && fact.lo === lo && fact.stream === stream)) return false;
    const hi = lo + Math.max(row.resolution, 1) - 1;
    const fact = { isGone: row.action === 'removed', lo, hi, since, seq, stream, boot: row.boot };
    let at = entry.facts.length;
    while (at > 0 && isBefore(fact, entry.facts[at - 1]!)) at--;
    entry.facts.splice(at, 0, fact);
    of.rows++;
    if (entry.facts.length > 2 * limits.translationsOfDirection) {
      of.rows--;
      this.#evicted(of, entry.facts.shift()!);
    }
    while (of.rows > limits.translationRows) this.#evict(of, of.entries!.values().next().value!);
    return true;
  }

  #evict(of: TranslationsOfHost, entry: Entry): void {
    this.#drop(of, entry);
    this.#evicted(of, ...entry.facts);
  }

  #evicted(of: TranslationsOfHost, ...facts: Fact[]): void {
    this.#counters.translationsEvicted++;
    for (const { hi } of facts) of.goneUntil = Math.max(of.goneUntil, hi);
  }

  /** Drops what was over before the horizon. */
  prune(of: TranslationsOfHost, horizon: Micros): void {
    if (of.entries === undefined) return;
    for (const entry of of.entries.values()) {
      const last = entry.facts.at(-1)!;
      if (last.isGone && last.hi < horizon) this.#drop(of, entry);
    }
  }

  /** Whether some host translated packets of a direction at any time. */
  knows(protocol: number, asked: Direction): boolean {
    return !this.isEmpty && this.#byDirection.has(keyOf(protocol, asked));
  }

  /** What became of packets of a direction at any time: every translation that has it as one of its two. */
  of(protocol: number, asked: Direction): Translation[] {
    const entries = this.#byDirection.get(keyOf(protocol, asked)) ?? [];
    return entries.flatMap((entry) => {
      const other = isSame(entry.original, asked) ? entry.reply : entry.original;
      return spansOf(entry).map((span) => ({ ...span, gateway: entry.gateway, other }));
    });
  }

  #enter(of: TranslationsOfHost, key: string, entry: Entry, most: number): void {
    const known = this.#byDirection.get(key);
    if (known === undefined) {
      this.#byDirection.set(key, [entry]);
      return;
    }
    known.push(entry);
    const own = known.filter(({ gateway }) => gateway === entry.gateway);
    if (own.length > most) this.#evict(of, own[0]!);
  }

  #drop(of: TranslationsOfHost, entry: Entry): void {
    of.entries!.delete(entry.name);
    of.rows -= entry.facts.length;
    for (const each of [entry.original, entry.reply]) {
      const key = keyOf(entry.protocol, each);
      const left = this.#byDirection.get(key)!.filter((other) => other !== entry);
      if (left.length === 0) this.#byDirection.delete(key);
      else this.#byDirection.set(key, left);
    }
  }
}

function isBefore(a: Fact, b: Fact): boolean {
  return a.lo < b.lo || (a.lo === b.lo && a.seq < b.seq);
}

/**
 * From each beginning to the end that follows it. An end alone tells that the translation had begun before, though not before the last one of
 * the same directions was over, nor before rows were lost.
 */
function spansOf({ gateway, facts }: Entry): Span[] {
  const { progress } = gateway;
  const spans: Span[] = [];
  let began: Fact | undefined;
  /** One that a later run of the watcher shows too may be another since. */
  let shownUntil: Micros | undefined;
  let free = -Infinity;
  const openedAfter = ({ since, stream, hi }: Fact): Micros => since ?? shownUntil ?? progress.absentUntil(stream, hi);
  const end = (openLo: Micros, openHi: Micros, closeHi: Micros): void => {
    spans.push({ openLo, openHi, closeLo: free, closeHi, isOlder: began?.since === undefined });
    began = undefined;
    shownUntil = undefined;
  };
  for (const fact of facts) {
    if (began !== undefined) {
      const { lo, hi } = began;
      const goneAt = missedAt(began, fact, progress);
      if (goneAt <= fact.hi) {
        free = lo;
        end(openedAfter(began), hi, goneAt);
        if (!fact.isGone && fact.since === undefined) shownUntil = hi;
      }
    }
    if (!fact.isGone) {
      began ??= fact;
      continue;
    }
    const openHi = began?.hi ?? fact.since ?? fact.hi;
    const openLo = began === undefined ? lostAfter(gateway, free, openHi) : openedAfter(began);
    free = fact.since ?? began?.lo ?? free;
    end(openLo, openHi, fact.hi);
  }
  if (began !== undefined) {
    free = began.lo;
    end(openedAfter(began), began.hi, progress.goneBy(began.stream, began.lo, began.boot));
  }
  return spans;
}

/** By when a translation was not there any more, or may have been another, as a row tells that shows it again. */
function missedAt(began: Fact, { isGone, since, hi }: Fact, { watch }: StreamProgress): Micros {
  // It was not there at a read since: the row of its end was lost.
  if (!isGone && since !== undefined) return since > began.hi ? since : Infinity;
  const shownAt = since ?? hi;
  return watch.isLaterRun(began.lo, shownAt) ? shownAt : Infinity;
}

/**
 * From when on, within a span, a row that told of a beginning may have been lost; where none is known to be, from its start. What was there
 * at the last read before a loss, or before the host fell silent, was told.
 */
function lostAfter({ progress, translationsGoneUntil }: HostState, from: Micros, to: Micros): Micros {
  if (translationsGoneUntil !== -Infinity) return from;
  const at = progress.knownUntil(from, 0, from, ['conntrack']);
  return at <= to ? at : from;
}
