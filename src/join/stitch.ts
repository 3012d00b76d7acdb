import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import type { SocketInterval } from '../hosts/state/socket-interval.js';
import { type Direction, isSame, reversed, type Translation } from '../hosts/state/translations.js';
import { CapturePlace, type Doubt } from './capture-place.js';
import { type ConnectionView, mayBeFlipped } from './connection-view.js';
import { lookElsewhere } from './elsewhere.js';
import type { Role } from './end-query.js';
import type { Need } from './evaluation.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import { matchSocket, ranks } from './match.js';
import { type Bounds, type OwnBounds, ownBounds } from './own-bounds.js';
import { ViewQuery } from './view-query.js';

/** What became of the packets that were sent to an end as it was captured. */
export type Stitch =
  /** A host delivers them translated. The bounds are of the inner endpoints. */
  | ({
      readonly kind: 'inner';
      /** The last host that translated them. */
      readonly gateway: HostState;
      /** As they reach their end. */
      readonly packets: Direction;
    } & OwnBounds)
  /** A host is not known to have told all of that time, up to a moment of its clock: the gateway its translations, where it was captured its addresses. */
  | { readonly kind: 'wait'; readonly gateway: HostState; readonly need: Need }
  /**
   * Several translations for them about that time are known, as when a port was used again or an address moved to another host, or the
   * only one may have been over, since rows are missing, or be of a container elsewhere that has the same address, or a process of the gateway
   * itself had a socket with their endpoints.
   */
  | { readonly kind: 'unsure'; readonly gateway: HostState };

/** Gateways one behind the other that are followed. */
const MAX_HOPS = 4;

/**
 * Follows the packets that are sent to an end through the hosts that translate them: whoever began the connection is found behind a
 * translated source, whoever answers behind a translated destination. Undefined: nobody is known to translate them.
 */
export function stitchOf(
  states: Pick<HostStates, 'translations' | 'get' | 'held' | 'addresses' | 'tuples'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  protocol: number,
  captured: Direction,
): Stitch | undefined {
  const { translations } = states;
  if (translations.isEmpty || !hasPorts(protocol)) return undefined;
  let packets = captured;
  let stitch: Stitch | undefined;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    let known = translations.of(protocol, packets).filter((one) => mayHold(one, clockOf(one.gateway), view));
    const place = hop === 0 && known.length > 0 ? new CapturePlace(states, clocks, view) : undefined;
    if (place !== undefined) known = known.filter(({ gateway }) => !isSites(place, gateway, packets));
    const [first] = known;
    if (first === undefined) break;
    for (const one of view.closed ? [] : known) {
      const { gateway } = one;
      const calls = Math.max(callsUntil(gateway, view, role, clockOf(gateway)), beginningToldBy(one));
      if (isLate(gateway, calls)) return { kind: 'wait', gateway, need: { host: gateway.number, calls } };
    }
    const doubt = place && doubtOf(place, known, packets);
    if (doubt !== undefined) {
      const { until } = doubt;
      return until === undefined || view.closed ? unsure(known) : { kind: 'wait', gateway: first.gateway, need: until };
    }
    if (known.some((one) => !isSame(one.other, first.other) || one.gateway !== first.gateway)) return unsure(known);
    if (known.some((one) => mayBeOver(one, clockOf(one.gateway), view))) return unsure(known);
    if (hasOwnCall(first.gateway, packets) || mayHaveMadeRoom(known, packets)) return unsure(known);
    const sent = packets;
    packets = reversed(first.other);
    const { gateway } = first;
    const bounds = boundsOf(first, sent, translations.of(protocol, first.other), clockOf(gateway), view.last);
    const own = ownBounds(heldBy(gateway, reversed(packets)), view.first, clockOf(gateway));
    if (bounds === undefined || own === undefined) return unsure(known);
    const aloneSince = Math.max(bounds.aloneSince, own.aloneSince);
    const aloneUntil = Math.min(bounds.aloneUntil, own.aloneUntil);
    const { previousLast } = own;
    stitch = { kind: 'inner', gateway, packets, aloneSince, previousLast, aloneUntil };
  }
  return stitch;

  function clockOf(host: HostState): HostClock {
    return clocks.at(host, view.capture, view.captureHost, view.first);
  }

  /** Whether a process of the gateway called for what fits the end as if its packets were not translated. */
  function hasOwnCall(gateway: HostState, sent: Direction): boolean {
    const clock = clockOf(gateway);
    const query = new ViewQuery(view, role, protocol, clock, lookElsewhere(clocks, gateway, view, clock), sent);
    return heldBy(gateway, sent).some((socket) => isCall(query, socket));
  }

  /** Whether a socket of the gateway's own surely stood with the endpoints at the first packet, and none of the translations did. */
  function mayHaveMadeRoom(known: readonly Translation[], sent: Direction): boolean {
    const { gateway } = known[0]!;
    const { offset, err } = clockOf(gateway);
    const [earliest, latest] = [view.first + offset - err, view.first + offset + err];
    const isThere = ({ openHi, closeLo, closeHi }: Translation): boolean =>
      // Of one that is not told to be over it is known by now that it was there.
      openHi <= earliest && (closeHi === Infinity || closeLo >= latest);
    if (known.some(isThere)) return false;
    return heldBy(gateway, sent).some(({ openHi, closeLo }) => openHi <= earliest && closeLo >= latest);
  }

  /** The gateway's own sockets that take such packets. */
  function heldBy(gateway: HostState, packets: Direction): readonly HeldSocket[] {
    const { source, sourcePort, destination, destinationPort } = packets;
    const tuple = states.tuples.open(protocol, destination, destinationPort, source, sourcePort);
    const isForward = tuple.isForward(states.addresses.get(destination)!, destinationPort);
    const held = tuple.hasSockets(isForward) ? states.held(tuple, isForward) : [];
    states.tuples.forget(tuple);
    return held.find(({ host }) => host === gateway)?.sockets ?? [];
  }
}

