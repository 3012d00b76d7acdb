import { canonicalAddress } from '../core/address.js';
import type { Micros } from '../core/time.js';
import { type HostRows, isLost, isUnwatched, knownUntil, type Socket } from './reference-rows.js';
import { absentUntil, goneBy, isLaterRun } from './reference-runs.js';

/* What the reference makes of rows about translated connections (NAT). */

/** Packets on their way: from `source` to `destination`, each as `address port`. */
export interface Way {
  readonly source: string;
  readonly destination: string;
}

interface Span {
  readonly host: HostRows;
  readonly asked: Way;
  readonly other: Way;
  readonly openLo: Micros;
  readonly openHi: Micros;
  readonly closeLo: Micros;
  readonly closeHi: Micros;
  /** It was not told of as it began, and there at openHi. */
  readonly isOlder: boolean;
}

/** Where the packets that are sent to an end go. */
export type Delivered =
  | {
      readonly kind: 'inner';
      readonly host: HostRows;
      readonly way: Way;
      readonly since: Micros;
      /** Up to when the one before may have lasted. */
      readonly previousLast: Micros;
      readonly until: Micros;
    }
  | { readonly kind: 'unsure' };

export interface Clock {
  readonly offset: Micros;
  readonly err: Micros;
}

/** Whether packets, as captured, are of a container elsewhere that has an address of one of this host's containers. */
export type Elsewhere = (host: HostRows, way: Way) => 'surely' | 'maybe' | 'no';

/** Whether a process of the host called for what fits the end as if its packets, which come this way, were not translated. */
export type OwnCall = (host: HostRows, way: Way) => boolean;

/** The host's own sockets that send packets this way. */
export type OwnSockets = (
  host: HostRows,
  way: Way,
) => readonly Pick<Socket, 'openLo' | 'openHi' | 'closeLo' | 'closeHi'>[];

/** Follows packets of a connection, which came from `first` to `last`, capture clock, through at most four hosts. */
export function delivered(
  hosts: readonly HostRows[],
  protocol: number,
  sent: Way,
  first: Micros,
  last: Micros,
  clockOf: (host: HostRows) => Clock,
  elsewhere: Elsewhere,
  hasOwnCall: OwnCall,
  ownSockets: OwnSockets,
): Delivered | undefined {
  let way = sent;
  let found: Delivered | undefined;
  for (let hop = 0; hop < 4; hop++) {
    const asked = way;
    const spans = hosts.flatMap((host) => spansOf(host, protocol, asked));
    const fitting = spans.filter(({ host, openLo, closeHi }) => {
      const { offset, err } = clockOf(host);
      const isOthers = hop === 0 && elsewhere(host, asked) === 'surely';
      return openLo <= first + offset + err && closeHi >= first + offset - err && !isOthers;
    });
    const [one] = fitting;
    if (one === undefined) break;
    if (hop === 0 && fitting.some(({ host }) => elsewhere(host, sent) === 'maybe')) return { kind: 'unsure' };
    if (fitting.some(({ host, other }) => host !== one.host || !isSame(other, one.other))) return { kind: 'unsure' };
    // What is not told of may have ended it, and begun another.
    const mayBeOver = fitting.some(({ host, openHi }) => {
      const { offset, err } = clockOf(host);
      const until = first + offset + err;
      return isLost(host, ['conntrack'], openHi, until) || isUnwatched(host, openHi, until);
    });
    if (mayBeOver || hasOwnCall(one.host, asked)) return { kind: 'unsure' };
    // A socket of its own that surely stood leaves no room for a translation that need not have.
    const stood = (from: Micros, to: Micros): boolean => {
      const clock = clockOf(one.host);
      return from <= first + clock.offset - clock.err && to >= first + clock.offset + clock.err;
    };
    const isThere = fitting.some(({ openHi, closeLo, closeHi }) =>
      stood(openHi, closeHi === Infinity ? Infinity : closeLo),
    );
    const sentBack = { source: asked.destination, destination: asked.source };
    const hasOwn = ownSockets(one.host, sentBack).some(({ openHi, closeLo }) => stood(openHi, closeLo));
    if (hasOwn && !isThere) return { kind: 'unsure' };
    way = { source: one.other.destination, destination: one.other.source };
    const { offset, err } = clockOf(one.host);
    const stoodUntil = Math.max(one.closeLo, last + offset - err);
    // Those of the same inner endpoints have the other way too, whichever end began them.
    const others = spansOf(one.host, protocol, one.other)
      .filter(
        ({ openLo, openHi, closeHi, other }) =>
          openLo !== one.openLo || openHi !== one.openHi || closeHi !== one.closeHi || !isSame(other, asked),
      )
      // Two with the same endpoints are one after the other, and packets came until the one was over.
      .map((span) =>
        span.isOlder && span.openHi >= one.closeLo
          ? { ...span, openLo: Math.max(span.openLo, Math.min(stoodUntil, span.openHi)) }
          : span,
      );
    const before = others.filter(({ openLo, openHi }) => openHi <= one.openHi && openLo < one.openLo);
    const after = others.filter(({ openLo, openHi }) => openHi > one.openHi && openLo >= one.openLo);
    if (before.length + after.length < others.length) return { kind: 'unsure' };
    const own = ownSockets(one.host, way);
    const ownBefore = own.filter(({ openHi }) => openHi < first + offset - err);
    const ownAfter = own.filter(({ openLo }) => openLo > first + offset + err);
    if (ownBefore.length + ownAfter.length < own.length) return { kind: 'unsure' };
    const since = Math.max(-Infinity, ...[...before, ...ownBefore].map(({ openHi }) => openHi - offset));
    const until = Math.min(Infinity, ...[...after, ...ownAfter].map(({ openLo }) => openLo - offset));
    const previousLast = Math.max(-Infinity, ...ownBefore.map(({ closeHi }) => Math.min(closeHi - offset, first)));
    found = { kind: 'inner', host: one.host, way, since, previousLast, until };
  }
  return found;
}

