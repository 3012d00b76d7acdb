import type { Micros } from '../core/time.js';
import { type HeldSocket, openCall } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { hasPorts } from '../hosts/state/portless-endpoints.js';
import { LINK } from '../hosts/state/row-store.js';
import { SocketRecord } from '../hosts/state/socket-record.js';
import { PROMPT } from './call-times.js';
import { type ConnectionView, endViewOf } from './connection-view.js';
import { Decided, mayHaveClosed } from './decided.js';
import { alone } from './elsewhere.js';
import type { Role } from './end-query.js';
import type { CallsAwaited } from './evaluation.js';
import type { HostClocks } from './host-clocks.js';
import { matchCall } from './match.js';
import { PacketSite } from './packet-site.js';
import { ViewQuery } from './view-query.js';

const TCP = 6;

/**
 * The short way to the owner of an end, for most ends of watched hosts: of its tuple and direction one row is known, a call on the only
 * host that ever had the address, and the times make it certain; or it is the sending of a datagram, and enough once it is known to be the
 * only one. Undefined: it does not apply, and `evaluateEnd` says what there is.
 *
 * It gives what `evaluateEnd` gives then, by these steps of it: hosts are tried that had the address or told of the tuple, which is this one
 * alone. Whatever it knows with blanks ranks below every row of the full tuple, so that of these the call is the only one and the
 * best. A certain call is chosen at once where every earlier connection is known, and stands for good, with its details alone still to
 * come, where it has no second of its rank and no close is without endpoints. What is left out here as rare is a matter of these steps, not of chance:
 * loopback and group addresses, those of several network namespaces and those that another host may have, protocols without ports, connections decided for good.
 *
 * A datagram may have left before the call that is known, by a call that is not. That is waited for, and nothing else then: the first packet does not change, and what
 * does (losses, silence, neighbours, further rows) has the end looked at again. Where the host knows anything with blanks it has its say about how much must be known, and this is not the way.
 */
export function decideSoleCall(
  states: Pick<HostStates, 'rows' | 'numbered' | 'get'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
): Decided | CallsAwaited | undefined {
  const { tuple } = view;
  const { local, isForward, localPort, remote, remotePort } = endViewOf(view, role);
  const handle = isForward ? tuple.forward : tuple.backward;
  if (handle === 0 || local.hosts?.length !== 1 || view.closed || !view.knowsEarlier) return undefined;
  if (view.elsewhere !== undefined) return undefined;
  if (!hasPorts(tuple.protocol) || local.isLoopback || local.isGroup || local.isUnspecified) return undefined;
  // Both ends of it would be one, or the socket one of another network namespace.
  const isSelf = localPort === remotePort && local === remote;
  if (isSelf || local.hosts[0]!.addresses.isShared(local.text)) return undefined;
  const { rows } = states;
  if (rows.word(handle, LINK) !== 0) return undefined;
  const host = local.hosts[0]!;
  if (states.numbered(rows.host(handle)) !== host) return undefined;
  if (host.callsGone(tuple.protocol, local.text, localPort, remote.text, remotePort) !== undefined) return undefined;
  const { captureHost } = view;
  const isElsewhere = captureHost !== undefined && captureHost !== host.id;
  if (isElsewhere) {
    const site = new PacketSite(states, clocks, view, role);
    if (site.doubtOf(host) !== undefined || site.hasPeer(host)) return undefined;
  }
  const call = new SocketRecord(rows, handle);
  if (!call.isEvent) return undefined;
  const clock = clocks.at(host, view.capture, view.captureHost, view.first);
  const from = view.first + clock.offset - clock.err;
  const match = matchCall(new ViewQuery(view, role, tuple.protocol, clock, alone), heldBy(host, call, from));
  if (!match.matched) return undefined;
  if (match.weight === 'certain') {
    if (match.mayBeNext || mayHaveClosed(host, call, view, clock)) return undefined;
    if (role === 'resp' && tuple.protocol !== TCP) {
      // Another may have taken the first datagram, or have had the address then.
      if (!knowsOthers(host, from - PROMPT, call.hi, call.lo - 1)) return undefined;
      if (call.hi < from || call.hi > from + 2 * clock.err + PROMPT) return undefined;
    }
    return new Decided(host, clock, match, call, view, true);
  }
  if (match.weight !== 'sole' || match.mayBeNext || role !== 'orig' || tuple.protocol === TCP) return undefined;
  // The address may have moved since.
  if (call.hi < from - PROMPT) return undefined;
  const until = view.first + clock.offset + clock.err;
  if (host.knowsBlanks(tuple.protocol, localPort, remote.text, remotePort)) return undefined;
  if (!knowsOthers(host, from - PROMPT, until)) return undefined;
  if (host.progress.eventsUntil >= until) return new Decided(host, clock, match, call, view, true);
  return host.progress.isSilent(until + view.last - view.first) ? undefined : { host: host.number, calls: until };
}

/** The socket that the call made. It closed after the call, hence when matters only where that may have been before the first packet. */
function heldBy(host: HostState, call: SocketRecord, firstEarliest: Micros): HeldSocket {
  return call.lo >= firstEarliest ? openCall(call) : host.heldCall(call);
}

/** Whether of calls within [from, until] none was lost, let go or made before the host was watched; it was watched after `watched`. */
function knowsOthers(host: HostState, from: Micros, until: Micros, watched = until): boolean {
  const { progress, goneUntil, goneStoodUntil, translationsGoneUntil } = host;
  if (Math.max(goneUntil, goneStoodUntil, translationsGoneUntil) >= from) return false;
  return !progress.areEventsLost(from, until) && !progress.isUnwatched(from, watched);
}