function isCall(query: ViewQuery, socket: SocketInterval): boolean {
  const match = matchSocket(query, socket);
  return match.matched && match.rank === ranks.event;
}

const ends = ({ source, destination }: Direction): readonly string[] => [source, destination];

/** Whether what was captured is of a container where it was captured, and not of the gateway's that has the same address. */
function isSites(place: CapturePlace, gateway: HostState, packets: Direction): boolean {
  const { host } = place;
  if (host === undefined) return false;
  return ends(packets).some(
    (address) => place.isContainersElsewhere(gateway, address) && place.had(host, address) !== 'no',
  );
}

/** Whether it may be; a doubt that lasts before others. */
function doubtOf(place: CapturePlace, known: readonly Translation[], packets: Direction): Doubt | undefined {
  const doubts = known.flatMap(({ gateway }) =>
    ends(packets)
      .filter((address) => place.isContainersElsewhere(gateway, address))
      .flatMap((address) => place.doubtOf(gateway, address) ?? []),
  );
  return doubts.find(({ until }) => until === undefined) ?? doubts[0];
}

/** Of several gateways the same one in whatever order their rows came. */
function unsure(known: readonly Translation[]): Stitch {
  const gateways = known.map(({ gateway }) => gateway);
  return { kind: 'unsure', gateway: gateways.reduce((first, one) => (one.id < first.id ? one : first)) };
}

function mayHold({ openLo, closeHi }: Translation, clock: HostClock, view: ConnectionView): boolean {
  const first = view.first + clock.offset;
  return openLo <= first + clock.err && closeHi >= first - clock.err;
}

/** Whether the rows of its end, and of another that took its place, may be missing: addresses and ports pass on to other hosts. */
function mayBeOver(
  { gateway: { progress }, openHi }: Translation,
  { offset, err }: HostClock,
  { first }: ConnectionView,
): boolean {
  const until = first + offset + err;
  return progress.isLost(['conntrack'], openHi, until) || progress.isUnwatched(openHi, until);
}

/** Up to when the gateway has told every translation of the end, and every call that its own processes may have made instead. */
function callsUntil({ progress }: HostState, view: ConnectionView, role: Role, { offset, err }: HostClock): Micros {
  const mayAccept = view.ended && progress.hasEventStream && (role === 'resp' || mayBeFlipped(view.connection));
  return (mayAccept ? Math.max(view.first, view.last) : view.first) + offset + err;
}

/** Of one that was told of by its end, the row of its beginning may come until the gateway has told everything up to that. */
function beginningToldBy({ isOlder, closeHi }: Translation): Micros {
  return isOlder && closeHi !== Infinity ? closeHi : -Infinity;
}

function isLate({ progress }: HostState, until: Micros): boolean {
  return progress.eventsUntil < until && !progress.isSilent(until);
}

/** The neighbours in time among the translations of the same inner endpoints; undefined: some may be of the same time. */
function boundsOf(
  chosen: Translation,
  sent: Direction,
  all: readonly Translation[],
  { offset, err }: HostClock,
  last: Micros,
): Bounds | undefined {
  let [aloneSince, aloneUntil] = [-Infinity, Infinity];
  // The chosen one stood as long as packets came.
  const stoodUntil = Math.max(chosen.closeLo, last + offset - err);
  for (const { gateway, other, openLo: told, openHi, closeHi, isOlder } of all) {
    if (gateway !== chosen.gateway) continue;
    const isOfItsTime = told === chosen.openLo && openHi === chosen.openHi && closeHi === chosen.closeHi;
    if (isOfItsTime && isSame(other, sent)) continue;
    // Of one that was not seen to begin it is known that the chosen one, with the same endpoints, was over.
    const openLo = isOlder && openHi >= chosen.closeLo ? Math.max(told, Math.min(stoodUntil, openHi)) : told;
    if (openHi <= chosen.openHi && openLo < chosen.openLo) aloneSince = Math.max(aloneSince, openHi - offset);
    else if (openHi > chosen.openHi && openLo >= chosen.openLo) aloneUntil = Math.min(aloneUntil, openLo - offset);
    else return undefined;
  }
  return { aloneSince, aloneUntil };
}
