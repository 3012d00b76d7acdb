import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import { type Direction, isSame, reversed, type Translation } from '../hosts/state/translations.js';
import { CapturePlace, type Doubt } from './capture-place.js';
import type { ConnectionView } from './connection-view.js';
import type { Need } from './evaluation.js';
import type { HostClocks } from './host-clocks.js';

/** What became of the packets that were sent to an end as it was captured. */
export type Stitch =
  /** A host delivers them translated. */
  | {
      readonly kind: 'inner';
      /** The last host that translated them. */
      readonly gateway: HostState;
      /** As they reach their end. */
      readonly packets: Direction;
      /** When the connections with the inner endpoints before and after this one began, capture clock; see EndQuery. */
      readonly aloneSince: Micros;
      readonly aloneUntil: Micros;
    }
  /** A host is not known to have told all of that time, up to a moment of its clock: the gateway its translations, where it was captured its addresses. */
  | { readonly kind: 'wait'; readonly gateway: HostState; readonly need: Need }
  /**
   * Several translations for them about that time are known, as when a port was used again or an address moved to another host, or the
   * only one may have been over, since rows are missing, or be of a container elsewhere that has the same address.
   */
  | { readonly kind: 'unsure'; readonly gateway: HostState };

/** Gateways one behind the other that are followed. */
const MAX_HOPS = 4;

/**
 * Follows the packets that are sent to an end through the hosts that translate them: whoever began the connection is found behind a
 * translated source, whoever answers behind a translated destination. Undefined: nobody is known to translate them.
 */
export function stitchOf(
  states: Pick<HostStates, 'translations' | 'get'>,
  clocks: HostClocks,
  view: ConnectionView,
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
    const late = view.closed ? undefined : known.find(({ gateway }) => isLate(gateway, view, clockOf(gateway)));
    if (late !== undefined) {
      const { offset, err } = clockOf(late.gateway);
      return { kind: 'wait', gateway: late.gateway, need: { host: late.gateway, calls: view.first + offset + err } };
    }
    const doubt = place && doubtOf(place, known, packets);
    if (doubt !== undefined) {
      const { until } = doubt;
      return until === undefined || view.closed ? unsure(known) : { kind: 'wait', gateway: until.host, need: until };
    }
    if (known.some((one) => !isSame(one.other, first.other) || one.gateway !== first.gateway)) return unsure(known);
    if (known.some((one) => mayBeOver(one, clockOf(one.gateway), view))) return unsure(known);
    packets = reversed(first.other);
    const bounds = boundsOf(first, translations.of(protocol, first.other), clockOf(first.gateway).offset);
    if (bounds === undefined) return unsure(known);
    stitch = { kind: 'inner', gateway: first.gateway, packets, ...bounds };
  }
  return stitch;

  function clockOf(host: HostState) {
    return clocks.at(host, view.capture, view.captureHost, view.first);
  }
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

function mayHold(
  { openLo, closeHi }: Translation,
  clock: { offset: Micros; err: Micros },
  view: ConnectionView,
): boolean {
  const first = view.first + clock.offset;
  return openLo <= first + clock.err && closeHi >= first - clock.err;
}

/** Whether the rows of its end, and of another that took its place, may be missing: addresses and ports pass on to other hosts. */
function mayBeOver(
  { gateway: { progress }, openHi }: Translation,
  { offset, err }: { offset: Micros; err: Micros },
  { first }: ConnectionView,
): boolean {
  const until = first + offset + err;
  return progress.isLost(['conntrack'], openHi, until) || progress.isUnwatched(openHi, until);
}

function isLate({ progress }: HostState, { first }: ConnectionView, clock: { offset: Micros; err: Micros }): boolean {
  const until = first + clock.offset + clock.err;
  return progress.eventsUntil < until && !progress.isSilent(until);
}

/** The neighbours in time among the translations of the same inner endpoints; undefined: some may be of the same time. */
function boundsOf(
  chosen: Translation,
  all: readonly Translation[],
  offset: Micros,
): { aloneSince: Micros; aloneUntil: Micros } | undefined {
  let [aloneSince, aloneUntil] = [-Infinity, Infinity];
  for (const { gateway, openLo, openHi, closeHi } of all) {
    if (gateway !== chosen.gateway) continue;
    if (openLo === chosen.openLo && openHi === chosen.openHi && closeHi === chosen.closeHi) continue;
    if (openHi <= chosen.openHi && openLo < chosen.openLo) aloneSince = Math.max(aloneSince, openHi - offset);
    else if (openHi > chosen.openHi && openLo >= chosen.openLo) aloneUntil = Math.min(aloneUntil, openLo - offset);
    else return undefined;
  }
  return { aloneSince, aloneUntil };
}
