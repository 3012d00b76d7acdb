import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import { ACCEPT_LAG, NEXT_READ, PROMPT } from './call-times.js';
import type { HostClocks } from './host-clocks.js';
import type { TrackedEnd } from './tracked-end.js';

const TCP = 6;

/**
 * Whether calls that the host lost of times from a moment of its clock on say nothing of an end any more, as of most that are known: its connection
 * was over by then, and either a call of its own decided it, or nothing is known that may be its own. Polled sockets are not known to have
 * stood as long where calls were lost, whenever they were seen.
 */
export function isPastLoss(host: HostState, clocks: HostClocks, end: TrackedEnd, from: Micros): boolean {
  const { tracked, decided, tuple, isForward, localPort, remote, remotePort } = end;
  if (!tracked.ended || end.stitch !== undefined || end.hasTranslations) return false;
  const { offset, err } = clocks.at(host, tracked.capture, tracked.captureHost, tracked.first);
  // Who takes datagrams may be told later, and after them another who may have taken these.
  const lag = tuple.protocol === TCP ? PROMPT : ACCEPT_LAG + NEXT_READ;
  if (tracked.last + offset + err + lag >= from) return false;
  if (decided !== undefined) return decided.host === host;
  return !tuple.hasSockets(isForward) && !host.knowsBlanks(tuple.protocol, localPort, remote.text, remotePort);
}
