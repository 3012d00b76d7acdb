import { isPrivateAddress } from '../core/address.js';
import type { Micros } from '../core/time.js';
import type { HeldSocket } from '../hosts/state/held-socket.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { ACCEPT_LAG, NEAR_LEAD, PASSED_ON, PEER_KNOWN, PROMPT } from './call-times.js';
import type { Doubt } from './capture-place.js';
import { type ConnectionView, endViewOf, mayBeAnswered, mayBeFlipped, type Rival } from './connection-view.js';
import { isAnybodys } from './crowded-address.js';
import { lookElsewhere } from './elsewhere.js';
import type { EndQuery, Role } from './end-query.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import type { Loss } from './loss.js';
import { isAnswer, type Match, type Matched, matchSocket, ranks, shared } from './match.js';
import { PacketSite } from './packet-site.js';
import { ViewQuery } from './view-query.js';

/** A socket that can be that of an end. */
export interface Candidate {
  readonly host: HostState;
  readonly socket: HeldSocket;
  readonly match: Matched;
}

/** A host whose sockets were tried for an end. */
export interface Trial {
  readonly host: HostState;
  readonly clock: HostClock;
  readonly query: EndQuery;
  readonly candidates: Candidate[];
  /** Listeners at the port in network namespaces that do not have the address. */
  readonly elsewhere: HeldSocket[];
  /** None of them is enough while it lasts. */
  readonly doubt: Doubt | undefined;
  /** Where the packets are seen; undefined: of loopback. */
  readonly site: PacketSite | undefined;
  /** Rows between its endpoints, and accepts of its peer, that happened before then may be gone; -Infinity: none are. */
  readonly goneUntil: Micros;
  /** The same of calls between its endpoints alone, whenever their sockets closed. */
  readonly callsGoneUntil: Micros;
}

const TCP = 6;

const otherNamespace: Match = Object.freeze({ matched: false, loss: 'other_namespace' });

/** Told of every socket that was tried; only `explain` wants to know. */
export type Trace = (host: HostState, socket: HeldSocket, outcome: Matched | Loss) => void;

/**
 * The hosts that can own an end, each with its sockets that can be that end's: full tuples over every host first, then what
 * the hosts that had the address at that time know with blanks. A loopback address means the capture's own host alone.
 */