function isSame(a: Way, b: Way): boolean {
  return a.source === b.source && a.destination === b.destination;
}

/** Every span of time in which a host translated packets of this way. */
function spansOf(host: HostRows, protocol: number, asked: Way): Span[] {
  const rows = host.table.flatMap((row) => (row.table === 'conntrack' ? [row] : []));
  const ways = rows.flatMap((row) => {
    const c = row.columns;
    const original = wayOf(
      c.original_source,
      c.original_source_port,
      c.original_destination,
      c.original_destination_port,
    );
    const reply = wayOf(c.reply_source, c.reply_source_port, c.reply_destination, c.reply_destination_port);
    const isUntouched = original.source === reply.destination && original.destination === reply.source;
    if (c.protocol !== protocol || isUntouched || (!isSame(original, asked) && !isSame(reply, asked))) return [];
    return [
      {
        row,
        name: JSON.stringify([c.net_namespace, original, reply]),
        other: isSame(original, asked) ? reply : original,
      },
    ];
  });
  const spans: Span[] = [];
  for (const name of new Set(ways.map((each) => each.name))) {
    const told = ways
      .filter((each) => each.name === name)
      .sort((a, b) => a.row.time - b.row.time || a.row.seq - b.row.seq);
    const { other } = told[0]!;
    let began: (typeof told)[number]['row'] | undefined;
    // One that a later run shows too may be another since.
    let shownUntil: Micros | undefined;
    // Two of the same ways are one after the other.
    let free = -Infinity;
    const openedAfter = (row: NonNullable<typeof began>): Micros => row.since ?? shownUntil ?? absentUntil(host, row);
    const end = (row: typeof began, openLo: Micros, openHi: Micros, closeLo: Micros, closeHi: Micros): void => {
      spans.push({ host, asked, other, openLo, openHi, closeLo, closeHi, isOlder: row?.since === undefined });
      free = closeLo;
      began = undefined;
      shownUntil = undefined;
    };
    for (const { row } of told) {
      const hi = endOf(row);
      const isShown = row.action !== 'removed';
      if (began !== undefined) {
        const beganHi = endOf(began);
        const shownAt = row.since ?? hi;
        // Of what was not there any more the row of its end was lost.
        const isMissed = isShown && row.since !== undefined && row.since > beganHi;
        const isAgain = (!isShown || row.since === undefined) && isLaterRun(host, began.time, shownAt);
        const goneAt = isMissed || isAgain ? shownAt : Infinity;
        if (goneAt <= hi) {
          end(began, openedAfter(began), beganHi, began.time, goneAt);
          if (isShown && row.since === undefined) shownUntil = beganHi;
        }
      }
      if (isShown) {
        began ??= row;
        continue;
      }
      // Of what was not told of as it began the row was lost.
      const openHi = began === undefined ? (row.since ?? hi) : endOf(began);
      const lostAt = knownUntil(host, free, 0, ['conntrack']);
      const openLo = began === undefined ? (lostAt <= openHi ? lostAt : free) : openedAfter(began);
      end(began, openLo, openHi, row.since ?? began?.time ?? free, hi);
    }
    if (began !== undefined) end(began, openedAfter(began), endOf(began), began.time, goneBy(host, began));
  }
  return spans;
}

function endOf({ time, resolution }: { readonly time: Micros; readonly resolution: Micros }): Micros {
  return time + Math.max(resolution, 1) - 1;
}

function wayOf(
  source: string | undefined,
  sourcePort: number | undefined,
  destination: string | undefined,
  destinationPort: number | undefined,
): Way {
  return {
    source: `${canonicalAddress(source ?? '')} ${sourcePort}`,
    destination: `${canonicalAddress(destination ?? '')} ${destinationPort}`,
  };
}
