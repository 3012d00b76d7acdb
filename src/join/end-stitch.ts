import type { HostStates } from '../hosts/state/host-states.js';
import { socketProtocol } from './connection-view.js';
import type { HostClocks } from './host-clocks.js';
import { stitchOf } from './stitch.js';
import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';

/** Finds the endpoints that the end has behind a translation, as hosts tell of it now. */
export function stitchEnd(states: HostStates<Tracked, TrackedEnd>, clocks: HostClocks, end: TrackedEnd): void {
  const { translations } = states;
  if (translations.isEmpty && !end.hasTranslations) return;
  const { tracked, role, captured } = end;
  const protocol = socketProtocol(tracked.connection);
  end.hasTranslations = translations.knows(protocol, captured);
  end.stitch = end.hasTranslations ? stitchOf(states, clocks, tracked, role, protocol, captured) : undefined;
  move(states, end);
}

function move({ tuples, addresses }: HostStates<Tracked, TrackedEnd>, end: TrackedEnd): void {
  const { stitch } = end;
  if (stitch?.kind !== 'inner') {
    const left = end.move(undefined, false);
    if (left !== undefined) tuples.forget(left);
    return;
  }
  const { source, sourcePort, destination, destinationPort } = stitch.packets;
  const protocol = socketProtocol(end.tracked.connection);
  const tuple = tuples.open(protocol, destination, destinationPort, source, sourcePort);
  const left = end.move(tuple, tuple.isForward(addresses.get(destination)!, destinationPort));
  if (left !== undefined) tuples.forget(left);
}