export function tryHosts(
  states: Pick<HostStates, 'get' | 'held' | 'heldAt'>,
  clocks: HostClocks,
  view: ConnectionView,
  role: Role,
  protocol: number,
  trace?: Trace,
): Trial[] {
  const { local, localPort, remote, remotePort, tuple, isForward, stitch } = endViewOf(view, role);
  const own = local.isLoopback && view.captureHost !== undefined ? states.get(view.captureHost) : undefined;
  const site = local.isLoopback ? undefined : new PacketSite(states, clocks, view, role);
  const owner = site?.owner;
  const trials: Trial[] = [];
  if (local.isLoopback) {
    if (own !== undefined) open(own);
  } else if (local.hosts !== undefined && !isAnybodys(view, role)) {
    for (const host of local.hosts) {
      if (owner !== undefined && host !== owner) continue;
      const trial = make(host);
      const { first, err } = trial.query;
      const had = host.addresses.had(local.text, first - err, first + err);
      if (had === 'no') continue;
      trials.push(trial);
      considerBlanks(trial, had === 'surely');
    }
  }
  if (tuple.hasSockets(isForward)) {
    for (const { host, sockets } of states.held(tuple, isForward)) {
      if (owner !== undefined && host !== owner) continue;
      if (!local.isLoopback || host === own) consider(open(host), sockets, true, site?.hasPeer(host) !== true);
    }
  }
  return trials;

  function make(host: HostState): Trial {
    const clock = clocks.at(host, view.capture, view.captureHost, view.first);
    const doubt = site?.doubtOf(host);
    const query = new ViewQuery(view, role, protocol, clock, lookElsewhere(clocks, host, view, clock));
    const gone = host.callsGone(protocol, local.text, localPort, remote.text, remotePort);
    const callsGoneUntil = gone?.until ?? -Infinity;
    const stood = gone === undefined || query.opening ? callsGoneUntil : Math.max(callsGoneUntil, gone.stood);
    const leftOut = role === 'orig' ? host.callsLeftOutUntil(...connectsOf(query)) : acceptsGone(query, host);
    const goneUntil = Math.max(stood, leftOut);
    return { host, clock, query, candidates: [], elsewhere: [], doubt, site, goneUntil, callsGoneUntil };
  }

  /** A connection that was going on already may have been accepted at any time before. */
  function acceptsGone(query: EndQuery, host: HostState): Micros {
    const until = host.acceptsGoneUntil(protocol, remote.text, remotePort);
    return until === -Infinity || query.opening ? until : Infinity;
  }

  function open(host: HostState): Trial {
    const known = trials.find((trial) => trial.host === host);
    if (known !== undefined) return known;
    const trial = make(host);
    trials.push(trial);
    if (local.isLoopback) considerBlanks(trial, true);
    return trial;
  }

  function considerBlanks(trial: Trial, hasAddress: boolean): void {
    const { host, query } = trial;
    consider(trial, host.boundTo(protocol, localPort), false, hasAddress);
    const isMeant = hasAddress && site?.isOwnPeer(host) !== true;
    consider(trial, nearCalls(host, query), false, isMeant);
  }

  function connectsOf({ first, err }: EndQuery): Parameters<HostState['callsTo']> {
    return ['connect', protocol, remote.text, remotePort, first - err - NEAR_LEAD, first + err];
  }

  /** The calls that name the peer alone and may be near enough: connects of just before the first packet, accepts since. */
  function nearCalls(host: HostState, query: EndQuery): readonly HeldSocket[] {
    const { first, last, err } = query;
    const earliest = first - err - NEAR_LEAD;
    if (role === 'orig') return host.callsTo(...connectsOf(query));
    const isTcp = protocol === TCP;
    const from = isTcp && query.opening ? first - err : earliest;
    const lag = isTcp && query.isOver ? 0 : ACCEPT_LAG;
    return host.callsTo('accept', protocol, remote.text, remotePort, from, last + err + lag);
  }

  function consider(trial: Trial, sockets: readonly HeldSocket[], isFull: boolean, hasAddress: boolean): void {
    for (const socket of sockets) {
      const found = matchSocket(trial.query, socket);
      // What does not name the address may be meant for another host that had it then.
      const match: Match = found.matched ? inNamespace(found, trial, socket, isFull, hasAddress) : found;
      if (match === otherNamespace && isListener(found)) trial.elsewhere.push(socket);
      if (match.matched) trial.candidates.push({ host: trial.host, socket, match });
      trace?.(trial.host, socket, match.matched ? match : match.loss);
    }
  }

  /** A socket owns connections of its own network namespace alone; those of loopback are of the one that the capture is in. */
  function inNamespace(match: Matched, trial: Trial, socket: HeldSocket, isFull: boolean, hasAddress: boolean): Match {
    const { host, query, doubt } = trial;
    const { addresses, ownNamespace } = host;
    const { namespace } = socket;
    let isThere =
      hasAddress && doubt === undefined && !(isFull && (mayLackIt(trial, socket) || mayHaveKnownPeer(trial, socket)));
    if (local.isLoopback && namespace !== undefined) {
      if (ownNamespace !== undefined) {
        return namespace === ownNamespace ? contested(match, trial, socket, isThere) : otherNamespace;
      }
      isThere &&= !addresses.hasSeveralNamespaces;
    }
    if (!isFull && !local.isLoopback && namespace !== undefined) {
      const had = addresses.had(local.text, query.first - query.err, query.first + query.err, namespace);
      if (had === 'no') return otherNamespace;
      isThere &&= had === 'surely';
    }
    const found = contested(match, trial, socket, isThere);
    // Calls of the same inner endpoints may be of a connection that has other ones on the wire.
    if (stitch !== undefined && found.rank === ranks.event) return shared(found);
    if (!addresses.isShared(local.text) && !mayShareAddress(trial)) {
      return mayBeElsewhere(found, trial) ? shared(found) : found;
    }
    return mayBeTakenElsewhere(found, query, socket) ? unsure(found, query) : shared(found);
  }

  /** Whether it is yet to be told that another namespace has the address, where another bridge of the host has the same endpoints too. */
  function mayShareAddress({ host, query }: Trial): boolean {
    if (view.elsewhere === undefined || view.closed) return false;
    return host.progress.socketsUntil < query.first + query.err;
  }

  /**
   * Whether another connection with these endpoints over another bridge of the host shows that another namespace may have the address, and the
   * socket. Those of TCP that polls saw are told apart by time; an address that the interface table tells is that namespace's whose table it is.
   */
  function mayBeElsewhere({ rank }: Matched, { host, query }: Trial): boolean {
    if (query.hasElsewhere !== true) return false;
    if (rank === ranks.poll && protocol === TCP) return false;
    return rank === ranks.event || host.addresses.isUntabled(local.text);
  }

  /**
   * Whether who accepted or took datagrams may have done so of a connection with these endpoints over another bridge of the host: of two that several
   * namespaces may have, nobody need have taken this one. So did who answered while no answer to this one was captured.
   */
  function mayBeTakenElsewhere({ rank }: Matched, query: EndQuery, { source, openLo, openHi }: HeldSocket): boolean {
    const { beside = [], mayHaveEarlier, capturedSince = -Infinity, first, err } = query;
    if (rank !== ranks.event || local.isLoopback) return false;
    if (isAnswer(query, source)) return !mayBeAnswered({ connection: view.connection, ended: true, closed: true });
    if (source !== 'accept') return false;
    // Those that began before are known when they are over.
    if (mayHaveEarlier === true) return true;
    // Who took datagrams before goes before none that is in doubt, nor may those be of before all that was captured.
    if (protocol !== TCP && openHi < first - err) return beside.length > 0 || openLo <= capturedSince + err;
    const lag = protocol === TCP ? 0 : ACCEPT_LAG;
    return beside.some(({ from, to }) => openHi >= from && openLo <= to + lag);
  }

  /**
   * Whether another host may have had the address at the first datagram: of a process that took one well after it; or took or sent one before
   * it, when the address was this host's, and may have moved since.
   */
  function mayLackIt({ host, query }: Trial, { source, protocol, openLo, openHi, namespace }: HeldSocket): boolean {
    const { first, err } = query;
    if (protocol === TCP || local.isLoopback || (source !== 'connect' && source !== 'accept')) return false;
    const [earliest, latest] = [first - err, first + err];
    const isEarlier = openHi < earliest - (source === 'connect' ? PROMPT : 0);
    if (!isEarlier && (source === 'connect' || openHi <= latest + PROMPT)) return false;
    const knowsAll = view.closed && !view.isEvicted;
    if (!knowsAll && host.progress.socketsUntil < latest) return true;
    if (host.addresses.had(local.text, earliest, latest, namespace) === 'surely') return false;
    return !isEarlier || host.addresses.mayHaveLeft(local.text, openLo, latest);
  }

  /**
   * Of one that took a datagram well after the first: whether the first one was none that is told of, since its socket knew the peer by another
   * address of the host.
   */
  function mayHaveKnownPeer({ host, query }: Trial, { source, inode, openLo, openHi }: HeldSocket): boolean {
    const { first, err } = query;
    if (protocol === TCP || source !== 'accept' || openLo <= first + err + PROMPT) return false;
    return host.known.some((address) => {
      if (address === local) return false;
      const others = states.heldAt(host, protocol, address, localPort, remote.text, remotePort);
      return others.some((other) => {
        if (!other.isDatagram || other.openLo > openHi || other.openHi < first - err - PEER_KNOWN) return false;
        return other.inode === undefined || inode === undefined || other.inode === inode;
      });
    });
  }

  function contested(match: Matched, trial: Trial, socket: HeldSocket, hasAddress: boolean): Matched {
    const { host } = trial;
    if (!hasAddress || mayListenInside(match, host, socket)) return { ...match, weight: 'possible' };
    if (match.rank !== ranks.call) return match;
    if (mayBeContainers(host, socket) && isAnothers(trial, socket)) return { ...match, weight: 'possible' };
    // Which connections there are is known only later, and one of them may be what was accepted.
    if (!view.knowsEarlier) return { ...match, weight: 'possible', settles: Infinity };
    const { rivals, isCrowded } = endViewOf(view, role);
    const isContested = isCrowded || rivals.some((rival) => mayClaim(rival, trial, socket));
    return isContested ? { ...match, weight: 'possible' } : match;
  }

  /** Whether it is bound at an address that containers of the host have too, and does not name its namespace. */
  function mayListenInside({ rank }: Matched, host: HostState, socket: HeldSocket): boolean {
    const isOfAll = rank === ranks.wildcard || rank === ranks.dual || (rank === ranks.endpoint && local.isLoopback);
    return isOfAll && mayBeContainers(host, socket);
  }

  /**
   * Whether the process of a call is seen to listen at the port in several namespaces; or others are at the endpoint, and it is not, or not in
   * the namespace that has it, or at more addresses than they do. Where it was seen to only after the call, its pid may have passed in between
   * to a child of those others.
   */
  function isAnothers({ host, query, candidates, elsewhere }: Trial, { pid, openLo }: HeldSocket): boolean {
    // Others of whom no row is left may be there.
    if (host.mayMissBinds(protocol, localPort, query.first - query.err, query.first + query.err)) return true;
    const listeners = candidates.filter(({ match }) => isListener(match));
    if (isInSeveral([...listeners.map(({ socket }) => socket), ...elsewhere], pid)) return true;
    const isThere = (namespace: string): boolean => {
      if (local.isLoopback) return namespace === host.ownNamespace;
      const [from, to] = [query.first - query.err, query.first + query.err];
      return host.addresses.had(local.text, from, to, namespace) === 'surely';
    };
    const isOwn = ({ socket }: Candidate): boolean =>
      socket.pid === pid && socket.openHi <= openLo && socket.namespace !== undefined && isThere(socket.namespace);
    const rank = Math.min(...listeners.filter(isOwn).map(({ match }) => match.rank));
    return listeners.some(({ socket, match }) => socket.pid !== pid && (rank === Infinity || match.rank < rank));
  }

  /** Whether an accept that does not name its port may be of a connection to another one. */
  function mayClaim(rival: Rival, trial: Trial, socket: HeldSocket): boolean {
    const { host } = trial;
    const { tracked: other, role: side } = rival;
    if (other.tuple.protocol !== view.tuple.protocol || !mayBeAnswered(other)) return false;
    const end = other[side];
    // A translation may have come to light since they met.
    if (end.remote !== remote || end.remotePort !== remotePort) return false;
    const { isLoopback, text } = end.local;
    if (isLoopback && other.captureHost !== host.id) return false;
    if (side === 'orig' && !mayBeFlipped(other.connection)) return false;
    const { offset, err } = clocks.at(host, other.capture, other.captureHost, other.first);
    const first = other.first + offset;
    const isKnown = isLoopback || host.addresses.had(text, first - err, first + err) !== 'no';
    if (!isKnown && !mayBeInside(rival, trial, socket, { first, err })) return false;
    const lag = other.ended || other.closed ? 0 : ACCEPT_LAG;
    return socket.openLo <= other.last + offset + err + lag && socket.openHi >= first - err;
  }

  /**
   * Whether a connection that began then may have been accepted in a container whose addresses the host does not tell. If nobody listens on
   * the host itself, its port may be passed on to the container, and both be one connection, unless they began at two times.
   */
  function mayBeInside(
    { tracked: other, role: side }: Rival,
    { host, query, candidates }: Trial,
    socket: HeldSocket,
    { first, err }: Pick<EndQuery, 'first' | 'err'>,
  ): boolean {
    if (!mayBeContainers(host, socket)) return false;
    const { local: its, seenOn } = other[side];
    // What no socket showed is known by where it is seen alone.
    const isSeenThere = seenOn === host.id && isPrivateAddress(its.text);
    if (!isSeenThere && !host.addresses.isUntabled(its.text)) return false;
    if (candidates.some(({ match }) => isListener(match))) return true;
    const isOneClock = other.capture === view.capture;
    const apart = isOneClock ? Math.abs(other.first - view.first) : Math.abs(first - query.first) - err - query.err;
    return apart > PASSED_ON;
  }
}

/** It may be of a connection that is known only later. */
function unsure(match: Matched, { mayHaveEarlier }: EndQuery): Matched {
  return mayHaveEarlier === true
    ? { ...match, weight: 'possible', settles: Infinity }
    : { ...match, weight: 'possible' };
}

function isListener(match: Match): boolean {
  return match.matched && match.method === 'listening_port';
}

/** Whether the process has some of the sockets in one network namespace, and some in another. */
function isInSeveral(sockets: readonly HeldSocket[], pid: number): boolean {
  const [first, ...others] = sockets.filter((socket) => socket.pid === pid && socket.namespace !== undefined);
  return others.some(({ namespace }) => namespace !== first!.namespace);
}

/** Whether what names neither its own address nor a namespace may be of a container whose addresses the host does not tell. */
function mayBeContainers({ addresses }: HostState, { namespace }: HeldSocket): boolean {
  return namespace === undefined && addresses.hasSeveralNamespaces && !addresses.tellsNamespaces;
}
