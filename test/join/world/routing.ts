import { isLoopback } from '../../../src/core/address.js';
import type { Host } from './host.js';
import type { Route } from './nat.js';
import { type Netns, network, type Wire } from './netns.js';
import { type Network, uncaptured } from './network.js';
import type { Random } from './random.js';
import type { Endpoint, Socket } from './sockets.js';
import type { Timeline } from './timeline.js';

/** Addresses that are reached over bridges alone. */
const bridged = '172.17.';

/** Where packets go: from which address and over which wire, through which hosts that translate, and whose socket gets them. */
export class Routing {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #hosts: readonly Host[];

  constructor(random: Random, timeline: Timeline, network: Network, hosts: readonly Host[]) {
    this.#random = random;
    this.#timeline = timeline;
    this.#network = network;
    this.#hosts = hosts;
  }

  /** Undefined: there is no way there now. */
  routeOf(netns: Netns, local: Endpoint, to: Endpoint): Route | undefined {
    const direct: Route = { outer: { orig: local, resp: to }, views: [], trackings: [] };
    if (isLoopback(to.address)) return direct;
    const { now } = this.#timeline;
    const { nat, own, sockets } = netns.host;
    if (netns.wire === network) {
      if (netns === own && nat?.isBusy(local, to, now) === true) return undefined;
      const target = this.namespaceOf(to.address, network);
      return (target?.host === netns.host ? undefined : target && this.published(direct, target)) ?? direct;
    }
    if (this.namespaceOf(to.address, netns.wire) !== undefined) return direct;
    const target = this.namespaceOf(to.address, network);
    // What a container sends to its own host goes no further than their bridge. The host keeps apart no two of them with one address.
    if (target === own) {
      const bridges = netns.host.namespaces.map(({ wire }) => wire.name);
      return this.#network.isBusy(bridges, local, to) ? undefined : direct;
    }
    if (target?.host === netns.host) return undefined;
    const isFree = (source: Endpoint): boolean =>
      !sockets.isTaken(own, 'tcp', source.port, to) && !this.#network.isBusy([network.name], source, to);
    const route = nat?.masquerade(netns, local, to, now, isFree);
    return route === undefined || target === undefined ? route : (this.published(route, target) ?? route);
  }

  /** The way on where the port of the host is a container's. */
  published(route: Route, target: Netns): Route | undefined {
    return target === target.host.own && target.host.isUp
      ? target.host.nat?.publish(route, this.#timeline.now)
      : undefined;
  }

  /** A container behind a bridge reaches its host, and the network where that translates. */
  bridgedSource(netns: Netns, to: string): string | undefined {
    const { nat, own } = netns.host;
    const isOut = nat !== undefined || own.has(to, this.#timeline.now);
    if (netns.wire === network || !isOut || to.includes(':') || to.startsWith(bridged)) return undefined;
    return netns.addressesAt(this.#timeline.now).find((a) => !a.includes(':') && !isLoopback(a));
  }

  /** Undefined: there is no way from there to the address. */
  sourceAddress(netns: Netns, to: string): string | undefined {
    if (isLoopback(to)) return to;
    const isBridged = netns.wire !== network;
    if (isBridged ? this.namespaceOf(to, netns.wire) === undefined : to.startsWith(bridged)) return undefined;
    const v6 = to.includes(':');
    const usable = netns.addressesAt(this.#timeline.now).filter((a) => a.includes(':') === v6 && !isLoopback(a));
    return usable.length > 0 ? this.#random.pick(usable) : undefined;
  }

  /** Who has the address among those on a wire. */
  namespaceOf(address: string, wire: Wire): Netns | undefined {
    const all = this.#hosts.flatMap(({ namespaces }) => namespaces);
    return all.find((netns) => netns.wire === wire && netns.has(address, this.#timeline.now));
  }

  #reached(to: Endpoint, from: Netns): Netns | undefined {
    return isLoopback(to.address) ? from : this.namespaceOf(to.address, from.wire);
  }

  /** The loopback of a container is not captured. */
  captureOf(from: Netns, to: Endpoint): Wire {
    if (!isLoopback(to.address)) return from.wire;
    return { name: from.isContainer ? `${uncaptured} ${from.id}` : `lo@${from.host.id}`, host: from.host.id };
  }

  listenerOf(to: Endpoint, from: Netns, taker?: Route['taker']): Socket | 'dark' | 'refuse' | 'stranger' {
    const isOut = from.wire !== network && !to.address.startsWith(bridged) && !isLoopback(to.address);
    const netns = taker?.netns ?? (isOut ? this.namespaceOf(to.address, network) : this.#reached(to, from));
    if (netns === undefined) return this.#random.chance(0.8) ? 'stranger' : 'dark';
    if (!netns.host.isUp) return 'dark';
    const listeners = netns.host.sockets.receivers(netns, 'tcp', taker?.local ?? to);
    return listeners.length > 0 ? this.#random.pick(listeners) : 'refuse';
  }

  /** Where a datagram arrives: on the wire, or at the host that the bridge belongs to. */
  datagramPlace(to: Endpoint, from: Netns): Netns | undefined {
    const { own } = from.host;
    return this.#reached(to, from) ?? (own.has(to.address, this.#timeline.now) ? own : undefined);
  }

  datagramReceiver(to: Endpoint, netns: Netns): Socket | undefined {
    const receivers = netns.host.sockets.receivers(netns, 'udp', to);
    return receivers.length > 0 ? this.#random.pick(receivers) : undefined;
  }
}
